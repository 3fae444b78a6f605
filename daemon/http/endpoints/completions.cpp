// POST /v1/completions: a text goes on (OpenAI's older form; with a suffix, the gap is filled).
#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>

#include "daemon/http/generation.h"
#include "daemon/serve/answer_text.h"
#include "engine/api/fim.h"

namespace engramd::daemon::http {
namespace {

using nlohmann::json;

constexpr size_t kDefaultTokens = 16;  // OpenAI's
constexpr int64_t kMaxChances = 20;

struct Question {
  std::vector<engine::TokenId> prompt;
  Sampling sampling;
  std::string echo;        // shown before the answer
  int64_t n_chances = -1;  // of other tokens; -1: no log probabilities
};

// The prompt is a string or a list of token ids, each perhaps alone in a list.
std::vector<engine::TokenId> read_prompt(FieldReader& fields, const engine::Tokenizer& tokenizer,
                                         const std::string& suffix, std::string& text) {
  const json* prompt = fields.find("prompt");
  if (prompt != nullptr && prompt->is_array() && !prompt->empty() && !(*prompt)[0].is_number()) {
    if (prompt->size() > 1)
      fields.complain("prompt", "expected one prompt, found " + std::to_string(prompt->size()));
    prompt = &(*prompt)[0];
  }
  if (prompt == nullptr || !(prompt->is_string() || prompt->is_array())) {
    fields.complain("prompt", "expected a string or a list of token ids");
    return {};
  }
  if (prompt->is_string()) {
    text = prompt->get<std::string>();
    if (suffix.empty()) return tokenizer.encode_with_specials(text);
    if (!engine::has_fim(tokenizer.specials()))
      fields.complain("suffix", "this model has no tokens for a gap in a text", 501);
    return engine::fim_prompt(tokenizer, {.prefix = text, .suffix = suffix});
  }
  std::vector<engine::TokenId> tokens;
  for (const json& item : *prompt) {
    const int64_t id = item.is_number_integer() ? item.get<int64_t>() : -1;
    if (id < 0 || id >= int64_t(tokenizer.n_vocab())) {
      fields.complain("prompt", item.dump().substr(0, 40) + " is not a token id below " +
                                    std::to_string(tokenizer.n_vocab()));
      return {};
    }
    tokens.push_back(engine::TokenId(id));
  }
  if (!suffix.empty()) fields.complain("suffix", "a prompt of token ids takes no suffix");
  text = tokenizer.decode(tokens);
  return tokens;
}

json chances_json(const std::vector<TokenChance>& chances, size_t& offset) {
  json out = {{"tokens", json::array()},
              {"token_logprobs", json::array()},
              {"top_logprobs", json::array()},
              {"text_offset", json::array()}};
  for (const TokenChance& chance : chances) {
    out["tokens"].push_back(token_text(chance.spelling));
    out["token_logprobs"].push_back(chance.log_probability);
    json others = json::object();
    for (const auto& [spelling, log_probability] : chance.others)
      others[token_text(spelling)] = log_probability;
    out["top_logprobs"].push_back(std::move(others));
    out["text_offset"].push_back(offset);
    offset += chance.spelling.size();
  }
  return out;
}

class Answer {
 public:
  Answer(const ServedModel& served, std::shared_ptr<Exchange> exchange, const Question& question)
      : served_(served),
        exchange_(std::move(exchange)),
        events_(exchange_),
        sampling_(question.sampling),
        n_chances_(question.n_chances),
        stops_(question.sampling.stops),
        echo_(question.echo) {}

  bool take(engine::TokenId token, float probability, std::span<const float> logits) {
    const engine::Tokenizer& tokenizer = served_.model->tokenizer();
    if (n_chances_ >= 0)
      chances_.push_back(token_chance(tokenizer, token, probability, logits, size_t(n_chances_)));
    return show(stops_.feed(characters_.feed(tokenizer.bytes(token)))) && !stops_.stopped();
  }

