#include "daemon/http/generation.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "base/hash.h"
#include "base/text.h"

namespace engramd::daemon::http {
namespace {

using nlohmann::json;

// As the peers sample when a request says nothing.
constexpr double kTemperature = 0.8, kTopP = 0.95;
constexpr int64_t kTopK = 40;
constexpr size_t kMaxStops = 16, kMaxStopBytes = 1024;
constexpr int kRetryAfterSeconds = 5;

uint64_t random_seed() {
  std::random_device device;
  return uint64_t(device()) << 32 | device();
}

}  // namespace

Sampling read_sampling(FieldReader& fields, size_t default_max_tokens) {
  Sampling out;
  out.max_tokens = default_max_tokens;
  for (const char* name : {"max_tokens", "max_completion_tokens", "n_predict"}) {
    if (fields.find(name) == nullptr) continue;
    const int64_t wanted = fields.integer(name, -1, -1, INT32_MAX);
    out.max_tokens = wanted < 0 ? SIZE_MAX : size_t(wanted);
  }
  out.sample.temperature = float(fields.number("temperature", kTemperature, 0, 2));
  out.sample.top_p = float(fields.number("top_p", kTopP, 0, 1));
  out.sample.top_k = int(std::max<int64_t>(0, fields.integer("top_k", kTopK, -1, INT32_MAX)));
  const int64_t seed = fields.integer("seed", -1, INT64_MIN, INT64_MAX);
  out.sample.seed = seed < 0 ? random_seed() : uint64_t(seed);
  out.stream = fields.boolean("stream", false);
  if (const json* options = fields.find("stream_options"); options != nullptr) {
    FieldReader more(*options, "stream_options.");
    out.include_usage = more.boolean("include_usage", false);
    if (more.problem()) fields.complain(*more.problem());
  }
  fields.integer("n", 1, 1, 1);  // more than one answer a request is not offered
  if (const json* stop = fields.find("stop"); stop != nullptr) {
    const json list = stop->is_array() ? *stop : json::array({*stop});
    for (const json& item : list)
      if (item.is_string() && item.get_ref<const std::string&>().size() <= kMaxStopBytes)
        out.stops.push_back(item.get<std::string>());
      else
        fields.complain("stop", "expected a string or a list of strings of at most " +
                                    std::to_string(kMaxStopBytes) + " bytes");
    if (list.size() > kMaxStops)
      fields.complain("stop", "expected at most " + std::to_string(kMaxStops) + " strings, found " +
                                  std::to_string(list.size()));
  }
  return out;
}

void check_model(FieldReader& fields, const ServedModel& served) {
  const std::string name = fields.text("model");
  if (name.empty() || name == served.id) return;
  fields.complain({404, "there is no model \"" + name + "\" here, only \"" + served.id + "\"",
                   "model", "model_not_found", 0});
}

json usage_json(const serve::Outcome& outcome, size_t n_reasoning) {
  return {{"prompt_tokens", outcome.n_prompt},
          {"completion_tokens", outcome.n_generated},
          {"total_tokens", outcome.n_prompt + outcome.n_generated},
          {"prompt_tokens_details", {{"cached_tokens", outcome.n_cached}}},
          {"completion_tokens_details", {{"reasoning_tokens", n_reasoning}}}};
}

json timings_json(const serve::Outcome& outcome) {
  const auto rate = [](size_t n, double seconds) { return seconds > 0 ? double(n) / seconds : 0; };
  const size_t n_computed = outcome.n_prompt - outcome.n_cached;
  return {{"cache_n", outcome.n_cached},
          {"prompt_n", n_computed},
          {"prompt_ms", outcome.prompt_s * 1e3},
          {"prompt_per_second", rate(n_computed, outcome.prompt_s)},
          {"predicted_n", outcome.n_generated},
          {"predicted_ms", outcome.generate_s * 1e3},
          {"predicted_per_second", rate(outcome.n_generated, outcome.generate_s)},
          {"wait_ms", outcome.wait_s * 1e3}};
}

TokenChance token_chance(const engine::Tokenizer& tokenizer, engine::TokenId token,
                         float probability, std::span<const float> logits, size_t n_others) {
  TokenChance chance;
  chance.spelling = tokenizer.spelling(token);
  chance.log_probability = std::log(std::max(probability, 1e-30f));
  const size_t n = std::min(logits.size(), tokenizer.n_vocab());
  n_others = std::min(n_others, n);
  if (n_others == 0) return chance;
  const double largest = *std::max_element(logits.begin(), logits.begin() + ptrdiff_t(n));
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += std::exp(double(logits[i]) - largest);
  std::vector<engine::TokenId> order(n);
  for (size_t i = 0; i < n; ++i) order[i] = engine::TokenId(i);
  std::partial_sort(order.begin(), order.begin() + ptrdiff_t(n_others), order.end(),
                    [&](engine::TokenId a, engine::TokenId b) {
                      return logits[size_t(a)] != logits[size_t(b)]
                                 ? logits[size_t(a)] > logits[size_t(b)]
                                 : a < b;
                    });
  for (size_t i = 0; i < n_others; ++i)
    chance.others.emplace_back(tokenizer.spelling(order[i]),
                               double(logits[size_t(order[i])]) - largest - std::log(sum));
  return chance;
}

std::string token_text(const std::string& spelling) {
  if (utf8_valid(spelling)) return spelling;
  std::string out = "bytes:";
  for (const char c : spelling) out += "\\x" + to_hex({&c, 1});
  return out;
}

std::string new_id(const char* prefix) {
  static const uint64_t start = random_seed();
  static std::atomic<uint64_t> next{0};
  const uint64_t number = next.fetch_add(1, std::memory_order_relaxed);
  const uint64_t words[] = {start ^ number,
                            hash64({reinterpret_cast<const char*>(&number), 8}, start)};
  return prefix + to_hex({reinterpret_cast<const char*>(words), sizeof words});
}

std::string to_text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

void EventStream::begin(Exchange& exchange) {
  exchange.begin_stream("text/event-stream", ": still there\n\n");
}

bool EventStream::send(const json& value) {
  begin(*exchange_);
  return exchange_->write("data: " + to_text(value) + "\n\n");
}

void EventStream::fail(const ApiError& error) {
  begin(*exchange_);
  exchange_->write("data: " + to_json_text(error) + "\n\n");
  exchange_->end();
}

void EventStream::end(bool with_done) {
  begin(*exchange_);
  if (with_done) exchange_->write("data: [DONE]\n\n");
  exchange_->end();
}

ApiError context_problem(const char* param, size_t n_tokens, const ServedModel& served) {
  return {400,
          "the prompt has " + std::to_string(n_tokens) +
              " tokens and leaves no room in a context of " +
              std::to_string(served.room->context()),
          param, "context_length_exceeded", 0};
}

void submit(const Call& call, serve::Work work, bool stream) {
  const Status taken = call.model->room->submit(std::move(work));
  if (taken) {
    if (stream) EventStream::begin(*call.exchange);
    return;
  }
  ApiError error = to_api_error(taken.error());
  if (taken.error().code == ErrorCode::exhausted) {
    error.status = 429;
    error.retry_after_s = kRetryAfterSeconds;
  }
  call.exchange->reply(to_reply(error));
}

}  // namespace engramd::daemon::http
