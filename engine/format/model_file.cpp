#include "engine/format/model_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <optional>

#include "base/text.h"

namespace engramd::engine::format {
namespace {

template <class T>
T load(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

// Index of the entries sorted by name; an error when two have the same.
template <class Entry, class Name>
Result<std::vector<uint32_t>> sorted_unique(const std::vector<Entry>& entries, Name name,
                                            std::string_view what) {
  std::vector<uint32_t> order(entries.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return name(entries[a]) < name(entries[b]); });
  for (size_t i = 1; i < order.size(); ++i)
    if (name(entries[order[i]]) == name(entries[order[i - 1]]))
      return fail(ErrorCode::corrupt,
                  std::string(what) + " " + in_quotes(name(entries[order[i]])) + " appears twice");
  return order;
}

Error wrong_type(std::string_view key, const Value& value, std::string_view expected) {
  return {ErrorCode::corrupt, "key " + std::string(key) + " is of type " +
                                  std::string(to_string(value.type)) + ", expected " +
                                  std::string(expected)};
}

Error missing(std::string_view key) {
  return {ErrorCode::corrupt, "key " + std::string(key) + " is missing"};
}

struct Scalar {
  bool negative = false;
  bool integer = true;
  uint64_t magnitude = 0;  // of an integer
  double number = 0;
};

std::optional<Scalar> scalar(ValueType type, const std::byte* p) {
  const auto from_signed = [](int64_t v) {
    return Scalar{v < 0, true, v < 0 ? uint64_t(0) - uint64_t(v) : uint64_t(v), double(v)};
  };
  const auto from_unsigned = [](uint64_t v) { return Scalar{false, true, v, double(v)}; };
  switch (type) {
    case ValueType::u8:
      return from_unsigned(load<uint8_t>(p));
    case ValueType::i8:
      return from_signed(load<int8_t>(p));
    case ValueType::u16:
      return from_unsigned(load<uint16_t>(p));
    case ValueType::i16:
      return from_signed(load<int16_t>(p));
    case ValueType::u32:
      return from_unsigned(load<uint32_t>(p));
    case ValueType::i32:
      return from_signed(load<int32_t>(p));
    case ValueType::u64:
      return from_unsigned(load<uint64_t>(p));
    case ValueType::i64:
      return from_signed(load<int64_t>(p));
    case ValueType::f32:
      return Scalar{false, false, 0, double(load<float>(p))};
    case ValueType::f64:
      return Scalar{false, false, 0, load<double>(p)};
    default:
      return std::nullopt;
  }
}

std::string_view string_at(const std::byte* p) {
  return {reinterpret_cast<const char*>(p + 8), load<uint64_t>(p)};
}

// convert: what an element is, nothing when it is not allowed.
template <class T, class Convert>
Result<std::vector<T>> read_array(const Value* value, std::string_view key,
                                  std::string_view expected, Convert convert) {
  if (value == nullptr) return fail(missing(key));
  const size_t size = scalar_bytes(value->element);
  if (value->type != ValueType::array || size == 0) return fail(wrong_type(key, *value, expected));
  std::vector<T> out;
  out.reserve(value->count);
  for (uint64_t i = 0; i < value->count; ++i) {
    const auto element = scalar(value->element, value->bytes + i * size);
    const std::optional<T> converted = element ? convert(*element) : std::nullopt;
    if (!converted) return fail(wrong_type(key, *value, expected));
    out.push_back(*converted);
  }
  return out;
}

std::string printed_scalar(ValueType type, const std::byte* p) {
  if (type == ValueType::boolean) return load<uint8_t>(p) != 0 ? "true" : "false";
  if (type == ValueType::string) return in_quotes(string_at(p));
  const auto value = scalar(type, p);
  if (!value) return "?";
  if (value->integer) return (value->negative ? "-" : "") + std::to_string(value->magnitude);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.9g", value->number);
  return text.data();
}

}  // namespace

std::string_view to_string(ValueType type) {
  constexpr std::array<std::string_view, 13> names = {
      "uint8", "int8",   "uint16", "int16",  "uint32", "int32",  "float32",
      "bool",  "string", "array",  "uint64", "int64",  "float64"};
  return names[size_t(type)];
}

size_t scalar_bytes(ValueType type) {
  switch (type) {
    case ValueType::u8:
    case ValueType::i8:
    case ValueType::boolean:
      return 1;
    case ValueType::u16:
    case ValueType::i16:
      return 2;
    case ValueType::u32:
    case ValueType::i32:
    case ValueType::f32:
      return 4;
    case ValueType::u64:
    case ValueType::i64:
    case ValueType::f64:
      return 8;
    case ValueType::string:
    case ValueType::array:
      return 0;
  }
  return 0;
}

bool printable(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  return utf8_valid(text);
}

std::string in_quotes(std::string_view text, size_t max_bytes) {
  std::string out = "\"";
  for (const char c : utf8_sanitized(text.substr(0, max_bytes))) {
    if (c == '\n')
      out += "\\n";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += '?';
    else
      out += c;
  }
  return out + (text.size() > max_bytes ? "...\"" : "\"");
}

Status ModelFile::index_metadata() {
  ENGRAMD_TRY(metadata_by_key_, sorted_unique(
                                    metadata_, [](const KeyValue& e) { return e.key; }, "key"));
  return {};
}

Status ModelFile::index_tensors() {
  ENGRAMD_TRY(tensors_by_name_, sorted_unique(
                                    tensors_, [](const Tensor& t) { return t.name; }, "tensor"));
  return {};
}

Status ModelFile::materialise(uint64_t, const CancelToken&) {
  return {};
}

Status ModelFile::copy_rows(const Tensor& tensor, uint64_t first, uint64_t n,
                            std::byte* out) const {
  std::memcpy(out, tensor.bytes.data() + first * tensor.row_bytes(), n * tensor.row_bytes());
  return {};
}

const Value* ModelFile::find(std::string_view key) const {
  const auto it = std::lower_bound(
      metadata_by_key_.begin(), metadata_by_key_.end(), key,
      [&](uint32_t index, std::string_view k) { return metadata_[index].key < k; });
  if (it == metadata_by_key_.end() || metadata_[*it].key != key) return nullptr;
  return &metadata_[*it].value;
}

const Tensor* ModelFile::find_tensor(std::string_view name) const {
  const auto it = std::lower_bound(
      tensors_by_name_.begin(), tensors_by_name_.end(), name,
      [&](uint32_t index, std::string_view n) { return tensors_[index].name < n; });
  if (it == tensors_by_name_.end() || tensors_[*it].name != name) return nullptr;
  return &tensors_[*it];
}

Result<uint64_t> ModelFile::unsigned_value(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return fail(missing(key));
  const auto number = scalar(value->type, value->bytes);
  if (!number || !number->integer) return fail(wrong_type(key, *value, "an integer"));
  if (number->negative) return fail(ErrorCode::corrupt, "key " + std::string(key) + " is negative");
  return number->magnitude;
}

Result<double> ModelFile::number(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return fail(missing(key));
  const auto number = scalar(value->type, value->bytes);
  if (!number) return fail(wrong_type(key, *value, "a number"));
  if (!std::isfinite(number->number))
    return fail(ErrorCode::corrupt, "key " + std::string(key) + " is not a finite number");
  return number->number;
}

Result<bool> ModelFile::boolean(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return fail(missing(key));
  if (value->type != ValueType::boolean) return fail(wrong_type(key, *value, "bool"));
  return load<uint8_t>(value->bytes) != 0;
}

Result<std::string_view> ModelFile::string(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return fail(missing(key));
  if (value->type != ValueType::string) return fail(wrong_type(key, *value, "string"));
  return string_at(value->bytes);
}

Result<std::vector<std::string>> ModelFile::string_array(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr) return fail(missing(key));
  if (value->type != ValueType::array || value->element != ValueType::string)
    return fail(wrong_type(key, *value, "an array of strings"));
  std::vector<std::string> out;
  out.reserve(value->count);
  const std::byte* p = value->bytes;
  for (uint64_t i = 0; i < value->count; ++i) {
    const std::string_view text = string_at(p);
    out.emplace_back(text);
    p += 8 + text.size();
  }
  return out;
}

