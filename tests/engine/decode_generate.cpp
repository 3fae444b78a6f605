#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <map>

#include "engine/decode/generate.h"
#include "engine/decode/sampler.h"
#include "tests/engine/tokenizer_data.h"

using namespace engramd;
using namespace engramd::engine;

namespace {

// A session whose next-token distribution is a table: text so far -> weights of next pieces.
// Everything unlisted gets a small equal weight.
class ScriptedSession final : public Session {
 public:
  using Script = std::map<std::string, std::map<std::string, double>>;

  ScriptedSession(const Tokenizer& tokenizer, Script script)
      : tokenizer_(tokenizer), script_(std::move(script)), logits_(tokenizer.n_vocab() + 3) {}

  Result<SyncResult> sync(std::span<const TokenId> tokens, const CancelToken& cancel) override {
    ENGRAMD_CHECK(cancel.check());
    timeline_.assign(tokens.begin(), tokens.end());
    write_logits();
    return SyncResult{0, tokens.size()};
  }
  std::span<const float> logits() const override { return logits_; }
  Result<std::vector<float>> all_logits(std::span<const TokenId>, const CancelToken&) override {
    return fail(ErrorCode::unsupported, "the script has no rows");
  }
  Status append(TokenId token, const CancelToken& cancel) override {
    ++n_appended;
    if (on_append) on_append();
    ENGRAMD_CHECK(cancel.check());
    timeline_.push_back(token);
    write_logits();
    return {};
  }
  Result<GenerateResult> generate(std::span<const TokenId>, const GenerateOptions&,
                                  const CancelToken&) override {
    return fail(ErrorCode::unsupported, "call decode::generate");
  }
  Result<std::vector<double>> score(std::span<const TokenId>,
                                    const std::vector<std::vector<TokenId>>&,
                                    const CancelToken&) override {
    return fail(ErrorCode::unsupported, "the script scores nothing");
  }
  size_t n_tokens() const override { return timeline_.size(); }
  Result<std::string> snapshot() const override { return fail(ErrorCode::unsupported, "scripted"); }
  Status restore(std::string_view) override { return fail(ErrorCode::unsupported, "scripted"); }
  Result<std::unique_ptr<Session>> fork() const override {
    return fail(ErrorCode::unsupported, "scripted");
  }
  size_t memory_bytes() const override { return 0; }

  size_t n_appended = 0;
  std::function<void()> on_append;
  float spoiled = 0;  // added to every logit

 private:
  void write_logits() {
    std::fill(logits_.begin(), logits_.end(), std::log(1e-6f) + spoiled);
    // Rows beyond the vocabulary: the best of all, and never to be chosen.
    std::fill(logits_.end() - 3, logits_.end(), 50.0f + spoiled);
    const auto found = script_.find(tokenizer_.decode(timeline_));
    if (found == script_.end()) return;
    for (const auto& [piece, weight] : found->second)
      logits_[static_cast<size_t>(tokenizer_.encode_with_specials(piece).at(0))] =
          static_cast<float>(std::log(weight)) + spoiled;
  }

  const Tokenizer& tokenizer_;
  Script script_;
  std::vector<TokenId> timeline_;
  std::vector<float> logits_;
};

class ScriptedModel final : public Model {
 public:
  explicit ScriptedModel(std::vector<std::string> merges = {}) {
    auto made = tokenizer::make_tokenizer(test::small_vocabulary(std::move(merges)));
    if (!made) FAIL(made.error().message);
    tokenizer_ = *std::move(made);
  }
  const Tokenizer& tokenizer() const override { return *tokenizer_; }
  const ModelInfo& info() const override { return info_; }
  Result<std::unique_ptr<Session>> open_session(size_t) const override {
    return fail(ErrorCode::unsupported, "made by the test");
  }

