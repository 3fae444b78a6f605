#include "agent/model/reply_builder.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/model/endpoint_error.h"
#include "agent/model/message_json.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

using nlohmann::json;

constexpr size_t kMaxCalls = 64;

const json* member(const json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string text_in(const json& object, const char* key) {
  const json* found = member(object, key);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

const json* first_choice(const json& event) {
  const json* choices = member(event, "choices");
  if (choices == nullptr || !choices->is_array() || choices->empty()) return nullptr;
  return choices->front().is_object() ? &choices->front() : nullptr;
}

// Some servers leave the reasoning of R1 and its kin in the text, between tags.
void split_reasoning(Message& message) {
  constexpr std::string_view kBegin = "<think>", kEnd = "</think>";
  const std::string_view text = message.text;
  const size_t begin = text.find_first_not_of(" \n\r\t");
  if (begin == std::string_view::npos || !message.reasoning.empty()) return;
  const bool opens = text.substr(begin).starts_with(kBegin);
  const size_t end = text.find(kEnd);
  // The template may have written the first tag itself.
  if (end == std::string_view::npos || (!opens && text.find('<') != end)) return;
  const size_t from = opens ? begin + kBegin.size() : begin;
  message.reasoning = trim(text.substr(from, end - from));
  message.text = trim(text.substr(end + kEnd.size()));
}

}  // namespace

bool ReplyBuilder::is_error(const json& event) {
  const json* error = member(event, "error");
  if (error == nullptr) return false;
  problem_ = "the server sent an error in place of a reply: " + error_text(event.dump());
  const json* code = member(*error, "code");
  busy_ = (code != nullptr && code->is_number_integer() && is_busy(code->get<int>())) ||
          says_busy(error->dump());
  return true;
}

void ReplyBuilder::add_event(const std::string& data) {
  if (data == "[DONE]") {
    ended_ = true;
    return;
  }
  if (!problem_.empty()) return;
  const json event = json::parse(data, nullptr, false);
  if (!event.is_object()) {
    problem_ = "an event of the stream is not a JSON object: " + data.substr(0, 200);
    return;
  }
  if (is_error(event)) return;
  // In a chunk of its own behind the last, or growing in every chunk: the last one counts.
  if (const json* usage = member(event, "usage")) reply_.usage = usage_from_json(*usage);
  const json* choice = first_choice(event);
  if (choice == nullptr) return;
  if (const std::string reason = text_in(*choice, "finish_reason"); !reason.empty()) {
    reply_.finish_reason = reason;
    ended_ = true;
  }
  // A few send the whole message as the only chunk.
  const json* delta = member(*choice, "delta");
  if (delta == nullptr) delta = member(*choice, "message");
  if (delta != nullptr && delta->is_object()) add_delta(*delta);
}

void ReplyBuilder::add_whole(const std::string& body) {
  const json value = json::parse(body, nullptr, false);
  if (!value.is_object()) {
    const std::string_view start = trim(std::string_view(body).substr(0, 4096));
    problem_ = start.starts_with('<')
                   ? "a web page came in place of a reply; is this the address of the API?"
               : start.empty() ? "the reply is empty"
                               : "the reply is not JSON: " + std::string(start.substr(0, 200));
    return;
  }
  if (is_error(value)) return;
  const json* choice = first_choice(value);
  const json* message = choice == nullptr ? nullptr : member(*choice, "message");
  if (message == nullptr || !message->is_object()) {
    problem_ = "the reply holds no choice: " + body.substr(0, 200);
    return;
  }
  ended_ = true;
  reply_.finish_reason = text_in(*choice, "finish_reason");
  if (const json* usage = member(value, "usage")) reply_.usage = usage_from_json(*usage);
  add_delta(*message);
}

void ReplyBuilder::add_text(const std::string& piece) {
  reply_.message.text += piece;
  if (!on_text_ || piece.empty()) return;
  showed_text_ = true;
  on_text_(piece);
}

void ReplyBuilder::add_delta(const json& delta) {
  if (const json* content = member(delta, "content")) {
    if (content->is_string()) add_text(content->get<std::string>());
    // Parts, as requests may have them.
    if (content->is_array())
      for (const json& part : *content) add_text(text_in(part, "text"));
  }
  // DeepSeek's name, and OpenRouter's and newer vLLM's.
  for (const char* key : {"reasoning_content", "reasoning"})
    if (const std::string piece = text_in(delta, key); !piece.empty()) {
      reply_.message.reasoning += piece;
      break;
    }
  if (const json* calls = member(delta, "tool_calls"); calls != nullptr && calls->is_array())
    for (const json& item : *calls)
      if (item.is_object()) add_call(item);
  // What calls were called before there could be several.
  if (const json* call = member(delta, "function_call"); call != nullptr && call->is_object())
    add_call({{"index", 0}, {"function", *call}});
}

ToolCall& ReplyBuilder::call_for(const json& item, const std::string& id, bool has_name) {
  auto& calls = reply_.message.calls;
  const json* number = member(item, "index");
  if (number != nullptr && number->is_number_integer()) {
    const auto [place, is_new] = places_.try_emplace(number->get<int64_t>(), calls.size());
    // Gemini's endpoint numbers all calls 0: another id is another call.
    const bool other =
        !is_new && !id.empty() && !calls[place->second].id.empty() && calls[place->second].id != id;
    if (is_new || other) {
      place->second = calls.size();
      calls.emplace_back();
    }
    return calls[place->second];
  }
  // Without numbers a call goes on until another one is named.
  const bool begins = calls.empty() || (!id.empty() && calls.back().id != id) ||
                      (id.empty() && has_name && !calls.back().name.empty());
  if (begins) calls.emplace_back();
  return calls.back();
}

void ReplyBuilder::add_call(const json& item) {
  const std::string id = text_in(item, "id");
  const json* function = member(item, "function");
  const std::string name = function == nullptr ? "" : text_in(*function, "name");
  if (reply_.message.calls.size() >= kMaxCalls) {
    problem_ = "the reply holds over " + std::to_string(kMaxCalls) + " tool calls";
    return;
  }
  ToolCall& call = call_for(item, id, !name.empty());
  // Some repeat id and name in every chunk.
  if (call.id != id) call.id += id;
  if (call.name != name) call.name += name;
  const json* arguments = function == nullptr ? nullptr : member(*function, "arguments");
  if (arguments == nullptr) return;
  // Ollama and others send the object itself.
  call.arguments_json += arguments->is_string() ? arguments->get<std::string>() : arguments->dump();
}

Result<ChatReply> ReplyBuilder::take() {
  if (!problem_.empty()) return fail(busy_ ? ErrorCode::unavailable : ErrorCode::corrupt, problem_);
  if (!ended_)
    return fail(ErrorCode::unavailable, "the reply broke off: neither an end nor a finish reason");
  reply_.message.role = Message::Role::assistant;
  auto& calls = reply_.message.calls;
  std::erase_if(calls, [](const ToolCall& call) { return call.name.empty(); });
  for (size_t i = 0; i < calls.size(); ++i) {
    // The tool's answer must name its call.
    if (calls[i].id.empty()) calls[i].id = "call_" + std::to_string(i);
    if (calls[i].arguments_json.empty()) calls[i].arguments_json = "{}";
  }
  split_reasoning(reply_.message);
  if (reply_.finish_reason.empty()) reply_.finish_reason = calls.empty() ? "stop" : "tool_calls";
  return std::move(reply_);
}

}  // namespace engramd::agent
