#include "daemon/http/chat_answer.h"

#include <ctime>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace engramd::daemon::http {
namespace {

using nlohmann::json;
using Kind = engine::chat::Event::Kind;

json bytes_json(const std::string& spelling) {
  json bytes = json::array();
  for (const char c : spelling) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

json call_json(const std::string& id, const std::string& name, const std::string& arguments) {
  return {
      {"id", id}, {"type", "function"}, {"function", {{"name", name}, {"arguments", arguments}}}};
}

}  // namespace

ChatAnswer::ChatAnswer(const ServedModel& served, std::shared_ptr<Exchange> exchange,
                       const ChatQuestion& question, const AnswerStart& start)
    : served_(served),
      exchange_(std::move(exchange)),
      events_(exchange_),
      sampling_(question.sampling),
      n_chances_(question.n_chances),
      calls_are_safe_(start.calls_are_safe),
      ends_with_call_(start.ends_with_call),
      created_(std::time(nullptr)),
      parser_(served.dialect->parser({question.chat.tools, start.opens_reasoning})),
      stops_(question.sampling.stops),
      in_reasoning_(start.opens_reasoning) {
  if (!start.opening.empty())
    for (const auto& event : parser_->feed(start.opening)) apply(event);
}

bool ChatAnswer::take(engine::TokenId token, float probability, std::span<const float> logits) {
  const engine::Tokenizer& tokenizer = served_.model->tokenizer();
  if (n_chances_ >= 0)
    chances_.push_back(token_chance(tokenizer, token, probability, logits, size_t(n_chances_)));
  for (const auto& event : parser_->feed(tokenizer.spelling(token))) {
    in_reasoning_ = event.kind == Kind::reasoning;
    apply(event);
  }
  n_reasoning_ += in_reasoning_ ? 1 : 0;
  return !stops_.stopped() && !gone_ && !(ends_with_call_ && !calls_.empty());
}

void ChatAnswer::apply(const engine::chat::Event& event) {
  switch (event.kind) {
    case Kind::text:
      return show("content", stops_.feed(event.text));
    case Kind::reasoning:
      return show("reasoning_content", event.text);
    case Kind::call_begin:
      show("content", stops_.finish());
      open_call_ = {new_id("call_"), event.text, {}};
      if (calls_are_safe_) tell_call(open_call_, calls_.size(), true);
      return;
    case Kind::call_arguments:
      open_call_.arguments += event.text;
      if (calls_are_safe_) tell_call({{}, {}, event.text}, calls_.size(), false);
      return;
    case Kind::call_end:
      if (!calls_are_safe_) tell_call(open_call_, calls_.size(), true);
      calls_.push_back(std::move(open_call_));
      return;
    case Kind::call_broken:
      // What a stream has already told of it cannot be taken back; it then ends by "length".
      if (!calls_are_safe_ || !sampling_.stream) show("content", stops_.feed(event.text));
      return;
    case Kind::problem:
      return log_info("an answer of " + served_.id + ": " + event.text);
  }
}

void ChatAnswer::show(const char* field, const std::string& text) {
  if (text.empty()) return;
  if (sampling_.stream) return send_delta({{field, text}}, nullptr);
  (std::string_view(field) == "content" ? text_ : reasoning_) += text;
}

void ChatAnswer::tell_call(const Call& call, size_t index, bool begins) {
  if (!sampling_.stream) return;
  json item = begins ? call_json(call.id, call.name, call.arguments)
                     : json({{"function", {{"arguments", call.arguments}}}});
  item["index"] = index;
  send_delta({{"tool_calls", json::array({std::move(item)})}}, nullptr);
}

void ChatAnswer::send_delta(json delta, const json& reason) {
  if (!begun_) {
    begun_ = true;
    json first = envelope("chat.completion.chunk");
    first["choices"] = json::array({{{"index", 0},
                                     {"delta", {{"role", "assistant"}, {"content", ""}}},
                                     {"logprobs", nullptr},
                                     {"finish_reason", nullptr}}});
    gone_ = !events_.send(first);
  }
  json chunk = envelope("chat.completion.chunk");
  chunk["choices"] = json::array({{{"index", 0},
                                   {"delta", std::move(delta)},
                                   {"logprobs", chances_json()},
                                   {"finish_reason", reason}}});
  if (!events_.send(chunk)) gone_ = true;
}

json ChatAnswer::envelope(const char* object) const {
  return {{"id", id_}, {"object", object}, {"created", created_}, {"model", served_.id}};
}

// Of the tokens since the last call.
json ChatAnswer::chances_json() {
  if (n_chances_ < 0) return nullptr;
  json content = json::array();
  for (const TokenChance& chance : chances_) {
    json others = json::array();
    for (const auto& [spelling, log_probability] : chance.others)
      others.push_back({{"token", token_text(spelling)},
                        {"logprob", log_probability},
                        {"bytes", bytes_json(spelling)}});
    content.push_back({{"token", token_text(chance.spelling)},
                       {"logprob", chance.log_probability},
                       {"bytes", bytes_json(chance.spelling)},
                       {"top_logprobs", std::move(others)}});
  }
  chances_.clear();
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

void ChatAnswer::finish(Result<serve::Outcome> outcome) {
  if (!outcome) {
    const ApiError error = to_api_error(outcome.error());
    return sampling_.stream ? events_.fail(error) : exchange_->reply(to_reply(error));
  }
  if (outcome->stop_reason == "cancelled") return;  // the exchange breaks off
  if (!stops_.stopped()) {
    for (const auto& event : parser_->finish()) apply(event);
    show("content", stops_.finish());
  }
  const char* reason = outcome->stop_reason == "length" ? "length"
                       : !calls_.empty()                ? "tool_calls"
                                                        : "stop";
  if (sampling_.stream) {
    send_delta(json::object(), reason);
    if (sampling_.include_usage) {
      json last = envelope("chat.completion.chunk");
      last["choices"] = json::array();
      last["usage"] = usage_json(*outcome, n_reasoning_);
      last["timings"] = timings_json(*outcome);
      events_.send(last);
    }
    return events_.end();
  }
  json message = {{"role", "assistant"}, {"content", text_}, {"refusal", nullptr}};
  if (text_.empty() && !calls_.empty()) message["content"] = nullptr;
  if (!reasoning_.empty()) message["reasoning_content"] = reasoning_;
  for (const Call& call : calls_)
    message["tool_calls"].push_back(call_json(call.id, call.name, call.arguments));
  json body = envelope("chat.completion");
  body["choices"] = json::array({{{"index", 0},
                                  {"message", std::move(message)},
                                  {"logprobs", chances_json()},
                                  {"finish_reason", reason}}});
  body["usage"] = usage_json(*outcome, n_reasoning_);
  body["timings"] = timings_json(*outcome);
  Reply reply;
  reply.body = to_text(body);
  exchange_->reply(std::move(reply));
}

}  // namespace engramd::daemon::http
