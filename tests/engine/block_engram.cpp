// Engram against tests/oracles/engram.py: the rows that n-grams hash to with V4.1's published
// constants, the gate, and both forms of the block.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "block_harness.h"
#include "engine/blocks/engram.h"

namespace engramd::engine::test {
namespace {

const FixtureTensors& engram_units() {
  static const FixtureTensors fixture(oracle_fixture("engram/units.safetensors"));
  return fixture;
}

constexpr size_t kPositions = 40, kWidth = 24, kStreams = 4, kColumns = 48;
constexpr TokenId kDead = 99092;  // behind the compressed vocabulary

// Of V4.1's layer, with token ids that are compressed already.
struct PublishedHash {
  explicit PublishedHash(size_t which) {
    const auto bytes = read_file(oracle_fixture("engram/constants.json"));
    REQUIRE(bytes);
    const auto constants = nlohmann::json::parse(*bytes);
    layer = constants["layer_ids"][which].get<size_t>();
    hash.max_ngram = constants["max_ngram_size"].get<size_t>();
    hash.n_heads = constants["head_count"].get<size_t>();
    hash.multipliers = constants["multipliers"][which].get<std::vector<int64_t>>();
    for (const auto& row : constants["primes"][which])
      for (const auto& prime : row) hash.primes.push_back(prime.get<int64_t>());
    hash.offsets = constants["offsets"][which].get<std::vector<int64_t>>();
    n_rows = constants["rows"][which].get<int64_t>();
    map.resize(size_t(kDead) + 1);
    std::iota(map.begin(), map.end(), 0);
    hash.token_map = map;
    hash.pad = 2;
    hash.dead_token = kDead;
  }
  std::vector<int64_t> rows(const std::vector<TokenId>& timeline) const {
    std::vector<int64_t> out(timeline.size() * hash.n_columns());
    for (size_t t = 0; t < timeline.size(); ++t)
      hash.rows(timeline, t, out.data() + t * hash.n_columns());
    return out;
  }
  blocks::EngramHash hash;
  std::vector<int32_t> map;
  size_t layer = 0;
  int64_t n_rows = 0;
};

// The fixture's tokens; dead ones as kDead.
std::vector<TokenId> hashed_tokens() {
  const auto ids = engram_units().cases().values<int64_t>("hash.compressed");
  const auto live = engram_units().cases().values<int32_t>("hash.live");
  std::vector<TokenId> out;
  for (size_t i = 0; i < ids.size(); ++i) out.push_back(live[i] != 0 ? TokenId(ids[i]) : kDead);
  return out;
}

// A hash of which token t has row t, whatever comes before.
blocks::EngramHash row_by_token(std::span<const int32_t> map) {
  blocks::EngramHash hash;
  hash.token_map = map;
  hash.max_ngram = 2;
  hash.n_heads = 1;
  hash.multipliers = {1, 0};
  hash.primes = {int64_t(kPositions)};
  hash.offsets = {0};
  hash.dead_token = TokenId(kPositions);
  return hash;
}

}  // namespace

TEST_CASE("Engram: n-grams hash to the oracle's rows") {
  const size_t which = GENERATE(0, 1);
  const PublishedHash published(which);
  const auto expected =
      engram_units().cases().values<int64_t>("hash.rows." + std::to_string(published.layer));
  CHECK(published.rows(hashed_tokens()) == expected);
  // The columns lie one behind the other and fill the table.
  int64_t end = 0;
  for (size_t i = 0; i < published.hash.n_columns(); ++i) {
    CHECK(published.hash.offsets[i] == end);
    end += published.hash.primes[i];
  }
  CHECK(end == published.n_rows);
}

TEST_CASE("Engram: a dead token changes its own rows and those of the next three") {
  const PublishedHash published(0);
  std::vector<TokenId> live = hashed_tokens();
  for (size_t i = 0; i < live.size(); ++i)
    if (live[i] == kDead) live[i] = TokenId(1000 + i);
  const auto before = published.rows(live);
  const size_t n = published.hash.n_columns();
  for (const size_t at : {size_t(0), size_t(7), size_t(36), size_t(39)}) {
    auto dead = live;
    dead[at] = kDead;
    const auto after = published.rows(dead);
    std::set<size_t> changed, expected;
    for (size_t i = 0; i < after.size(); ++i)
      if (after[i] != before[i]) changed.insert(i / n);
    for (size_t i = at; i < std::min(at + 4, live.size()); ++i) expected.insert(i);
    CHECK(changed == expected);
  }
}

TEST_CASE("Engram: the gate, at a product of zero too") {
  const FixtureTensors& u = engram_units();
  const auto live = u.cases().values<int32_t>("hash.live");
  const float zero[2] = {0, 0}, one[2] = {1, 1};
  using blocks::AtZero;
  CHECK(blocks::engram_gate(zero, one, one, one, 2, 1e-20f) == Approx(0.50025).epsilon(1e-6));
  CHECK(blocks::engram_gate(zero, one, one, one, 2, 1e-20f, AtZero::half) == 0.5f);
  const blocks::Matrix kv = u.matrix("gate.wkv");
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    INFO(kernels->name);
    std::vector<int32_t> map(kPositions + 1);
    std::iota(map.begin(), map.end(), 0);
    blocks::EngramWeights w;
    w.hash = row_by_token(map);
    w.table = u.matrix("gate.rows");
    w.kv = kv;
    w.q_norm = u["gate.q"].data();
    w.k_norm = u["gate.k"].data();
    w.n_streams = kStreams;
    w.epsilon = 1e-20f;
    const auto block = blocks::make_engram(w);
    CHECK(block->n_parameters() ==
          kPositions * kColumns + (kStreams + 1) * kWidth * kColumns + 2 * kStreams * kWidth);
    BlockHarness harness(*kernels, kWidth, kStreams);
    for (size_t i = 0; i < kPositions; ++i)
      harness.timeline.push_back(live[i] != 0 ? TokenId(i) : w.hash.dead_token);
    auto streams = u["gate.streams"];
    blocks::Step step = harness.step(0, kPositions, streams.data());
    REQUIRE(block->run(step));
    check_close(streams, u["gate.out"]);
    // Dead tokens keep their streams to the bit.
    for (size_t t = 0; t < kPositions; ++t) {
      const size_t first = t * kStreams * kWidth, n = kStreams * kWidth;
      const auto begin = u["gate.streams"].begin() + std::ptrdiff_t(first);
      if (live[t] == 0)
        CHECK(std::equal(begin, begin + n, streams.begin() + std::ptrdiff_t(first)));
    }
  }
}

