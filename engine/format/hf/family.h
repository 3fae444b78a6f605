// engine/format/hf/family.h - how the checkpoint of one model family is shown in GGUF's words.
//
// Data: which config.json field is which key, which stored tensor is which shown one and what
// happens on the way. The tables live beside the families (engine/arch/hf); this file is their
// vocabulary, and knows no architecture.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/format/hf/config.h"
#include "engine/format/hf/layout.h"
#include "engine/format/model_file.h"

namespace engramd::engine::format::hf {

// Makes metadata: values in GGUF's encoding, kept where views of them stay valid.
class KeyWriter {
 public:
  // Keys that begin with '.' get the architecture in front.
  explicit KeyWriter(std::string_view architecture) : architecture_(architecture) {}
  void u32(std::string_view key, uint32_t value);
  void f32(std::string_view key, double value);
  void flag(std::string_view key, bool value);
  void text(std::string_view key, std::string_view value);
  void i32s(std::string_view key, std::span<const int64_t> values);
  void u64s(std::string_view key, std::span<const uint64_t> values);
  void f32s(std::string_view key, std::span<const double> values);
  void texts(std::string_view key, std::span<const std::string> values);

  bool has(std::string_view key) const;
  std::span<const KeyValue> entries() const { return entries_; }

 private:
  std::string full(std::string_view key) const;
  void add(std::string_view key, Value value, std::string bytes);
  std::string architecture_;
  std::deque<std::string> arena_;  // a deque: growing moves no string
  std::vector<KeyValue> entries_;
};

struct KeyRule {
  enum class Kind { u32, f32, flag, i32s };
  std::string_view key;     // ".block_count"
  std::string_view fields;  // "num_hidden_layers|n_layer": the first that is there; none: no key
  Kind kind = Kind::u32;
};

// Changes a layout from "as it lies"; the layer is that of the rule.
using Transform = Status (*)(const Config& config, Layout& layout);

struct TensorRule {
  // {l} is each layer and {e} each expert (which are stacked). Two sources, "a+b", stand side by
  // side.
  std::string_view source, target;
  Transform transform = nullptr;
  enum class As { stored, f32, i32 } as = As::stored;  // one size, and norms, are always F32
};

// A tensor that follows from the configuration alone.
struct Generated {
  std::string name;
  std::vector<float> values;
};

struct LayerCounts {
  uint32_t main = 0, drafts = 0;
};

struct Family {
  std::string_view architecture;              // GGUF's name
  std::span<const std::string_view> classes;  // of config.json's "architectures"
  std::span<const KeyRule> keys;  // besides the common ones; a key said twice: the first
  // What needs arithmetic, written before the tables.
  Status (*more_keys)(const Config& config, const LayerCounts& layers, KeyWriter& keys) = nullptr;
  std::span<const TensorRule> tensors;
  // Draft layers come after the others in GGUF. Their names begin with draft_prefix, in which {m}
  // counts drafts and {l} all layers, instead of layer_prefix. Empty: none are shown.
  std::string_view layer_prefix, draft_prefix;
  std::span<const std::string_view> not_needed;  // name prefixes of parts that text needs not
  Result<std::vector<Generated>> (*generate)(const Config& config) = nullptr;
};

// Two tables as one.
template <class T, size_t A, size_t B>
constexpr std::array<T, A + B> joined(const std::array<T, A>& a, const std::array<T, B>& b) {
  std::array<T, A + B> out{};
  for (size_t i = 0; i < A; ++i) out[i] = a[i];
  for (size_t i = 0; i < B; ++i) out[A + i] = b[i];
  return out;
}

// The keys most families write: sizes, epsilon, rotary base and scaling, experts.
std::span<const KeyRule> common_keys();
// rope.scaling.* of "rope_parameters" or "rope_scaling".
Status write_rope_scaling(const Config& config, KeyWriter& keys);
// The width of a head: "head_dim", or the model's width shared by the heads.
Result<uint32_t> head_dim(const Config& config);

// ---- transforms that several families need

// The first size of the stored tensor: rows, or the columns of a vector.
AxisMap& outer(Layout& layout);
uint64_t& outer_size(Layout& layout);

// Rotary halves to rotary pairs: element j of half i comes to place 2 j + i of its head.
Status halves_to_pairs(Layout& layout, uint32_t n_heads);
// Norms that store what is added to one.
Status plus_one(const Config& config, Layout& layout);
// A_log to the decay rate, -exp(A_log).
Status minus_exp(const Config& config, Layout& layout);
// [n, 1, k] to [k, n].
Status drop_middle(const Config& config, Layout& layout);
// Part `index` of `n` equal parts of the rows of each slice: fused gate and up.
Status rows_part(Layout& layout, uint64_t index, uint64_t n);

}  // namespace engramd::engine::format::hf
