#include "agent/model/text_calls/json_object_at.h"

#include <nlohmann/json.hpp>

#include "agent/model/tool_schema.h"

namespace engramd::agent::text_calls {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 64;

}  // namespace

size_t json_object_at(const std::string& text, size_t at) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = at; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{' && ++depth > kMaxDepth) return 0;
    if (c == '}' && --depth == 0) {
      const size_t length = i + 1 - at;
      return is_json_object(text.substr(at, length)) ? length : 0;
    }
  }
  return 0;
}

bool call_of_object(const std::string& object, ToolCall& call) {
  json value = json::parse(object, nullptr, false);
  if (!value.is_object()) return false;
  if (const auto inner = value.find("function"); inner != value.end() && inner->is_object()) {
    json function = *inner;
    value = std::move(function);
  }
  std::string name;
  for (const char* key : {"name", "tool", "function", "tool_name"})
    if (const auto found = value.find(key);
        name.empty() && found != value.end() && found->is_string())
      name = found->get<std::string>();
  if (name.empty()) return false;
  for (const char* key : {"arguments", "parameters", "args", "input"}) {
    const auto found = value.find(key);
    if (found == value.end()) continue;
    const std::string text = found->is_string() ? found->get<std::string>() : found->dump();
    if (!is_json_object(text)) continue;
    call = {"", name, text};
    return true;
  }
  // A tool without arguments.
  if (value.size() != 1) return false;
  call = {"", name, "{}"};
  return true;
}

}  // namespace engramd::agent::text_calls
