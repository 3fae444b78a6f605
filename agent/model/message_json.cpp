#include "agent/model/message_json.h"

#include <nlohmann/json.hpp>

namespace engramd::agent {
namespace {

using nlohmann::json;

std::string string_or_empty(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// "content" is a string, null, or a list of parts of which the text ones count.
std::string content_text(const json& object) {
  const auto found = object.find("content");
  if (found == object.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  std::string text;
  if (found->is_array())
    for (const json& part : *found)
      if (part.is_object()) text += string_or_empty(part, "text");
  return text;
}

int64_t count_in(const json& object, const char* key) {
  if (!object.is_object()) return 0;
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
}

}  // namespace

std::string_view to_string(Message::Role role) {
  switch (role) {
    case Message::Role::system:
      return "system";
    case Message::Role::user:
      return "user";
    case Message::Role::assistant:
      return "assistant";
    case Message::Role::tool:
      return "tool";
  }
  return "user";
}

json to_json(const Message& message) {
  json out = {{"role", to_string(message.role)}, {"content", message.text}};
  if (message.role == Message::Role::tool) out["tool_call_id"] = message.call_id;
  if (!message.reasoning.empty()) out["reasoning_content"] = message.reasoning;
  for (const ToolCall& call : message.calls)
    out["tool_calls"].push_back(
        {{"id", call.id},
         {"type", "function"},
         {"function", {{"name", call.name}, {"arguments", call.arguments_json}}}});
  return out;
}

Result<Message> message_from_json(const json& value) {
  if (!value.is_object()) return fail(ErrorCode::corrupt, "a message is not a JSON object");
  Message message;
  const std::string role = string_or_empty(value, "role");
  using Role = Message::Role;
  bool known = false;
  for (const Role candidate : {Role::system, Role::user, Role::assistant, Role::tool})
    if (role == to_string(candidate)) {
      message.role = candidate;
      known = true;
    }
  if (!known) return fail(ErrorCode::corrupt, "a message has the role \"" + role + "\"");
  message.text = content_text(value);
  message.call_id = string_or_empty(value, "tool_call_id");
  message.reasoning = string_or_empty(value, "reasoning_content");
  const auto calls = value.find("tool_calls");
  if (calls == value.end() || calls->is_null()) return message;
  if (!calls->is_array()) return fail(ErrorCode::corrupt, "tool_calls is not a list");
  for (const json& item : *calls) {
    const auto named = item.is_object() ? item.find("function") : item.end();
    const json function = named != item.end() ? *named : json();
    if (!function.is_object() || string_or_empty(function, "name").empty())
      return fail(ErrorCode::corrupt, "a tool call has no function name");
    // Some servers send the arguments as an object instead of its text.
    const auto arguments = function.find("arguments");
    std::string text = "{}";
    if (arguments != function.end() && !arguments->is_null())
      text = arguments->is_string() ? arguments->get<std::string>() : arguments->dump();
    message.calls.push_back({string_or_empty(item, "id"), string_or_empty(function, "name"), text});
  }
  return message;
}

json to_json(const ToolDescription& tool) {
  return {{"type", "function"},
          {"function",
           {{"name", tool.name},
            {"description", tool.description},
            {"parameters", json::parse(tool.parameters_json)}}}};
}

json to_json(const Usage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}}};
}

Usage usage_from_json(const json& value) {
  Usage usage;
  if (!value.is_object()) return usage;
  usage.prompt_tokens = count_in(value, "prompt_tokens");
  usage.completion_tokens = count_in(value, "completion_tokens");
  if (const auto details = value.find("prompt_tokens_details"); details != value.end())
    usage.cached_tokens = count_in(*details, "cached_tokens");
  // What DeepSeek, Anthropic's endpoint and Moonshot call it.
  for (const char* key : {"prompt_cache_hit_tokens", "cache_read_input_tokens", "cached_tokens"})
    if (usage.cached_tokens == 0) usage.cached_tokens = count_in(value, key);
  return usage;
}

}  // namespace engramd::agent