Result<std::vector<int32_t>> ModelFile::int_array(std::string_view key) const {
  return read_array<int32_t>(find(key), key, "an array of 32-bit integers", [](const Scalar& s) {
    if (!s.integer || s.magnitude > 0x7fffffff) return std::optional<int32_t>();
    return std::optional(s.negative ? -int32_t(s.magnitude) : int32_t(s.magnitude));
  });
}

Result<std::vector<uint64_t>> ModelFile::unsigned_array(std::string_view key) const {
  return read_array<uint64_t>(find(key), key, "an array of unsigned integers", [](const Scalar& s) {
    return s.integer && !s.negative ? std::optional(s.magnitude) : std::optional<uint64_t>();
  });
}

Result<std::vector<double>> ModelFile::number_array(std::string_view key) const {
  return read_array<double>(find(key), key, "an array of finite numbers", [](const Scalar& s) {
    return std::isfinite(s.number) ? std::optional(s.number) : std::optional<double>();
  });
}

std::string printed(const Value& value) {
  if (value.type != ValueType::array) return printed_scalar(value.type, value.bytes);
  constexpr uint64_t kShown = 6;
  std::string out = "[";
  if (value.element == ValueType::array) {
    out += "arrays";
  } else {
    const std::byte* p = value.bytes;
    for (uint64_t i = 0; i < std::min(value.count, kShown); ++i) {
      if (i > 0) out += ", ";
      out += printed_scalar(value.element, p);
      p += value.element == ValueType::string ? 8 + string_at(p).size()
                                              : scalar_bytes(value.element);
    }
    if (value.count > kShown) out += ", ...";
  }
  return out + "] (" + std::to_string(value.count) + " x " + std::string(to_string(value.element)) +
         ")";
}

}  // namespace engramd::engine::format
