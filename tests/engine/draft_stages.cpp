// DSpark, V4.1's draft stages, against their oracle: behind a network that is read from the
// published checkpoint's names, with the stages' weights read from the same file.
#include <algorithm>
#include <deque>

#include "block_harness.h"
#include "checkpoint_folder.h"
#include "engine/arch/family.h"
#include "engine/arch/open_model.h"
#include "engine/blocks/draft_stages.h"
#include "engine/blocks/hyper_connection.h"
#include "engine/blocks/mixture.h"
#include "engine/quant/fp8.h"

namespace engramd::engine::test {
namespace {

constexpr size_t kWidth = 16, kStreams = 4, kExperts = 4, kTile = 32, kStages = 3;
constexpr float kEpsilon = 1e-20f;

// A checkpoint's tensors as floats: e4m3 with scales of 32 x 32, BF16 and F32.
class CheckpointTensors {
 public:
  explicit CheckpointTensors(const std::filesystem::path& path) : cases_(path) {}

  const std::vector<float>& floats(const std::string& name) {
    const auto found = read_.find(name);
    if (found != read_.end()) return found->second;
    const auto bytes = cases_.values<uint8_t>(name);
    const size_t n = element_count(name);
    std::vector<float> out(n);
    if (bytes.size() == n) {
      const auto shape = cases_.shape(name);
      const auto scales =
          cases_.values<uint8_t>(name.substr(0, name.size() - std::strlen("weight")) + "scale");
      quant::tiles_e4m3_to_float(bytes.data(), scales.data(), shape[0], shape[1], kTile,
                                 out.data());
    } else if (bytes.size() == 2 * n) {
      const auto halves = cases_.values<uint16_t>(name);
      for (size_t i = 0; i < n; ++i) out[i] = quant::bf16_to_float(halves[i]);
    } else {
      out = cases_.values<float>(name);
    }
    return read_.emplace(name, std::move(out)).first->second;
  }
  blocks::Matrix matrix(const std::string& name) {
    const auto shape = cases_.shape(name);
    REQUIRE(shape.size() == 2);
    return matrix_of(floats(name), shape[1], shape[0]);
  }
  // One slice for each expert.
  blocks::Matrix experts(const std::string& prefix, const std::string& which) {
    std::vector<float>& all = read_[prefix + "*." + which];
    std::vector<size_t> shape;
    for (size_t e = 0; e < kExperts; ++e) {
      const std::string name = prefix + std::to_string(e) + "." + which + ".weight";
      shape = cases_.shape(name);
      const auto& one = floats(name);
      all.insert(all.end(), one.begin(), one.end());
    }
    return matrix_of(all, shape[1], shape[0], kExperts);
  }

