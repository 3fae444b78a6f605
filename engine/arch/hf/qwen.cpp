// engine/arch/hf/qwen.cpp - the dense Qwen2 (biases) and Qwen3 (per-head norms), and Qwen3-MoE.
// Nothing moves but the experts, which are stacked.
#include <array>

#include "engine/arch/hf/families.h"

namespace engramd::engine::arch::hf {
namespace {

using namespace format::hf;

Status head_keys(const Config& config, const LayerCounts&, KeyWriter& keys) {
  if (!config.has("head_dim")) return {};
  ENGRAMD_TRY(const uint32_t dim, config.size("head_dim"));
  keys.u32(".attention.key_length", dim);
  keys.u32(".attention.value_length", dim);
  return {};
}

constexpr std::array<std::string_view, 1> kQwen2Classes = {"Qwen2ForCausalLM"};
constexpr std::array<std::string_view, 1> kQwen3Classes = {"Qwen3ForCausalLM"};
constexpr std::array<std::string_view, 1> kQwen3MoeClasses = {"Qwen3MoeForCausalLM"};
constexpr std::array<KeyRule, 1> kMoeKeys = {
    KeyRule{".expert_weights_norm", "norm_topk_prob", KeyRule::Kind::flag}};

constexpr std::array kTensors = {
    TensorRule{"model.embed_tokens.weight", "token_embd.weight"},
    TensorRule{"model.norm.weight", "output_norm.weight"},
    TensorRule{"lm_head.weight", "output.weight"},
    TensorRule{"model.layers.{l}.input_layernorm.weight", "blk.{l}.attn_norm.weight"},
    TensorRule{"model.layers.{l}.self_attn.q_proj.weight", "blk.{l}.attn_q.weight"},
    TensorRule{"model.layers.{l}.self_attn.q_proj.bias", "blk.{l}.attn_q.bias"},
    TensorRule{"model.layers.{l}.self_attn.k_proj.weight", "blk.{l}.attn_k.weight"},
    TensorRule{"model.layers.{l}.self_attn.k_proj.bias", "blk.{l}.attn_k.bias"},
    TensorRule{"model.layers.{l}.self_attn.v_proj.weight", "blk.{l}.attn_v.weight"},
    TensorRule{"model.layers.{l}.self_attn.v_proj.bias", "blk.{l}.attn_v.bias"},
    TensorRule{"model.layers.{l}.self_attn.o_proj.weight", "blk.{l}.attn_output.weight"},
    TensorRule{"model.layers.{l}.self_attn.q_norm.weight", "blk.{l}.attn_q_norm.weight"},
    TensorRule{"model.layers.{l}.self_attn.k_norm.weight", "blk.{l}.attn_k_norm.weight"},
    TensorRule{"model.layers.{l}.post_attention_layernorm.weight", "blk.{l}.ffn_norm.weight"},
    TensorRule{"model.layers.{l}.mlp.gate_proj.weight", "blk.{l}.ffn_gate.weight"},
    TensorRule{"model.layers.{l}.mlp.up_proj.weight", "blk.{l}.ffn_up.weight"},
    TensorRule{"model.layers.{l}.mlp.down_proj.weight", "blk.{l}.ffn_down.weight"},
    TensorRule{"model.layers.{l}.mlp.gate.weight", "blk.{l}.ffn_gate_inp.weight", nullptr,
               TensorRule::As::f32},
    TensorRule{"model.layers.{l}.mlp.experts.{e}.gate_proj.weight", "blk.{l}.ffn_gate_exps.weight"},
    TensorRule{"model.layers.{l}.mlp.experts.{e}.up_proj.weight", "blk.{l}.ffn_up_exps.weight"},
    TensorRule{"model.layers.{l}.mlp.experts.{e}.down_proj.weight", "blk.{l}.ffn_down_exps.weight"},
};

}  // namespace

const Family kQwen2 = {
    .architecture = "qwen2", .classes = kQwen2Classes, .more_keys = head_keys, .tensors = kTensors};
const Family kQwen3 = {
    .architecture = "qwen3", .classes = kQwen3Classes, .more_keys = head_keys, .tensors = kTensors};
const Family kQwen3Moe = {.architecture = "qwen3moe",
                          .classes = kQwen3MoeClasses,
                          .keys = kMoeKeys,
                          .more_keys = head_keys,
                          .tensors = kTensors};

}  // namespace engramd::engine::arch::hf
