#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "daemon/completion/completer.h"
#include "engine/decode/generate.h"
#include "repoindex/index.h"
#include "tests/engine/tokenizer_data.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::daemon;

namespace {

std::shared_ptr<const engine::Tokenizer> tokenizer_with_markers(bool markers = true) {
  auto data = test::small_vocabulary({"r e", "re t", "ret u", "retu r", "retur n",
                                      "\xC4\xA0 return", "v a", "va l", "val u", "valu e"});
  if (markers) {
    for (const auto* control : {"<|fim_suffix|>", "<|fim_middle|>"}) {
      data.tokens.emplace_back(control);
      data.types.push_back(3);
    }
  } else {
    data.types[data.tokens.size() - 2] = 1;  // <|fim_prefix|> as ordinary text
  }
  auto made = engine::tokenizer::make_tokenizer(std::move(data));
  if (!made) FAIL(made.error().message);
  return *std::move(made);
}

// A network of one sentence: after a prompt whose ordinary text ends with `after`, it says `text`,
// then the end.
struct Script {
  std::string after, text;
  std::chrono::milliseconds step{0};  // what one token costs
  bool fails = false;
};

class ScriptedModel final : public engine::Model {
 public:
  explicit ScriptedModel(Script sentence, bool markers = true,
                         const std::string& architecture = "engramd")
      : script(std::move(sentence)), tokenizer_(tokenizer_with_markers(markers)) {
    info_.architecture = architecture;
    info_.context_length = 2048;
    info_.n_vocab = tokenizer_->n_vocab();
  }
  const engine::Tokenizer& tokenizer() const override { return *tokenizer_; }
  const engine::ModelInfo& info() const override { return info_; }
  Result<std::unique_ptr<engine::Session>> open_session(size_t) const override;

  Script script;
  mutable std::vector<engine::TokenId> last_prompt;
  mutable size_t n_opened = 0;

 private:
  std::shared_ptr<const engine::Tokenizer> tokenizer_;
  engine::ModelInfo info_;
};

class ScriptedSession final : public engine::Session {
 public:
  explicit ScriptedSession(const ScriptedModel& model)
      : model_(model), logits_(model.tokenizer().n_vocab()) {}
  Result<engine::SyncResult> sync(std::span<const engine::TokenId> tokens,
                                  const CancelToken& cancel) override {
    ENGRAMD_CHECK(cancel.check());
    if (model_.script.fails) return fail(ErrorCode::internal, "the script fails");
    text_ = model_.tokenizer().decode(tokens);
    model_.last_prompt.assign(tokens.begin(), tokens.end());
    speak();
    return engine::SyncResult{0, tokens.size()};
  }
  std::span<const float> logits() const override { return logits_; }
  Result<std::vector<float>> all_logits(std::span<const engine::TokenId>,
                                        const CancelToken&) override {
    return fail(ErrorCode::unsupported, "not scripted");
  }
  Status append(engine::TokenId token, const CancelToken& cancel) override {
    std::this_thread::sleep_for(model_.script.step);
    ENGRAMD_CHECK(cancel.check());
    text_ += model_.tokenizer().bytes(token);
    speak();
    return {};
  }
  Result<engine::GenerateResult> generate(std::span<const engine::TokenId> prompt,
                                          const engine::GenerateOptions& options,
                                          const CancelToken& cancel) override {
    return engine::decode::generate(*this, model_, prompt, options, cancel);
  }
  Result<std::vector<double>> score(std::span<const engine::TokenId>,
                                    const std::vector<std::vector<engine::TokenId>>&,
                                    const CancelToken&) override {
    return fail(ErrorCode::unsupported, "not scripted");
  }
  size_t n_tokens() const override { return 0; }
  Result<std::string> snapshot() const override { return fail(ErrorCode::unsupported, "scripted"); }
  Status restore(std::string_view) override { return fail(ErrorCode::unsupported, "scripted"); }
  Result<std::unique_ptr<engine::Session>> fork() const override {
    return fail(ErrorCode::unsupported, "scripted");
  }
  size_t memory_bytes() const override { return 1000; }

