// Multi-token prediction against the oracle of DeepSeek-V4's draft layer, and what must hold of any
// draft: however a timeline came to be, what is drafted behind it is the same.
#include <algorithm>

#include "block_harness.h"
#include "engine/api/session.h"
#include "engine/arch/family.h"
#include "engine/core/drafter.h"
#include "engine/format/gguf.h"

namespace engramd::engine::test {
namespace {

constexpr double kBound = 1e-5;
// The fixture's seed keeps the network clear of rounding boundaries, not the draft layer: one value
// of a row at token 47 is 3e-6 from one. The oracle in float32 is 1.2e-4 off from there on.
constexpr double kRoundedBound = 2e-4;
constexpr size_t kClearRows = 12;  // of the fixture's positions: those before

std::filesystem::path small_v4(const char* file) {
  return oracle_fixture("deepseek4_small") / file;
}

std::shared_ptr<const Model> load(bool cache_rounding, std::string_view kernels = "") {
  LoadOptions options;
  options.kernels = std::string(kernels);
  options.n_threads = 2;
  options.kv_type = "f32";
  options.cache_rounding = cache_rounding;
  options.drafts = true;
  auto model = Model::load(small_v4("model.gguf"), options);
  INFO((model ? std::string() : model.error().message));
  REQUIRE(model);
  CHECK((*model)->info().drafts);
  return *model;
}

std::unique_ptr<Session> open(const std::shared_ptr<const Model>& model) {
  auto session = model->open_session(0);
  REQUIRE(session);
  return *std::move(session);
}

// The fixture's sequence: its tokens and the one behind them.
std::vector<TokenId> sequence() {
  const Cases cases(small_v4("expected.safetensors"));
  auto tokens = cases.values<TokenId>("tokens");
  tokens.push_back(cases.values<TokenId>("mtp.tokens").back());
  return tokens;
}

struct Draft {
  std::vector<TokenId> tokens;
  std::vector<float> logits;
  bool operator==(const Draft&) const = default;
};

// Of n tokens behind the first `n_tokens` of a sequence and the one that follows there.
Draft drafted(Session& session, const std::vector<TokenId>& tokens, size_t n_tokens, size_t n) {
  REQUIRE(session.sync(std::span(tokens).first(n_tokens)));
  auto draft = session.draft(tokens[n_tokens], n);
  INFO((draft ? std::string() : draft.error().message));
  REQUIRE(draft);
  const auto logits = session.draft_logits();
  return {*std::move(draft), {logits.begin(), logits.end()}};
}

}  // namespace

TEST_CASE("the draft layer of DeepSeek-V4 computes what its oracle computes") {
  const bool rounded = GENERATE(true, false);
  const Cases cases(small_v4(rounded ? "expected.safetensors" : "expected_plain.safetensors"));
  const auto tokens = sequence();
  const auto positions = cases.values<int32_t>("positions");
  const auto expected = cases.values<float>("mtp.logits");
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    const auto model = load(rounded, kernels->name);
    const size_t n_vocab = model->info().n_vocab;
    auto session = open(model);
    std::vector<float> found;
    for (const int32_t position : positions) {
      const Draft draft = drafted(*session, tokens, size_t(position) + 1, 1);
      REQUIRE(draft.logits.size() == n_vocab);
      const auto largest = std::max_element(draft.logits.begin(), draft.logits.end());
      CHECK(draft.tokens == std::vector<TokenId>{TokenId(largest - draft.logits.begin())});
      found.insert(found.end(), draft.logits.begin(), draft.logits.end());
    }
    INFO(kernels->name << (rounded ? " rounded" : " plain"));
    REQUIRE(found.size() == expected.size());
    CHECK(relative_error(found, expected) <= (rounded ? kRoundedBound : kBound));
    const auto clear = std::ptrdiff_t(kClearRows * n_vocab);
    REQUIRE(positions[kClearRows - 1] < 47);
    CHECK(relative_error({found.begin(), found.begin() + clear},
                         {expected.begin(), expected.begin() + clear}) <= kBound);
  }
}

TEST_CASE("the streams behind the draft layer are the oracle's") {
  const Cases cases(small_v4("expected_plain.safetensors"));
  const auto tokens = cases.values<TokenId>("tokens");
  const auto positions = cases.values<int32_t>("positions");
  const auto expected = cases.values<float>("mtp.layer");
  const auto file = format::GgufFile::open(small_v4("model.gguf"));
  REQUIRE(file);
  const auto network = arch::build_network(
      **file, {.cache_rounding = false, .kv_type = cpu::KvType::f32, .drafts = true});
  INFO((network ? std::string() : network.error().message));
  REQUIRE(network);
  REQUIRE(network->drafts);
  const size_t n = tokens.size(), row = network->n_streams * network->d_model;
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    BlockHarness harness(*kernels, network->d_model, network->n_streams);
    std::vector<std::unique_ptr<memory::BlockState>> states;
    for (const auto& block : network->blocks) states.push_back(block->make_state(harness.budget));
    core::Drafter::add_states(*network, harness.budget, states);
    harness.states = memory::NetworkState(std::move(states));
    REQUIRE(harness.states.reserve(n));
    harness.timeline = tokens;
    std::vector<float> h(n * row);
    blocks::Step step = harness.step(0, n, h.data());
    REQUIRE(blocks::embed(step, network->embedding));
    for (size_t i = 0; i < network->blocks.size(); ++i) {
      harness.scratch.reset();
      step.state = harness.states.of_block(i);
      REQUIRE(network->blocks[i]->run(step));
    }
    core::Drafter drafter(*network, network->blocks.size());
    REQUIRE(drafter.follow(step));
    const auto streams = drafter.streams();
    REQUIRE(streams.size() == (n - 1) * row);  // the last row waits for its next token
    std::vector<float> found;
    for (const int32_t position : positions) {
      const auto first = streams.begin() + std::ptrdiff_t(size_t(position) * row);
      found.insert(found.end(), first, first + std::ptrdiff_t(row));
    }
    INFO(kernels->name);
    CHECK(relative_error(found, expected) <= kBound);
  }
}

