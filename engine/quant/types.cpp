#include "engine/quant/types.h"

#include <array>

namespace engramd::engine::quant {

static_assert(std::endian::native == std::endian::little,
              "tensor bytes are read in place, so the machine must be little-endian");

namespace {

void f32_to_float(const std::byte* source, float* out, size_t n) {
  std::memcpy(out, source, n * sizeof(float));
}

void f16_to_float(const std::byte* source, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = half_to_float(load_u16(source + 2 * i));
}

void bf16_row_to_float(const std::byte* source, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = bf16_to_float(load_u16(source + 2 * i));
}

void q8_0_to_float(const std::byte* source, float* out, size_t n) {
  for (size_t block = 0; block < n / 32; ++block, source += kQ8_0Bytes, out += 32) {
    const float d = half_to_float(load_u16(source));
    for (size_t i = 0; i < 32; ++i) out[i] = d * float(int8_t(source[2 + i]));
  }
}

void q4_k_to_float(const std::byte* source, float* out, size_t n) {
  for (size_t block = 0; block < n / 256; ++block, source += kQ4_KBytes, out += 256) {
    const float d = half_to_float(load_u16(source));
    const float dmin = half_to_float(load_u16(source + 2));
    uint8_t scales[16];
    unpack_q4_k_scales(source + 4, scales);
    const std::byte* nibbles = source + 16;
    for (size_t sub = 0; sub < 8; ++sub) {
      const float scale = d * float(scales[sub]);
      const float min = dmin * float(scales[8 + sub]);
      for (size_t i = 0; i < 32; ++i) {
        const auto byte = uint8_t(nibbles[(sub / 2) * 32 + i]);
        const int q = sub % 2 == 0 ? byte & 15 : byte >> 4;
        out[sub * 32 + i] = scale * float(q) - min;
      }
    }
  }
}

void q6_k_to_float(const std::byte* source, float* out, size_t n) {
  for (size_t block = 0; block < n / 256; ++block, source += kQ6_KBytes, out += 256) {
    const float d = half_to_float(load_u16(source + 208));
    for (size_t i = 0; i < 256; ++i) {
      const size_t half = i / 128, group = (i % 128) / 32, within = i % 32;
      const auto low = uint8_t(source[half * 64 + (group % 2) * 32 + within]);
      const auto high = uint8_t(source[128 + half * 32 + within]);
      const int q = (group < 2 ? low & 15 : low >> 4) | (((high >> (2 * group)) & 3) << 4);
      out[i] = d * float(int8_t(source[192 + i / 16])) * float(q - 32);
    }
  }
}

constexpr std::array kTypes = {
    TypeInfo{0, "F32", 1, 4, f32_to_float},
    TypeInfo{1, "F16", 1, 2, f16_to_float},
    TypeInfo{2, "Q4_0", 32, 18},
    TypeInfo{3, "Q4_1", 32, 20},
    TypeInfo{6, "Q5_0", 32, 22},
    TypeInfo{7, "Q5_1", 32, 24},
    TypeInfo{8, "Q8_0", 32, kQ8_0Bytes, q8_0_to_float},
    TypeInfo{9, "Q8_1", 32, 36},
    TypeInfo{10, "Q2_K", 256, 84},
    TypeInfo{11, "Q3_K", 256, 110},
    TypeInfo{12, "Q4_K", 256, kQ4_KBytes, q4_k_to_float},
    TypeInfo{13, "Q5_K", 256, 176},
    TypeInfo{14, "Q6_K", 256, kQ6_KBytes, q6_k_to_float},
    TypeInfo{15, "Q8_K", 256, 292},
    TypeInfo{16, "IQ2_XXS", 256, 66},
    TypeInfo{17, "IQ2_XS", 256, 74},
    TypeInfo{18, "IQ3_XXS", 256, 98},
    TypeInfo{19, "IQ1_S", 256, 50},
    TypeInfo{20, "IQ4_NL", 32, 18},
    TypeInfo{21, "IQ3_S", 256, 110},
    TypeInfo{22, "IQ2_S", 256, 82},
    TypeInfo{23, "IQ4_XS", 256, 136},
    TypeInfo{24, "I8", 1, 1},
    TypeInfo{25, "I16", 1, 2},
    TypeInfo{26, "I32", 1, 4},
    TypeInfo{27, "I64", 1, 8},
    TypeInfo{28, "F64", 1, 8},
    TypeInfo{29, "IQ1_M", 256, 56},
    TypeInfo{30, "BF16", 1, 2, bf16_row_to_float},
    TypeInfo{34, "TQ1_0", 256, 54},
    TypeInfo{35, "TQ2_0", 256, 66},
    TypeInfo{39, "MXFP4", 32, 17},
};

}  // namespace

const TypeInfo* find_type(uint32_t id) {
  for (const TypeInfo& type : kTypes)
    if (type.id == id) return &type;
  return nullptr;
}

const TypeInfo& info(Type type) {
  return *find_type(uint32_t(type));
}

uint16_t float_to_half(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = uint16_t((bits >> 16) & 0x8000);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return uint16_t(sign | 0x7e00);   // NaN
  if (magnitude >= 0x477ff000) return uint16_t(sign | 0x7c00);  // rounds past 65504
  if (magnitude < 0x38800000) {  // subnormal: adding 0.5 lets the FPU round to a multiple of 2^-24
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return uint16_t(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000));
  }
  const uint32_t rounded = magnitude + 0xfff + ((magnitude >> 13) & 1) - (uint32_t(112) << 23);
  return uint16_t(sign | (rounded >> 13));
}

}  // namespace engramd::engine::quant
