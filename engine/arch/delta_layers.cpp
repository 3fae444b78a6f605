#include "engine/arch/delta_layers.h"

#include "engine/blocks/delta_net.h"

namespace engramd::engine::arch {
namespace {

struct DeltaConfig {
  size_t n_key_heads = 0, n_value_heads = 0, head_dim = 0, conv_width = 0;
};

Result<DeltaConfig> read_delta_config(const ConfigReader& keys) {
  DeltaConfig c;
  ENGRAMD_TRY(c.head_dim, keys.size("ssm.state_size", 8, 256));
  ENGRAMD_TRY(c.n_key_heads, keys.size("ssm.group_count", 1, 1024));
  ENGRAMD_TRY(c.n_value_heads, keys.size("ssm.time_step_rank", 1, 1024));
  ENGRAMD_TRY(c.conv_width, keys.size("ssm.conv_kernel", 2, 8));
  ENGRAMD_TRY(const size_t inner, keys.size("ssm.inner_size", 1, 1 << 20));
  if (inner != c.head_dim * c.n_value_heads || c.n_value_heads % c.n_key_heads != 0 ||
      c.head_dim % 8 != 0)
    return fail(ErrorCode::unsupported,
                "a delta net of " + std::to_string(inner) + " elements in " +
                    std::to_string(c.n_value_heads) + " value heads and " +
                    std::to_string(c.n_key_heads) + " key heads of " + std::to_string(c.head_dim) +
                    ", expected value heads that share key heads evenly and fill it");
  return c;
}

Result<std::unique_ptr<blocks::Branch>> delta_branch(TensorReader& tensors, const DecoderConfig& c,
                                                     const DeltaConfig& delta,
                                                     const DeltaLayout& layout, size_t layer) {
  const std::string prefix = layer_prefix(layer);
  const size_t d = c.d_model, heads = delta.n_value_heads, inner = heads * delta.head_dim;
  const size_t channels = 2 * delta.n_key_heads * delta.head_dim + inner;
  blocks::DeltaNetWeights w;
  ENGRAMD_TRY(w.qkv, tensors.matrix(prefix + "attn_qkv.weight", {d, channels}));
  ENGRAMD_TRY(w.gate, tensors.matrix(prefix + "attn_gate.weight", {d, inner}));
  if (layout.fused_beta) {
    ENGRAMD_TRY(w.beta_alpha, tensors.matrix(prefix + "ssm_ba.weight", {d, 2 * heads}));
  } else {
    ENGRAMD_TRY(w.alpha, tensors.matrix(prefix + "ssm_alpha.weight", {d, heads}));
    ENGRAMD_TRY(w.beta, tensors.matrix(prefix + "ssm_beta.weight", {d, heads}));
  }
  ENGRAMD_TRY(w.conv, tensors.floats(prefix + "ssm_conv1d.weight", {delta.conv_width, channels}));
  ENGRAMD_TRY(w.dt_bias, tensors.vector(prefix + "ssm_dt.bias", heads));
  ENGRAMD_TRY(w.a, tensors.vector(prefix + "ssm_a", heads));
  ENGRAMD_TRY(w.norm, tensors.vector(prefix + "ssm_norm.weight", delta.head_dim));
  ENGRAMD_TRY(w.output, tensors.matrix(prefix + "ssm_out.weight", {inner, d}));
  w.n_key_heads = delta.n_key_heads;
  w.n_value_heads = heads;
  w.head_dim = delta.head_dim;
  w.conv_width = delta.conv_width;
  w.tiled = layout.tiled_heads;
  w.epsilon = c.epsilon;
  return blocks::make_delta_net(w);
}

}  // namespace

Result<Network> build_delta_network(const format::ModelFile& file, const BuildOptions& options,
                                    const DeltaLayout& layout) {
  const ConfigReader keys(file, layout.prefix);
  ENGRAMD_TRY(const DecoderConfig config, read_decoder_config(file, layout.prefix, options));
  ENGRAMD_TRY(const DeltaConfig delta, read_delta_config(keys));
  ENGRAMD_TRY(const size_t interval, keys.size_or("full_attention_interval", 4, 1, 1024));
  TensorReader tensors(file);
  ENGRAMD_TRY(Network network, begin_network(tensors, config));
  for (size_t i = 0; i < config.n_layers; ++i) {
    const bool full = (i + 1) % interval == 0;
    std::unique_ptr<blocks::Branch> mixer;
    if (full) {
      ENGRAMD_TRY(mixer, attention_branch(tensors, config, i, {.head_norms = true, .gated = true}));
    } else {
      ENGRAMD_TRY(mixer, delta_branch(tensors, config, delta, layout, i));
    }
    ENGRAMD_CHECK(add_residual(tensors, config, layer_prefix(i) + "attn_norm.weight",
                               std::move(mixer), network.blocks));
    ENGRAMD_TRY(auto mixture, mixture_branch(tensors, config, i, {.shared_gate = true}));
    ENGRAMD_CHECK(add_residual(tensors, config, layer_prefix(i) + "post_attention_norm.weight",
                               std::move(mixture), network.blocks));
  }
  ENGRAMD_CHECK(finish_network(tensors, network));
  return network;
}

}  // namespace engramd::engine::arch
