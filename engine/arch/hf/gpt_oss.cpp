// engine/arch/hf/gpt_oss.cpp - gpt-oss: gate and up interleaved row by row (even rows gate, odd
// rows up), packed as MXFP4 in blocks apart from their scales, or as [in, out] in BF16.
#include <array>

#include "engine/arch/hf/families.h"

namespace engramd::engine::arch::hf {
namespace {

using namespace format::hf;

Status more_keys(const Config& config, const LayerCounts&, KeyWriter& keys) {
  ENGRAMD_TRY(const uint32_t dim, head_dim(config));
  keys.u32(".attention.key_length", dim);
  keys.u32(".attention.value_length", dim);
  return {};
}

// Every other row of each expert, or every other element of its bias.
Status every_other(Layout& layout, uint64_t first) {
  const bool bias = layout.shape.size() == 2;
  uint64_t& size = bias ? layout.shape[0] : layout.shape[1];
  AxisMap& axis = bias ? layout.columns : layout.rows;
  if (size % 2 != 0)
    return fail(ErrorCode::corrupt, "tensor " + layout.sources.front().weight->name +
                                        " has an odd number of rows for gate and up");
  size /= 2;
  axis.base = first;
  axis.step = 2;
  return {};
}
Status even(const Config&, Layout& layout) {
  return every_other(layout, 0);
}
Status odd(const Config&, Layout& layout) {
  return every_other(layout, 1);
}

// Stored [expert, in, out], shown as rows of `in`.
Status turned(const Config&, Layout& layout) {
  if (layout.shape.size() != 3)
    return fail(ErrorCode::corrupt, "tensor " + layout.sources.front().weight->name +
                                        " is not of shape [experts, in, out]");
  layout.transposed = true;
  std::swap(layout.shape[0], layout.shape[1]);
  layout.rows.per_slice = layout.shape[0];
  return {};
}
Status turned_part(const Config& config, Layout& layout, uint64_t first) {
  ENGRAMD_CHECK(turned(config, layout));
  layout.shape[1] /= 2;
  layout.columns.base = first;
  layout.columns.step = 2;
  return {};
}
Status turned_even(const Config& config, Layout& layout) {
  return turned_part(config, layout, 0);
}
Status turned_odd(const Config& config, Layout& layout) {
  return turned_part(config, layout, 1);
}

constexpr std::array<std::string_view, 1> kClasses = {"GptOssForCausalLM"};
constexpr std::array kKeys = {
    KeyRule{".attention.sliding_window", "sliding_window"},
    KeyRule{".expert_feed_forward_length", "intermediate_size"},
};
constexpr auto f32 = TensorRule::As::f32;

constexpr std::array kTensors = {
    TensorRule{"model.embed_tokens.weight", "token_embd.weight"},
    TensorRule{"model.norm.weight", "output_norm.weight"},
    TensorRule{"lm_head.weight", "output.weight"},
    TensorRule{"model.layers.{l}.input_layernorm.weight", "blk.{l}.attn_norm.weight"},
    TensorRule{"model.layers.{l}.post_attention_layernorm.weight",
               "blk.{l}.post_attention_norm.weight"},
    TensorRule{"model.layers.{l}.self_attn.q_proj.weight", "blk.{l}.attn_q.weight"},
    TensorRule{"model.layers.{l}.self_attn.q_proj.bias", "blk.{l}.attn_q.bias"},
    TensorRule{"model.layers.{l}.self_attn.k_proj.weight", "blk.{l}.attn_k.weight"},
    TensorRule{"model.layers.{l}.self_attn.k_proj.bias", "blk.{l}.attn_k.bias"},
    TensorRule{"model.layers.{l}.self_attn.v_proj.weight", "blk.{l}.attn_v.weight"},
    TensorRule{"model.layers.{l}.self_attn.v_proj.bias", "blk.{l}.attn_v.bias"},
    TensorRule{"model.layers.{l}.self_attn.o_proj.weight", "blk.{l}.attn_output.weight"},
    TensorRule{"model.layers.{l}.self_attn.o_proj.bias", "blk.{l}.attn_output.bias"},
    TensorRule{"model.layers.{l}.self_attn.sinks", "blk.{l}.attn_sinks.weight"},
    TensorRule{"model.layers.{l}.mlp.router.weight", "blk.{l}.ffn_gate_inp.weight", nullptr, f32},
    TensorRule{"model.layers.{l}.mlp.router.bias", "blk.{l}.ffn_gate_inp.bias"},
    TensorRule{"model.layers.{l}.mlp.experts.gate_up_proj_blocks", "blk.{l}.ffn_gate_exps.weight",
               even},
    TensorRule{"model.layers.{l}.mlp.experts.gate_up_proj_blocks", "blk.{l}.ffn_up_exps.weight",
               odd},
    TensorRule{"model.layers.{l}.mlp.experts.down_proj_blocks", "blk.{l}.ffn_down_exps.weight"},
    TensorRule{"model.layers.{l}.mlp.experts.gate_up_proj", "blk.{l}.ffn_gate_exps.weight",
               turned_even},
    TensorRule{"model.layers.{l}.mlp.experts.gate_up_proj", "blk.{l}.ffn_up_exps.weight",
               turned_odd},
    TensorRule{"model.layers.{l}.mlp.experts.down_proj", "blk.{l}.ffn_down_exps.weight", turned},
    TensorRule{"model.layers.{l}.mlp.experts.gate_up_proj_bias", "blk.{l}.ffn_gate_exps.bias", even,
               f32},
    TensorRule{"model.layers.{l}.mlp.experts.gate_up_proj_bias", "blk.{l}.ffn_up_exps.bias", odd,
               f32},
    TensorRule{"model.layers.{l}.mlp.experts.down_proj_bias", "blk.{l}.ffn_down_exps.bias", nullptr,
               f32},
};

}  // namespace

const Family kGptOss = {.architecture = "gpt-oss",
                        .classes = kClasses,
                        .keys = kKeys,
                        .more_keys = more_keys,
                        .tensors = kTensors};

}  // namespace engramd::engine::arch::hf
