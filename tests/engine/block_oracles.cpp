// Single blocks of the DeepSeek-V4 family against tests/oracles/units.py, every intermediate result
// in every kernel table: hyper-connections, attention, router, activation, roundings, rotary
// positions. block_compression.cpp has the compressed past, block_engram.cpp Engram.
#include "block_harness.h"
#include "engine/blocks/compressor.h"
#include "engine/blocks/feed_forward.h"
#include "engine/blocks/hyper_connection.h"
#include "engine/blocks/router.h"
#include "engine/quant/fp4.h"
#include "engine/quant/fp8.h"

namespace engramd::engine::test {
namespace {

// A branch that answers with given rows and remembers what it was asked.
class GivenBranch final : public blocks::Branch {
 public:
  GivenBranch(const std::vector<float>& answer, std::vector<float>& asked)
      : answer_(answer), asked_(asked) {}
  uint64_t n_parameters() const override { return 0; }
  bool run(blocks::Step& step, const float* x, float* y) const override {
    asked_.assign(x, x + step.n_tokens * step.d_model);
    std::copy(answer_.begin(), answer_.end(), y);
    return true;
  }

 private:
  const std::vector<float>& answer_;
  std::vector<float>& asked_;
};

constexpr size_t kTokens = 12, kWidth = 24, kStreams = 4;  // of the mHC units

blocks::HyperWeights hyper_site(const std::string& prefix) {
  const FixtureTensors& u = units();
  blocks::HyperWeights site;
  site.fn = u.matrix(prefix + ".fn");
  site.base = u[prefix + ".base"].data();
  site.scale = u[prefix + ".scale"].data();
  site.n_streams = kStreams;
  site.epsilon = site.norm_epsilon = 1e-6f;
  return site;
}

// rms_norm without a weight of each row.
std::vector<float> normalised(const std::vector<float>& rows, size_t n) {
  std::vector<float> out(rows.size());
  for (size_t i = 0; i < rows.size(); i += n)
    cpu::reference_kernels().rms_norm(rows.data() + i, nullptr, n, 1e-6f, out.data() + i);
  return out;
}

// sum_i weights_i H_i of each token.
std::vector<float> collapsed(const std::vector<float>& streams, const std::vector<float>& weights) {
  std::vector<float> out(kTokens * kWidth);
  for (size_t t = 0; t < kTokens; ++t)
    for (size_t s = 0; s < kStreams; ++s)
      for (size_t i = 0; i < kWidth; ++i)
        out[t * kWidth + i] += weights[t * kStreams + s] * streams[(t * kStreams + s) * kWidth + i];
  return out;
}

}  // namespace

TEST_CASE("hyper-connections: pre, post and the doubly stochastic mix") {
  const FixtureTensors& u = units();
  const std::string name = GENERATE("mhc", "mhc_steep");
  INFO(name);
  blocks::HyperWeights site = hyper_site(name);
  const auto unit = normalised(u[name + ".streams"], kStreams * kWidth);
  std::vector<float> pre(kTokens * kStreams), post(pre.size()), mix(pre.size() * kStreams);
  const auto split_all = [&] {
    for (size_t t = 0; t < kTokens; ++t) {
      std::vector<float> m(site.fn.rows);
      for (size_t r = 0; r < m.size(); ++r) {
        double sum = 0;
        for (size_t i = 0; i < kStreams * kWidth; ++i)
          sum += double(u[name + ".fn"][r * kStreams * kWidth + i]) *
                 double(unit[t * kStreams * kWidth + i]);
        m[r] = float(sum);
      }
      blocks::split_site(site, m.data(), pre.data() + t * kStreams, post.data() + t * kStreams,
                         mix.data() + t * kStreams * kStreams);
    }
  };
  split_all();
  check_close(pre, u[name + ".pre"]);
  check_close(post, u[name + ".post"]);
  // A steep mix is near a permutation: a last bit of its logits, twelve times as large, shows.
  check_close(mix, u[name + ".mix"], name == "mhc" ? kBlockBound : 2e-5);
  if (name == "mhc") return;  // mild logits settle before the last round
  site.sinkhorn_rounds = 19;
  split_all();
  CHECK(relative_error(mix, u[name + ".mix"]) > 1e-4);
}

TEST_CASE("hyper-connections: collapse, branch and expansion") {
  const FixtureTensors& u = units();
  const std::string name = GENERATE("mhc", "mhc_steep");
  const bool lagged = GENERATE(false, true);
  INFO(name << (lagged ? " lagged" : ""));
  const std::vector<float> ones(kWidth, 1.0f);
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    INFO(kernels->name);
    std::vector<float> asked;
    auto branch = std::make_unique<GivenBranch>(u[name + ".y"], asked);
    const auto block =
        (lagged ? blocks::make_lagged_hyper_connection : blocks::make_hyper_connection)(
            hyper_site(name), {ones.data(), kWidth, 1e-6f}, std::move(branch));
    BlockHarness harness(*kernels, kWidth, kStreams);
    auto streams = u[name + ".streams"];
    blocks::Step step = harness.step(0, kTokens, streams.data());
    std::vector<float> before(kTokens * kStreams);  // what the site before left
    for (size_t i = 0; i < before.size(); ++i) before[i] = 0.1f * float(i % 7) - 0.2f;
    harness.carry = before;
    step.carry = harness.carry.data();
    REQUIRE(block->run(step));
    const auto x = lagged ? collapsed(u[name + ".streams"], before) : u[name + ".collapsed"];
    check_close(asked, normalised(x, kWidth), 1e-5);
    check_close(streams, u[name + ".out"], name == "mhc" ? kBlockBound : 2e-5);
    check_close(harness.carry, u[name + ".pre"]);  // for the site behind
  }
}

