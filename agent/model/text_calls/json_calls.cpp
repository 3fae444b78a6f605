#include <nlohmann/json.hpp>

#include "agent/model/text_calls/json_object_at.h"
#include "agent/model/text_calls/text_calls.h"
#include "base/text.h"

namespace engramd::agent::text_calls {
namespace {

constexpr size_t kMaxObjects = 64;

// A fence line that ends before `begin`, or begins at `end`, belongs to the object between.
void drop_fence(const std::string& text, size_t& begin, size_t& end) {
  const size_t line = text.rfind("```", begin);
  if (line == std::string::npos || text.find_first_of("{}", line) < begin) return;
  if (trim(std::string_view(text).substr(line, begin - line)).find('\n') != std::string::npos)
    return;
  const size_t close = text.find_first_not_of(" \r\n\t", end);
  if (close == std::string::npos || text.compare(close, 3, "```") != 0) return;
  begin = line;
  end = close + 3;
}

}  // namespace

TextCalls read_json_calls(const std::string& text, const Tools& tools) {
  TextCalls found;
  size_t copied = 0, n_seen = 0;
  for (size_t at = text.find('{'); at != std::string::npos && n_seen < kMaxObjects;
       at = text.find('{', at)) {
    ++n_seen;
    const size_t length = json_object_at(text, at);
    if (length == 0) {
      ++at;
      continue;
    }
    size_t begin = at, end = at + length;
    at = end;
    ToolCall call;
    if (!call_of_object(text.substr(begin, length), call) || !is_offered(tools, call.name))
      continue;
    drop_fence(text, begin, end);
    if (begin >= copied) found.text += text.substr(copied, begin - copied);
    copied = end;
    found.calls.push_back(std::move(call));
  }
  found.text += text.substr(std::min(copied, text.size()));
  return found;
}

}  // namespace engramd::agent::text_calls
