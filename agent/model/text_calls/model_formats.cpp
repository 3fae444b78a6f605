#include <map>

#include "agent/model/text_calls/text_calls.h"
#include "agent/model/tool_schema.h"
#include "engine/api/chat.h"

namespace engramd::agent::text_calls {
namespace {

namespace chat = engine::chat;

// What a text must hold to be tried with a dialect. All of a row must be there.
struct Mark {
  std::string_view first, second, dialect;
};
constexpr Mark kMarks[] = {
    {"<function=", "", "qwen3-coder"},
    {"<arg_key>", "", "glm-4.7"},
    {"<tool_call>", "{", "qwen3"},
    {"｜DSML｜ calls>", "", "deepseek-v4.1"},
    {"｜DSML｜tool_calls>", "", "deepseek-v4"},
    {"<|tool_calls_section_begin|>", "", "kimi-k2"},
    {"<|channel|>", "to=functions.", "harmony"},
    {"<|python_tag|>", "", "llama-3"},
};

// The parsers take a call without its outer tag for text; some models leave that one out.
std::string with_outer_tag(const std::string& text, std::string_view dialect) {
  if (dialect != "qwen3-coder" || text.find("<tool_call>") != std::string::npos) return text;
  constexpr std::string_view kEnd = "</function>";
  std::string out;
  for (size_t at = 0;;) {
    const size_t begin = text.find("<function=", at), end = text.find(kEnd, begin);
    if (begin == std::string::npos || end == std::string::npos) return out + text.substr(at);
    out += text.substr(at, begin - at) + "<tool_call>\n" +
           text.substr(begin, end + kEnd.size() - begin) + "\n</tool_call>";
    at = end + kEnd.size();
  }
}

TextCalls read_with(const chat::Dialect& dialect, const std::string& text, const Tools& tools) {
  chat::ParserOptions options;
  for (const ToolDescription& tool : tools)
    options.tools.push_back({tool.name, tool.description, tool.parameters_json});
  const auto parser = dialect.parser(options);
  chat::Answer answer;
  for (const chat::Event& event : parser->feed(text)) chat::apply(answer, event);
  for (const chat::Event& event : parser->finish()) chat::apply(answer, event);
  TextCalls found;
  found.text = answer.message.text;
  for (chat::ToolCall& call : answer.message.tool_calls)
    if (is_offered(tools, call.name) && is_json_object(call.arguments))
      found.calls.push_back({"", std::move(call.name), std::move(call.arguments)});
  return found;
}

}  // namespace

TextCalls read_model_formats(const std::string& text, const Tools& tools) {
  for (const Mark& mark : kMarks) {
    if (text.find(mark.first) == std::string::npos || text.find(mark.second) == std::string::npos)
      continue;
    const chat::Dialect* dialect = chat::find_dialect(mark.dialect);
    if (dialect == nullptr) continue;
    TextCalls found = read_with(*dialect, with_outer_tag(text, mark.dialect), tools);
    if (!found.calls.empty()) return found;
  }
  return {{}, text};
}

}  // namespace engramd::agent::text_calls