 private:
  size_t element_count(const std::string& name) const {
    size_t n = 1;
    for (const size_t size : cases_.shape(name)) n *= size;
    return n;
  }
  Cases cases_;
  std::map<std::string, std::vector<float>> read_;
};

blocks::HybridAttentionWeights stage_attention(CheckpointTensors& t, const std::string& p,
                                               bool rounded) {
  blocks::HybridAttentionWeights w;
  w.q_a = t.matrix(p + "wq_a.weight");
  w.q_a_norm = t.floats(p + "q_norm.weight").data();
  w.q_b = t.matrix(p + "wq_b.weight");
  w.kv = t.matrix(p + "wkv.weight");
  w.kv_norm = t.floats(p + "kv_norm.weight").data();
  w.sinks = t.floats(p + "attn_sink").data();
  w.output_a = matrix_of(t.floats(p + "wo_a.weight"), 128, 8, 2);  // two groups of two heads
  w.output_b = t.matrix(p + "wo_b.weight");
  w.n_heads = 4;
  w.head_dim = 64;
  w.window = 16;
  w.head_norm = false;
  w.epsilon = kEpsilon;
  w.rope = {.base = 1e4, .n_rotated = 8};
  w.whole_step = true;
  if (rounded) w.rounding = blocks::CacheRounding::e4m3_32_all;
  return w;
}

blocks::MixtureWeights stage_mixture(CheckpointTensors& t, const std::string& p) {
  blocks::MixtureWeights w;
  w.router.logits = t.matrix(p + "gate.weight");
  w.router.selection_bias = t.floats(p + "gate.bias").data();
  w.router.gate = blocks::Gate::sqrt_softplus;
  w.router.n_used = 2;
  w.router.scale = 1.5f;
  const blocks::Activation clamped{blocks::Activation::Kind::clamped, 1.5f};
  w.experts.gate = t.experts(p + "experts.", "w1");
  w.experts.up = t.experts(p + "experts.", "w3");
  w.experts.down = t.experts(p + "experts.", "w2");
  w.experts.activation = clamped;
  w.shared.emplace();
  w.shared->gate = t.matrix(p + "shared_experts.w1.weight");
  w.shared->up = t.matrix(p + "shared_experts.w3.weight");
  w.shared->down = t.matrix(p + "shared_experts.w2.weight");
  w.shared->activation = clamped;
  return w;
}

blocks::HyperWeights stage_site(CheckpointTensors& t, const std::string& name) {
  blocks::HyperWeights w;
  w.fn = t.matrix(name + "_fn");
  w.base = t.floats(name + "_base").data();
  w.scale = t.floats(name + "_scale").data();
  w.n_streams = kStreams;
  w.epsilon = 1e-6f;
  w.norm_epsilon = kEpsilon;
  return w;
}

blocks::DraftStages draft_stages(CheckpointTensors& t, bool rounded) {
  const auto norm = [&](const std::string& name) {
    return blocks::NormWeights{t.floats(name).data(), kWidth, kEpsilon};
  };
  blocks::DraftStages out;
  out.n_targets = 3;
  out.n_block = 5;
  out.noise = 260;
  out.kv_type = cpu::KvType::f32;
  out.main_projection = t.matrix("mtp.0.main_proj.weight");
  out.main_norm = norm("mtp.0.main_norm.weight");
  for (size_t i = 0; i < kStages; ++i) {
    const std::string p = "mtp." + std::to_string(i) + ".";
    blocks::DraftStage stage;
    stage.attention = stage_attention(t, p + "attn.", rounded);
    stage.attention_site = blocks::make_lagged_hyper_connection(
        stage_site(t, p + "hc_attn"), norm(p + "attn_norm.weight"),
        blocks::make_hybrid_attention(stage.attention, out.kv_type));
    stage.mixture_site = blocks::make_lagged_hyper_connection(
        stage_site(t, p + "hc_ffn"), norm(p + "ffn_norm.weight"),
        blocks::make_mixture(stage_mixture(t, p + "ffn.")));
    out.stages.push_back(std::move(stage));
  }
  out.embedding = t.matrix("embed.weight");
  out.head.norm = norm("mtp.2.norm.weight");
  out.head.output = t.matrix("head.weight");
  out.head.collapse = blocks::make_lagged_collapse();
  out.markov_embedding = t.matrix("mtp.2.markov_head.embed.weight");
  out.markov_output = t.matrix("mtp.2.markov_head.head.weight");
  out.confidence = t.matrix("mtp.2.confidence_head.proj.weight");
  return out;
}

// What the stages read of the network, for every token of the timeline.
std::vector<float> entered_of(BlockHarness& harness, const arch::Network& network,
                              const blocks::DraftStages& stages) {
  // The first blocks of the three layers; the second starts with its Engram.
  constexpr size_t kTargets[] = {0, 2, 5};
  const size_t n = harness.timeline.size();
  REQUIRE(network.blocks.size() == 7);
  std::vector<std::unique_ptr<memory::BlockState>> states;
  for (const auto& block : network.blocks) states.push_back(block->make_state(harness.budget));
  harness.states = memory::NetworkState(std::move(states));
  REQUIRE(harness.states.reserve(n));
  std::vector<float> h(n * kStreams * kWidth), entered(n * stages.n_targets * kWidth);
  blocks::Step step = harness.step(0, n, h.data());
  REQUIRE(blocks::embed(step, network.embedding));
  for (size_t i = 0; i < network.blocks.size(); ++i) {
    const auto target = std::find(std::begin(kTargets), std::end(kTargets), i);
    if (target != std::end(kTargets))
      REQUIRE(blocks::collect_draft_input(step, stages, size_t(target - std::begin(kTargets)),
                                          entered.data()));
    harness.scratch.reset();
    step.state = harness.states.of_block(i);
    REQUIRE(network.blocks[i]->run(step));
  }
  return entered;
}

template <class T>
std::vector<T> part_of(const std::vector<T>& all, size_t index, size_t n_parts) {
  const size_t n = all.size() / n_parts;
  return {all.begin() + std::ptrdiff_t(index * n), all.begin() + std::ptrdiff_t((index + 1) * n)};
}

}  // namespace

TEST_CASE("DSpark's stages draft what their oracle drafts") {
  const bool rounded = GENERATE(true, false);
  const Cases cases(oracle_fixture("deepseek41_draft") /
                    (rounded ? "expected.safetensors" : "expected_plain.safetensors"));
  const auto tokens = cases.values<TokenId>("tokens");
  const auto last = cases.values<int32_t>("draft.last");
  const auto first_token = cases.values<TokenId>("draft.first_token");
  const auto ids = cases.values<TokenId>("draft.ids");
  const auto logits = cases.values<float>("draft.logits");
  const auto confidence = cases.values<float>("draft.confidence");
  const auto streams = cases.values<float>("draft.stage.2");
  // The fixture has no tokenizer of its own; its vocabulary is the one of V4's.
  const CheckpointFolder folder("deepseek41_draft", "deepseek4_small");
  const auto file = arch::open_model(folder.path());
  INFO((file ? std::string() : file.error().message));
  REQUIRE(file);
  REQUIRE((*file)->materialise(1 << 28, {}));
  const auto network =
      arch::build_network(**file, {.cache_rounding = rounded, .kv_type = cpu::KvType::f32});
  INFO((network ? std::string() : network.error().message));
  REQUIRE(network);
  CheckpointTensors weights(folder.path() / "model.safetensors");
  const blocks::DraftStages stages = draft_stages(weights, rounded);

  for (const cpu::Kernels* kernels : cpu::usable_kernels()) {
    BlockHarness harness(*kernels, kWidth, kStreams);
    harness.timeline = tokens;
    const auto entered = entered_of(harness, *network, stages);
    std::vector<std::unique_ptr<memory::BlockState>> states;
    std::vector<memory::BlockState*> of_stage;
    for (size_t i = 0; i < kStages; ++i) {
      states.push_back(stages.make_state(i, harness.budget));
      of_stage.push_back(states.back().get());
    }
    size_t followed = 0;
    for (size_t k = 0; k < last.size(); ++k) {
      INFO(kernels->name << (rounded ? " rounded" : " plain") << " behind token " << last[k]);
      const size_t n_tokens = size_t(last[k]) + 1;
      for (const auto& state : states) REQUIRE(state->reserve(n_tokens + stages.n_block));
      harness.timeline = tokens;
      blocks::Step follow = harness.step(followed, n_tokens - followed);
      REQUIRE(blocks::follow_draft_rows(
          follow, stages, entered.data() + followed * stages.n_targets * kWidth, of_stage));
      for (const auto& state : states) state->commit(n_tokens);
      followed = n_tokens;

      harness.timeline =
          blocks::draft_tokens(stages, std::span(tokens).first(n_tokens), first_token[k]);
      std::vector<float> h(stages.n_block * kStreams * kWidth);
      blocks::Step step = harness.step(n_tokens, stages.n_block, h.data());
      blocks::DraftBlock draft;
      REQUIRE(blocks::draft_block(step, stages, of_stage, draft));
      CHECK(draft.tokens == part_of(ids, k, last.size()));
      CHECK(relative_error(draft.logits, part_of(logits, k, last.size())) <= 1e-5);
      CHECK(relative_error(draft.confidence, part_of(confidence, k, last.size())) <= 1e-5);
      CHECK(relative_error(h, part_of(streams, k, last.size())) <= 1e-5);
    }
  }
}

}  // namespace engramd::engine::test
