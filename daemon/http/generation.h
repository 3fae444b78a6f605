// daemon/http/generation.h - what the endpoints that generate have in common: reading the settings,
// the shapes of usage, timings and log probabilities, and events of a stream.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "daemon/http/call.h"
#include "daemon/http/field_reader.h"

namespace engramd::daemon::http {

struct Sampling {
  size_t max_tokens = SIZE_MAX;  // SIZE_MAX: as many as the context has room for
  engine::SampleOptions sample;
  std::vector<std::string> stops;
  bool stream = false;
  bool include_usage = false;  // in a stream
};
// The names of both worlds: max_tokens, max_completion_tokens and n_predict; -1 is no limit.
Sampling read_sampling(FieldReader& fields, size_t default_max_tokens);
// Complains when the request names a model that is not this one.
void check_model(FieldReader& fields, const ServedModel& served);

nlohmann::json usage_json(const serve::Outcome& outcome, size_t n_reasoning = 0);
nlohmann::json timings_json(const serve::Outcome& outcome);

// One token as it was drawn, with the most probable others.
struct TokenChance {
  std::string spelling;  // its bytes, perhaps a part of a character
  double log_probability = 0;
  std::vector<std::pair<std::string, double>> others;
};
TokenChance token_chance(const engine::Tokenizer& tokenizer, engine::TokenId token,
                         float probability, std::span<const float> logits, size_t n_others);

// A spelling for JSON: what is no text is "bytes:\\xe6\\xbc", as OpenAI writes it.
std::string token_text(const std::string& spelling);

// A new "chatcmpl-..." with this prefix; unique, not secret.
std::string new_id(const char* prefix);

std::string to_text(const nlohmann::json& value);

// The events of a streamed answer ("data: ...", then "data: [DONE]"). Begun by the first event, or
// by begin() from the thread that asked, so that the headers do not wait for the engine. While
// nothing happens a comment is sent now and then, which clients skip.
class EventStream {
 public:
  explicit EventStream(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  static void begin(Exchange& exchange);
  bool send(const nlohmann::json& value);  // false: nobody reads any more
  void fail(const ApiError& error);        // the last event
  void end(bool with_done = true);

 private:
  const std::shared_ptr<Exchange> exchange_;
};

ApiError context_problem(const char* param, size_t n_tokens, const ServedModel& served);
// Hands work to the room; answers an error itself, else begins a stream if there is to be one.
void submit(const Call& call, serve::Work work, bool stream);

}  // namespace engramd::daemon::http
