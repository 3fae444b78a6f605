// engine/arch/hf/deepseek4.cpp - DeepSeek-V4 and V4.1. Nothing moves but the experts, which are
// stacked (packed FP4 becomes MXFP4), and the draft layer's two projections, which stand side by
// side. The draft layers "mtp.N" come after the others.
#include <array>

#include "engine/arch/hf/families.h"

namespace engramd::engine::arch::hf {
namespace {

using namespace format::hf;

Status v4_keys(const Config& config, const LayerCounts& layers, KeyWriter& keys) {
  ENGRAMD_TRY(const uint32_t dim, config.size("head_dim"));
  keys.u32(".attention.key_length", dim);
  keys.u32(".attention.value_length", dim);
  ENGRAMD_TRY(const std::string function, config.text("scoring_func"));
  if (function != "sqrtsoftplus")
    return fail(ErrorCode::unsupported, "router with the function " + function);
  keys.u32(".expert_gating_func", 4);
  ENGRAMD_TRY(const double limit, config.number("swiglu_limit"));
  const std::vector<double> limits(layers.main + layers.drafts, limit);
  keys.f32s(".swiglu_clamp_exp", limits);
  keys.f32s(".swiglu_clamp_shexp", limits);
  ENGRAMD_TRY(const uint32_t n_hash, config.size_or("num_hash_layers", 0));
  keys.u32(".hash_layer_count", n_hash);
  ENGRAMD_TRY(const uint32_t width, config.size("hidden_size"));
  ENGRAMD_TRY(const uint32_t n_streams, config.size("hc_mult"));
  if (width > 1 << 20 || n_streams > 64)
    return fail(ErrorCode::corrupt,
                std::to_string(n_streams) + " streams of " + std::to_string(width) + " elements");
  keys.u32(".embedding_length_out", width * n_streams);
  return {};
}

// The hash constants follow from these fields and the tokenizer; GGUF files hold them as keys.
Status v41_keys(const Config& config, const LayerCounts& layers, KeyWriter& keys) {
  ENGRAMD_CHECK(v4_keys(config, layers, keys));
  if (!config.has("candidate_source_layer_id")) return {};
  ENGRAMD_TRY(const double source_or_none, config.number("candidate_source_layer_id"));
  if (source_or_none < 0) return {};
  ENGRAMD_TRY(const uint32_t source, config.size("candidate_source_layer_id"));
  ENGRAMD_TRY(const uint32_t n_blocks, config.size("candidate_topk_blocks"));
  ENGRAMD_TRY(const uint32_t block, config.size("candidate_block_size"));
  // The two ports name these differently.
  keys.u32(".attention.indexer.candidate_source_layer", source);
  keys.u32(".attention.candidate_source_layer_id", source);
  keys.u32(".attention.indexer.candidate_top_k", n_blocks);
  keys.u32(".attention.candidate_topk_blocks", n_blocks);
  keys.u32(".attention.indexer.candidate_block_size", block);
  keys.u32(".attention.candidate_block_size", block);
  return {};
}

constexpr std::array<std::string_view, 1> kV4Classes = {"DeepseekV4ForCausalLM"};
constexpr std::array<std::string_view, 1> kV41Classes = {"DeepseekV41ForCausalLM"};
// What no rule has taken of these: vision, and the heads of later draft stages.
constexpr std::array<std::string_view, 4> kNotNeeded = {"mtp.", "vision.", "aligner.", "image_"};

constexpr auto f32 = TensorRule::As::f32;
constexpr auto i32 = TensorRule::As::i32;

constexpr std::array kV4Keys = {
    KeyRule{".feed_forward_length", "intermediate_size|moe_intermediate_size"},
    KeyRule{".attention.q_lora_rank", "q_lora_rank"},
    KeyRule{".attention.output_lora_rank", "o_lora_rank"},
    KeyRule{".attention.output_group_count", "o_groups"},
    KeyRule{".attention.sliding_window", "sliding_window"},
    KeyRule{".attention.indexer.head_count", "index_n_heads"},
    KeyRule{".attention.indexer.key_length", "index_head_dim"},
    KeyRule{".attention.indexer.top_k", "index_topk"},
    KeyRule{".attention.compress_ratios", "compress_ratios", KeyRule::Kind::i32s},
    KeyRule{".attention.compress_rope_freq_base", "compress_rope_theta", KeyRule::Kind::f32},
    KeyRule{".rope.dimension_count", "qk_rope_head_dim"},
    KeyRule{".expert_shared_count", "n_shared_experts"},
    KeyRule{".expert_weights_scale", "routed_scaling_factor", KeyRule::Kind::f32},
    KeyRule{".expert_weights_norm", "norm_topk_prob", KeyRule::Kind::flag},
    KeyRule{".hyper_connection.count", "hc_mult"},
    KeyRule{".hyper_connection.sinkhorn_iterations", "hc_sinkhorn_iters"},
    KeyRule{".hyper_connection.epsilon", "hc_eps", KeyRule::Kind::f32},
};

constexpr auto kV41Keys = joined(
    kV4Keys,
    std::array{
        KeyRule{".attention.kv_source_layer_ids", "kv_source_layer_ids", KeyRule::Kind::i32s},
        KeyRule{".attention.index_source_layer_ids", "index_source_layer_ids", KeyRule::Kind::i32s},
        KeyRule{".engram.layer_ids", "engram_layer_ids", KeyRule::Kind::i32s},
        KeyRule{".engram.head_count", "engram_n_heads"},
        KeyRule{".engram.key_length", "engram_head_dim"},
        KeyRule{".engram.max_ngram_size", "engram_max_ngram_size"},
    });

constexpr std::array kV4Tensors = {
    TensorRule{"embed.weight", "token_embd.weight"},
    TensorRule{"norm.weight", "output_norm.weight"},
    TensorRule{"head.weight", "output.weight"},
    TensorRule{"hc_head_fn", "output_hc_fn.weight"},
    TensorRule{"hc_head_base", "output_hc_base.weight"},
    TensorRule{"hc_head_scale", "output_hc_scale.weight"},
    TensorRule{"layers.{l}.attn_norm.weight", "blk.{l}.attn_norm.weight"},
    TensorRule{"layers.{l}.ffn_norm.weight", "blk.{l}.ffn_norm.weight"},
    TensorRule{"layers.{l}.hc_attn_fn", "blk.{l}.hc_attn_fn.weight"},
    TensorRule{"layers.{l}.hc_attn_base", "blk.{l}.hc_attn_base.weight"},
    TensorRule{"layers.{l}.hc_attn_scale", "blk.{l}.hc_attn_scale.weight"},
    TensorRule{"layers.{l}.hc_ffn_fn", "blk.{l}.hc_ffn_fn.weight"},
    TensorRule{"layers.{l}.hc_ffn_base", "blk.{l}.hc_ffn_base.weight"},
    TensorRule{"layers.{l}.hc_ffn_scale", "blk.{l}.hc_ffn_scale.weight"},
    TensorRule{"layers.{l}.attn.wq_a.weight", "blk.{l}.attn_q_a.weight"},
    TensorRule{"layers.{l}.attn.q_norm.weight", "blk.{l}.attn_q_a_norm.weight"},
    TensorRule{"layers.{l}.attn.wq_b.weight", "blk.{l}.attn_q_b.weight"},
    TensorRule{"layers.{l}.attn.wkv.weight", "blk.{l}.attn_kv.weight"},
    TensorRule{"layers.{l}.attn.kv_norm.weight", "blk.{l}.attn_kv_a_norm.weight"},
    TensorRule{"layers.{l}.attn.attn_sink", "blk.{l}.attn_sinks.weight"},
    TensorRule{"layers.{l}.attn.wo_a.weight", "blk.{l}.attn_output_a.weight"},
    TensorRule{"layers.{l}.attn.wo_b.weight", "blk.{l}.attn_output_b.weight"},
    TensorRule{"layers.{l}.attn.compressor.wkv.weight", "blk.{l}.attn_compressor_kv.weight"},
    TensorRule{"layers.{l}.attn.compressor.wgate.weight", "blk.{l}.attn_compressor_gate.weight"},
    TensorRule{"layers.{l}.attn.compressor.ape", "blk.{l}.attn_compressor_ape.weight", nullptr,
               f32},
    TensorRule{"layers.{l}.attn.compressor.norm.weight", "blk.{l}.attn_compressor_norm.weight"},
    TensorRule{"layers.{l}.attn.indexer.wq_b.weight", "blk.{l}.indexer.attn_q_b.weight"},
    TensorRule{"layers.{l}.attn.indexer.weights_proj.weight", "blk.{l}.indexer.proj.weight"},
    TensorRule{"layers.{l}.attn.indexer.compressor.wkv.weight",
               "blk.{l}.indexer_compressor_kv.weight"},
    TensorRule{"layers.{l}.attn.indexer.compressor.wgate.weight",
               "blk.{l}.indexer_compressor_gate.weight"},
    TensorRule{"layers.{l}.attn.indexer.compressor.ape", "blk.{l}.indexer_compressor_ape.weight",
               nullptr, f32},
    TensorRule{"layers.{l}.attn.indexer.compressor.norm.weight",
               "blk.{l}.indexer_compressor_norm.weight"},
    TensorRule{"layers.{l}.ffn.gate.weight", "blk.{l}.ffn_gate_inp.weight", nullptr, f32},
    TensorRule{"layers.{l}.ffn.gate.bias", "blk.{l}.exp_probs_b.bias"},
    TensorRule{"layers.{l}.ffn.gate.tid2eid", "blk.{l}.ffn_gate_tid2eid.weight", nullptr, i32},
    TensorRule{"layers.{l}.ffn.experts.{e}.w1.weight", "blk.{l}.ffn_gate_exps.weight"},
    TensorRule{"layers.{l}.ffn.experts.{e}.w3.weight", "blk.{l}.ffn_up_exps.weight"},
    TensorRule{"layers.{l}.ffn.experts.{e}.w2.weight", "blk.{l}.ffn_down_exps.weight"},
    TensorRule{"layers.{l}.ffn.shared_experts.w1.weight", "blk.{l}.ffn_gate_shexp.weight"},
    TensorRule{"layers.{l}.ffn.shared_experts.w3.weight", "blk.{l}.ffn_up_shexp.weight"},
    TensorRule{"layers.{l}.ffn.shared_experts.w2.weight", "blk.{l}.ffn_down_shexp.weight"},
    TensorRule{"layers.{l}.enorm.weight", "blk.{l}.nextn.enorm.weight"},
    TensorRule{"layers.{l}.hnorm.weight", "blk.{l}.nextn.hnorm.weight"},
    TensorRule{"layers.{l}.norm.weight", "blk.{l}.nextn.shared_head_norm.weight"},
    TensorRule{"layers.{l}.e_proj.weight+layers.{l}.h_proj.weight", "blk.{l}.nextn.eh_proj.weight"},
};

constexpr auto kV41Tensors =
    joined(kV4Tensors,
           std::array{
               TensorRule{"layers.{l}.ffn.gate.bias_vl", "blk.{l}.exp_probs_b_vl.bias"},
               TensorRule{"layers.{l}.attn.indexer.wk.weight", "blk.{l}.indexer.attn_k.weight"},
               TensorRule{"layers.{l}.attn.indexer.k_norm.weight", "blk.{l}.indexer.k_norm.weight"},
               TensorRule{"layers.{l}.engram.embed.weight", "blk.{l}.engram_embd.weight"},
               TensorRule{"layers.{l}.engram.wkv.weight", "blk.{l}.engram_wkv.weight"},
               TensorRule{"layers.{l}.engram.q_weight", "blk.{l}.engram_q.weight", nullptr, f32},
               TensorRule{"layers.{l}.engram.k_weight", "blk.{l}.engram_k.weight", nullptr, f32},
           });

}  // namespace

const Family kDeepseek4 = {.architecture = "deepseek4",
                           .classes = kV4Classes,
                           .keys = kV4Keys,
                           .more_keys = v4_keys,
                           .tensors = kV4Tensors,
                           .layer_prefix = "layers.{l}.",
                           .draft_prefix = "mtp.{m}.",
                           .not_needed = kNotNeeded};
const Family kDeepseek41 = {.architecture = "deepseek41",
                            .classes = kV41Classes,
                            .keys = kV41Keys,
                            .more_keys = v41_keys,
                            .tensors = kV41Tensors,
                            .not_needed = kNotNeeded};

}  // namespace engramd::engine::arch::hf
