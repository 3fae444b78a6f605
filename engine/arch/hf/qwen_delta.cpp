// engine/arch/hf/qwen_delta.cpp - Qwen3-Next and Qwen3.5/3.6-MoE: gated delta net layers.
//
// Norms store what is added to one (the delta net's own norm does not), A_log becomes the decay
// rate, the convolution loses its middle size. Qwen3-Next fuses q, k, v and z by key head; GGUF
// wants [q | k | v] and z. Qwen3.5 keeps them apart, but groups the value heads by key head where
// GGUF tiles them: value head j of key head k is stored at k * r + j and shown at j * n + k, with
// n key heads of r value heads each.
#include <array>

#include "engine/arch/hf/families.h"

namespace engramd::engine::arch::hf {
namespace {

using namespace format::hf;

struct DeltaSizes {
  uint32_t n_key_heads = 0, n_value_heads = 0, key_dim = 0, value_dim = 0;
  uint32_t ratio() const { return n_value_heads / n_key_heads; }
};

Result<DeltaSizes> read_sizes(const Config& config) {
  DeltaSizes s;
  ENGRAMD_TRY(s.n_key_heads, config.size("linear_num_key_heads"));
  ENGRAMD_TRY(s.n_value_heads, config.size("linear_num_value_heads"));
  ENGRAMD_TRY(s.key_dim, config.size("linear_key_head_dim"));
  ENGRAMD_TRY(s.value_dim, config.size("linear_value_head_dim"));
  if (s.n_key_heads == 0 || s.n_value_heads == 0 || s.n_value_heads % s.n_key_heads != 0 ||
      s.n_value_heads > 4096 || s.key_dim == 0 || s.value_dim == 0 || s.key_dim > 4096 ||
      s.value_dim > 4096)
    return fail(ErrorCode::corrupt, std::to_string(s.n_value_heads) + " value heads cannot share " +
                                        std::to_string(s.n_key_heads) + " key heads evenly");
  return s;
}

Status more_keys(const Config& config, const LayerCounts&, KeyWriter& keys) {
  ENGRAMD_TRY(const DeltaSizes s, read_sizes(config));
  ENGRAMD_TRY(const uint32_t dim, head_dim(config));
  keys.u32(".attention.key_length", dim);
  keys.u32(".attention.value_length", dim);
  keys.u32(".ssm.state_size", s.key_dim);
  keys.u32(".ssm.group_count", s.n_key_heads);
  keys.u32(".ssm.time_step_rank", s.n_value_heads);
  keys.u32(".ssm.inner_size", s.value_dim * s.n_value_heads);
  ENGRAMD_TRY(const uint32_t interval, config.size_or("full_attention_interval", 4));
  keys.u32(".full_attention_interval", interval);
  ENGRAMD_TRY(
      const double part,
      config.number_or("partial_rotary_factor|rope_parameters.partial_rotary_factor", 0.25));
  if (!(part > 0 && part <= 1))
    return fail(ErrorCode::corrupt, "field partial_rotary_factor is not between 0 and 1");
  keys.u32(".rope.dimension_count", uint32_t(dim * part));
  return {};
}

// The sections of the rotary dimensions for time, height and width; text uses all as one.
Status qwen35_keys(const Config& config, const LayerCounts& layers, KeyWriter& keys) {
  ENGRAMD_CHECK(more_keys(config, layers, keys));
  std::vector<int64_t> sections = {11, 11, 10};
  if (config.has("rope_parameters.mrope_section")) {
    ENGRAMD_TRY(sections, config.integers("rope_parameters.mrope_section"));
  }
  sections.resize(4, 0);
  for (const int64_t section : sections)
    if (section < 0 || section > 4096)
      return fail(ErrorCode::corrupt, "field mrope_section has a section of " +
                                          std::to_string(section) + " dimensions");
  keys.i32s(".rope.dimension_sections", sections);
  return {};
}

// Stored: for each key head | q | k | its value heads | their z |.
Status fused_part(const Config& config, Layout& layout, bool z) {
  ENGRAMD_TRY(const DeltaSizes s, read_sizes(config));
  const uint32_t value_rows = s.ratio() * s.value_dim;
  const uint32_t per_head = 2 * s.key_dim + 2 * value_rows;
  std::vector<uint32_t> order;
  const auto take = [&](uint32_t begin, uint32_t n) {
    for (uint32_t head = 0; head < s.n_key_heads; ++head)
      for (uint32_t i = 0; i < n; ++i) order.push_back(head * per_head + begin + i);
  };
  if (z) {
    take(2 * s.key_dim + value_rows, value_rows);
  } else {
    take(0, s.key_dim);
    take(s.key_dim, s.key_dim);
    take(2 * s.key_dim, value_rows);
  }
  if (layout.shape.size() != 2 || layout.shape[1] != uint64_t(s.n_key_heads) * per_head)
    return fail(ErrorCode::corrupt, "tensor " + layout.sources.front().weight->name +
                                        " does not have the rows that the heads imply");
  layout.shape[1] = order.size();
  layout.rows.order = std::move(order);
  return {};
}
Status fused_qkv(const Config& config, Layout& layout) {
  return fused_part(config, layout, false);
}
Status fused_z(const Config& config, Layout& layout) {
  return fused_part(config, layout, true);
}

// The order that turns grouped value heads of `width` elements into tiled ones, after `kept`
// elements that stay.
Result<std::vector<uint32_t>> tiled(const Config& config, uint32_t width, uint32_t kept) {
  ENGRAMD_TRY(const DeltaSizes s, read_sizes(config));
  std::vector<uint32_t> order;
  for (uint32_t i = 0; i < kept; ++i) order.push_back(i);
  for (uint32_t j = 0; j < s.ratio(); ++j)
    for (uint32_t k = 0; k < s.n_key_heads; ++k)
      for (uint32_t i = 0; i < width; ++i) order.push_back(kept + (k * s.ratio() + j) * width + i);
  return order;
}

Status tile_all(const Config& config, Layout& layout, uint32_t width, uint32_t kept) {
  ENGRAMD_TRY(std::vector<uint32_t> order, tiled(config, width, kept));
  if (outer_size(layout) != order.size())
    return fail(ErrorCode::corrupt, "tensor " + layout.sources.front().weight->name +
                                        " does not have the size that the heads imply");
  outer(layout).order = std::move(order);
  return {};
}
Status tile_heads(const Config& config, Layout& layout) {  // one number a head
  return tile_all(config, layout, 1, 0);
}
Status tile_rows(const Config& config, Layout& layout) {
  ENGRAMD_TRY(const DeltaSizes s, read_sizes(config));
  return tile_all(config, layout, s.value_dim, 0);
}
Status tile_qkv(const Config& config, Layout& layout) {
  ENGRAMD_TRY(const DeltaSizes s, read_sizes(config));
  return tile_all(config, layout, s.value_dim, 2 * s.n_key_heads * s.key_dim);
}
Status tile_conv(const Config& config, Layout& layout) {
  ENGRAMD_CHECK(drop_middle(config, layout));
  return tile_qkv(config, layout);
}
Status tile_columns(const Config& config, Layout& layout) {
  ENGRAMD_TRY(const DeltaSizes s, read_sizes(config));
  ENGRAMD_TRY(layout.columns.order, tiled(config, s.value_dim, 0));
  return {};  // check_layout compares the sizes
}
Status tile_decay(const Config& config, Layout& layout) {
  ENGRAMD_CHECK(minus_exp(config, layout));
  return tile_heads(config, layout);
}

Status first_half(const Config&, Layout& layout) {
  return rows_part(layout, 0, 2);
}
Status second_half(const Config&, Layout& layout) {
  return rows_part(layout, 1, 2);
}

constexpr std::array<std::string_view, 1> kNextClasses = {"Qwen3NextForCausalLM"};
constexpr std::array<std::string_view, 2> kQwen35Classes = {"Qwen3_5MoeForConditionalGeneration",
                                                            "Qwen3_5MoeForCausalLM"};
// Vision, and the draft layer, which this engine does not run yet.
constexpr std::array<std::string_view, 3> kNotNeeded = {"mtp.", "model.visual.", "visual."};

constexpr std::array kKeys = {
    KeyRule{".ssm.conv_kernel", "linear_conv_kernel_dim"},
    KeyRule{".expert_shared_feed_forward_length", "shared_expert_intermediate_size"},
};

constexpr auto f32 = TensorRule::As::f32;

constexpr std::array kShared = {
    TensorRule{"model.embed_tokens.weight", "token_embd.weight"},
    TensorRule{"model.norm.weight", "output_norm.weight", plus_one},
    TensorRule{"lm_head.weight", "output.weight"},
    TensorRule{"model.layers.{l}.input_layernorm.weight", "blk.{l}.attn_norm.weight", plus_one},
    TensorRule{"model.layers.{l}.post_attention_layernorm.weight",
               "blk.{l}.post_attention_norm.weight", plus_one},
    TensorRule{"model.layers.{l}.self_attn.q_proj.weight", "blk.{l}.attn_q.weight"},
    TensorRule{"model.layers.{l}.self_attn.k_proj.weight", "blk.{l}.attn_k.weight"},
    TensorRule{"model.layers.{l}.self_attn.v_proj.weight", "blk.{l}.attn_v.weight"},
    TensorRule{"model.layers.{l}.self_attn.o_proj.weight", "blk.{l}.attn_output.weight"},
    TensorRule{"model.layers.{l}.self_attn.q_norm.weight", "blk.{l}.attn_q_norm.weight", plus_one},
    TensorRule{"model.layers.{l}.self_attn.k_norm.weight", "blk.{l}.attn_k_norm.weight", plus_one},
    TensorRule{"model.layers.{l}.linear_attn.norm.weight", "blk.{l}.ssm_norm.weight"},
    TensorRule{"model.layers.{l}.mlp.gate.weight", "blk.{l}.ffn_gate_inp.weight", nullptr, f32},
    TensorRule{"model.layers.{l}.mlp.shared_expert_gate.weight",
               "blk.{l}.ffn_gate_inp_shexp.weight", nullptr, f32},
    TensorRule{"model.layers.{l}.mlp.shared_expert.gate_proj.weight",
               "blk.{l}.ffn_gate_shexp.weight"},
    TensorRule{"model.layers.{l}.mlp.shared_expert.up_proj.weight", "blk.{l}.ffn_up_shexp.weight"},
    TensorRule{"model.layers.{l}.mlp.shared_expert.down_proj.weight",
               "blk.{l}.ffn_down_shexp.weight"},
    TensorRule{"model.layers.{l}.mlp.experts.{e}.gate_proj.weight", "blk.{l}.ffn_gate_exps.weight"},
    TensorRule{"model.layers.{l}.mlp.experts.{e}.up_proj.weight", "blk.{l}.ffn_up_exps.weight"},
    TensorRule{"model.layers.{l}.mlp.experts.{e}.down_proj.weight", "blk.{l}.ffn_down_exps.weight"},
    // Stacked already, gate above up.
    TensorRule{"model.layers.{l}.mlp.experts.gate_up_proj", "blk.{l}.ffn_gate_exps.weight",
               first_half},
    TensorRule{"model.layers.{l}.mlp.experts.gate_up_proj", "blk.{l}.ffn_up_exps.weight",
               second_half},
    TensorRule{"model.layers.{l}.mlp.experts.down_proj", "blk.{l}.ffn_down_exps.weight"},
};

constexpr auto kNextTensors = joined(
    kShared,
    std::array{
        TensorRule{"model.layers.{l}.linear_attn.in_proj_qkvz.weight", "blk.{l}.attn_qkv.weight",
                   fused_qkv},
        TensorRule{"model.layers.{l}.linear_attn.in_proj_qkvz.weight", "blk.{l}.attn_gate.weight",
                   fused_z},
        TensorRule{"model.layers.{l}.linear_attn.in_proj_ba.weight", "blk.{l}.ssm_ba.weight"},
        TensorRule{"model.layers.{l}.linear_attn.conv1d.weight", "blk.{l}.ssm_conv1d.weight",
                   drop_middle, f32},
        TensorRule{"model.layers.{l}.linear_attn.A_log", "blk.{l}.ssm_a", minus_exp},
        TensorRule{"model.layers.{l}.linear_attn.dt_bias", "blk.{l}.ssm_dt.bias"},
        TensorRule{"model.layers.{l}.linear_attn.out_proj.weight", "blk.{l}.ssm_out.weight"},
    });

constexpr auto kQwen35Tensors = joined(
    kShared,
    std::array{
        TensorRule{"model.layers.{l}.linear_attn.in_proj_qkv.weight", "blk.{l}.attn_qkv.weight",
                   tile_qkv},
        TensorRule{"model.layers.{l}.linear_attn.in_proj_z.weight", "blk.{l}.attn_gate.weight",
                   tile_rows},
        TensorRule{"model.layers.{l}.linear_attn.in_proj_b.weight", "blk.{l}.ssm_beta.weight",
                   tile_heads},
        TensorRule{"model.layers.{l}.linear_attn.in_proj_a.weight", "blk.{l}.ssm_alpha.weight",
                   tile_heads},
        TensorRule{"model.layers.{l}.linear_attn.conv1d.weight", "blk.{l}.ssm_conv1d.weight",
                   tile_conv, f32},
        TensorRule{"model.layers.{l}.linear_attn.A_log", "blk.{l}.ssm_a", tile_decay},
        TensorRule{"model.layers.{l}.linear_attn.dt_bias", "blk.{l}.ssm_dt.bias", tile_heads},
        TensorRule{"model.layers.{l}.linear_attn.out_proj.weight", "blk.{l}.ssm_out.weight",
                   tile_columns},
    });

}  // namespace

const Family kQwen3Next = {.architecture = "qwen3next",
                           .classes = kNextClasses,
                           .keys = kKeys,
                           .more_keys = more_keys,
                           .tensors = kNextTensors,
                           .not_needed = kNotNeeded};
const Family kQwen35Moe = {.architecture = "qwen35moe",
                           .classes = kQwen35Classes,
                           .keys = kKeys,
                           .more_keys = qwen35_keys,
                           .tensors = kQwen35Tensors,
                           .not_needed = kNotNeeded};

}  // namespace engramd::engine::arch::hf