TEST_CASE("a draft behind a timeline that grew in pieces equals one behind it read at once") {
  const auto model = load(true);
  const auto tokens = sequence();
  auto grown = open(model);
  for (const size_t end : {1, 2, 3, 7, 16, 17, 18, 33, 50, 64}) {
    const Draft draft = drafted(*grown, tokens, end, 4);
    CHECK(draft.tokens.size() == 4);
    CHECK(draft == drafted(*open(model), tokens, end, 4));
    CHECK(draft == drafted(*grown, tokens, end, 4));  // again: the draft left no trace
  }
  auto appended = open(model);
  REQUIRE(appended->sync(std::span(tokens).first(5)));
  for (size_t i = 5; i < 40; ++i) {
    REQUIRE(appended->append(tokens[i]));
    if (i % 9 == 0) REQUIRE(appended->draft(TokenId(i), 3));  // of a token that is not taken
  }
  CHECK(drafted(*appended, tokens, 40, 4) == drafted(*open(model), tokens, 40, 4));
}

TEST_CASE("drafting changes nothing of what the network computes") {
  const auto tokens = sequence();
  LoadOptions options;
  options.n_threads = 2;
  options.kv_type = "f32";
  const auto plain = Model::load(small_v4("model.gguf"), options);
  REQUIRE(plain);
  CHECK(!(*plain)->info().drafts);
  auto without = open(*plain), with = open(load(true));
  for (const size_t n : {5, 40, 64}) {
    drafted(*with, tokens, n, 2);
    REQUIRE(without->sync(std::span(tokens).first(n)));
    CHECK(std::ranges::equal(with->logits(), without->logits()));
  }
  SECTION("without the layer a draft is an error, and so are its misuses") {
    const auto refused = without->draft(1, 1);
    REQUIRE(!refused);
    CHECK(refused.error().code == ErrorCode::invalid_input);
    CHECK(without->draft_logits().empty());
    CHECK(!with->draft(1, 0));
    CHECK(!with->draft(1, 1000));
    CHECK(!with->draft(-1, 1));
    CHECK(!with->draft(TokenId(1) << 20, 1));
    CHECK(!open(load(true))->draft(1, 1));
    CHECK(drafted(*with, tokens, 64, 2) == drafted(*open(load(true)), tokens, 64, 2));
  }
  SECTION("a snapshot of one is not taken for the other's") {
    const auto snapshot = with->snapshot();
    REQUIRE(snapshot);
    CHECK(!without->restore(*snapshot));
  }
}

TEST_CASE("drafts follow a timeline that goes back, is forked or restored") {
  const auto model = load(true);
  const auto tokens = sequence();
  auto session = open(model);
  const Draft at_end = drafted(*session, tokens, 64, 4);
  for (const size_t parted : {size_t(1), size_t(3), size_t(17), size_t(40), size_t(63)}) {
    INFO("parted after " << parted << " tokens");
    auto other = tokens;
    for (size_t i = parted; i < other.size(); ++i) other[i] = (other[i] + 1) % 256;
    CHECK(drafted(*session, other, 64, 4) == drafted(*open(model), other, 64, 4));
    // To where the two parted, with the token of the one and of the other behind it.
    CHECK(drafted(*session, other, parted, 4) == drafted(*open(model), other, parted, 4));
    CHECK(drafted(*session, tokens, parted, 4) == drafted(*open(model), tokens, parted, 4));
    CHECK(drafted(*session, tokens, 64, 4) == at_end);
  }
  REQUIRE(session->sync(std::span(tokens).first(30)));
  auto forked = session->fork();
  REQUIRE(forked);
  const auto snapshot = session->snapshot();
  REQUIRE(snapshot);
  auto restored = open(model);
  REQUIRE(restored->restore(*snapshot));
  const Draft at_30 = drafted(*open(model), tokens, 30, 4);
  for (Session* each : {session.get(), forked->get(), restored.get()}) {
    CHECK(drafted(*each, tokens, 30, 4) == at_30);
    CHECK(drafted(*each, tokens, 64, 4) == at_end);
  }
  SECTION("after scoring, too") {
    REQUIRE(session->score(std::span(tokens).first(30), {{1, 2, 3}, {4, 5, 6, 7}}));
    CHECK(drafted(*session, tokens, 30, 4) == at_30);
    CHECK(drafted(*session, tokens, 64, 4) == at_end);
  }
  SECTION("a cancelled draft and a cancelled step leave all as it was") {
    CancelSource cancelled;
    cancelled.cancel();
    const auto stopped = session->draft(1, 2, cancelled.token());
    REQUIRE(!stopped);
    CHECK(stopped.error().code == ErrorCode::cancelled);
    REQUIRE(session->sync(std::span(tokens).first(20)));
    for (const int us : {0, 30, 60, 120, 240, 480, 960}) {
      CancelSource deadline({}, Clock::now() + std::chrono::microseconds(us));
      (void)session->sync(std::span(tokens).first(64), deadline.token());
      REQUIRE(session->sync(std::span(tokens).first(20)));
    }
    CHECK(drafted(*session, tokens, 30, 4) == at_30);
    CHECK(drafted(*session, tokens, 64, 4) == at_end);
  }
}

}  // namespace engramd::engine::test
