// What keeps a completion quick: nothing is parsed for it, nothing improbable is finished, and
// where the time went is told.
#include <catch2/catch.hpp>

#include <atomic>
#include <cmath>
#include <random>

#include "daemon/completion/calibration.h"
#include "daemon/completion/completer.h"
#include "daemon/completion/completion_totals.h"
#include "repoindex/index.h"
#include "tests/daemon/editor.h"
#include "tests/engine/tokenizer_data.h"

using namespace engramd;
using namespace engramd::daemon;
using engramd::test::json;

namespace {

std::shared_ptr<const engine::Tokenizer> letters() {
  auto data = test::small_vocabulary({});
  for (const auto* control : {"<|fim_suffix|>", "<|fim_middle|>"}) {
    data.tokens.emplace_back(control);
    data.types.push_back(3);
  }
  auto made = engine::tokenizer::make_tokenizer(std::move(data));
  if (!made) FAIL(made.error().message);
  return *std::move(made);
}

// A network that says the same at every place.
class Parrot final : public engine::Model {
 public:
  explicit Parrot(std::vector<float> says) : logits(std::move(says)), tokenizer_(letters()) {
    info_.architecture = "engramd-moe";
    info_.context_length = 2048;
    info_.n_vocab = tokenizer_->n_vocab();
  }
  const engine::Tokenizer& tokenizer() const override { return *tokenizer_; }
  const engine::ModelInfo& info() const override { return info_; }
  Result<std::unique_ptr<engine::Session>> open_session(size_t) const override;

  const std::vector<float> logits;
  mutable size_t n_appended = 0;

 private:
  std::shared_ptr<const engine::Tokenizer> tokenizer_;
  engine::ModelInfo info_;
};

class ParrotSession final : public engine::Session {
 public:
  explicit ParrotSession(const Parrot& model) : model_(model) {}
  Result<engine::SyncResult> sync(std::span<const engine::TokenId> tokens,
                                  const CancelToken&) override {
    const size_t n_reused = std::min(n_synced_, tokens.size() - 1);
    n_synced_ = tokens.size();
    return engine::SyncResult{n_reused, tokens.size() - n_reused};
  }
  std::span<const float> logits() const override { return model_.logits; }
  Status append(engine::TokenId, const CancelToken&) override {
    ++model_.n_appended;
    return {};
  }
  Result<std::vector<float>> all_logits(std::span<const engine::TokenId>,
                                        const CancelToken&) override {
    return fail(ErrorCode::unsupported, "a parrot");
  }
  Result<engine::GenerateResult> generate(std::span<const engine::TokenId>,
                                          const engine::GenerateOptions&,
                                          const CancelToken&) override {
    return fail(ErrorCode::unsupported, "a parrot");
  }
  Result<std::vector<double>> score(std::span<const engine::TokenId>,
                                    const std::vector<std::vector<engine::TokenId>>&,
                                    const CancelToken&) override {
    return fail(ErrorCode::unsupported, "a parrot");
  }
  size_t n_tokens() const override { return n_synced_; }
  Result<std::string> snapshot() const override { return fail(ErrorCode::unsupported, "a parrot"); }
  Status restore(std::string_view) override { return fail(ErrorCode::unsupported, "a parrot"); }
  Result<std::unique_ptr<engine::Session>> fork() const override {
    return fail(ErrorCode::unsupported, "a parrot");
  }
  size_t memory_bytes() const override { return 0; }

