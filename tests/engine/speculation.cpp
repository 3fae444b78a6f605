// Looking ahead and lossless speculation: of every family, what comes is what came without, to the
// bit, whatever is guessed.
#include <catch2/catch.hpp>
#include <random>

#include "engine/api/session.h"
#include "engine/api/speculation.h"
#include "safetensors_cases.h"

using namespace engramd;
using namespace engramd::engine;
using namespace engramd::engine::test;

namespace {

constexpr const char* kFamilies[] = {"deepseek2", "deepseek4", "deepseek4_small", "deepseek41",
                                     "engramd",   "gpt_oss",   "llama",           "qwen35moe",
                                     "qwen3moe",  "qwen3next"};

std::filesystem::path fixture(const char* family) {
  return std::filesystem::path(ENGRAMD_SOURCE_DIR) / "tests/oracles/fixtures" / family;
}

std::shared_ptr<const Model> load(const char* family, bool drafts = false) {
  LoadOptions options;
  options.n_threads = 2;
  options.drafts = drafts;
  auto model = Model::load(fixture(family) / "model.gguf", options);
  INFO(family << ": " << (model ? std::string() : model.error().message));
  REQUIRE(model);
  return *model;
}

std::unique_ptr<Session> open(const std::shared_ptr<const Model>& model, size_t max_tokens = 0) {
  auto session = model->open_session(max_tokens);
  REQUIRE(session);
  return *std::move(session);
}

std::vector<TokenId> tokens_of(const char* family) {
  return Cases(fixture(family) / "expected.safetensors").values<TokenId>("tokens");
}

std::vector<float> logits_of(const Session& session) {
  return {session.logits().begin(), session.logits().end()};
}

// The logits after each token behind the first `begin`, appended one by one.
std::vector<std::vector<float>> appended(const std::shared_ptr<const Model>& model,
                                         const std::vector<TokenId>& tokens, size_t begin) {
  auto session = open(model);
  REQUIRE(session->sync(std::span(tokens).first(begin)));
  std::vector<std::vector<float>> out;
  for (size_t i = begin; i < tokens.size(); ++i) {
    REQUIRE(session->append(tokens[i]));
    out.push_back(logits_of(*session));
  }
  return out;
}

// Knows how a text goes on, and is now and then wrong: at random, by a share.
class KnowingDrafts final : public DraftSource {
 public:
  KnowingDrafts(std::vector<TokenId> text, double wrong, size_t n_vocab, float says = 0.95f)
      : text_(std::move(text)), wrong_(wrong), n_vocab_(n_vocab), says_(says) {}
  std::vector<DraftToken> draft(std::span<const TokenId> timeline, size_t most) override {
    ++n_asked;
    std::vector<DraftToken> out;
    for (size_t i = timeline.size(); i < text_.size() && out.size() < most; ++i) {
      const bool wrong = std::uniform_real_distribution<>()(random_) < wrong_;
      const auto other = TokenId(random_() % n_vocab_);
      out.push_back({wrong ? other : text_[i], says_});
    }
    return out;
  }
  size_t n_asked = 0;

 private:
  std::vector<TokenId> text_;
  double wrong_;
  size_t n_vocab_;
  float says_;
  std::mt19937 random_{7};
};

}  // namespace

TEST_CASE(
    "what was computed ahead is what append computes, and what was not taken leaves no trace") {
  for (const char* family : kFamilies) {
    INFO(family);
    const auto model = load(family);
    const auto tokens = tokens_of(family);
    const size_t begin = tokens.size() / 2;
    const auto expected = appended(model, tokens, begin);
    const auto wrong = [&](TokenId token) {
      return TokenId((size_t(token) + 1) % model->info().n_vocab);
    };
    auto session = open(model);
    REQUIRE(session->sync(std::span(tokens).first(begin)));
    const auto before = logits_of(*session);
    // Each time: so many tokens ahead, of which the first n_right are those that come.
    size_t at = begin, round = 0;
    while (at < tokens.size()) {
      const size_t n_ahead = std::min<size_t>(1 + round % 7, tokens.size() - at);
      const size_t n_right = std::min<size_t>(round * 3 % 5, n_ahead);
      std::vector<TokenId> ahead(tokens.begin() + std::ptrdiff_t(at),
                                 tokens.begin() + std::ptrdiff_t(at + n_ahead));
      for (size_t i = n_right; i < n_ahead; ++i) ahead[i] = wrong(ahead[i]);
      const auto known = logits_of(*session);
      REQUIRE(session->look_ahead(ahead));
      CHECK(session->n_tokens() == at);
      CHECK(logits_of(*session) == known);
      const size_t n_taken = std::min(n_right + 1, n_ahead);  // one that was guessed wrong too
      for (size_t i = 0; i < n_taken; ++i, ++at) {
        REQUIRE(session->append(tokens[at]));
        CHECK(session->n_tokens() == at + 1);
        REQUIRE(logits_of(*session) == expected[at - begin]);
      }
      ++round;
    }
    // Behind it every other use finds the timeline as it seems to be.
    const auto last = logits_of(*session);
    REQUIRE(session->look_ahead(std::vector<TokenId>(5, wrong(tokens.back()))));
    CHECK(!session->snapshot());
    REQUIRE(session->look_ahead({}));
    CHECK(logits_of(*session) == last);
    CHECK(session->snapshot());
    REQUIRE(session->look_ahead(std::vector<TokenId>(9, wrong(tokens.back()))));
    REQUIRE(session->sync(std::span(tokens).first(begin)));
    CHECK(logits_of(*session) == before);
    REQUIRE(session->sync(tokens));
    CHECK(logits_of(*session) == expected.back());
  }
}