TEST_CASE("hyper-connections: the last collapse") {
  const FixtureTensors& u = units();
  auto streams = u["mhc.streams"];
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    INFO(kernels->name);
    BlockHarness harness(*kernels, kWidth, kStreams);
    const auto collapse = [&](const blocks::Collapse& block, size_t first, size_t n) {
      blocks::Step step = harness.step(0, kTokens, streams.data());
      harness.carry = u["mhc.pre"];
      step.carry = harness.carry.data();
      std::vector<float> x(n * kWidth);
      REQUIRE(block.run(step, first, n, x.data()));
      return x;
    };
    const auto head = blocks::make_hyper_collapse(hyper_site("hc_head"));
    const auto all = collapse(*head, 0, kTokens);
    check_close(all, u["hc_head.out"]);
    // Of some of the tokens, as a head asks for the last one's only.
    const auto last = collapse(*head, kTokens - 2, 2);
    CHECK(std::equal(last.begin(), last.end(), all.end() - std::ptrdiff_t(last.size())));
    // The lagged form has no weights of its own.
    check_close(collapse(*blocks::make_lagged_collapse(), 0, kTokens), u["mhc.collapsed"]);
  }
}

TEST_CASE("attention over a window and chosen rows, turned back, through grouped outputs") {
  const FixtureTensors& u = units();
  constexpr size_t kLength = 20, kHeads = 4, kDim = 24, kWindow = 8, kRows = 5, kGroups = 2;
  const auto allowed = u.cases().values<uint8_t>("attention.allowed");
  const blocks::RopeSpec spec = compressed_rope();
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    INFO(kernels->name);
    BlockHarness harness(*kernels, 12);
    blocks::Step step = harness.step(0, kLength);
    const auto table = step.rope.prepare(spec);
    std::vector<float> out(kLength * kHeads * kDim), back;
    for (size_t t = 0; t < kLength; ++t) {
      std::vector<const std::byte*> rows;
      const auto add = [&](const std::string& name, size_t row) {
        rows.push_back(reinterpret_cast<const std::byte*>(u[name].data() + row * kDim));
      };
      for (size_t i = t + 1 > kWindow ? t + 1 - kWindow : 0; i <= t; ++i) add("attention.kv", i);
      for (size_t i = 0; i < kRows; ++i)
        if (allowed[t * kRows + i] != 0) add("attention.rows", i);
      std::vector<float> scores(kHeads * rows.size()), page(cpu::kAttentionPage * kDim);
      cpu::AttentionArgs args;
      args.q = u["attention.q"].data() + t * kHeads * kDim;
      args.group = kHeads;
      args.head_dim = kDim;
      args.k_pages = args.v_pages = rows.data();
      args.page_keys = 1;
      args.n_keys = rows.size();
      args.type = cpu::KvType::f32;
      args.scale = 1 / std::sqrt(float(kDim));
      args.sinks = u["attention.sink"].data();
      args.scores = scores.data();
      args.page = page.data();
      args.out = out.data() + t * kHeads * kDim;
      kernels->attention(args);
    }
    check_close(out, u["attention.out"]);
    for (size_t t = 0; t < kLength; ++t) {
      const auto [cos, sin] = blocks::RopeTables::row(table, t, spec.n_rotated);
      for (size_t head = 0; head < kHeads; ++head)
        kernels->rope_interleaved(out.data() + (t * kHeads + head + 1) * kDim - spec.n_rotated,
                                  spec.n_rotated, cos, sin, true);
    }
    check_close(out, u["attention.rotated_back"]);
    // Group g of the heads has its own rows of wo_a.
    const size_t low = u["attention.wo_a"].size() / (kGroups * 48);
    const blocks::Matrix a = matrix_of(u["attention.wo_a"], 48, low, kGroups);
    std::vector<float> reduced(kLength * kGroups * low), projected(kLength * 12);
    blocks::Activations parts(step, out.data(), kLength * kGroups, 48);
    const auto* by_part = parts.in_format_of(a.type);
    for (size_t g = 0; g < kGroups; ++g) {
      std::vector<const std::byte*> in(kLength);
      std::vector<float*> to(kLength);
      for (size_t t = 0; t < kLength; ++t) {
        in[t] = by_part[t * kGroups + g];
        to[t] = reduced.data() + (t * kGroups + g) * low;
      }
      const blocks::MatmulJob job{&a, g, in.data(), to.data(), kLength};
      REQUIRE(blocks::run_matmuls(step, {&job, 1}));
    }
    const blocks::Matrix b = u.matrix("attention.wo_b");
    blocks::Activations rows(step, reduced.data(), kLength, kGroups * low);
    REQUIRE(blocks::project(step, rows, {{&b, projected.data()}}));
    check_close(projected, u["attention.projected"]);
  }
}