 private:
  const Parrot& model_;
  size_t n_synced_ = 0;
};

Result<std::unique_ptr<engine::Session>> Parrot::open_session(size_t) const {
  return std::make_unique<ParrotSession>(*this);
}

engine::TokenId letter(const engine::Tokenizer& tokenizer, std::string_view bytes) {
  const auto tokens = tokenizer.encode(bytes);
  REQUIRE(tokens.size() == 1);
  return tokens[0];
}

// "a" with this probability, the rest of it is said to be "b".
std::shared_ptr<Parrot> saying_a(float probability) {
  const auto tokenizer = letters();
  std::vector<float> logits(tokenizer->n_vocab(), -100.0f);
  logits[static_cast<size_t>(letter(*tokenizer, "a"))] = std::log(probability);
  logits[static_cast<size_t>(letter(*tokenizer, "b"))] = std::log(1 - probability);
  return std::make_shared<Parrot>(std::move(logits));
}

repoindex::View one_file(std::string text) {
  repoindex::OpenDocument document;
  document.text = std::make_shared<const std::string>(std::move(text));
  auto overlay = std::make_shared<repoindex::Overlay>();
  (*overlay)["a.py"] = std::move(document);
  return {nullptr, overlay, nullptr};
}

Result<Completion> completed(const std::shared_ptr<Parrot>& model, double wanted,
                             CompletionTotals* totals = nullptr) {
  CompleterOptions options;
  options.use_memory = false;
  auto completer = Completer::make(model, nullptr, options);
  if (!completer) FAIL(completer.error().message);
  CompleteOptions asked;
  asked.min_confidence = wanted;
  const repoindex::View view = one_file("x = 1\ny = ");
  auto completion = (*completer)->complete(view, "a.py", 10, asked);
  if (totals != nullptr && completion) totals->add(*completion);
  return completion;
}

}  // namespace

TEST_CASE("a network's shares are those of the whole vocabulary, also of the part not looked at") {
  const auto tokenizer = letters();
  std::mt19937 random(7);
  std::normal_distribution<float> spread(0, 6);
  for (int round = 0; round < 20; ++round) {
    std::vector<float> logits(tokenizer->n_vocab());
    for (float& one : logits) one = spread(random);
    const auto model = std::make_shared<Parrot>(logits);
    CompleterOptions options;
    options.use_memory = false;
    auto completer = Completer::make(model, nullptr, options);
    REQUIRE(completer);
    const auto told = (*completer)->judge_text(one_file("x = 1\ny = "), "a.py", 10, "az");
    REQUIRE(told);
    REQUIRE(told->tokens.size() == 2);

    const double highest = *std::max_element(logits.begin(), logits.end());
    double sum = 0, entropy = 0, best = 0;
    for (const float one : logits) sum += std::exp(static_cast<double>(one) - highest);
    for (const float one : logits) {
      const double p = std::exp(static_cast<double>(one) - highest) / sum;
      if (p > 0) entropy -= p * std::log(p);
      best = std::max(best, p);
    }
    const auto share = [&](std::string_view bytes) {
      const auto token = static_cast<size_t>(letter(*tokenizer, bytes));
      return std::exp(static_cast<double>(logits[token]) - highest) / sum;
    };
    for (size_t i = 0; i < 2; ++i) {
      const DecodedToken& token = told->tokens[i];
      CHECK(token.network_probability == Approx(share(i == 0 ? "a" : "z")).margin(1e-6));
      CHECK(token.evidence.network_entropy == Approx(entropy).margin(1e-3));
      // The best choice may be a line end, which is that of several tokens, or a control token,
      // which is none.
      CHECK(token.evidence.network_top <= 1.0001f);
    }
  }
}

TEST_CASE("a line that has become too improbable to be shown is not finished") {
  // 0.8 a token: below a tenth after eleven of them.
  const auto doubtful = saying_a(0.8f);
  const auto withheld = completed(doubtful, 0.3);
  REQUIRE(withheld);
  CHECK(withheld->text.empty());
  CHECK(withheld->withheld);
  CHECK(withheld->confidence == 0);
  const double least = std::log(0.3) - 1;
  const auto n_most = static_cast<size_t>(least / std::log(0.8)) + 1;
  CHECK(withheld->n_tokens <= n_most);
  CHECK(doubtful->n_appended < n_most);
  CHECK(withheld->n_tokens + 1 >= n_most);  // and not given up before

  // Whoever wants to see everything gets all of it.
  const auto everything = completed(saying_a(0.8f), 0);
  REQUIRE(everything);
  CHECK(everything->text == std::string(48, 'a'));

  // A sure one is finished as before.
  const auto sure = completed(saying_a(0.9999f), 0.3);
  REQUIRE(sure);
  CHECK(sure->text == std::string(48, 'a'));
}

