// engine/quant/types.h - the ggml tensor types: how blocks are laid out, and what they mean.
//
// One row per type; a type without `to_float` can be listed but not run. The to_float functions
// are the specification of the formats: the integer kernels in engine/cpu are checked against
// them. Immutable tables: any thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace engramd::engine::quant {

// Numbers are those of the GGUF files.
enum class Type : uint32_t { f32 = 0, f16 = 1, q8_0 = 8, q4_k = 12, q6_k = 14, bf16 = 30 };

struct TypeInfo {
  uint32_t id = 0;
  std::string_view name;
  size_t block_elements = 0;
  size_t block_bytes = 0;
  // n is a multiple of block_elements; source needs no alignment. Null: not run by this engine.
  void (*to_float)(const std::byte* source, float* out, size_t n) = nullptr;
};

// Null for an id that no known file uses.
const TypeInfo* find_type(uint32_t id);
const TypeInfo& info(Type type);

// Layouts, all little-endian and without padding:
//   Q8_0  | d: f16 | 32 x int8 |                                       value = d * q
//   Q4_K  | d: f16 | dmin: f16 | 12 bytes: 8 scales, 8 mins, 6 bits each | 128 bytes of nibbles |
//         value = d * scale * q - dmin * min; 32 bytes hold two sub-blocks of 32, low nibbles first
//   Q6_K  | 128 bytes: low 4 bits | 64 bytes: high 2 bits | 16 x int8 scales | d: f16 |
//         value = d * scale * (q - 32)
inline constexpr size_t kQ8_0Bytes = 34, kQ4_KBytes = 144, kQ6_KBytes = 210;

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

inline uint16_t load_u16(const std::byte* p) {
  uint16_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

// The eight 6-bit scales and mins of a Q4_K block, from its 12 packed bytes:
// scales[0..7] then mins[0..7].
inline void unpack_q4_k_scales(const std::byte* packed, uint8_t scales_and_mins[16]) {
  uint32_t d[3];
  std::memcpy(d, packed, sizeof d);
  const uint32_t out[4] = {d[0] & 0x3f3f3f3f, (d[2] & 0x0f0f0f0f) | ((d[0] >> 2) & 0x30303030),
                           d[1] & 0x3f3f3f3f,
                           ((d[2] >> 4) & 0x0f0f0f0f) | ((d[1] >> 2) & 0x30303030)};
  std::memcpy(scales_and_mins, out, sizeof out);
}

}  // namespace engramd::engine::quant
