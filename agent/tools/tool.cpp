#include "agent/tools/tool.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace engramd::agent {

const std::vector<Tool>& all_tools() {
  static const std::vector<Tool> tools = {
      make_locate_tool(),         make_search_tool(),       make_open_tool(),
      make_outline_tool(),        make_definition_tool(),   make_references_tool(),
      make_replace_symbol_tool(), make_replace_text_tool(), make_create_file_tool(),
      make_run_tests_tool(),      make_finish_tool(),
  };
  return tools;
}

const Tool* find_tool(const std::string& name) {
  for (const Tool& tool : all_tools())
    if (tool.description.name == name) return &tool;
  return nullptr;
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
