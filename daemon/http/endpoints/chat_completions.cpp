// POST /v1/chat/completions: the next message of a conversation.
#include <ctime>
#include <nlohmann/json.hpp>

#include "daemon/http/answer_rules.h"
#include "daemon/http/chat_answer.h"
#include "daemon/http/chat_request.h"

namespace engramd::daemon::http {
namespace {

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &utc);
  return text;
}

}  // namespace

void serve_chat_completions(Call call) {
  const auto body = parse_body(call.request.body);
  if (!body) return call.exchange->reply(to_reply(body.error()));
  const ServedModel& served = *call.model;
  const engine::Tokenizer& tokenizer = served.model->tokenizer();
  FieldReader fields(*body);
  check_model(fields, served);
  ChatQuestion question = read_chat_question(fields);
  if (fields.problem()) return call.exchange->reply(to_reply(*fields.problem()));

  question.chat.date = today();
  settle_thinking(question);
  auto prompt = served.dialect->render(question.chat);
  if (!prompt) {
    ApiError error = to_api_error(prompt.error());
    error.param = "messages";
    return call.exchange->reply(to_reply(error));
  }
  const auto rules = answer_rules(question, served, prompt->opens_reasoning);
  if (!rules) return call.exchange->reply(to_reply(rules.error()));
  if (!rules->opening.empty()) prompt->parts.push_back({rules->opening, true});

  serve::Work work;
  work.prompt = engine::chat::encode(tokenizer, *prompt);
  if (work.prompt.size() >= served.room->context())
    return call.exchange->reply(to_reply(context_problem("messages", work.prompt.size(), served)));
  work.options.max_tokens = question.sampling.max_tokens;
  work.options.sample = question.sampling.sample;
  work.options.stop_tokens = engine::chat::stop_tokens(*served.dialect, tokenizer);
  work.options.constraint = rules->constraint;
  work.options.forced_prefix = rules->forced_prefix;
  work.cancel = call.exchange->cancel();
  const auto answer =
      std::make_shared<ChatAnswer>(served, call.exchange, question,
                                   AnswerStart{prompt->opens_reasoning, rules->opening,
                                               rules->calls_are_safe, rules->ends_with_call});
  work.on_token = [answer](engine::TokenId token, float probability,
                           std::span<const float> logits) {
    return answer->take(token, probability, logits);
  };
  work.on_done = [answer](Result<serve::Outcome> outcome) { answer->finish(std::move(outcome)); };
  submit(call, std::move(work), question.sampling.stream);
}

}  // namespace engramd::daemon::http