namespace {

// The research form of the fixture: a key projection for each stream and a value projection, in one
// matrix as the block wants them.
struct ResearchForm {
  ResearchForm() {
    const FixtureTensors& u = engram_units();
    kv = u["research.key"];
    kv.insert(kv.end(), u["research.value"].begin(), u["research.value"].end());
    bias = u["research.key_bias"];
    bias.insert(bias.end(), u["research.value_bias"].begin(), u["research.value_bias"].end());
    map.resize(kPositions + 1);
    std::iota(map.begin(), map.end(), 0);
    w.hash = row_by_token(map);
    w.table = u.matrix("gate.rows");
    w.kv = matrix_of(kv, kColumns, (kStreams + 1) * kWidth);
    w.kv_bias = bias.data();
    w.q_norm = u["research.norm_query"].data();
    w.k_norm = u["research.norm_key"].data();
    w.n_streams = kStreams;
    w.epsilon = 1e-6f;
    w.at_zero = blocks::AtZero::half;
    w.convolution = {.norm = u["research.norm_conv"].data(),
                     .kernel = u["research.conv"].data(),
                     .n_taps = 4,
                     .dilation = 3,
                     .epsilon = 1e-5f};
  }
  std::vector<float> kv, bias;
  std::vector<int32_t> map;
  blocks::EngramWeights w;
};

// The streams of positions [first, end) after the block.
std::vector<float> run_research(BlockHarness& harness, const blocks::Block& block,
                                memory::BlockState* state, size_t first, size_t end) {
  const auto& all = engram_units()["research.streams"];
  const size_t row = kStreams * kWidth;
  std::vector<float> h(all.begin() + std::ptrdiff_t(first * row),
                       all.begin() + std::ptrdiff_t(end * row));
  blocks::Step step = harness.step(first, end - first, h.data(), state);
  REQUIRE(block.run(step));
  state->commit(end);
  return h;
}

}  // namespace

TEST_CASE("Engram's research form: biases, and a short convolution over the gated values") {
  const ResearchForm form;
  const auto block = blocks::make_engram(form.w);
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    INFO(kernels->name);
    BlockHarness harness(*kernels, kWidth, kStreams);
    const auto state = block->make_state(harness.budget);
    REQUIRE(state != nullptr);
    const auto at_once = run_research(harness, *block, state.get(), 0, kPositions);
    check_close(at_once, engram_units()["research.out"]);

    {  // in pieces, and token by token
      const auto pieces = block->make_state(harness.budget);
      std::vector<float> found;
      size_t first = 0;
      for (const size_t end : {1, 2, 3, 9, 10, 25, 26, 40}) {
        const auto rows = run_research(harness, *block, pieces.get(), first, size_t(end));
        found.insert(found.end(), rows.begin(), rows.end());
        first = size_t(end);
      }
      CHECK(found == at_once);
    }
    {  // gone back, and from a saved tail
      const size_t row = kStreams * kWidth;
      for (const size_t back : {size_t(30), size_t(11)}) {
        REQUIRE(state->earliest(kPositions) <= back);
        state->truncate(back);
        const auto rest = run_research(harness, *block, state.get(), back, kPositions);
        CHECK(std::equal(rest.begin(), rest.end(), at_once.begin() + std::ptrdiff_t(back * row)));
      }
      state->truncate(20);
      std::string tail;
      state->save(20, memory::Saved::tail, tail);
      CHECK(tail.size() == 9 * row * sizeof(float));  // three taps, three tokens apart
      const auto other = block->make_state(harness.budget);
      std::string_view in = tail;
      REQUIRE(other->load(20, memory::Saved::tail, in));
      CHECK(in.empty());
      const auto rest = run_research(harness, *block, other.get(), 20, kPositions);
      CHECK(std::equal(rest.begin(), rest.end(), at_once.begin() + std::ptrdiff_t(20 * row)));
    }
  }
}

}  // namespace engramd::engine::test