TEST_CASE("the square-root-softplus router, by bias and by table") {
  const FixtureTensors& u = units();
  constexpr size_t kRouted = 30, kUsed = 3;
  const bool by_table = GENERATE(false, true);
  const auto table = u.cases().values<int32_t>("router_hash.table");
  const std::string prefix = by_table ? "router_hash" : "router";
  blocks::RouterWeights w;
  w.logits = u.matrix("router.gate");
  w.gate = blocks::Gate::sqrt_softplus;
  w.n_used = kUsed;
  w.scale = 1.5f;
  if (by_table)
    w.by_token = table.data();
  else
    w.selection_bias = u["router.bias"].data();
  const auto expected = u.cases().values<int32_t>(prefix + ".chosen");
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    INFO(prefix << " " << kernels->name);
    BlockHarness harness(*kernels, 16);
    blocks::Step step = harness.step(0, kRouted);
    std::vector<uint32_t> chosen(kRouted * kUsed);
    std::vector<float> shares(chosen.size());
    blocks::Activations rows(step, u["router.x"].data(), kRouted, 16);
    REQUIRE(blocks::route(step, w, rows, kUsed, chosen.data(), shares.data()));
    size_t n_clear = 0;
    for (size_t t = 0; t < kRouted; ++t) {
      if (u[prefix + ".margin"][t] < 1e-5f) continue;
      ++n_clear;
      INFO("token " << t);
      std::map<uint32_t, float> found, wanted;
      for (size_t i = t * kUsed; i < (t + 1) * kUsed; ++i) {
        found[chosen[i]] = shares[i];
        wanted[uint32_t(expected[i])] = u[prefix + ".weight"][i];
      }
      REQUIRE(found.size() == kUsed);
      for (const auto& [expert, share] : wanted) {
        REQUIRE(found.count(expert) == 1);
        CHECK(std::fabs(found[expert] - share) <= 2e-6f);
      }
    }
    CHECK(n_clear >= kRouted - 1);
  }
}

