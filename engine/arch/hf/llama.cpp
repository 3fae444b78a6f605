// engine/arch/hf/llama.cpp - Llama 2 and 3, Mistral. GGUF keeps the rotated dimensions of a head as
// pairs, the published files as halves; Llama 3's stretched frequencies become a tensor of factors.
#include <array>
#include <cmath>
#include <numbers>

#include "engine/arch/hf/families.h"

namespace engramd::engine::arch::hf {
namespace {

using namespace format::hf;

constexpr std::string_view kScalingType =
    "rope_parameters.rope_type|rope_scaling.rope_type|rope_scaling.type";

Status more_keys(const Config& config, const LayerCounts&, KeyWriter& keys) {
  ENGRAMD_TRY(const uint32_t dim, head_dim(config));
  keys.u32(".rope.dimension_count", dim);
  if (config.has("head_dim")) {
    keys.u32(".attention.key_length", dim);
    keys.u32(".attention.value_length", dim);
  }
  // Llama 3's scaling is a tensor: see generate.
  if (config.has(kScalingType)) {
    ENGRAMD_TRY(const std::string type, config.text(kScalingType));
    if (type == "llama3") keys.text(".rope.scaling.type", "none");
  }
  return {};
}

Status query_pairs(const Config& config, Layout& layout) {
  ENGRAMD_TRY(const uint32_t n_heads, config.size("num_attention_heads"));
  return halves_to_pairs(layout, n_heads);
}

Status key_pairs(const Config& config, Layout& layout) {
  ENGRAMD_TRY(const uint32_t n_heads, config.size("num_key_value_heads|num_attention_heads"));
  return halves_to_pairs(layout, n_heads);
}

// Llama 3.1's rule: what turns fewer than low_freq_factor times in the original context is slowed
// by `factor`, what turns more than high_freq_factor times is kept, a ramp between.
Result<std::vector<Generated>> generate(const Config& config) {
  std::vector<Generated> out;
  if (!config.has(kScalingType)) return out;
  ENGRAMD_TRY(const std::string type, config.text(kScalingType));
  if (type != "llama3") return out;
  const auto field = [](std::string_view name) {
    return "rope_parameters." + std::string(name) + "|rope_scaling." + std::string(name);
  };
  ENGRAMD_TRY(const uint32_t dim, head_dim(config));
  if (dim == 0 || dim > 1024)
    return fail(ErrorCode::corrupt, "attention heads of " + std::to_string(dim) + " elements");
  ENGRAMD_TRY(const double base,
              config.number_or("rope_theta|rope_parameters.rope_theta", 10000.0));
  ENGRAMD_TRY(const double factor, config.number_or(field("factor"), 8.0));
  ENGRAMD_TRY(const double low, config.number_or(field("low_freq_factor"), 1.0));
  ENGRAMD_TRY(const double high, config.number_or(field("high_freq_factor"), 4.0));
  ENGRAMD_TRY(const double context,
              config.number_or(field("original_max_position_embeddings"), 8192.0));
  if (!(low > 0 && high > low && factor > 0))
    return fail(ErrorCode::corrupt, "rope scaling with factors out of order");
  Generated factors{"rope_freqs.weight", {}};
  for (uint32_t i = 0; i < dim; i += 2) {
    const double frequency = std::pow(base, -double(i) / dim);
    const double turns = context * frequency / (2 * std::numbers::pi);
    double by = 1;
    if (turns < low) {
      by = factor;
    } else if (turns <= high) {
      const double smooth = (turns - low) / (high - low);
      by = 1 / ((1 - smooth) / factor + smooth);
    }
    factors.values.push_back(float(by));
  }
  out.push_back(std::move(factors));
  return out;
}

constexpr std::array<std::string_view, 2> kClasses = {"LlamaForCausalLM", "MistralForCausalLM"};
constexpr std::array<std::string_view, 1> kNotNeeded = {"model.rotary_emb."};

constexpr std::array kTensors = {
    TensorRule{"model.embed_tokens.weight", "token_embd.weight"},
    TensorRule{"model.norm.weight", "output_norm.weight"},
    TensorRule{"lm_head.weight", "output.weight"},
    TensorRule{"model.layers.{l}.input_layernorm.weight", "blk.{l}.attn_norm.weight"},
    TensorRule{"model.layers.{l}.self_attn.q_proj.weight", "blk.{l}.attn_q.weight", query_pairs},
    TensorRule{"model.layers.{l}.self_attn.q_proj.bias", "blk.{l}.attn_q.bias", query_pairs},
    TensorRule{"model.layers.{l}.self_attn.k_proj.weight", "blk.{l}.attn_k.weight", key_pairs},
    TensorRule{"model.layers.{l}.self_attn.k_proj.bias", "blk.{l}.attn_k.bias", key_pairs},
    TensorRule{"model.layers.{l}.self_attn.v_proj.weight", "blk.{l}.attn_v.weight"},
    TensorRule{"model.layers.{l}.self_attn.v_proj.bias", "blk.{l}.attn_v.bias"},
    TensorRule{"model.layers.{l}.self_attn.o_proj.weight", "blk.{l}.attn_output.weight"},
    TensorRule{"model.layers.{l}.self_attn.o_proj.bias", "blk.{l}.attn_output.bias"},
    TensorRule{"model.layers.{l}.post_attention_layernorm.weight", "blk.{l}.ffn_norm.weight"},
    TensorRule{"model.layers.{l}.mlp.gate_proj.weight", "blk.{l}.ffn_gate.weight"},
    TensorRule{"model.layers.{l}.mlp.up_proj.weight", "blk.{l}.ffn_up.weight"},
    TensorRule{"model.layers.{l}.mlp.down_proj.weight", "blk.{l}.ffn_down.weight"},
};

}  // namespace

const Family kLlama = {.architecture = "llama",
                       .classes = kClasses,
                       .more_keys = more_keys,
                       .tensors = kTensors,
                       .not_needed = kNotNeeded,
                       .generate = generate};

}  // namespace engramd::engine::arch::hf
