// engine/quant/types.h - the tensor types of GGUF files: what they are called, how big their blocks
// are, how to read and write them.
//
// One row per type; a type without `to_float` can be listed but not run, one without `from_float`
// can be read but not written. The to_float functions are the specification of the formats: the
// integer kernels in engine/cpu are checked against them. Layouts are drawn in blocks.h.
// Immutable tables: any thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace engramd::engine::quant {

// Those that run. Numbers are those of the GGUF files.
enum class Type : uint32_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q4_1 = 3,
  q5_0 = 6,
  q5_1 = 7,
  q8_0 = 8,
  q2_k = 10,
  q3_k = 11,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
  iq4_nl = 20,
  iq4_xs = 23,
  bf16 = 30,
  mxfp4 = 39,
};
// More than the number of any type that runs: tables are indexed with the number.
inline constexpr size_t kTypeNumbers = 40;

struct TypeInfo {
  uint32_t id = 0;
  std::string_view name;
  size_t block_elements = 0;
  size_t block_bytes = 0;
  // n is a multiple of block_elements; source needs no alignment. Null: not run by this engine.
  void (*to_float)(const std::byte* source, float* out, size_t n) = nullptr;
  // The nearest values by a least-squares search of each block's scale; n as above. Values that
  // are not finite give a block of arbitrary but valid bits. Null: not written by this engine.
  void (*from_float)(const float* source, std::byte* out, size_t n) = nullptr;
};

// Null for an id that no known file uses.
const TypeInfo* find_type(uint32_t id);
const TypeInfo& info(Type type);
// Null for a name that no known type has; "Q4_K" and "q4_k" are the same.
const TypeInfo* find_type(std::string_view name);
// "F32, F16, ...": the types that run, for messages.
std::string runnable_type_names();

inline float half_to_float(uint16_t h) {
  const uint32_t sign = uint32_t(h & 0x8000) << 16;
  const uint32_t magnitude = h & 0x7fff;
  if (magnitude >= 0x7c00)  // infinity and NaN
    return std::bit_cast<float>(sign | 0x7f800000 | ((magnitude & 0x3ff) << 13));
  if (magnitude >= 0x0400)  // normal
    return std::bit_cast<float>(sign | ((magnitude << 13) + (uint32_t(112) << 23)));
  const float value = float(magnitude) * 0x1p-24f;  // subnormal or zero, exact
  return sign ? -value : value;
}

// Round to nearest even; too large becomes infinity.
uint16_t float_to_half(float value);

inline float bf16_to_float(uint16_t h) {
  return std::bit_cast<float>(uint32_t(h) << 16);
}

// Round to nearest even; a NaN stays one.
inline uint16_t float_to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return uint16_t(bits >> 16 | 0x40);
  return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

inline uint16_t load_u16(const std::byte* p) {
  uint16_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}
inline void store_u16(std::byte* p, uint16_t value) {
  std::memcpy(p, &value, sizeof value);
}

}  // namespace engramd::engine::quant
