// The compressed past of DeepSeek-V4 and V4.1 against tests/oracles/units.py: compressors, index
// keys, the lightning indexer and its two levels; in every kernel table, read at once and in
// pieces.
#include <algorithm>
#include <cstring>

#include "block_harness.h"
#include "engine/blocks/indexer.h"

namespace engramd::engine::test {
namespace {

// The rows that a compressor makes of x, read in pieces that end at `ends`.
std::vector<float> compressed_rows(const cpu::Kernels& kernels, const blocks::CompressorWeights& w,
                                   const std::vector<float>& x, std::vector<size_t> ends) {
  const size_t d = w.kv.columns, n = x.size() / d;
  ends.push_back(n);
  BlockHarness harness(kernels, d);
  blocks::CompressorState state(w, cpu::KvType::f32, harness.budget);
  size_t first = 0;
  for (const size_t end : ends) {
    blocks::Step step = harness.step(first, end - first);
    REQUIRE(state.reserve(end));
    blocks::Activations input(step, x.data() + first * d, end - first, d);
    REQUIRE(blocks::compress(step, w, input, cpu::KvType::f32, state));
    state.commit(end);
    first = end;
  }
  std::vector<float> out;
  for (size_t g = 0; g < n / w.ratio; ++g) {
    const auto* row = reinterpret_cast<const float*>(state.rows.row(0, g));
    out.insert(out.end(), row, row + w.width);
  }
  return out;
}

void check_compressor(const blocks::CompressorWeights& w, const std::string& x,
                      const std::string& expected, double bound = kBlockBound) {
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    INFO(kernels->name << " " << expected);
    const auto at_once = compressed_rows(*kernels, w, units()[x], {});
    check_close(at_once, units()[expected], bound);
    // An end inside a group, at its end, one token alone, and the rest.
    CHECK(compressed_rows(*kernels, w, units()[x], {3, 4, 5, 16, 26}) == at_once);
  }
}

blocks::CompressorWeights compressor_weights(const std::string& prefix, size_t ratio) {
  const FixtureTensors& u = units();
  blocks::CompressorWeights w;
  w.kv = u.matrix(prefix + ".wkv");
  if (u.cases().has(prefix + ".wgate")) w.gate = u.matrix(prefix + ".wgate");
  if (u.cases().has(prefix + ".ape")) w.ape = u[prefix + ".ape"].data();
  w.norm = u[prefix + ".norm"].data();
  w.ratio = ratio;
  w.width = 32;
  return w;
}

}  // namespace

TEST_CASE("compressors: groups of four that overlap, groups of 128") {
  const size_t ratio = GENERATE(4, 128);
  const std::string prefix = "compressor" + std::to_string(ratio);
  blocks::CompressorWeights w = compressor_weights(prefix, ratio);
  w.overlap = ratio == 4;
  w.epsilon = 1e-6f;
  check_compressor(w, prefix + ".x", prefix + ".rows");
  w.rope = compressed_rope();
  check_compressor(w, prefix + ".x", prefix + ".rotated");
}

TEST_CASE("compressors: latent rows of V4.1, of two tokens and of one") {
  const size_t ratio = GENERATE(2, 1);
  const std::string prefix = "latent" + std::to_string(ratio);
  blocks::CompressorWeights w = compressor_weights(prefix, ratio);
  w.epsilon = 1e-20f;
  check_compressor(w, prefix + ".x", prefix + ".latent");
}

namespace {

constexpr size_t kQueries = 60, kIndexRows = 15, kIndexDim = 64;

struct IndexRun {
  std::vector<std::vector<uint32_t>> picks, candidates;  // of each query
};

blocks::IndexerWeights index_weights() {
  blocks::IndexerWeights w;
  w.q = units().matrix("indexer.wq_b");
  w.proj = units().matrix("indexer.weights_proj");
  w.n_heads = 3;
  w.head_dim = kIndexDim;
  w.top_k = 4;
  w.hadamard = true;
  w.rope = compressed_rope();
  return w;
}

// Runs the indexers one after the other over the same queries, in steps that end at `ends`; the
// picks are those of the last.
IndexRun run_index(const cpu::Kernels& kernels, std::span<const blocks::IndexerWeights> indexers,
                   const std::string& keys_name, std::vector<size_t> ends) {
  const FixtureTensors& u = units();
  ends.push_back(kQueries);
  BlockHarness harness(kernels, 16);
  memory::PagedRows keys(1, kIndexDim * sizeof(float), harness.budget);
  REQUIRE(keys.resize(kIndexRows));
  for (size_t i = 0; i < kIndexRows; ++i)
    std::memcpy(keys.row(0, i), u[keys_name].data() + i * kIndexDim, kIndexDim * sizeof(float));
  IndexRun run;
  size_t first = 0;
  for (const size_t end : ends) {
    const size_t n = end - first;
    for (const blocks::IndexerWeights& w : indexers) {
      blocks::Step step = harness.step(first, n);
      blocks::Activations x(step, u["indexer.x"].data() + first * 16, n, 16);
      blocks::Activations a(step, u["indexer.a"].data() + first * 16, n, 16);
      REQUIRE(blocks::pick_rows(step, w, x, a, keys, cpu::KvType::f32, 4));
    }
    const blocks::StepBoard& board = harness.board;
    for (size_t t = 0; t < n; ++t) {
      const auto picks = board.picks.begin() + std::ptrdiff_t(t * board.pick_stride);
      run.picks.emplace_back(picks, picks + board.n_picks[t]);
      if (board.n_candidates.empty()) continue;
      const auto blocks = board.candidates.begin() + std::ptrdiff_t(t * board.candidate_stride);
      run.candidates.emplace_back(blocks, blocks + board.n_candidates[t]);
    }
    first = end;
  }
  return run;
}

// The rows of query t in a table of picks, padded with -1.
std::vector<uint32_t> expected_picks(const std::vector<int32_t>& table, size_t t) {
  const size_t k = table.size() / kQueries;
  std::vector<uint32_t> out;
  for (size_t i = 0; i < k; ++i)
    if (table[t * k + i] >= 0) out.push_back(uint32_t(table[t * k + i]));
  return out;
}

}  // namespace