 private:
  std::unique_ptr<Tokenizer> tokenizer_;
  ModelInfo info_;
};

GenerateResult generated(const ScriptedModel& model, ScriptedSession::Script script,
                         const GenerateOptions& options, std::string_view prompt = "p") {
  ScriptedSession session(model.tokenizer(), std::move(script));
  const auto result = decode::generate(session, model, model.tokenizer().encode(prompt), options);
  if (!result) FAIL(result.error().message);
  return *result;
}

GenerateOptions at_most(size_t max_tokens) {
  GenerateOptions options;
  options.max_tokens = max_tokens;
  return options;
}

}  // namespace

TEST_CASE("greedy decoding follows the most probable token and reports probabilities") {
  const ScriptedModel model;
  const auto result =
      generated(model, {{"p", {{"a", 3}, {"b", 1}}}, {"pa", {{"c", 1}}}}, at_most(2));
  CHECK(result.text == "ac");
  CHECK(result.stop_reason == "length");
  REQUIRE(result.probabilities.size() == 2);
  CHECK(result.probabilities[0] == Approx(0.75).epsilon(0.001));
  CHECK(result.prompt.n_computed == 1);
}

TEST_CASE("the state of the last token is not computed") {
  const ScriptedModel model;
  ScriptedSession session(model.tokenizer(), {{"p", {{"a", 1}}}, {"pa", {{"b", 1}}}});
  REQUIRE(decode::generate(session, model, model.tokenizer().encode("p"), at_most(2)));
  CHECK(session.n_appended == 1);
}

TEST_CASE("the end of text stops, without its token in the answer") {
  const ScriptedModel model;
  const auto result =
      generated(model, {{"p", {{"a", 1}}}, {"pa", {{"<|endoftext|>", 9}, {"b", 1}}}}, at_most(9));
  CHECK(result.text == "a");
  CHECK(result.tokens.size() == 1);
  CHECK(result.stop_reason == "eos");
  const auto marker = generated(model, {{"p", {{"<|fim_prefix|>", 1}}}}, at_most(9));
  CHECK(marker.stop_reason == "eos");
  CHECK(marker.text.empty());
}

TEST_CASE("stop tokens and stop_when") {
  const ScriptedModel model;
  const ScriptedSession::Script script = {
      {"p", {{"a", 1}}}, {"pa", {{";", 1}}}, {"pa;", {{"b", 1}}}};
  GenerateOptions options = at_most(9);
  options.stop_tokens = model.tokenizer().encode(";");
  CHECK(generated(model, script, options).text == "a");
  CHECK(generated(model, script, options).stop_reason == "stop");

  options = at_most(9);
  std::string streamed;
  options.on_text = [&](std::string_view bytes) { streamed += bytes; };
  options.stop_when = [](std::string_view text) { return text.ends_with(';'); };
  const auto result = generated(model, script, options);
  CHECK(result.text == "a;");
  CHECK(result.stop_reason == "stop");
  CHECK(streamed == result.text);
}

TEST_CASE("sampling is a function of the seed") {
  const ScriptedModel model;
  GenerateOptions options = at_most(12);
  options.sample.temperature = 1;
  options.sample.top_k = 40;
  const auto text = [&](uint64_t seed) {
    options.sample.seed = seed;
    return generated(model, {}, options).tokens;
  };
  CHECK(text(1) == text(1));
  CHECK(text(1) != text(2));
}

