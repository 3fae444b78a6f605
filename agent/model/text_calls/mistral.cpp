#include <algorithm>

#include "agent/model/text_calls/json_object_at.h"
#include "agent/model/text_calls/text_calls.h"
#include "base/text.h"

namespace engramd::agent::text_calls {

TextCalls read_mistral(const std::string& text, const Tools& tools) {
  constexpr std::string_view kMark = "[TOOL_CALLS]", kArguments = "[ARGS]";
  TextCalls found;
  size_t at = text.find(kMark);
  if (at == std::string::npos) return {{}, text};
  found.text = text.substr(0, at);
  while (at != std::string::npos) {
    at += kMark.size();
    const size_t end = std::min(text.find(kMark, at), text.size());
    // name[ARGS]{...}, or name{...}, or a list of {"name", "arguments"}.
    const size_t brace = text.find('{', at);
    const size_t name_end = std::min({text.find(kArguments, at), brace, end});
    const std::string name(trim(std::string_view(text).substr(at, name_end - at)));
    if (is_offered(tools, name)) {
      if (brace < end)
        if (const size_t length = json_object_at(text, brace); length > 0)
          found.calls.push_back({"", name, text.substr(brace, length)});
    } else {
      TextCalls listed = read_json_calls(text.substr(at, end - at), tools);
      for (ToolCall& call : listed.calls) found.calls.push_back(std::move(call));
    }
    at = end == text.size() ? std::string::npos : end;
  }
  return found;
}

}  // namespace engramd::agent::text_calls