 private:
  void speak() {
    std::fill(logits_.begin(), logits_.end(), 0.0f);
    const auto& [after, text, step, fails] = model_.script;
    const auto& tokenizer = model_.tokenizer();
    // The longest beginning of the sentence that has been said already.
    for (size_t said = text.size() + 1; said-- > 0;) {
      if (!text_.ends_with(after + text.substr(0, said))) continue;
      const auto next = tokenizer.encode(std::string_view(text).substr(said));
      logits_[static_cast<size_t>(next.empty() ? tokenizer.specials().eos : next[0])] = 20;
      return;
    }
  }
  const ScriptedModel& model_;
  std::string text_;
  std::vector<float> logits_;
};

Result<std::unique_ptr<engine::Session>> ScriptedModel::open_session(size_t) const {
  ++n_opened;
  return std::make_unique<ScriptedSession>(*this);
}

struct Fixture {
  explicit Fixture(std::string_view text) : workspace(text) {
    repoindex::IndexOptions options;
    options.use_cache = false;
    options.n_threads = 1;
    auto opened = repoindex::RepoIndex::open(workspace.root(), options);
    if (!opened) FAIL(opened.error().message);
    index = *std::move(opened);
    const auto stats = index->refresh();
    if (!stats) FAIL(stats.error().message);
    view.snapshot = index->snapshot();
  }
  // The file as an unsaved buffer.
  void edit(const std::string& path, std::string text) {
    auto overlay = std::make_shared<repoindex::Overlay>();
    (*overlay)[path] = repoindex::Document::open(path, std::move(text), 1)->publish();
    view.overlay = overlay;
  }
  Result<Completion> complete(Completer& completer, const CompleteOptions& options = {},
                              const CancelToken& cancel = {}) {
    return completer.complete(view, workspace.cursor().path, workspace.cursor().offset, options,
                              cancel);
  }

  test::Workspace workspace;
  std::unique_ptr<repoindex::RepoIndex> index;
  repoindex::View view;
};

std::unique_ptr<Completer> made(std::shared_ptr<const engine::Model> model,
                                CompleterOptions options = {}) {
  auto completer = Completer::make(std::move(model), tokenizer_with_markers(), std::move(options));
  if (!completer) FAIL(completer.error().message);
  return *std::move(completer);
}

// How sure a suggestion must be is another story: this one is about what it says.
CompleteOptions any() {
  CompleteOptions options;
  options.min_confidence = 0;
  return options;
}

CompleteOptions invoked() {
  CompleteOptions options;
  options.trigger = CompletionTrigger::invoked;
  return options;
}

constexpr const char* kProject = R"(
//- /a.py
def first(x):
    value = lookup(x)
    return value

def second(y):
    value = lookup(y)
    return value
//- /b.py
def third(z):
    value = lookup(z)
    ret<|>
)";

}  // namespace

TEST_CASE("without a network the repository's own habits complete the line") {
  Fixture fixture(kProject);
  const auto completer = made(nullptr);
  const auto completion = fixture.complete(*completer, any());
  REQUIRE(completion);
  CHECK(completion->text == "urn value");
  CHECK(completion->replaced ==
        ByteRange{fixture.workspace.cursor().offset, fixture.workspace.cursor().offset});
  CHECK(completion->confidence > 0.1);
  CHECK_FALSE(completion->from_network);
  CHECK(completion->from_memory == 1);
}

TEST_CASE("without a memory the network completes alone") {
  Fixture fixture(kProject);
  // The shipped family's prompts end with a whole token: "ret" is generated again.
  const auto model = std::make_shared<ScriptedModel>(Script{"    ", "return scripted\nmore"});
  CompleterOptions options;
  options.use_memory = false;
  const auto completer = made(model, options);
  const auto completion = fixture.complete(*completer);
  REQUIRE(completion);
  CHECK(completion->text == "urn scripted");
  CHECK(completion->from_memory == 0);
  const auto& specials = model->tokenizer().specials();
  REQUIRE_FALSE(model->last_prompt.empty());
  CHECK(model->last_prompt.front() == specials.fim_suffix);
  CHECK(model->last_prompt.back() == specials.fim_middle);
  CHECK(completion->n_prompt_tokens == model->last_prompt.size());
}

