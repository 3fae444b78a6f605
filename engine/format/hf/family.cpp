#include "engine/format/hf/family.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace engramd::engine::format::hf {
namespace {

template <class T>
void append(std::string& out, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

void append_text(std::string& out, std::string_view text) {
  append(out, uint64_t(text.size()));
  out += text;
}

Value array_of(ValueType element, uint64_t count) {
  Value value;
  value.type = ValueType::array;
  value.element = element;
  value.count = count;
  return value;
}

}  // namespace

// ---- keys

std::string KeyWriter::full(std::string_view key) const {
  return key.starts_with('.') ? architecture_ + std::string(key) : std::string(key);
}

void KeyWriter::add(std::string_view key, Value value, std::string bytes) {
  const std::string& name = arena_.emplace_back(full(key));
  const std::string& kept = arena_.emplace_back(std::move(bytes));
  value.bytes = reinterpret_cast<const std::byte*>(kept.data());
  value.n_bytes = kept.size();
  entries_.push_back({name, value});
}

bool KeyWriter::has(std::string_view key) const {
  const std::string name = full(key);
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const KeyValue& entry) { return entry.key == name; });
}

void KeyWriter::u32(std::string_view key, uint32_t value) {
  std::string bytes;
  append(bytes, value);
  Value v;
  v.type = ValueType::u32;
  add(key, v, std::move(bytes));
}
void KeyWriter::f32(std::string_view key, double value) {
  std::string bytes;
  append(bytes, float(value));
  Value v;
  v.type = ValueType::f32;
  add(key, v, std::move(bytes));
}
void KeyWriter::flag(std::string_view key, bool value) {
  Value v;
  v.type = ValueType::boolean;
  add(key, v, std::string(1, value ? '\1' : '\0'));
}
void KeyWriter::text(std::string_view key, std::string_view value) {
  std::string bytes;
  append_text(bytes, value);
  Value v;
  v.type = ValueType::string;
  add(key, v, std::move(bytes));
}
void KeyWriter::i32s(std::string_view key, std::span<const int64_t> values) {
  std::string bytes;
  for (const int64_t value : values) append(bytes, int32_t(value));
  add(key, array_of(ValueType::i32, values.size()), std::move(bytes));
}
void KeyWriter::u64s(std::string_view key, std::span<const uint64_t> values) {
  std::string bytes;
  for (const uint64_t value : values) append(bytes, value);
  add(key, array_of(ValueType::u64, values.size()), std::move(bytes));
}
void KeyWriter::f32s(std::string_view key, std::span<const double> values) {
  std::string bytes;
  for (const double value : values) append(bytes, float(value));
  add(key, array_of(ValueType::f32, values.size()), std::move(bytes));
}
void KeyWriter::texts(std::string_view key, std::span<const std::string> values) {
  std::string bytes;
  for (const std::string& value : values) append_text(bytes, value);
  add(key, array_of(ValueType::string, values.size()), std::move(bytes));
}

std::span<const KeyRule> common_keys() {
  using enum KeyRule::Kind;
  static constexpr std::array kRules = {
      KeyRule{".context_length", "max_position_embeddings"},
      KeyRule{".embedding_length", "hidden_size"},
      KeyRule{".feed_forward_length", "intermediate_size"},
      KeyRule{".vocab_size", "vocab_size"},
      KeyRule{".attention.head_count", "num_attention_heads"},
      KeyRule{".attention.head_count_kv", "num_key_value_heads"},
      KeyRule{".attention.layer_norm_rms_epsilon", "rms_norm_eps", f32},
      KeyRule{".rope.freq_base", "rope_theta|rope_parameters.rope_theta", f32},
      KeyRule{".expert_count", "num_experts|num_local_experts|n_routed_experts"},
      KeyRule{".expert_used_count", "num_experts_per_tok"},
      KeyRule{".expert_feed_forward_length", "moe_intermediate_size"},
  };
  return kRules;
}