TEST_CASE("looking ahead where there is no room is an error that changes nothing") {
  const auto model = load("qwen3moe");
  const auto tokens = tokens_of("qwen3moe");
  auto session = open(model, 20);
  REQUIRE(session->sync(std::span(tokens).first(18)));
  const auto before = logits_of(*session);
  const Status full = session->look_ahead(std::span(tokens).subspan(18, 3));
  REQUIRE(!full);
  CHECK(full.error().code == ErrorCode::exhausted);
  const Status strange = session->look_ahead(std::vector<TokenId>{-1});
  REQUIRE(!strange);
  CHECK(strange.error().code == ErrorCode::invalid_input);
  CHECK(!open(model)->look_ahead(std::vector<TokenId>(Session::kMostAhead + 1, 1)));
  CancelSource cancelled;
  cancelled.cancel();
  CHECK(!session->look_ahead(std::span(tokens).subspan(18, 2), cancelled.token()));
  CHECK(session->n_tokens() == 18);
  CHECK(logits_of(*session) == before);
  REQUIRE(session->look_ahead(std::span(tokens).subspan(18, 2)));
  REQUIRE(session->append(tokens[18]));
  REQUIRE(session->append(tokens[19]));
  CHECK(logits_of(*session) == appended(model, {tokens.begin(), tokens.begin() + 20}, 18).back());
}

TEST_CASE("a text with guesses is the text without, greedy and drawn") {
  for (const char* family : kFamilies) {
    const auto model = load(family);
    const auto tokens = tokens_of(family);
    const std::span prompt = std::span(tokens).first(tokens.size() / 2);
    for (const float temperature : {0.0f, 1.5f}) {
      GenerateOptions options;
      options.max_tokens = 40;
      options.sample.temperature = temperature;
      options.sample.seed = 11;
      auto plain = open(model);
      const auto without = plain->generate(prompt, options);
      REQUIRE(without);
      CHECK(without->n_drafted == 0);
      std::vector<TokenId> text(prompt.begin(), prompt.end());
      text.insert(text.end(), without->tokens.begin(), without->tokens.end());
      for (const double wrong : {0.0, 0.3, 1.0}) {
        INFO(family << ", temperature " << temperature << ", wrong " << wrong);
        KnowingDrafts drafts(text, wrong, model->info().n_vocab);
        DraftControl control(0.1);  // networks this small have no price that could be measured
        options.drafts = &drafts;
        options.draft_control = &control;
        auto session = open(model);
        std::vector<float> seen;  // whoever listens sees the logits that a token was drawn from
        options.on_token = [&](TokenId token, float) {
          seen.push_back(session->logits()[size_t(token)]);
        };
        const auto with = session->generate(prompt, options);
        REQUIRE(with);
        CHECK(with->tokens == without->tokens);
        CHECK(with->probabilities == without->probabilities);
        CHECK(with->stop_reason == without->stop_reason);
        CHECK(session->n_tokens() == plain->n_tokens());
        CHECK(logits_of(*session) == logits_of(*plain));
        if (without->tokens.size() > 10 && wrong < 1) {
          CHECK(with->n_drafted > 0);
          CHECK(with->n_accepted > 0);
        }
        if (wrong == 0.0) CHECK(with->n_accepted == with->n_drafted);
        if (wrong == 1.0) CHECK(with->n_accepted <= 2);  // by chance
        auto listener = open(model);
        REQUIRE(listener->sync(prompt));
        for (size_t i = 0; i < seen.size(); ++i) {
          CHECK(seen[i] == listener->logits()[size_t(with->tokens[i])]);
          REQUIRE(listener->append(with->tokens[i]));
        }
        options.on_token = {};
      }
      options.drafts = nullptr;
      options.draft_control = nullptr;
    }
  }
}