TEST_CASE("a network of another family reads the cursor's window, up to the cut word") {
  Fixture fixture(kProject);
  const auto model =
      std::make_shared<ScriptedModel>(Script{"    ret", "urn scripted\nmore"}, true, "qwen2");
  CompleterOptions options;
  options.use_memory = false;
  options.prompt_order = PromptOrder::suffix_prefix_middle;  // the script looks at the last text
  const auto completion = fixture.complete(*made(model, options));
  REQUIRE(completion);
  CHECK(completion->text == "urn scripted");
  CHECK(model->last_prompt.front() == model->tokenizer().specials().fim_suffix);
  CHECK(completion->n_prompt_tokens == model->last_prompt.size());
}

TEST_CASE("a model without markers gets the text left of the cursor") {
  Fixture fixture(kProject);
  const auto model = std::make_shared<ScriptedModel>(Script{"   ", " return healed"}, false);
  CompleterOptions options;
  options.use_memory = false;
  const auto completion = fixture.complete(*made(model, options));
  REQUIRE(completion);
  CHECK(completion->text == "urn healed");  // the cut word was generated again as a whole
  CHECK_FALSE(model->tokenizer().decode(model->last_prompt).ends_with("ret"));
}

TEST_CASE("network and memory agree on more than either alone") {
  Fixture fixture(kProject);
  const auto model = std::make_shared<ScriptedModel>(Script{"nothing of this", "x"});
  const auto completion = fixture.complete(*made(model), any());
  REQUIRE(completion);
  CHECK(completion->text == "urn value");  // a network that knows nothing does not spoil it
  CHECK(completion->from_memory == 1);
}

TEST_CASE("nothing is shown while typing when nothing is sure; a key shows more") {
  Fixture fixture(kProject);
  const auto model = std::make_shared<ScriptedModel>(Script{"nothing of this", "x"});
  CompleterOptions options;
  options.use_memory = false;
  const auto completer = made(model, options);
  const auto completion = fixture.complete(*completer);
  REQUIRE(completion);
  CHECK(completion->text.empty());
  CHECK(completion->confidence < 0.1);
}

TEST_CASE("unsaved text counts, what is on disk below it does not") {
  Fixture fixture(kProject);
  const std::string text = "colour = pick(1)\nshape = draw(colour)\ncolour = pi";
  fixture.edit("b.py", text);
  const auto completion = made(nullptr)->complete(fixture.view, "b.py", text.size(), invoked());
  REQUIRE(completion);
  CHECK(completion->text.starts_with("ck(1)"));
}

TEST_CASE("the item chosen in the menu is where the suggestion starts") {
  Fixture fixture(kProject);
  CompleteOptions options = invoked();
  options.selected_text = "return";
  const size_t cursor = fixture.workspace.cursor().offset;
  options.selected_range = ByteRange{cursor - 3, cursor};
  const auto completion = fixture.complete(*made(nullptr), options);
  REQUIRE(completion);
  CHECK(completion->text == "return value");
  CHECK(completion->replaced == *options.selected_range);

  options.selected_range = ByteRange{cursor + 1, cursor + 2};
  const auto outside = fixture.complete(*made(nullptr), options);
  REQUIRE_FALSE(outside);
  CHECK(outside.error().code == ErrorCode::invalid_input);
}

TEST_CASE("a cancelled request says so, and the next one is served") {
  Fixture fixture(kProject);
  const auto model = std::make_shared<ScriptedModel>(
      Script{"    ", "return " + std::string(60, 'z'), std::chrono::milliseconds(2)});
  CompleterOptions options;
  options.use_memory = false;
  const auto completer = made(model, options);
  CancelSource source;
  std::thread newer_key([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    source.cancel();
  });
  const auto completion = fixture.complete(*completer, {}, source.token());
  newer_key.join();
  REQUIRE_FALSE(completion);
  CHECK(completion.error().code == ErrorCode::cancelled);
  model->script.step = {};
  const auto next = fixture.complete(*completer);
  REQUIRE(next);
  CHECK(next->text.starts_with("urn zz"));
}