TEST_CASE("sampling draws each token as often as its probability says") {
  SampleOptions options;
  options.temperature = 1;
  options.seed = 5;
  const std::vector<float> probabilities = {0.5f, 0, 0.3f, 0.2f};
  const auto shares = [&] {
    decode::Sampler sampler(options);
    std::vector<double> n(4);
    for (int i = 0; i < 20000; ++i)
      n[static_cast<size_t>(sampler.pick(probabilities))] += 1 / 20000.0;
    return n;
  };
  auto found = shares();
  CHECK(found[0] == Approx(0.5).margin(0.02));
  CHECK(found[1] == 0);
  CHECK(found[3] == Approx(0.2).margin(0.02));

  options.temperature = 0.5f;  // squares
  found = shares();
  CHECK(found[0] == Approx(0.25 / 0.38).margin(0.02));

  options.temperature = 1;
  options.top_k = 2;
  found = shares();
  CHECK(found[3] == 0);
  CHECK(found[2] == Approx(0.375).margin(0.02));

  options.top_k = 0;
  options.top_p = 0.45f;
  CHECK(shares()[0] == Approx(1));
  options.top_p = 0.6f;
  CHECK(shares()[3] == 0);

  options.temperature = 0;
  decode::Sampler greedy(options);
  CHECK(greedy.pick(std::vector<float>{0.25f, 0.5f, 0.5f}) == 1);
  CHECK(greedy.pick(std::vector<float>{0, 0}) == -1);
}

TEST_CASE("a forced prefix is covered before anything else") {
  const ScriptedModel model({"r e", "re t", "ret u", "s e", "se l"});
  GenerateOptions options = at_most(3);
  options.forced_prefix = "ret";
  // The network prefers another word; among those that agree with "ret" it prefers "retu".
  auto result = generated(
      model, {{"p", {{"sel", 8}, {"retu", 0.5}, {"ret", 0.2}, {"r", 0.3}}}, {"pretu", {{"r", 1}}}},
      options);
  CHECK(result.text.starts_with("retur"));
  CHECK(result.probabilities[0] == Approx(0.5).epsilon(0.01));  // among the tokens that agree
  // Several tokens to cover it, and a token that reaches beyond it.
  options.forced_prefix = "rese";
  options.max_tokens = 4;
  result =
      generated(model, {{"pre", {{"x", 1}}}, {"p", {{"re", 1}}}, {"prese", {{"l", 5}}}}, options);
  CHECK(result.text.starts_with("rese"));
  CHECK(result.text.size() >= 5);
  // Ends are not considered while it is open.
  options.forced_prefix = "s";
  result = generated(model, {{"p", {{"<|endoftext|>", 100}}}, {"ps", {{"<|endoftext|>", 100}}}},
                     options);
  CHECK(result.text == "s");
  CHECK(result.stop_reason == "eos");
}

TEST_CASE("a forced prefix of any bytes is reproduced") {
  const ScriptedModel model({"a b"});
  GenerateOptions options = at_most(5);
  options.forced_prefix = std::string("\xFF\x00\xC3z", 4);
  CHECK(generated(model, {}, options).text.starts_with(options.forced_prefix));
}

TEST_CASE("cancelling between steps keeps what was said") {
  const ScriptedModel model;
  ScriptedSession session(model.tokenizer(), {{"p", {{"a", 1}}}, {"pa", {{"b", 1}}}});
  CancelSource source;
  session.on_append = [&] {
    if (session.n_appended == 2) source.cancel();
  };
  auto result =
      decode::generate(session, model, model.tokenizer().encode("p"), at_most(50), source.token());
  REQUIRE(result);
  CHECK(result->stop_reason == "cancelled");
  CHECK(result->tokens.size() == 2);

  result =
      decode::generate(session, model, model.tokenizer().encode("p"), at_most(50), source.token());
  REQUIRE(result);
  CHECK(result->stop_reason == "cancelled");
  CHECK(result->tokens.empty());
}

TEST_CASE("logits that are no numbers are an error, not a choice") {
  const ScriptedModel model;
  ScriptedSession session(model.tokenizer(), {});
  for (const float spoiled :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::infinity()}) {
    session.spoiled = spoiled;
    const auto result = decode::generate(session, model, model.tokenizer().encode("p"), at_most(3));
    REQUIRE_FALSE(result);
    CHECK_THAT(result.error().message, Catch::Contains("not finite numbers"));
  }
  const auto empty = decode::generate(session, model, {}, at_most(3));
  REQUIRE_FALSE(empty);
  CHECK_THAT(empty.error().message, Catch::Contains("the prompt has no tokens"));
}
