#include <nlohmann/json.hpp>

#include "agent/model/text_calls/text_calls.h"
#include "base/text.h"

namespace engramd::agent::text_calls {
namespace {

using nlohmann::json;

constexpr size_t kMaxParts = 256;

// The next <TAG name="NAME">BODY</TAG> from `at` on, before `limit`.
struct Tagged {
  size_t begin = std::string::npos, end = 0;
  std::string name, body;
};
Tagged next_tag(const std::string& text, const std::string& tag, size_t at) {
  Tagged found;
  const std::string open = "<" + tag + " name=\"", close = "</" + tag + ">";
  const size_t begin = text.find(open, at);
  if (begin == std::string::npos) return found;
  const size_t name_end = text.find('"', begin + open.size());
  const size_t body = text.find('>', name_end);
  const size_t end = text.find(close, body);
  if (name_end == std::string::npos || body == std::string::npos || end == std::string::npos)
    return found;
  found.begin = begin;
  found.name = text.substr(begin + open.size(), name_end - begin - open.size());
  found.body = text.substr(body + 1, end - body - 1);
  found.end = end + close.size();
  return found;
}

// A parameter whose schema is no string is read as JSON.
bool is_text(const Tools& tools, const std::string& tool, const std::string& parameter) {
  for (const ToolDescription& one : tools) {
    if (one.name != tool) continue;
    const json schema = json::parse(one.parameters_json, nullptr, false);
    const json type =
        schema.is_object()
            ? schema.value(json::json_pointer("/properties/" + parameter + "/type"), json("string"))
            : json("string");
    return type == "string";
  }
  return true;
}

}  // namespace

TextCalls read_invoke_tags(const std::string& text, const Tools& tools) {
  TextCalls found;
  size_t copied = 0;
  for (size_t n = 0; n < kMaxParts; ++n) {
    const Tagged call = next_tag(text, "invoke", copied);
    if (call.begin == std::string::npos) break;
    found.text += text.substr(copied, call.begin - copied);
    copied = call.end;
    if (!is_offered(tools, call.name)) continue;
    json arguments = json::object();
    size_t at = 0;
    for (size_t m = 0; m < kMaxParts; ++m) {
      const Tagged parameter = next_tag(call.body, "parameter", at);
      if (parameter.begin == std::string::npos) break;
      at = parameter.end;
      json value = json::parse(parameter.body, nullptr, false);
      const bool plain = parameter.name.find_first_of("/~") != std::string::npos ||
                         is_text(tools, call.name, parameter.name) || value.is_discarded();
      arguments[parameter.name] = plain ? json(parameter.body) : std::move(value);
    }
    found.calls.push_back(
        {"", call.name, arguments.dump(-1, ' ', false, json::error_handler_t::replace)});
  }
  found.text += text.substr(copied);
  // The frame around the calls says nothing.
  for (const char* frame : {"<function_calls>", "</function_calls>"})
    if (const size_t at = found.text.find(frame); !found.calls.empty() && at != std::string::npos)
      found.text.erase(at, std::string_view(frame).size());
  return found;
}

}  // namespace engramd::agent::text_calls