TEST_CASE("a deadline gives what there is by then") {
  Fixture fixture(kProject);
  const auto model = std::make_shared<ScriptedModel>(
      Script{"    ", "return " + std::string(60, 'z'), std::chrono::milliseconds(10)});
  CompleterOptions options;
  options.use_memory = false;
  const auto completer = made(model, options);
  CompleteOptions late;
  late.deadline = Clock::now() + std::chrono::milliseconds(120);
  const auto completion = fixture.complete(*completer, late);
  REQUIRE(completion);
  CHECK(completion->stop_reason == "deadline");
  CHECK(completion->n_tokens < 30);

  late.deadline = Clock::now() - std::chrono::milliseconds(1);
  const auto nothing = fixture.complete(*completer, late);
  REQUIRE(nothing);
  CHECK(nothing->text.empty());
}

TEST_CASE("the memory's answer does not wait for a network that is late") {
  Fixture fixture(kProject);
  const auto model = std::make_shared<ScriptedModel>(
      Script{"    ", "return " + std::string(60, 'z'), std::chrono::milliseconds(10)});
  const auto completer = made(model);
  CompleteOptions late = any();
  late.deadline = Clock::now() + std::chrono::minutes(10);
  late.network_deadline = Clock::now() + std::chrono::milliseconds(1);
  const auto completion = fixture.complete(*completer, late);
  REQUIRE(completion);
  CHECK(completion->text == "urn value");
  CHECK_FALSE(completion->from_network);
  CHECK(completion->stop_reason == "deadline");
}

TEST_CASE("before the memory is built the open file is what it knows") {
  Fixture fixture(kProject);
  std::vector<std::function<void()>> jobs;
  CompleterOptions options;
  options.executor = [&](std::function<void()> job) {
    jobs.push_back(std::move(job));
    return true;
  };
  const auto completer = made(nullptr, options);
  const auto early = fixture.complete(*completer, any());
  REQUIRE(early);
  CHECK(early->text != "urn value");  // a.py is not known yet
  REQUIRE(jobs.size() == 1);
  REQUIRE(fixture.complete(*completer));
  CHECK(jobs.size() == 1);  // one build at a time
  jobs[0]();
  const auto later = fixture.complete(*completer, any());
  REQUIRE(later);
  CHECK(later->text == "urn value");
  CHECK(completer->n_bytes() > 0);
}

TEST_CASE("with time to spare the first request waits for the memory") {
  Fixture fixture(kProject);
  std::vector<std::jthread> builders;
  std::atomic<bool> go{false};
  CompleterOptions options;
  options.executor = [&](std::function<void()> job) {
    builders.emplace_back([&go, job = std::move(job)] {
      while (!go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      job();
    });
    return true;
  };
  const auto completer = made(nullptr, options);
  CompleteOptions patient = any();
  patient.deadline = Clock::now() + std::chrono::minutes(10);

  const std::jthread later([&go] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    go = true;
  });
  const auto first = fixture.complete(*completer, patient);
  REQUIRE(first);
  CHECK(first->text == "urn value");
}

TEST_CASE("a build that ends after its completer is harmless") {
  Fixture fixture(kProject);
  std::vector<std::function<void()>> jobs;
  CompleterOptions options;
  options.executor = [&](std::function<void()> job) {
    jobs.push_back(std::move(job));
    return true;
  };
  {
    const auto completer = made(nullptr, options);
    completer->prepare(fixture.view, "b.py");
  }
  REQUIRE(jobs.size() == 1);
  jobs[0]();
}

TEST_CASE("requests that make no sense are one clear error") {
  Fixture fixture(kProject);
  const auto completer = made(nullptr);
  auto completion = completer->complete(fixture.view, "absent.py", 0, {});
  REQUIRE_FALSE(completion);
  CHECK(completion.error().code == ErrorCode::not_found);
  completion = completer->complete(fixture.view, "b.py", 100000, {});
  REQUIRE_FALSE(completion);
  CHECK_THAT(completion.error().message, Catch::Contains("the cursor is at byte 100000 of b.py"));
  CHECK_FALSE(Completer::make(nullptr, nullptr).has_value());
  CompleterOptions neither;
  neither.use_memory = false;
  CHECK_FALSE(Completer::make(nullptr, tokenizer_with_markers(), neither).has_value());
}

