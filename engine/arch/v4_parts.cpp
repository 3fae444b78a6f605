#include "engine/arch/v4_parts.h"

#include <algorithm>

namespace engramd::engine::arch {
namespace {

blocks::Activation clamped(double limit) {
  if (limit == 0) return {};
  return {blocks::Activation::Kind::clamped, float(limit)};
}

}  // namespace

Result<V4Config> read_v4_config(const format::ModelFile& file, std::string_view prefix,
                                const BuildOptions& options, std::initializer_list<size_t> ratios,
                                std::initializer_list<size_t> picking) {
  const ConfigReader keys(file, prefix);
  V4Config c;
  ENGRAMD_TRY(c.base, read_decoder_config(file, prefix, options));
  c.rounded = options.cache_rounding;
  // What is rounded to four significant bits is exact in bfloat16.
  c.base.kv_type = options.kv_type.value_or(cpu::KvType::bf16);
  ENGRAMD_TRY(c.q_rank, keys.size("attention.q_lora_rank", 8, 65536));
  ENGRAMD_TRY(c.n_groups, keys.size("attention.output_group_count", 1, 1024));
  ENGRAMD_TRY(c.group_rank, keys.size("attention.output_lora_rank", 8, 65536));
  ENGRAMD_TRY(c.window, keys.size("attention.sliding_window", 1, 1 << 20));
  if (c.base.n_heads % c.n_groups != 0 || c.base.n_kv_heads != 1)
    return fail(ErrorCode::corrupt, std::to_string(c.base.n_heads) + " heads with " +
                                        std::to_string(c.base.n_kv_heads) + " key-value heads in " +
                                        std::to_string(c.n_groups) +
                                        " output groups, expected one key-value head and "
                                        "as many heads in each group");
  if (c.base.rope.n_rotated >= c.base.head_dim)
    return fail(ErrorCode::corrupt, std::to_string(c.base.rope.n_rotated) +
                                        " rotated elements in heads of " +
                                        std::to_string(c.base.head_dim));
  // Values for a draft layer stand behind those of the others.
  const size_t n_all = c.base.n_layers + (options.drafts ? c.base.n_draft_layers : 0);
  ENGRAMD_TRY(c.ratios, keys.sizes("attention.compress_ratios", n_all, 0, 128));
  const auto one_of = [](std::initializer_list<size_t> known, size_t ratio) {
    return std::find(known.begin(), known.end(), ratio) != known.end();
  };
  bool picks = false;
  for (const size_t ratio : c.ratios) {
    if (ratio != 0 && !one_of(ratios, ratio))
      return fail(ErrorCode::unsupported, "a compression ratio of " + std::to_string(ratio) +
                                              " is not one that this family has");
    picks |= one_of(picking, ratio);
  }
  if (picks) {
    ENGRAMD_TRY(c.index_heads,
                keys.size("attention.indexer.head_count", 1, blocks::kMostIndexHeads));
    ENGRAMD_TRY(c.index_dim, keys.size("attention.indexer.key_length", 32, 1024));
    ENGRAMD_TRY(c.index_top_k, keys.size("attention.indexer.top_k", 1, 1 << 20));
    if ((c.index_dim & (c.index_dim - 1)) != 0 || c.index_dim <= c.base.rope.n_rotated)
      return fail(ErrorCode::corrupt, "index keys of " + std::to_string(c.index_dim) +
                                          " elements, expected a power of two above the " +
                                          std::to_string(c.base.rope.n_rotated) + " rotated ones");
  }
  // YaRN belongs to the compressed layers only, and leaves the cosines as long as they are.
  c.base.rope.magnitude = 1;
  c.compressed_rope = c.base.rope;
  ENGRAMD_TRY(c.compressed_rope.base, keys.number("attention.compress_rope_freq_base", 1, 1e12));
  c.base.rope = {.base = c.base.rope.base, .n_rotated = c.base.rope.n_rotated};

  ENGRAMD_TRY(c.n_streams, keys.size("hyper_connection.count", 2, 8));
  ENGRAMD_TRY(c.sinkhorn_rounds, keys.size("hyper_connection.sinkhorn_iterations", 1, 100));
  ENGRAMD_TRY(const double epsilon, keys.number("hyper_connection.epsilon", 0, 1));
  c.hyper_epsilon = float(epsilon);
  ENGRAMD_TRY(c.n_hash_layers, keys.size_or("hash_layer_count", 0, 0, c.base.n_layers));
  ENGRAMD_TRY(c.limits, keys.numbers("swiglu_clamp_exp", n_all, 0, 1e6));
  c.shared_limits = c.limits;
  if (keys.has("swiglu_clamp_shexp")) {
    ENGRAMD_TRY(c.shared_limits, keys.numbers("swiglu_clamp_shexp", n_all, 0, 1e6));
  }
  return c;
}

Result<blocks::HyperWeights> hyper_weights(TensorReader& tensors, const V4Config& c,
                                           const std::string& name, size_t rows, size_t n_scales) {
  blocks::HyperWeights w;
  ENGRAMD_TRY(w.fn, tensors.matrix(name + "_fn.weight", {c.n_streams * c.base.d_model, rows}));
  ENGRAMD_TRY(w.base, tensors.vector(name + "_base.weight", rows));
  ENGRAMD_TRY(w.scale, tensors.vector(name + "_scale.weight", n_scales));
  w.n_streams = c.n_streams;
  w.sinkhorn_rounds = c.sinkhorn_rounds;
  w.epsilon = c.hyper_epsilon;
  w.norm_epsilon = c.base.epsilon;
  return w;
}

Result<blocks::HybridAttentionWeights> hybrid_attention_weights(TensorReader& tensors,
                                                                const V4Config& c, size_t layer) {
  const std::string prefix = layer_prefix(layer);
  const size_t d = c.base.d_model, q_size = c.base.n_heads * c.base.head_dim;
  blocks::HybridAttentionWeights w;
  ENGRAMD_TRY(w.q_a, tensors.matrix(prefix + "attn_q_a.weight", {d, c.q_rank}));
  ENGRAMD_TRY(w.q_a_norm, tensors.vector(prefix + "attn_q_a_norm.weight", c.q_rank));
  ENGRAMD_TRY(w.q_b, tensors.matrix(prefix + "attn_q_b.weight", {c.q_rank, q_size}));
  ENGRAMD_TRY(w.kv, tensors.matrix(prefix + "attn_kv.weight", {d, c.base.head_dim}));
  ENGRAMD_TRY(w.kv_norm, tensors.vector(prefix + "attn_kv_a_norm.weight", c.base.head_dim));
  ENGRAMD_TRY(w.sinks, tensors.vector(prefix + "attn_sinks.weight", c.base.n_heads));
  ENGRAMD_TRY(w.output_a, tensors.matrix(prefix + "attn_output_a.weight",
                                         {q_size / c.n_groups, c.group_rank * c.n_groups}));
  w.output_a.rows = c.group_rank;
  w.output_a.n_slices = c.n_groups;
  ENGRAMD_TRY(w.output_b,
              tensors.matrix(prefix + "attn_output_b.weight", {c.group_rank * c.n_groups, d}));
  w.n_heads = c.base.n_heads;
  w.head_dim = c.base.head_dim;
  w.window = c.window;
  w.epsilon = c.base.epsilon;
  w.past_ratio = c.ratios[layer];
  w.rope = w.past_ratio == 0 ? c.base.rope : c.compressed_rope;
  return w;
}

Result<blocks::CompressorWeights> v4_compressor(TensorReader& tensors, const V4Config& c,
                                                const std::string& name, size_t ratio,
                                                size_t width) {
  blocks::CompressorWeights w;
  w.overlap = ratio == kOverlapRatio;
  const size_t wide = (w.overlap ? 2 : 1) * width;
  ENGRAMD_TRY(w.kv, tensors.matrix(name + "_kv.weight", {c.base.d_model, wide}));
  ENGRAMD_TRY(w.gate, tensors.matrix(name + "_gate.weight", {c.base.d_model, wide}));
  ENGRAMD_TRY(w.ape, tensors.floats(name + "_ape.weight", {wide, ratio}));
  ENGRAMD_TRY(w.norm, tensors.vector(name + "_norm.weight", width));
  w.ratio = ratio;
  w.width = width;
  w.epsilon = c.base.epsilon;
  w.rope = c.compressed_rope;
  return w;
}

Result<blocks::IndexerWeights> indexer_weights(TensorReader& tensors, const V4Config& c,
                                               size_t layer) {
  const std::string prefix = layer_prefix(layer) + "indexer.";
  blocks::IndexerWeights w;
  ENGRAMD_TRY(w.q,
              tensors.matrix(prefix + "attn_q_b.weight", {c.q_rank, c.index_heads * c.index_dim}));
  ENGRAMD_TRY(w.proj, tensors.matrix(prefix + "proj.weight", {c.base.d_model, c.index_heads}));
  w.n_heads = c.index_heads;
  w.head_dim = c.index_dim;
  w.top_k = c.index_top_k;
  w.rounding = c.rounding(blocks::CacheRounding::index_e2m1);
  w.rope = c.compressed_rope;
  return w;
}

Result<std::unique_ptr<blocks::Branch>> v4_mixture(TensorReader& tensors, const V4Config& c,
                                                   size_t layer) {
  MixtureParts parts;
  parts.gate = blocks::Gate::sqrt_softplus;
  parts.hashed = layer < c.n_hash_layers;
  parts.selection_bias = !parts.hashed;
  parts.activation = clamped(c.limits[layer]);
  parts.shared_activation = clamped(c.shared_limits[layer]);
  return mixture_branch(tensors, c.base, layer, parts);
}

Status add_sites(TensorReader& tensors, const V4Config& c, size_t layer, MakeSite make,
                 std::unique_ptr<blocks::Branch> attention, std::unique_ptr<blocks::Branch> mixture,
                 std::vector<std::unique_ptr<blocks::Block>>& blocks) {
  const std::string prefix = layer_prefix(layer);
  const size_t n_mix = (2 + c.n_streams) * c.n_streams;
  const auto add = [&](const std::string& site_name, const std::string& norm_name,
                       std::unique_ptr<blocks::Branch> branch) -> Status {
    ENGRAMD_TRY(const auto site, hyper_weights(tensors, c, prefix + site_name, n_mix, 3));
    ENGRAMD_TRY(const float* norm, tensors.vector(prefix + norm_name, c.base.d_model));
    blocks.push_back(make(site, c.base.norm(norm), std::move(branch)));
    return {};
  };
  ENGRAMD_CHECK(add("hc_attn", "attn_norm.weight", std::move(attention)));
  return add("hc_ffn", "ffn_norm.weight", std::move(mixture));
}

}  // namespace engramd::engine::arch