  void finish(Result<serve::Outcome> outcome) {
    if (!outcome) {
      const ApiError error = to_api_error(outcome.error());
      return sampling_.stream ? events_.fail(error) : exchange_->reply(to_reply(error));
    }
    if (outcome->stop_reason == "cancelled") return;  // the exchange breaks off
    show(stops_.feed(characters_.finish()) + stops_.finish());
    const char* reason = outcome->stop_reason == "length" ? "length" : "stop";
    if (!sampling_.stream) {
      json body = message(text_, reason);
      body["usage"] = usage_json(*outcome);
      body["timings"] = timings_json(*outcome);
      Reply reply;
      reply.body = to_text(body);
      return exchange_->reply(std::move(reply));
    }
    events_.send(message("", reason));
    if (sampling_.include_usage) {
      json last = message("", nullptr);
      last["choices"] = json::array();
      last["usage"] = usage_json(*outcome);
      last["timings"] = timings_json(*outcome);
      events_.send(last);
    }
    events_.end();
  }

 private:
  bool show(std::string text) {
    if (!echo_.empty()) text.insert(0, std::exchange(echo_, {}));
    if (text.empty()) return true;
    if (sampling_.stream) return events_.send(message(text, nullptr));
    text_ += text;
    return true;
  }

  json message(const std::string& text, const json& reason) {
    json choice = {{"index", 0}, {"text", text}, {"finish_reason", reason}, {"logprobs", nullptr}};
    if (n_chances_ >= 0) choice["logprobs"] = chances_json(chances_, offset_);
    chances_.clear();
    return {{"id", id_},
            {"object", "text_completion"},
            {"created", created_},
            {"model", served_.id},
            {"choices", json::array({std::move(choice)})}};
  }

  const ServedModel& served_;
  const std::shared_ptr<Exchange> exchange_;
  EventStream events_;
  const Sampling sampling_;
  const int64_t n_chances_;
  const std::string id_ = new_id("cmpl-");
  const int64_t created_ = std::time(nullptr);
  serve::WholeCharacters characters_;
  serve::StopStrings stops_;
  std::string text_, echo_;
  std::vector<TokenChance> chances_;
  size_t offset_ = 0;
};

}  // namespace

void serve_completions(Call call) {
  const auto body = parse_body(call.request.body);
  if (!body) return call.exchange->reply(to_reply(body.error()));
  const ServedModel& served = *call.model;
  FieldReader fields(*body);
  check_model(fields, served);
  Question question;
  question.sampling = read_sampling(fields, kDefaultTokens);
  question.n_chances = fields.integer("logprobs", -1, 0, kMaxChances);
  fields.integer("best_of", 1, 1, 1);
  const std::string suffix = fields.text("suffix");
  std::string text;
  question.prompt = read_prompt(fields, served.model->tokenizer(), suffix, text);
  if (fields.boolean("echo", false)) question.echo = text;
  if (question.prompt.empty()) fields.complain("prompt", "the prompt has no tokens");
  if (question.prompt.size() >= served.room->context())
    fields.complain(context_problem("prompt", question.prompt.size(), served));
  if (fields.problem()) return call.exchange->reply(to_reply(*fields.problem()));

  serve::Work work;
  work.prompt = question.prompt;
  work.options.max_tokens = question.sampling.max_tokens;
  work.options.sample = question.sampling.sample;
  work.cancel = call.exchange->cancel();
  const auto answer = std::make_shared<Answer>(served, call.exchange, question);
  work.on_token = [answer](engine::TokenId token, float probability,
                           std::span<const float> logits) {
    return answer->take(token, probability, logits);
  };
  work.on_done = [answer](Result<serve::Outcome> outcome) { answer->finish(std::move(outcome)); };
  submit(call, std::move(work), question.sampling.stream);
}

}  // namespace engramd::daemon::http
