#include "agent/tools/tool.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/tools/nearest.h"
#include "base/text.h"

namespace engramd::agent {

const std::vector<Tool>& all_tools() {
  static const std::vector<Tool> tools = {
      // reading
      make_locate_tool(),
      make_search_tool(),
      make_list_files_tool(),
      make_open_tool(),
      make_outline_tool(),
      make_definition_tool(),
      make_references_tool(),
      make_callers_tool(),
      make_git_history_tool(),
      // editing
      make_replace_text_tool(),
      make_replace_symbol_tool(),
      make_apply_patch_tool(),
      make_create_file_tool(),
      make_delete_file_tool(),
      make_rename_file_tool(),
      make_undo_edit_tool(),
      // running
      make_run_tests_tool(),
      make_run_command_tool(),
      make_finish_tool(),
  };
  return tools;
}

const Tool* find_tool(const std::string& name) {
  for (const Tool& tool : all_tools())
    if (tool.description.name == name) return &tool;
  return nullptr;
}

std::string meant_tool(const std::string& name, const std::vector<std::string>& names) {
  // What other agents call these.
  struct Known {
    const char *theirs, *ours;
  };
  constexpr Known kKnown[] = {{"grep", "search"},
                              {"bash", "run_command"},
                              {"shell", "run_command"},
                              {"execute", "run_command"},
                              {"view", "open"},
                              {"read", "open"},
                              {"read_file", "open"},
                              {"cat", "open"},
                              {"ls", "list_files"},
                              {"glob", "list_files"},
                              {"find", "search"},
                              {"edit", "replace_text"},
                              {"str_replace", "replace_text"},
                              {"write", "create_file"},
                              {"write_file", "create_file"},
                              {"submit", "finish"},
                              {"done", "finish"},
                              {"test", "run_tests"},
                              {"pytest", "run_tests"},
                              {"undo", "undo_edit"}};
  for (const Known& known : kKnown)
    if (name == known.theirs && std::find(names.begin(), names.end(), known.ours) != names.end())
      return known.ours;
  const auto near = nearest_names(name, names, 1);
  return near.empty() ? std::string() : near[0];
}

std::string schema(const std::vector<Parameter>& parameters) {
  nlohmann::json properties = nlohmann::json::object(), required = nlohmann::json::array();
  for (const Parameter& parameter : parameters) {
    const bool optional = parameter.name.ends_with('?');
    const std::string name =
        optional ? parameter.name.substr(0, parameter.name.size() - 1) : parameter.name;
    properties[name] = {{"type", parameter.type}, {"description", parameter.help}};
    if (!optional) required.push_back(name);
  }
  return nlohmann::json{{"type", "object"},
                        {"properties", properties},
                        {"required", required},
                        {"additionalProperties", false}}
      .dump();
}

std::string capped(const std::string& text, size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  // Both cuts are moved to where a character begins.
  size_t head = max_bytes / 2, tail = text.size() - max_bytes / 2;
  const auto continues = [&](size_t i) {
    return (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80;
  };
  while (head > 0 && continues(head)) --head;
  while (tail < text.size() && continues(tail)) ++tail;
  return text.substr(0, head) + "\n... " + std::to_string(tail - head) + " bytes left out ...\n" +
         text.substr(tail);
}

}  // namespace engramd::agent