Status write_rope_scaling(const Config& config, KeyWriter& keys) {
  constexpr std::string_view kType =
      "rope_parameters.rope_type|rope_scaling.rope_type|rope_scaling.type";
  if (!config.has(kType) || keys.has(".rope.scaling.type")) return {};
  ENGRAMD_TRY(const std::string type, config.text(kType));
  if (type == "default") return {};
  if (type != "yarn" && type != "linear") {
    keys.text(".rope.scaling.type", type);  // the family knows it or says that it does not
    return {};
  }
  keys.text(".rope.scaling.type", type);
  ENGRAMD_TRY(const double factor, config.number("rope_parameters.factor|rope_scaling.factor"));
  if (!(factor >= 1)) return fail(ErrorCode::corrupt, "rope scaling with a factor below 1");
  keys.f32(".rope.scaling.factor", factor);
  if (type == "linear") return {};
  ENGRAMD_TRY(const uint32_t original,
              config.size("rope_parameters.original_max_position_embeddings|"
                          "rope_scaling.original_max_position_embeddings|"
                          "original_max_position_embeddings"));
  keys.u32(".rope.scaling.original_context_length", original);
  const auto field = [](std::string_view name) {
    return "rope_parameters." + std::string(name) + "|rope_scaling." + std::string(name);
  };
  if (config.has(field("attention_factor"))) {
    // Stated, it replaces 1 + 0.1 ln(factor), which GGUF's multiplies.
    ENGRAMD_TRY(const double attention, config.number(field("attention_factor")));
    keys.f32(".rope.scaling.attn_factor", attention / (1 + 0.1 * std::log(factor)));
  }
  const std::pair<std::string_view, std::string_view> numbers[] = {
      {"beta_fast", ".rope.scaling.yarn_beta_fast"}, {"beta_slow", ".rope.scaling.yarn_beta_slow"}};
  for (const auto& [name, key] : numbers) {
    if (!config.has(field(name))) continue;
    ENGRAMD_TRY(const double value, config.number(field(name)));
    keys.f32(key, value);
  }
  return {};
}

Result<uint32_t> head_dim(const Config& config) {
  if (config.has("head_dim")) return config.size("head_dim");
  ENGRAMD_TRY(const uint32_t width, config.size("hidden_size"));
  ENGRAMD_TRY(const uint32_t n_heads, config.size("num_attention_heads"));
  if (n_heads == 0) return fail(ErrorCode::corrupt, "field num_attention_heads is 0");
  return width / n_heads;
}

// ---- transforms

AxisMap& outer(Layout& layout) {
  return layout.shape.size() > 1 ? layout.rows : layout.columns;
}
uint64_t& outer_size(Layout& layout) {
  return layout.shape.size() > 1 ? layout.shape[1] : layout.shape[0];
}

Status halves_to_pairs(Layout& layout, uint32_t n_heads) {
  const uint64_t n = outer_size(layout);
  if (n_heads == 0 || n % n_heads != 0 || (n / n_heads) % 2 != 0 || n > UINT32_MAX)
    return fail(ErrorCode::corrupt, "tensor " + layout.sources.front().weight->name + " has " +
                                        std::to_string(n) + " rows, which are no " +
                                        std::to_string(n_heads) + " heads of two halves");
  const auto dim = uint32_t(n / n_heads);
  std::vector<uint32_t>& order = outer(layout).order;
  order.resize(n);
  for (uint32_t i = 0; i < n; ++i) {
    const uint32_t head = i / dim, within = i % dim;
    order[i] = head * dim + (within % 2) * (dim / 2) + within / 2;
  }
  return {};
}

Status plus_one(const Config&, Layout& layout) {
  layout.op = ValueOp::plus_one;
  return {};
}

Status minus_exp(const Config&, Layout& layout) {
  layout.op = ValueOp::minus_exp;
  return {};
}

Status drop_middle(const Config&, Layout& layout) {
  std::vector<uint64_t>& shape = layout.shape;
  if (shape.size() == 2) return {};  // dropped already
  if (shape.size() != 3 || shape[1] != 1)
    return fail(ErrorCode::corrupt,
                "tensor " + layout.sources.front().weight->name + " is not of shape [n, 1, k]");
  shape = {shape[0], shape[2]};
  return {};
}

Status rows_part(Layout& layout, uint64_t index, uint64_t n) {
  if (layout.shape.size() < 2 || layout.shape[1] % n != 0)
    return fail(ErrorCode::corrupt, "the rows of tensor " + layout.sources.front().weight->name +
                                        " do not divide into " + std::to_string(n) + " parts");
  layout.shape[1] /= n;
  layout.rows.base += index * layout.shape[1];
  return {};
}

}  // namespace engramd::engine::format::hf