TEST_CASE("after an engine error the session is opened anew") {
  Fixture fixture(kProject);
  const auto model = std::make_shared<ScriptedModel>(Script{"    ", "return again"});
  CompleterOptions options;
  options.use_memory = false;
  const auto completer = made(model, options);
  model->script.fails = true;
  const auto failed = fixture.complete(*completer);
  REQUIRE_FALSE(failed);
  CHECK_THAT(failed.error().message, Catch::Contains("the script fails"));
  model->script.fails = false;
  const auto completion = fixture.complete(*completer);
  REQUIRE(completion);
  CHECK(completion->text == "urn again");
  CHECK(model->n_opened == 2);
}

TEST_CASE("the shipped model completes in a real folder, and reuses its prompt") {
  const std::string path = std::string(ENGRAMD_SOURCE_DIR) + "/models/engramd-small.gguf";
  engine::LoadOptions load;
  load.n_threads = 1;
  const auto model = engine::Model::load(path, load);
  if (!model) FAIL(model.error().message);
  Fixture fixture(kProject);
  const auto completer = made(*model);
  const auto completion = fixture.complete(*completer, invoked());
  REQUIRE(completion);
  CHECK(completion->text == "urn value");
  CHECK(completion->n_prompt_tokens > 10);
  CHECK(completion->tokens_per_s > 0);

  // The next key: what is right of the cursor and far left of it is not read again.
  std::string text = fixture.workspace.read("b.py");
  text.insert(fixture.workspace.cursor().offset, "u");
  fixture.edit("b.py", text);
  const auto next =
      completer->complete(fixture.view, "b.py", fixture.workspace.cursor().offset + 1, invoked());
  REQUIRE(next);
  CHECK(next->text == "rn value");
  CHECK(next->n_prompt_reused > completion->n_prompt_tokens / 2);
}

TEST_CASE("what is guessed ahead changes nothing of a suggestion") {
  const std::string path = std::string(ENGRAMD_SOURCE_DIR) + "/models/engramd-small.gguf";
  engine::LoadOptions load;
  load.n_threads = 1;
  const auto model = engine::Model::load(path, load);
  if (!model) FAIL(model.error().message);
  Fixture fixture(kProject);
  CompleterOptions ahead, one_by_one;
  ahead.speculation = true;
  one_by_one.speculation = false;
  const auto with = made(*model, ahead), without = made(*model, one_by_one);
  const std::string text = fixture.workspace.read("a.py");
  size_t n_texts = 0;
  CompleteOptions options = invoked();
  options.min_confidence = 0;
  options.max_lines = 3;
  for (size_t offset = 3; offset < text.size(); offset += 3) {
    const auto a = with->complete(fixture.view, "a.py", offset, options);
    const auto b = without->complete(fixture.view, "a.py", offset, options);
    REQUIRE(a);
    REQUIRE(b);
    INFO(text.substr(0, offset) + "|");
    CHECK(a->text == b->text);
    CHECK(a->confidence == b->confidence);
    n_texts += a->text.empty() ? 0 : 1;
  }
  CHECK(n_texts > 8);
}

TEST_CASE("what the editor closed by itself does not make a line seem to end") {
  const std::string path = std::string(ENGRAMD_SOURCE_DIR) + "/models/engramd-small.gguf";
  const auto model = engine::Model::load(path, {});
  if (!model) FAIL(model.error().message);
  Fixture fixture(R"(
//- /report.py
def describe(cart):
    print("total price of the cart:", cart.total_price())
    return cart.total_price()
//- /app.py
def main(cart):
    print("total price of the cart<|>
)");
  const auto completer = made(*model);
  const auto open = fixture.complete(*completer, any());
  REQUIRE(open);
  CHECK(open->text == ":\", cart.total_price())");
  std::string text = fixture.workspace.read("app.py");
  text.insert(fixture.workspace.cursor().offset, "\")");
  fixture.edit("app.py", text);
  const auto closed = fixture.complete(*completer, any());
  REQUIRE(closed);
  CHECK(closed->text == open->text);
  CHECK(closed->confidence == Approx(open->confidence).margin(0.05));
}
