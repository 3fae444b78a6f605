#include "engine/arch/decoder.h"

#include <cmath>

namespace engramd::engine::arch {
namespace {

constexpr size_t kMostWidth = size_t(1) << 20;

// rope.scaling.*: none, linear or YaRN. Under YaRN the cosines grow with the factor as its paper
// says, unless the family states another magnitude.
Status read_rope(const ConfigReader& keys, blocks::RopeSpec& rope) {
  ENGRAMD_TRY(rope.base, keys.number_or("rope.freq_base", 10000, 1, 1e12));
  if (!keys.has("rope.scaling.type")) return {};
  ENGRAMD_TRY(const std::string_view scaling, keys.string("rope.scaling.type"));
  if (scaling == "none") return {};
  if (scaling != "linear" && scaling != "yarn")
    return fail(ErrorCode::unsupported, "rope scaling \"" + std::string(scaling.substr(0, 32)) +
                                            "\", expected none, linear or yarn");
  ENGRAMD_TRY(rope.factor, keys.number("rope.scaling.factor", 1, 1e6));
  if (scaling == "linear") return {};
  ENGRAMD_TRY(rope.original_context,
              keys.number("rope.scaling.original_context_length", 1, 1 << 30));
  ENGRAMD_TRY(rope.beta_fast, keys.number_or("rope.scaling.yarn_beta_fast", 32, 0.01, 1e4));
  ENGRAMD_TRY(rope.beta_slow, keys.number_or("rope.scaling.yarn_beta_slow", 1, 0.001, 1e4));
  ENGRAMD_TRY(const double attention_factor,
              keys.number_or("rope.scaling.attn_factor", 1, 0.01, 100));
  rope.magnitude = attention_factor * (1 + 0.1 * std::log(rope.factor));
  return {};
}

Result<size_t> read_n_vocab(const format::ModelFile& file) {
  const format::Value* tokens = file.find("tokenizer.ggml.tokens");
  if (tokens == nullptr || tokens->type != format::ValueType::array)
    return fail(ErrorCode::corrupt, "key tokenizer.ggml.tokens is missing or no array");
  if (tokens->count == 0 || tokens->count > (1 << 24))
    return fail(ErrorCode::corrupt, "a vocabulary of " + std::to_string(tokens->count) +
                                        " tokens, expected 1 to 16777216");
  return size_t(tokens->count);
}

Status read_experts(const ConfigReader& keys, DecoderConfig& c) {
  ENGRAMD_TRY(c.n_experts, keys.size_or("expert_count", 0, 0, 4096));
  if (c.n_experts == 0) return {};
  ENGRAMD_TRY(c.n_experts_used, keys.size("expert_used_count", 1, 64));
  if (c.n_experts_used > c.n_experts)
    return fail(ErrorCode::corrupt, std::to_string(c.n_experts_used) + " experts per token of " +
                                        std::to_string(c.n_experts));
  // Families with one kind of feed-forward only may state its width either way.
  if (keys.has("expert_feed_forward_length") || c.width == 0) {
    ENGRAMD_TRY(c.expert_width, keys.size("expert_feed_forward_length", 1, kMostWidth));
  } else {
    c.expert_width = c.width;
  }
  ENGRAMD_TRY(const size_t n_shared, keys.size_or("expert_shared_count", 0, 0, 64));
  ENGRAMD_TRY(c.shared_width, keys.size_or("expert_shared_feed_forward_length",
                                           n_shared * c.expert_width, 0, kMostWidth * 64));
  ENGRAMD_TRY(c.n_dense_layers, keys.size_or("leading_dense_block_count", 0, 0, c.n_layers));
  ENGRAMD_TRY(c.renormalise, keys.flag_or("expert_weights_norm", true));
  ENGRAMD_TRY(const double scale, keys.number_or("expert_weights_scale", 1, 0, 1000));
  c.expert_scale = scale == 0 ? 1.0f : float(scale);  // writers put 0 for "none"
  return {};
}

Result<blocks::ExpertWeights> experts(TensorReader& tensors, const DecoderConfig& c,
                                      const std::string& prefix, const MixtureParts& parts) {
  const size_t d = c.d_model, width = c.expert_width, n = c.n_experts;
  blocks::ExpertWeights e;
  ENGRAMD_TRY(e.gate, tensors.matrix(prefix + "ffn_gate_exps.weight", {d, width, n}));
  ENGRAMD_TRY(e.up, tensors.matrix(prefix + "ffn_up_exps.weight", {d, width, n}));
  ENGRAMD_TRY(e.down, tensors.matrix(prefix + "ffn_down_exps.weight", {width, d, n}));
  if (parts.biases) {
    ENGRAMD_TRY(e.gate_bias, tensors.floats(prefix + "ffn_gate_exps.bias", {width, n}));
    ENGRAMD_TRY(e.up_bias, tensors.floats(prefix + "ffn_up_exps.bias", {width, n}));
    ENGRAMD_TRY(e.down_bias, tensors.floats(prefix + "ffn_down_exps.bias", {d, n}));
  }
  e.activation = parts.activation;
  return e;
}

}  // namespace

Result<DecoderConfig> read_decoder_config(const format::ModelFile& file, std::string_view prefix,
                                          const BuildOptions& options) {
  const ConfigReader keys(file, prefix);
  DecoderConfig c;
  ENGRAMD_TRY(c.n_layers, keys.size("block_count", 1, 1024));
  ENGRAMD_TRY(c.n_draft_layers, keys.size_or("nextn_predict_layers", 0, 0, 16));
  if (c.n_draft_layers >= c.n_layers)
    return fail(ErrorCode::corrupt,
                "all " + std::to_string(c.n_layers) + " layers are said to be draft layers");
  c.n_layers -= c.n_draft_layers;
  ENGRAMD_TRY(c.d_model, keys.size("embedding_length", 8, 65536));
  ENGRAMD_TRY(c.context_length, keys.size("context_length", 1, size_t(1) << 30));
  ENGRAMD_TRY(c.width, keys.size_or("feed_forward_length", 0, 0, kMostWidth));
  ENGRAMD_TRY(c.n_heads, keys.size("attention.head_count", 1, 1024));
  ENGRAMD_TRY(c.n_kv_heads, keys.size_or("attention.head_count_kv", c.n_heads, 1, 1024));
  if (c.n_heads % c.n_kv_heads != 0)
    return fail(ErrorCode::corrupt, std::to_string(c.n_heads) + " attention heads cannot share " +
                                        std::to_string(c.n_kv_heads) + " key-value heads evenly");
  ENGRAMD_TRY(c.head_dim, keys.size_or("attention.key_length", c.d_model / c.n_heads, 1, 1024));
  if (c.head_dim < 8 || c.head_dim % 8 != 0)
    return fail(ErrorCode::unsupported, "attention heads of " + std::to_string(c.head_dim) +
                                            " elements, expected a multiple of 8");
  ENGRAMD_TRY(c.value_dim, keys.size_or("attention.value_length", c.head_dim, 1, 1024));
  ENGRAMD_TRY(c.rope.n_rotated, keys.size_or("rope.dimension_count", c.head_dim, 2, 1024));
  if (c.rope.n_rotated % 2 != 0)
    return fail(ErrorCode::corrupt, std::to_string(c.rope.n_rotated) +
                                        " rotated elements of a head, expected an even number");
  ENGRAMD_TRY(const double epsilon, keys.number("attention.layer_norm_rms_epsilon", 0, 1));
  c.epsilon = float(epsilon);
  ENGRAMD_CHECK(read_rope(keys, c.rope));
  ENGRAMD_CHECK(read_experts(keys, c));
  ENGRAMD_TRY(c.n_vocab, read_n_vocab(file));
  c.kv_type = options.kv_type.value_or(cpu::KvType::f16);
  return c;
}

Result<std::unique_ptr<blocks::Branch>> attention_branch(TensorReader& tensors,
                                                         const DecoderConfig& c, size_t layer,
                                                         const AttentionParts& parts) {
  const std::string prefix = layer_prefix(layer);
  const size_t q_size = c.n_heads * c.head_dim, kv_size = c.n_kv_heads * c.head_dim;
  if (c.value_dim != c.head_dim || c.rope.n_rotated > c.head_dim)
    return fail(ErrorCode::unsupported, "attention heads with " + std::to_string(c.head_dim) +
                                            " key, " + std::to_string(c.value_dim) + " value and " +
                                            std::to_string(c.rope.n_rotated) +
                                            " rotated elements, expected keys and values of one "
                                            "size and no more rotated");
  blocks::AttentionWeights w;
  ENGRAMD_TRY(w.q, tensors.matrix(prefix + "attn_q.weight",
                                  {c.d_model, parts.gated ? 2 * q_size : q_size}));
  ENGRAMD_TRY(w.k, tensors.matrix(prefix + "attn_k.weight", {c.d_model, kv_size}));
  ENGRAMD_TRY(w.v, tensors.matrix(prefix + "attn_v.weight", {c.d_model, kv_size}));
  ENGRAMD_TRY(w.output, tensors.matrix(prefix + "attn_output.weight", {q_size, c.d_model}));
  if (parts.biases) {
    ENGRAMD_TRY(w.q_bias, tensors.vector(prefix + "attn_q.bias", w.q.rows));
    ENGRAMD_TRY(w.k_bias, tensors.vector(prefix + "attn_k.bias", kv_size));
    ENGRAMD_TRY(w.v_bias, tensors.vector(prefix + "attn_v.bias", kv_size));
  }
  if (parts.output_bias) {
    ENGRAMD_TRY(w.output_bias, tensors.vector(prefix + "attn_output.bias", c.d_model));
  }
  if (parts.head_norms) {
    ENGRAMD_TRY(w.q_norm, tensors.vector(prefix + "attn_q_norm.weight", c.head_dim));
    ENGRAMD_TRY(w.k_norm, tensors.vector(prefix + "attn_k_norm.weight", c.head_dim));
  }
  if (parts.sinks) {
    ENGRAMD_TRY(w.sinks, tensors.vector(prefix + "attn_sinks.weight", c.n_heads));
  }
  w.gated = parts.gated;
  w.n_heads = c.n_heads;
  w.n_kv_heads = c.n_kv_heads;
  w.head_dim = c.head_dim;
  w.window = parts.window;
  w.epsilon = c.epsilon;
  w.rope = c.rope;
  w.pairs = parts.pairs;
  return blocks::make_attention(w, c.kv_type);
}

Result<std::unique_ptr<blocks::Branch>> feed_forward_branch(TensorReader& tensors,
                                                            const DecoderConfig& c, size_t layer) {
  const std::string prefix = layer_prefix(layer);
  if (c.width == 0)
    return fail(ErrorCode::corrupt, "key feed_forward_length is missing for layer " +
                                        std::to_string(layer) + ", which has no experts");
  blocks::FeedForwardWeights w;
  ENGRAMD_TRY(w.gate, tensors.matrix(prefix + "ffn_gate.weight", {c.d_model, c.width}));
  ENGRAMD_TRY(w.up, tensors.matrix(prefix + "ffn_up.weight", {c.d_model, c.width}));
  ENGRAMD_TRY(w.down, tensors.matrix(prefix + "ffn_down.weight", {c.width, c.d_model}));
  return blocks::make_feed_forward(w);
}

Result<std::unique_ptr<blocks::Branch>> mixture_branch(TensorReader& tensors,
                                                       const DecoderConfig& c, size_t layer,
                                                       const MixtureParts& parts) {
  const std::string prefix = layer_prefix(layer);
  const size_t d = c.d_model, n = c.n_experts;
  if (n == 0) return fail(ErrorCode::corrupt, "key expert_count is missing or zero");
  blocks::MixtureWeights w;
  ENGRAMD_TRY(w.router.logits, tensors.matrix(prefix + "ffn_gate_inp.weight", {d, n}));
  if (parts.biases) {
    ENGRAMD_TRY(w.router.bias, tensors.vector(prefix + "ffn_gate_inp.bias", n));
  }
  if (parts.selection_bias) {
    ENGRAMD_TRY(w.router.selection_bias, tensors.vector(prefix + "exp_probs_b.bias", n));
  }
  if (parts.hashed) {
    ENGRAMD_TRY(w.router.by_token, tensors.integers(prefix + "ffn_gate_tid2eid.weight",
                                                    {c.n_experts_used, c.n_vocab}));
    for (size_t i = 0; i < c.n_experts_used * c.n_vocab; ++i)
      if (w.router.by_token[i] < 0 || size_t(w.router.by_token[i]) >= n)
        return fail(ErrorCode::corrupt,
                    "tensor " + prefix + "ffn_gate_tid2eid.weight names expert " +
                        std::to_string(w.router.by_token[i]) + " of " + std::to_string(n));
  }
  w.router.gate = parts.gate;
  w.router.n_used = c.n_experts_used;
  w.router.n_groups = parts.n_groups;
  w.router.n_groups_used = parts.n_groups_used;
  w.router.renormalise = c.renormalise;
  w.router.scale = c.expert_scale;
  ENGRAMD_TRY(w.experts, experts(tensors, c, prefix, parts));
  if (c.shared_width > 0) {
    w.shared.emplace();
    w.shared->activation = parts.shared_activation;
    ENGRAMD_TRY(w.shared->gate,
                tensors.matrix(prefix + "ffn_gate_shexp.weight", {d, c.shared_width}));
    ENGRAMD_TRY(w.shared->up, tensors.matrix(prefix + "ffn_up_shexp.weight", {d, c.shared_width}));
    ENGRAMD_TRY(w.shared->down,
                tensors.matrix(prefix + "ffn_down_shexp.weight", {c.shared_width, d}));
    if (parts.shared_gate) {
      ENGRAMD_TRY(w.shared_gate, tensors.vector(prefix + "ffn_gate_inp_shexp.weight", d));
    }
  }
  return blocks::make_mixture(w);
}

Status add_residual(TensorReader& tensors, const DecoderConfig& c, const std::string& norm_name,
                    std::unique_ptr<blocks::Branch> branch,
                    std::vector<std::unique_ptr<blocks::Block>>& blocks) {
  ENGRAMD_TRY(const float* norm, tensors.vector(norm_name, c.d_model));
  blocks.push_back(blocks::make_residual(c.norm(norm), std::move(branch)));
  return {};
}

Result<Network> begin_network(TensorReader& tensors, const DecoderConfig& c) {
  // Draft layers predict further tokens; the next one does not need them.
  if (c.n_draft_layers > 0) tensors.skip_layers_from(c.n_layers);
  Network network;
  network.n_layers = c.n_layers;
  network.d_model = c.d_model;
  network.n_vocab = c.n_vocab;
  network.context_length = c.context_length;
  network.n_experts = c.n_experts;
  network.n_experts_used = c.n_experts_used;
  ENGRAMD_TRY(network.embedding, tensors.matrix("token_embd.weight", {c.d_model, c.n_vocab}));
  ENGRAMD_TRY(const float* norm, tensors.vector("output_norm.weight", c.d_model));
  network.head.norm = c.norm(norm);
  network.head.output = network.embedding;
  if (tensors.has("output.weight")) {
    ENGRAMD_TRY(network.head.output, tensors.matrix("output.weight", {c.d_model, c.n_vocab}));
  }
  return network;
}

Status begin_drafts(TensorReader& tensors, const DecoderConfig& c, const BuildOptions& options,
                    Network& network) {
  if (!options.drafts || c.n_draft_layers == 0) return {};
  const size_t d = c.d_model;
  const std::string prefix = layer_prefix(c.n_layers) + "nextn.";
  tensors.skip_layers_from(c.n_layers + 1);
  network.drafts.emplace();
  blocks::MultiTokenInput& input = network.drafts->input;
  blocks::HeadWeights& head = network.drafts->head;
  ENGRAMD_TRY(const float* token_norm, tensors.vector(prefix + "enorm.weight", d));
  ENGRAMD_TRY(const float* hidden_norm, tensors.vector(prefix + "hnorm.weight", d));
  input.token_norm = c.norm(token_norm);
  input.hidden_norm = c.norm(hidden_norm);
  ENGRAMD_TRY(input.projection, tensors.matrix(prefix + "eh_proj.weight", {2 * d, d}));
  if (d % quant::info(input.projection.type).block_elements != 0)
    return fail(ErrorCode::unsupported, "tensor " + prefix + "eh_proj.weight has blocks across " +
                                            "its two halves of " + std::to_string(d) + " columns");
  // What a file leaves out is the network's own.
  input.embedding = network.embedding;
  if (tensors.has(prefix + "embed_tokens.weight")) {
    ENGRAMD_TRY(input.embedding, tensors.matrix(prefix + "embed_tokens.weight", {d, c.n_vocab}));
  }
  head.output = network.head.output;
  if (tensors.has(prefix + "shared_head_head.weight")) {
    ENGRAMD_TRY(head.output, tensors.matrix(prefix + "shared_head_head.weight", {d, c.n_vocab}));
  }
  head.norm = network.head.norm;
  if (tensors.has(prefix + "shared_head_norm.weight")) {
    ENGRAMD_TRY(const float* norm, tensors.vector(prefix + "shared_head_norm.weight", d));
    head.norm = c.norm(norm);
  }
  return {};
}

Status add_plain_layers(TensorReader& tensors, const DecoderConfig& c, const AttentionParts& parts,
                        const MixtureParts* mixture, Network& network) {
  for (size_t i = 0; i < c.n_layers; ++i) {
    ENGRAMD_TRY(auto attention, attention_branch(tensors, c, i, parts));
    ENGRAMD_CHECK(add_residual(tensors, c, layer_prefix(i) + "attn_norm.weight",
                               std::move(attention), network.blocks));
    ENGRAMD_TRY(auto feed_forward, mixture != nullptr ? mixture_branch(tensors, c, i, *mixture)
                                                      : feed_forward_branch(tensors, c, i));
    ENGRAMD_CHECK(add_residual(tensors, c, layer_prefix(i) + "ffn_norm.weight",
                               std::move(feed_forward), network.blocks));
  }
  return {};
}

Status finish_network(const TensorReader& tensors, Network& network) {
  ENGRAMD_CHECK(tensors.all_taken());
  network.n_parameters = network.embedding.n_elements() + network.d_model;
  if (network.head.collapse != nullptr)
    network.n_parameters += network.head.collapse->n_parameters();
  network.n_active_parameters = network.n_parameters;
  if (network.head.output.data != network.embedding.data) {
    network.n_parameters += network.head.output.n_elements();
    network.n_active_parameters += network.head.output.n_elements();
  }
  for (const auto& block : network.blocks) {
    network.n_parameters += block->n_parameters();
    network.n_active_parameters += block->n_active_parameters();
  }
  // Those of a draft layer count as there, not as what a token needs.
  if (network.drafts) {
    network.n_parameters += network.drafts->input.n_parameters() + network.d_model;
    for (const auto& block : network.drafts->blocks) network.n_parameters += block->n_parameters();
  }
  return {};
}

}  // namespace engramd::engine::arch