TEST_CASE("the indexer picks the oracle's rows, of equal ones the lowest") {
  const FixtureTensors& u = units();
  const std::string form = GENERATE("plain", "quantised");
  blocks::IndexerWeights w = index_weights();
  if (form == "quantised") w.rounding = blocks::CacheRounding::index_e2m1;
  const std::string prefix = "indexer." + form;
  const auto expected = u.cases().values<int32_t>(prefix + ".picks");
  const auto& margin = u[prefix + ".margin"];
  const auto& scores = u[prefix + ".scores"];
  // Three heads, so that exact zeros compete for places.
  size_t n_ties = 0;
  for (size_t t = 0; t < kQueries; ++t) {
    const size_t visible = (t + 1) / 4;
    const auto row = scores.begin() + std::ptrdiff_t(t * kIndexRows);
    if (visible > 4 && std::count(row, row + std::ptrdiff_t(visible), 0.0f) > 1) ++n_ties;
  }
  REQUIRE(n_ties >= 3);
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    INFO(form << " " << kernels->name);
    for (const std::vector<size_t>& ends :
         {std::vector<size_t>{}, std::vector<size_t>{1, 2, 23, 24}}) {
      const IndexRun run = run_index(*kernels, {&w, 1}, prefix + ".keys", ends);
      REQUIRE(run.picks.size() == kQueries);
      size_t n_clear = 0;
      for (size_t t = 0; t < kQueries; ++t) {
        if (margin[t] < 1e-5f) continue;
        ++n_clear;
        INFO("query " << t);
        CHECK(run.picks[t] == expected_picks(expected, t));
      }
      CHECK(n_clear >= kQueries - 3);
    }
  }
}

TEST_CASE("index keys are what the oracle stores") {
  const FixtureTensors& u = units();
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    auto keys = u["indexer.keys"];
    for (size_t i = 0; i < kIndexRows; ++i)
      kernels->hadamard(keys.data() + i * kIndexDim, kIndexDim);
    check_close(keys, u["indexer.plain.keys"]);
    for (size_t i = 0; i < kIndexRows; ++i)
      blocks::round_for_cache(blocks::CacheRounding::index_e2m1, keys.data() + i * kIndexDim,
                              kIndexDim, 8);
    CHECK(keys == u["indexer.quantised.keys"]);
  }
}

TEST_CASE("an index in two levels: candidate blocks, and rows inside them") {
  const FixtureTensors& u = units();
  const auto keep = u.cases().values<uint8_t>("candidates.keep");
  const auto expected = u.cases().values<int32_t>("candidates.picks");
  const auto& margin = u["candidates.margin"];
  blocks::IndexerWeights publish = index_weights();
  publish.candidates = blocks::Candidates::publish;
  publish.n_candidate_blocks = publish.candidate_block = 2;
  blocks::IndexerWeights inside = publish;
  inside.candidates = blocks::Candidates::inside;
  inside.top_k = 3;
  const blocks::IndexerWeights both[] = {publish, inside};
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    INFO(kernels->name);
    for (const std::vector<size_t>& ends : {std::vector<size_t>{}, std::vector<size_t>{5, 30}}) {
      const IndexRun run = run_index(*kernels, both, "indexer.plain.keys", ends);
      for (size_t t = 0; t < kQueries; ++t) {
        if (margin[t] < 1e-5f) continue;
        INFO("query " << t);
        const size_t visible = (t + 1) / 4;
        std::vector<uint8_t> kept(kIndexRows, 0);
        for (const uint32_t block : run.candidates[t])
          for (size_t row = block * 2; row < std::min<size_t>(block * 2 + 2, visible); ++row)
            kept[row] = 1;
        CHECK(std::equal(kept.begin(), kept.end(), keep.begin() + std::ptrdiff_t(t * kIndexRows)));
        CHECK(run.picks[t] == expected_picks(expected, t));
      }
    }
  }
}

}  // namespace engramd::engine::test
