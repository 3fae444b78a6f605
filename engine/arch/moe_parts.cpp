// engine/arch/moe_parts.cpp - the layer that the mixture families share: keys, names and shapes.
#include "engine/arch/family.h"
#include "engine/blocks/attention.h"
#include "engine/blocks/mixture.h"

namespace engramd::engine::arch {

Result<MoeConfig> read_moe_config(const format::ModelFile& file, std::string_view prefix) {
  const ConfigReader keys(file, prefix);
  MoeConfig c;
  // The upper limits are several times those of the largest published models; they keep products
  // of a few of these numbers far from overflow.
  ENGRAMD_TRY(c.n_layers, keys.size("block_count", 1, 1024));
  ENGRAMD_TRY(c.d_model, keys.size("embedding_length", 8, 65536));
  ENGRAMD_TRY(c.context_length, keys.size("context_length", 1, size_t(1) << 30));
  ENGRAMD_TRY(c.n_heads, keys.size("attention.head_count", 1, 1024));
  ENGRAMD_TRY(c.n_kv_heads, keys.size_or("attention.head_count_kv", c.n_heads, 1, 1024));
  if (c.n_heads % c.n_kv_heads != 0)
    return fail(ErrorCode::corrupt, std::to_string(c.n_heads) + " attention heads cannot share " +
                                        std::to_string(c.n_kv_heads) + " key-value heads evenly");
  ENGRAMD_TRY(c.head_dim, keys.size_or("attention.key_length", c.d_model / c.n_heads, 8, 1024));
  ENGRAMD_TRY(const size_t value_dim, keys.size_or("attention.value_length", c.head_dim, 8, 1024));
  ENGRAMD_TRY(const size_t rotated, keys.size_or("rope.dimension_count", c.head_dim, 1, 1024));
  if (c.head_dim < 8 || c.head_dim % 8 != 0)
    return fail(ErrorCode::unsupported, "attention heads of " + std::to_string(c.head_dim) +
                                            " elements, expected a multiple of 8");
  if (value_dim != c.head_dim || rotated != c.head_dim)
    return fail(ErrorCode::unsupported, "attention heads with " + std::to_string(c.head_dim) +
                                            " key, " + std::to_string(value_dim) + " value and " +
                                            std::to_string(rotated) +
                                            " rotated elements, expected the same number");
  ENGRAMD_TRY(const double epsilon, keys.number("attention.layer_norm_rms_epsilon", 0, 1));
  c.epsilon = float(epsilon);
  c.rope_base = 10000;
  if (keys.has("rope.freq_base")) {
    ENGRAMD_TRY(c.rope_base, keys.number("rope.freq_base", 1, 1e12));
  }
  if (keys.has("rope.scaling.type")) {
    ENGRAMD_TRY(const std::string_view scaling, keys.string("rope.scaling.type"));
    if (scaling != "none")
      return fail(ErrorCode::unsupported,
                  "rope scaling \"" + std::string(scaling.substr(0, 32)) + "\" is not supported");
  }
  ENGRAMD_TRY(c.n_experts, keys.size("expert_count", 1, 4096));
  ENGRAMD_TRY(c.n_experts_used, keys.size("expert_used_count", 1, 64));
  if (c.n_experts_used > c.n_experts)
    return fail(ErrorCode::corrupt, std::to_string(c.n_experts_used) + " experts per token of " +
                                        std::to_string(c.n_experts));
  ENGRAMD_TRY(c.expert_width, keys.size("expert_feed_forward_length", 1, size_t(1) << 20));
  ENGRAMD_TRY(c.renormalise, keys.flag_or("expert_weights_norm", true));
  const format::Value* tokens = file.find("tokenizer.ggml.tokens");
  if (tokens == nullptr || tokens->type != format::ValueType::array)
    return fail(ErrorCode::corrupt, "key tokenizer.ggml.tokens is missing or no array");
  if (tokens->count == 0 || tokens->count > (1 << 24))
    return fail(ErrorCode::corrupt, "a vocabulary of " + std::to_string(tokens->count) +
                                        " tokens, expected 1 to 16777216");
  c.n_vocab = size_t(tokens->count);
  return c;
}

Result<std::unique_ptr<blocks::Block>> attention_block(TensorReader& tensors, const MoeConfig& c,
                                                       size_t i, cpu::KvType kv_type) {
  const std::string prefix = "blk." + std::to_string(i) + ".";
  const size_t q_size = c.n_heads * c.head_dim, kv_size = c.n_kv_heads * c.head_dim;
  blocks::AttentionWeights w;
  ENGRAMD_TRY(w.norm, tensors.vector(prefix + "attn_norm.weight", c.d_model));
  ENGRAMD_TRY(w.q, tensors.matrix(prefix + "attn_q.weight", {c.d_model, q_size}));
  ENGRAMD_TRY(w.k, tensors.matrix(prefix + "attn_k.weight", {c.d_model, kv_size}));
  ENGRAMD_TRY(w.v, tensors.matrix(prefix + "attn_v.weight", {c.d_model, kv_size}));
  ENGRAMD_TRY(w.output, tensors.matrix(prefix + "attn_output.weight", {q_size, c.d_model}));
  ENGRAMD_TRY(w.q_norm, tensors.vector(prefix + "attn_q_norm.weight", c.head_dim));
  ENGRAMD_TRY(w.k_norm, tensors.vector(prefix + "attn_k_norm.weight", c.head_dim));
  w.layer = i;
  w.n_heads = c.n_heads;
  w.n_kv_heads = c.n_kv_heads;
  w.head_dim = c.head_dim;
  w.epsilon = c.epsilon;
  w.rope_base = c.rope_base;
  return blocks::make_attention(w, kv_type);
}

Result<std::unique_ptr<blocks::Block>> mixture_block(TensorReader& tensors, const MoeConfig& c,
                                                     size_t i, size_t shared_width) {
  const std::string prefix = "blk." + std::to_string(i) + ".";
  const size_t d = c.d_model, width = c.expert_width, n = c.n_experts;
  blocks::MixtureWeights w;
  ENGRAMD_TRY(w.norm, tensors.vector(prefix + "ffn_norm.weight", d));
  ENGRAMD_TRY(w.router, tensors.matrix(prefix + "ffn_gate_inp.weight", {d, n}));
  ENGRAMD_TRY(w.experts.gate, tensors.matrix(prefix + "ffn_gate_exps.weight", {d, width, n}));
  ENGRAMD_TRY(w.experts.up, tensors.matrix(prefix + "ffn_up_exps.weight", {d, width, n}));
  ENGRAMD_TRY(w.experts.down, tensors.matrix(prefix + "ffn_down_exps.weight", {width, d, n}));
  if (shared_width > 0) {
    w.shared.emplace();
    ENGRAMD_TRY(w.shared->gate,
                tensors.matrix(prefix + "ffn_gate_shexp.weight", {d, shared_width}));
    ENGRAMD_TRY(w.shared->up, tensors.matrix(prefix + "ffn_up_shexp.weight", {d, shared_width}));
    ENGRAMD_TRY(w.shared->down,
                tensors.matrix(prefix + "ffn_down_shexp.weight", {shared_width, d}));
  }
  w.n_used = c.n_experts_used;
  w.renormalise = c.renormalise;
  w.epsilon = c.epsilon;
  return blocks::make_mixture(w);
}

Result<Network> begin_network(TensorReader& tensors, const MoeConfig& c) {
  Network network;
  network.n_layers = c.n_layers;
  network.d_model = c.d_model;
  network.n_vocab = c.n_vocab;
  network.context_length = c.context_length;
  network.n_experts = c.n_experts;
  network.n_experts_used = c.n_experts_used;
  ENGRAMD_TRY(network.embedding, tensors.matrix("token_embd.weight", {c.d_model, c.n_vocab}));
  ENGRAMD_TRY(network.head.norm, tensors.vector("output_norm.weight", c.d_model));
  network.head.output = network.embedding;
  if (tensors.has("output.weight")) {
    ENGRAMD_TRY(network.head.output, tensors.matrix("output.weight", {c.d_model, c.n_vocab}));
  }
  network.head.epsilon = c.epsilon;
  // Whoever keeps keys' weights in full precision wants it in the cache too.
  ENGRAMD_TRY(const blocks::Matrix k,
              tensors.matrix("blk.0.attn_k.weight", {c.d_model, c.n_kv_heads * c.head_dim}));
  network.kv = {c.n_layers, c.n_kv_heads, c.head_dim,
                k.type == quant::Type::f32 ? cpu::KvType::f32 : cpu::KvType::f16};
  return network;
}

Status finish_network(const TensorReader& tensors, Network& network) {
  ENGRAMD_CHECK(tensors.all_taken());
  network.n_parameters = network.embedding.n_elements() + network.d_model;
  network.n_active_parameters = network.n_parameters;
  if (network.head.output.data != network.embedding.data) {
    network.n_parameters += network.head.output.n_elements();
    network.n_active_parameters += network.head.output.n_elements();
  }
  for (const auto& block : network.blocks) {
    network.n_parameters += block->n_parameters();
    network.n_active_parameters += block->n_active_parameters();
  }
  return {};
}

}  // namespace engramd::engine::arch
