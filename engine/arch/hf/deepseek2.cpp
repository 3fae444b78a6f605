// engine/arch/hf/deepseek2.cpp - multi-head latent attention: DeepSeek-V2 and V3, Kimi-K2,
// GLM-4.7-Flash. The up projection of the latent, stored as one matrix of each head's key rows and
// value rows, is shown as two: the keys' transposed, so that it can be absorbed into the query.
#include <array>

#include "engine/arch/hf/families.h"

namespace engramd::engine::arch::hf {
namespace {

using namespace format::hf;

Status more_keys(const Config& config, const LayerCounts&, KeyWriter& keys) {
  ENGRAMD_TRY(const uint32_t rank, config.size("kv_lora_rank"));
  ENGRAMD_TRY(const uint32_t rotated, config.size("qk_rope_head_dim"));
  ENGRAMD_TRY(const uint32_t plain, config.size("qk_nope_head_dim"));
  ENGRAMD_TRY(const uint32_t value, config.size("v_head_dim"));
  constexpr uint32_t kMost = 1 << 20;
  if (rank > kMost || rotated > kMost || plain > kMost || value > kMost)
    return fail(ErrorCode::corrupt, "attention heads wider than " + std::to_string(kMost));
  // Absorbed, the latent is the one key and value of all heads.
  keys.u32(".attention.head_count_kv", 1);
  keys.u32(".attention.kv_lora_rank", rank);
  keys.u32(".attention.key_length", rank + rotated);
  keys.u32(".attention.value_length", rank);
  keys.u32(".attention.key_length_mla", plain + rotated);
  keys.u32(".attention.value_length_mla", value);
  keys.u32(".rope.dimension_count", rotated);
  if (config.has("rope_scaling.mscale_all_dim|rope_parameters.mscale_all_dim")) {
    ENGRAMD_TRY(const double scale,
                config.number("rope_scaling.mscale_all_dim|rope_parameters.mscale_all_dim"));
    keys.f32(".rope.scaling.yarn_log_multiplier", 0.1 * scale);
  }
  // 1 softmax, 2 sigmoid; GLM does not say, and balances without a loss as V3 does.
  uint32_t gating = 1;
  if (config.has("scoring_func")) {
    ENGRAMD_TRY(const std::string function, config.text("scoring_func"));
    if (function != "softmax" && function != "sigmoid")
      return fail(ErrorCode::unsupported, "router with the function " + function);
    gating = function == "sigmoid" ? 2 : 1;
  } else if (config.has("topk_method")) {
    ENGRAMD_TRY(const std::string method, config.text("topk_method"));
    gating = method == "noaux_tc" ? 2 : 1;
  }
  keys.u32(".expert_gating_func", gating);
  return {};
}

struct HeadSizes {
  uint32_t n_heads = 0, plain = 0, value = 0;
};
Result<HeadSizes> read_heads(const Config& config, const Layout& layout) {
  HeadSizes s;
  ENGRAMD_TRY(s.n_heads, config.size("num_attention_heads"));
  ENGRAMD_TRY(s.plain, config.size("qk_nope_head_dim"));
  ENGRAMD_TRY(s.value, config.size("v_head_dim"));
  if (layout.shape.size() != 2 || s.n_heads == 0 || s.plain == 0 || s.value == 0 ||
      layout.shape[1] != uint64_t(s.n_heads) * (uint64_t(s.plain) + s.value))
    return fail(ErrorCode::corrupt, "tensor " + layout.sources.front().weight->name +
                                        " does not have the rows that the heads imply");
  return s;
}

Status keys_of_latent(const Config& config, Layout& layout) {
  ENGRAMD_TRY(const HeadSizes s, read_heads(config, layout));
  layout.transposed = true;
  layout.shape = {s.plain, layout.shape[0], s.n_heads};
  layout.rows.per_slice = uint64_t(s.plain) + s.value;
  return {};
}

Status values_of_latent(const Config& config, Layout& layout) {
  ENGRAMD_TRY(const HeadSizes s, read_heads(config, layout));
  layout.shape = {layout.shape[0], s.value, s.n_heads};
  layout.rows.base = s.plain;
  layout.rows.per_slice = uint64_t(s.plain) + s.value;
  return {};
}

constexpr std::array<std::string_view, 4> kClasses = {
    "DeepseekV3ForCausalLM", "DeepseekV2ForCausalLM", "Glm4MoeLiteForCausalLM",
    "KimiK25ForConditionalGeneration"};
constexpr std::array<std::string_view, 3> kNotNeeded = {"vision_tower.", "mm_projector.",
                                                        "multi_modal_projector."};
constexpr std::array kKeys = {
    KeyRule{".attention.q_lora_rank", "q_lora_rank"},
    KeyRule{".leading_dense_block_count", "first_k_dense_replace"},
    KeyRule{".expert_group_count", "n_group"},
    KeyRule{".expert_group_used_count", "topk_group"},
    KeyRule{".expert_shared_count", "n_shared_experts"},
    KeyRule{".expert_weights_scale", "routed_scaling_factor", KeyRule::Kind::f32},
    KeyRule{".expert_weights_norm", "norm_topk_prob", KeyRule::Kind::flag},
};
constexpr auto f32 = TensorRule::As::f32;

constexpr std::array kTensors = {
    TensorRule{"model.embed_tokens.weight", "token_embd.weight"},
    TensorRule{"model.norm.weight", "output_norm.weight"},
    TensorRule{"lm_head.weight", "output.weight"},
    TensorRule{"model.layers.{l}.input_layernorm.weight", "blk.{l}.attn_norm.weight"},
    TensorRule{"model.layers.{l}.post_attention_layernorm.weight", "blk.{l}.ffn_norm.weight"},
    TensorRule{"model.layers.{l}.self_attn.q_proj.weight", "blk.{l}.attn_q.weight"},
    TensorRule{"model.layers.{l}.self_attn.q_a_proj.weight", "blk.{l}.attn_q_a.weight"},
    TensorRule{"model.layers.{l}.self_attn.q_a_layernorm.weight", "blk.{l}.attn_q_a_norm.weight"},
    TensorRule{"model.layers.{l}.self_attn.q_b_proj.weight", "blk.{l}.attn_q_b.weight"},
    TensorRule{"model.layers.{l}.self_attn.kv_a_proj_with_mqa.weight",
               "blk.{l}.attn_kv_a_mqa.weight"},
    TensorRule{"model.layers.{l}.self_attn.kv_a_layernorm.weight", "blk.{l}.attn_kv_a_norm.weight"},
    TensorRule{"model.layers.{l}.self_attn.kv_b_proj.weight", "blk.{l}.attn_k_b.weight",
               keys_of_latent},
    TensorRule{"model.layers.{l}.self_attn.kv_b_proj.weight", "blk.{l}.attn_v_b.weight",
               values_of_latent},
    TensorRule{"model.layers.{l}.self_attn.o_proj.weight", "blk.{l}.attn_output.weight"},
    TensorRule{"model.layers.{l}.mlp.gate_proj.weight", "blk.{l}.ffn_gate.weight"},
    TensorRule{"model.layers.{l}.mlp.up_proj.weight", "blk.{l}.ffn_up.weight"},
    TensorRule{"model.layers.{l}.mlp.down_proj.weight", "blk.{l}.ffn_down.weight"},
    TensorRule{"model.layers.{l}.mlp.gate.weight", "blk.{l}.ffn_gate_inp.weight", nullptr, f32},
    TensorRule{"model.layers.{l}.mlp.gate.e_score_correction_bias", "blk.{l}.exp_probs_b.bias"},
    TensorRule{"model.layers.{l}.mlp.experts.{e}.gate_proj.weight", "blk.{l}.ffn_gate_exps.weight"},
    TensorRule{"model.layers.{l}.mlp.experts.{e}.up_proj.weight", "blk.{l}.ffn_up_exps.weight"},
    TensorRule{"model.layers.{l}.mlp.experts.{e}.down_proj.weight", "blk.{l}.ffn_down_exps.weight"},
    TensorRule{"model.layers.{l}.mlp.shared_experts.gate_proj.weight",
               "blk.{l}.ffn_gate_shexp.weight"},
    TensorRule{"model.layers.{l}.mlp.shared_experts.up_proj.weight", "blk.{l}.ffn_up_shexp.weight"},
    TensorRule{"model.layers.{l}.mlp.shared_experts.down_proj.weight",
               "blk.{l}.ffn_down_shexp.weight"},
    TensorRule{"model.layers.{l}.eh_proj.weight", "blk.{l}.nextn.eh_proj.weight"},
    TensorRule{"model.layers.{l}.enorm.weight", "blk.{l}.nextn.enorm.weight"},
    TensorRule{"model.layers.{l}.hnorm.weight", "blk.{l}.nextn.hnorm.weight"},
    TensorRule{"model.layers.{l}.embed_tokens.weight", "blk.{l}.nextn.embed_tokens.weight"},
    TensorRule{"model.layers.{l}.shared_head.head.weight", "blk.{l}.nextn.shared_head_head.weight"},
    TensorRule{"model.layers.{l}.shared_head.norm.weight", "blk.{l}.nextn.shared_head_norm.weight"},
};

}  // namespace

const Family kDeepseek2 = {.architecture = "deepseek2",
                           .classes = kClasses,
                           .keys = kKeys,
                           .more_keys = more_keys,
                           .tensors = kTensors,
                           .layer_prefix = "model.layers.{l}.",
                           .draft_prefix = "model.layers.{l}.",
                           .not_needed = kNotNeeded};

}  // namespace engramd::engine::arch::hf