TEST_CASE("a model's own layer guesses where nothing else does, and changes nothing") {
  const char* family = "deepseek4_small";
  const auto model = load(family, true);
  REQUIRE(model->info().drafts);
  const auto tokens = tokens_of(family);
  const std::span prompt = std::span(tokens).first(tokens.size() / 2);
  GenerateOptions options;
  options.max_tokens = 30;
  for (const float temperature : {0.0f, 1.2f}) {
    options.sample.temperature = temperature;
    options.drafts = nullptr;
    auto plain = open(load(family)), session = open(model);
    const auto without = plain->generate(prompt, options);
    REQUIRE(without);
    std::vector<TokenId> text(prompt.begin(), prompt.end());
    text.insert(text.end(), without->tokens.begin(), without->tokens.end());
    LayerDrafts alone(*session);
    KnowingDrafts knowing(text, 0.5, model->info().n_vocab);
    LayerDrafts behind(*session, &knowing);
    for (DraftSource* drafts :
         {static_cast<DraftSource*>(&alone), static_cast<DraftSource*>(&behind)}) {
      options.drafts = drafts;
      const auto with = session->generate(prompt, options);
      REQUIRE(with);
      CHECK(with->tokens == without->tokens);
      CHECK(with->probabilities == without->probabilities);
    }
    CHECK(knowing.n_asked > 0);
    // What it says is what the session drafts, with the probabilities of its logits.
    REQUIRE(session->sync(prompt));
    const auto timeline = std::span(tokens).first(prompt.size() + 1);
    const auto said = alone.draft(timeline, 2);
    REQUIRE(said.size() == 2);
    const auto drafted = session->draft(timeline.back(), 2);
    REQUIRE(drafted);
    for (size_t i = 0; i < 2; ++i) {
      CHECK(said[i].token == (*drafted)[i]);
      CHECK(said[i].probability > 1.0f / float(model->info().n_vocab));
      CHECK(said[i].probability <= 1);
    }
    CHECK(alone.draft(timeline, 0).empty());
  }
  auto without_layer = open(load("qwen3moe"));
  REQUIRE(without_layer->sync(std::vector<TokenId>{1, 2, 3}));
  CHECK(LayerDrafts(*without_layer).draft(std::vector<TokenId>{1, 2, 3, 4}, 3).empty());
}

TEST_CASE("guesses stop where the text does, and one session speaks with and without them") {
  const auto model = load("qwen3moe");
  const auto tokens = tokens_of("qwen3moe");
  GenerateOptions options;
  options.max_tokens = 12;
  auto session = open(model, tokens.size() + 12);
  const auto without = session->generate(tokens, options);
  REQUIRE(without);
  REQUIRE(without->tokens.size() == 12);
  std::vector<TokenId> text = tokens;
  text.insert(text.end(), without->tokens.begin(), without->tokens.end());
  text.insert(text.end(), 100, 1);
  KnowingDrafts drafts(text, 0, model->info().n_vocab, 1.0f);
  options.drafts = &drafts;
  for (int i = 0; i < 3; ++i) {
    const auto with = session->generate(tokens, options);
    REQUIRE(with);
    CHECK(with->tokens == without->tokens);
    CHECK(with->n_drafted <= 11);
    CHECK(session->snapshot());
  }
  options.stop_when = [&](std::string_view) { return true; };
  const auto stopped = session->generate(tokens, options);
  REQUIRE(stopped);
  CHECK(stopped->tokens.size() == 1);
}

TEST_CASE("guesses are computed as far as they are worth it") {
  DraftControl control;
  const auto say = [](std::vector<float> probabilities) {
    std::vector<DraftToken> out;
    for (const float p : probabilities) out.push_back({1, p});
    return out;
  };
  // One more token costs half a step until it was measured.
  CHECK(control.worth(say({0.9f, 0.9f, 0.9f})) == 3);
  CHECK(control.worth(say({0.9f, 0.7f, 0.5f, 1.0f})) == 2);
  CHECK(control.worth(say({0.4f, 1.0f})) == 0);
  CHECK(control.worth({}) == 0);
  CHECK(!control.is_measured());
  for (const double seconds : {1.0, 0.010, 0.010}) control.took_single(seconds);
  CHECK(control.is_measured());
  SECTION("dear tokens: fewer") {
    for (int i = 0; i < 30; ++i) control.took(say({0.9f, 0.9f}), 2, 0.030);
    CHECK(control.cost() == Approx(1.0).epsilon(0.01));
    CHECK(control.worth(say({0.9f, 0.9f})) == 1);  // they come true more often than they say
    CHECK(control.worth(say({0.6f, 0.9f})) == 0);
  }
  SECTION("cheap ones: more, and some steps that took long change nothing") {
    for (int i = 0; i < 30; ++i) control.took(say({0.9f, 0.9f}), 2, i % 3 == 0 ? 0.500 : 0.0112);
    CHECK(control.cost() == Approx(0.06).epsilon(0.05));
    CHECK(control.worth(say({0.3f, 0.5f})) == 2);
  }
  SECTION("guesses that never come true are not believed, until some time has passed") {
    for (int i = 0; i < 60; ++i) control.took(say({0.9f, 0.9f}), 0, 0.013);
    CHECK(control.trust() < 0.2);
    CHECK(control.worth(say({0.5f})) == 0);
    for (int i = 0; i < 200; ++i) control.took_single(0.010);
    CHECK(control.worth(say({0.9f})) == 1);
  }
}