TEST_CASE("how improbable is too improbable depends on who speaks") {
  JudgeSettings settings;
  CHECK(least_log_probability(settings) == -std::numeric_limits<float>::infinity());
  settings.wanted = kShownWhileTyping;
  const float memory = least_log_probability(settings);
  settings.mixed = true;
  CHECK(memory < least_log_probability(settings));
  CHECK(least_log_probability(settings) < std::log(static_cast<float>(kShownWhileTyping)));
}

TEST_CASE("where the time of completions went is summed, and told of the last one") {
  CompletionTotals totals;
  CHECK(json::parse(totals.json())["requests"] == 0);
  const auto first = completed(saying_a(0.9999f), 0.3, &totals);
  REQUIRE(first);
  Completion late;  // the memory's answer, the network was not there in time
  late.total_s = 0.5;
  late.n_prompt_tokens = 100;
  totals.add(late);
  const json told = json::parse(totals.json());
  CHECK(told["requests"] == 2);
  CHECK(told["from_network"] == 1);
  CHECK(told["prompt_tokens"] == first->n_prompt_tokens + 100);
  CHECK(told["prompt_reused"] == first->n_prompt_reused);
  CHECK(told["generated_tokens"] == 48);
  CHECK(told["last"]["requests"] == 1);
  CHECK(told["last"]["prompt_tokens"] == 100);
  CHECK(told["last"]["ms"]["total"] == Approx(500));
  // The parts of a completion are no more than the whole.
  CHECK(first->learn_s + first->memory_s + first->window_s + first->prompt_s + first->decode_s <=
        first->total_s);
  CHECK(told["ms"]["total"].get<double>() == Approx(500 + first->total_s * 1e3));
}

TEST_CASE("a key waits for no parser where the completion reads texts only") {
  const test::Workspace workspace("//- /a.py\nx = 1\n\n\n//- /b.py\ny = 2\n");
  std::atomic<bool> reads_facts{false};
  std::atomic<int> n_with_facts{0}, n_without{0};
  std::mutex mutex;
  std::string text, other;
  test::EditorOptions options;
  options.ports.completion_reads_facts = [&] { return reads_facts.load(); };
  options.ports.complete = [&](const CompletionQuery& query,
                               const CancelToken&) -> Result<std::vector<CompletionSuggestion>> {
    ++(query.view.facts("a.py") != nullptr ? n_with_facts : n_without);
    const std::lock_guard lock(mutex);
    text = query.view.text("a.py").value_or("none");
    other = query.view.text("b.py").value_or("none");
    return std::vector<CompletionSuggestion>{};
  };
  test::Editor editor(workspace, options);
  editor.wait_for_index();
  editor.open("a.py");
  editor.open("b.py");
  const auto ask = [&](int line, int character) {
    json params = editor.at("a.py", line, character);
    params["context"] = {{"triggerKind", 2}};
    editor.ask("textDocument/inlineCompletion", params);
  };
  const auto symbols = [&] {
    std::string names;
    for (const json& symbol : editor.ask("textDocument/documentSymbol",
                                         {{"textDocument", {{"uri", editor.uri("a.py")}}}}))
      names += symbol["name"].get<std::string>() + ' ';
    return names;
  };
  editor.edit("a.py", 2, {1, 0, 1, 0}, "z");
  ask(1, 1);
  CHECK(n_without == 1);
  CHECK(text == "x = 1\nz\n\n");
  CHECK(other == "y = 2\n");

  // Who needs facts gets them of the same text; then the completion sees what is there.
  editor.edit("a.py", 3, {1, 1, 1, 1}, " = 3");
  CHECK(symbols() == "x z ");
  ask(1, 5);
  CHECK(n_with_facts == 1);
  CHECK(text == "x = 1\nz = 3\n\n");

  // The next key: facts of another text are none.
  editor.edit("a.py", 4, {2, 0, 2, 0}, "w = 4");
  ask(2, 5);
  CHECK(n_without == 2);
  CHECK(text == "x = 1\nz = 3\nw = 4\n");
  CHECK(symbols() == "x z w ");

  reads_facts = true;
  editor.edit("a.py", 5, {2, 5, 2, 5}, "5");
  ask(2, 6);
  CHECK(n_with_facts == 2);
  CHECK(text == "x = 1\nz = 3\nw = 45\n");
}
