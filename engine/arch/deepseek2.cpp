// engine/arch/deepseek2.cpp - latent attention and a mixture behind some dense layers: DeepSeek-V2,
// V3 and R1, Kimi-K2, GLM-4.7-Flash.
#include <cmath>

#include "engine/arch/decoder.h"
#include "engine/blocks/latent_attention.h"

namespace engramd::engine::arch {
namespace {

// The published implementations leave the norms of the two low ranks at this, whatever the
// configuration says for the others.
constexpr float kLowRankEpsilon = 1e-6f;

struct LatentConfig {
  DecoderConfig base;
  size_t q_rank = 0, latent_dim = 0, nope_dim = 0, value_dim = 0;
  float scale = 0;
  MixtureParts mixture;
};

Result<LatentConfig> read_config(const format::ModelFile& file, const BuildOptions& options) {
  const ConfigReader keys(file, "deepseek2");
  LatentConfig c;
  ENGRAMD_TRY(c.base, read_decoder_config(file, "deepseek2", options));
  ENGRAMD_TRY(c.q_rank, keys.size_or("attention.q_lora_rank", 0, 0, 65536));
  ENGRAMD_TRY(c.latent_dim, keys.size("attention.kv_lora_rank", 8, 4096));
  const size_t rotated = c.base.rope.n_rotated;
  ENGRAMD_TRY(const size_t key_dim, keys.size("attention.key_length_mla", rotated + 1, 1024));
  ENGRAMD_TRY(c.value_dim, keys.size("attention.value_length_mla", 1, 1024));
  c.nope_dim = key_dim - rotated;
  if (c.latent_dim % 8 != 0 || rotated % 8 != 0)
    return fail(ErrorCode::unsupported, "latent rows of " + std::to_string(c.latent_dim) + " and " +
                                            std::to_string(rotated) +
                                            " elements, expected multiples of 8");
  // The file's multiplier is 0.1 mscale_all_dim. Cosines would grow by m(mscale) /
  // m(mscale_all_dim), which is 1 in every model published so.
  ENGRAMD_TRY(const double multiplier,
              keys.number_or("rope.scaling.yarn_log_multiplier", 0, 0, 10));
  const double m = 1 + multiplier * std::log(c.base.rope.factor);
  c.base.rope.magnitude = 1;
  c.scale = float(m * m / std::sqrt(double(key_dim)));

  ENGRAMD_TRY(c.base.renormalise, keys.flag_or("expert_weights_norm", false));
  ENGRAMD_TRY(const size_t gate, keys.size_or("expert_gating_func", 1, 0, 4));
  if (gate > 2)
    return fail(ErrorCode::unsupported,
                "expert gating function " + std::to_string(gate) + ", expected 1 or 2");
  c.mixture.gate = gate == 2 ? blocks::Gate::sigmoid : blocks::Gate::softmax;
  ENGRAMD_TRY(c.mixture.n_groups, keys.size_or("expert_group_count", 1, 1, 256));
  ENGRAMD_TRY(c.mixture.n_groups_used,
              keys.size_or("expert_group_used_count", 1, 1, c.mixture.n_groups));
  if (c.base.n_experts % c.mixture.n_groups != 0 ||
      c.base.n_experts_used > c.base.n_experts / c.mixture.n_groups * c.mixture.n_groups_used)
    return fail(ErrorCode::corrupt, std::to_string(c.base.n_experts) + " experts in " +
                                        std::to_string(c.mixture.n_groups) + " groups of which " +
                                        std::to_string(c.mixture.n_groups_used) +
                                        " count, too few to choose " +
                                        std::to_string(c.base.n_experts_used));
  return c;
}

Result<std::unique_ptr<blocks::Branch>> attention(TensorReader& tensors, const LatentConfig& c,
                                                  size_t layer) {
  const std::string prefix = layer_prefix(layer);
  const size_t d = c.base.d_model, heads = c.base.n_heads, rotated = c.base.rope.n_rotated;
  const size_t q_size = heads * (c.nope_dim + rotated);
  blocks::LatentAttentionWeights w;
  if (c.q_rank > 0) {
    ENGRAMD_TRY(w.q_a, tensors.matrix(prefix + "attn_q_a.weight", {d, c.q_rank}));
    ENGRAMD_TRY(w.q_a_norm, tensors.vector(prefix + "attn_q_a_norm.weight", c.q_rank));
    ENGRAMD_TRY(w.q, tensors.matrix(prefix + "attn_q_b.weight", {c.q_rank, q_size}));
  } else {
    ENGRAMD_TRY(w.q, tensors.matrix(prefix + "attn_q.weight", {d, q_size}));
  }
  ENGRAMD_TRY(w.kv_a, tensors.matrix(prefix + "attn_kv_a_mqa.weight", {d, c.latent_dim + rotated}));
  ENGRAMD_TRY(w.kv_a_norm, tensors.vector(prefix + "attn_kv_a_norm.weight", c.latent_dim));
  ENGRAMD_TRY(w.k_b, tensors.matrix(prefix + "attn_k_b.weight", {c.nope_dim, c.latent_dim, heads}));
  ENGRAMD_TRY(w.v_b,
              tensors.matrix(prefix + "attn_v_b.weight", {c.latent_dim, c.value_dim, heads}));
  ENGRAMD_TRY(w.output, tensors.matrix(prefix + "attn_output.weight", {heads * c.value_dim, d}));
  w.n_heads = heads;
  w.nope_dim = c.nope_dim;
  w.latent_dim = c.latent_dim;
  w.value_dim = c.value_dim;
  w.epsilon = kLowRankEpsilon;
  w.scale = c.scale;
  w.rope = c.base.rope;
  return blocks::make_latent_attention(w, c.base.kv_type);
}

}  // namespace

Result<Network> build_deepseek2(const format::ModelFile& file, const BuildOptions& options) {
  ENGRAMD_TRY(LatentConfig c, read_config(file, options));
  TensorReader tensors(file);
  ENGRAMD_TRY(Network network, begin_network(tensors, c.base));
  for (size_t i = 0; i < c.base.n_layers; ++i) {
    ENGRAMD_TRY(auto attention_branch, attention(tensors, c, i));
    ENGRAMD_CHECK(add_residual(tensors, c.base, layer_prefix(i) + "attn_norm.weight",
                               std::move(attention_branch), network.blocks));
    std::unique_ptr<blocks::Branch> feed_forward;
    if (i < c.base.n_dense_layers || c.base.n_experts == 0) {
      ENGRAMD_TRY(feed_forward, feed_forward_branch(tensors, c.base, i));
    } else {
      // Models without the bias choose by the gate alone.
      c.mixture.selection_bias = tensors.has(layer_prefix(i) + "exp_probs_b.bias");
      ENGRAMD_TRY(feed_forward, mixture_branch(tensors, c.base, i, c.mixture));
    }
    ENGRAMD_CHECK(add_residual(tensors, c.base, layer_prefix(i) + "ffn_norm.weight",
                               std::move(feed_forward), network.blocks));
  }
  ENGRAMD_CHECK(finish_network(tensors, network));
  return network;
}

}  // namespace engramd::engine::arch