TEST_CASE("the clamped activation cuts gates above and ups on both sides") {
  const FixtureTensors& u = units();
  const blocks::Activation clamped{blocks::Activation::Kind::clamped, u["swiglu.limit"][0]};
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    auto gate = u["swiglu.gate"];
    clamped.apply(*kernels, gate.data(), u["swiglu.up"].data(), gate.size());
    check_close(gate, u["swiglu.out"]);
  }
}

TEST_CASE("small floats round as the oracle's, halfway points among them") {
  const FixtureTensors& u = units();
  for (const std::string name : {"e4m3", "e2m1"}) {
    const auto& in = u[name + ".in"];
    const auto& out = u[name + ".out"];
    size_t n_wrong = 0;
    for (size_t i = 0; i < in.size(); ++i) {
      const float rounded = name == "e4m3" ? quant::e4m3_to_float(quant::float_to_e4m3(in[i]))
                                           : quant::e2m1_to_float(quant::float_to_e2m1(in[i]));
      if (rounded == out[i]) continue;
      if (++n_wrong == 1) {
        INFO(name << " of " << in[i] << " is " << rounded << ", expected " << out[i]);
        CHECK(rounded == out[i]);
      }
    }
    CHECK(n_wrong == 0);
  }
}

TEST_CASE("rows are rounded for a cache as the oracle rounds them") {
  const FixtureTensors& u = units();
  constexpr size_t kRow = 64;
  const std::pair<const char*, blocks::CacheRounding> kinds[] = {
      {"e4m3_64", blocks::CacheRounding::e4m3_64},
      {"e4m3_32", blocks::CacheRounding::e4m3_32_all},
      {"e2m1_32", blocks::CacheRounding::index_e2m1},
      {"e2m1_16_e4m3", blocks::CacheRounding::e2m1_16_all}};
  for (const auto& [name, rounding] : kinds) {
    INFO(name);
    auto rows = u["blocks.in"];
    for (size_t i = 0; i < rows.size(); i += kRow)
      blocks::round_for_cache(rounding, rows.data() + i, kRow, 0);
    CHECK(rows == u[std::string("blocks.") + name]);
  }
  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    const auto& in = u["blocks.in"];
    const auto& expected = u["blocks.hadamard"];
    for (size_t i = 0; i < in.size(); i += kRow) {  // rows differ by powers of two
      std::vector<float> row(in.begin() + std::ptrdiff_t(i), in.begin() + std::ptrdiff_t(i + kRow));
      kernels->hadamard(row.data(), kRow);
      check_close(
          row, {expected.begin() + std::ptrdiff_t(i), expected.begin() + std::ptrdiff_t(i + kRow)});
    }
  }
}

TEST_CASE("rotary positions with YaRN, forwards and back") {
  const FixtureTensors& u = units();
  const auto positions = u.cases().values<int32_t>("rope.positions");
  constexpr size_t kRotated = 64, kDim = 80, kHeads = 2;
  for (const std::string form : {"plain", "yarn"}) {
    blocks::RopeSpec spec{.base = 1e4, .n_rotated = kRotated};
    if (form == "yarn") {
      spec = compressed_rope();
      spec.n_rotated = kRotated;
    }
    const auto frequencies = blocks::rope_frequencies(spec);
    const auto expected = u.cases().values<double>("rope." + form + ".frequencies");
    REQUIRE(frequencies.size() == expected.size());
    for (size_t i = 0; i < expected.size(); ++i)
      CHECK(std::fabs(frequencies[i] - expected[i]) <= 1e-12 * expected[i]);
    for (const cpu::Kernels* kernels : cpu::usable_kernels())
      for (const bool inverse : {false, true}) {
        INFO(form << " " << kernels->name << (inverse ? " back" : " forward"));
        auto x = u["rope.x"];
        blocks::RopeTables tables;
        for (size_t t = 0; t < positions.size(); ++t) {
          tables.begin(size_t(positions[t]), 1);
          const auto [cos, sin] = blocks::RopeTables::row(tables.prepare(spec), 0, kRotated);
          for (size_t head = 0; head < kHeads; ++head)
            kernels->rope_interleaved(x.data() + (t * kHeads + head + 1) * kDim - kRotated,
                                      kRotated, cos, sin, inverse);
        }
        check_close(x, u["rope." + form + (inverse ? ".back" : ".forward")]);
      }
  }
}

}  // namespace engramd::engine::test
