#include "agent/model/text_calls/text_calls.h"

#include <algorithm>

#include "base/text.h"

namespace engramd::agent {
namespace {

constexpr size_t kMaxTextBytes = 1u << 20;

using Reader = TextCalls (*)(const std::string&, const text_calls::Tools&);
// The most telling marks first.
constexpr Reader kReaders[] = {text_calls::read_model_formats, text_calls::read_mistral,
                               text_calls::read_invoke_tags, text_calls::read_json_calls};

}  // namespace

bool text_calls::is_offered(const Tools& tools, const std::string& name) {
  return std::any_of(tools.begin(), tools.end(),
                     [&](const ToolDescription& tool) { return tool.name == name; });
}

TextCalls find_text_calls(const std::string& text, const std::vector<ToolDescription>& tools) {
  if (text.empty() || text.size() > kMaxTextBytes || tools.empty()) return {{}, text};
  for (const Reader read : kReaders) {
    TextCalls found = read(text, tools);
    if (found.calls.empty()) continue;
    found.text = trim(found.text);
    return found;
  }
  return {{}, text};
}

std::string text_tools_instruction(const std::vector<ToolDescription>& tools) {
  std::string out =
      "You work through tools. To call one, write one JSON object between these tags and nothing "
      "behind it:\n<tool_call>\n{\"name\": \"TOOL\", \"arguments\": {...}}\n</tool_call>\n"
      "Its result comes as the next message. The tools, each with the JSON schema of its "
      "arguments:";
  for (const ToolDescription& tool : tools)
    out += "\n- " + tool.name + ": " + tool.description + " " + tool.parameters_json;
  return out;
}

}  // namespace engramd::agent
