#include "engine/quant/types.h"

#include <array>

#include "engine/quant/blocks.h"

namespace engramd::engine::quant {

static_assert(std::endian::native == std::endian::little,
              "tensor bytes are read in place, so the machine must be little-endian");

namespace {

void f32_to_float(const std::byte* source, float* out, size_t n) {
  std::memcpy(out, source, n * sizeof(float));
}
void write_f32(const float* source, std::byte* out, size_t n) {
  std::memcpy(out, source, n * sizeof(float));
}

void f16_to_float(const std::byte* source, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = half_to_float(load_u16(source + 2 * i));
}
void write_f16(const float* source, std::byte* out, size_t n) {
  for (size_t i = 0; i < n; ++i) store_u16(out + 2 * i, float_to_half(source[i]));
}

void bf16_row_to_float(const std::byte* source, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = bf16_to_float(load_u16(source + 2 * i));
}
void write_bf16(const float* source, std::byte* out, size_t n) {
  for (size_t i = 0; i < n; ++i) store_u16(out + 2 * i, float_to_bf16(source[i]));
}

template <Unpack32 unpack, auto write, size_t kBytes>
constexpr TypeInfo blocks32(Type type, std::string_view name) {
  return {uint32_t(type), name, 32, kBytes, blocks32_to_float<unpack, kBytes>, write};
}
template <Unpack256 unpack, auto write, size_t kBytes>
constexpr TypeInfo blocks256(Type type, std::string_view name) {
  return {uint32_t(type), name, 256, kBytes, blocks256_to_float<unpack, kBytes>, write};
}

constexpr std::array kTypes = {
    TypeInfo{0, "F32", 1, 4, f32_to_float, write_f32},
    TypeInfo{1, "F16", 1, 2, f16_to_float, write_f16},
    blocks32<unpack_q4_0, write_q4_0, kQ4_0Bytes>(Type::q4_0, "Q4_0"),
    blocks32<unpack_q4_1, write_q4_1, kQ4_1Bytes>(Type::q4_1, "Q4_1"),
    blocks32<unpack_q5_0, write_q5_0, kQ5_0Bytes>(Type::q5_0, "Q5_0"),
    blocks32<unpack_q5_1, write_q5_1, kQ5_1Bytes>(Type::q5_1, "Q5_1"),
    blocks32<unpack_q8_0, write_q8_0, kQ8_0Bytes>(Type::q8_0, "Q8_0"),
    TypeInfo{9, "Q8_1", 32, 36},
    blocks256<unpack_q2_k, write_q2_k, kQ2_KBytes>(Type::q2_k, "Q2_K"),
    blocks256<unpack_q3_k, write_q3_k, kQ3_KBytes>(Type::q3_k, "Q3_K"),
    blocks256<unpack_q4_k, write_q4_k, kQ4_KBytes>(Type::q4_k, "Q4_K"),
    blocks256<unpack_q5_k, write_q5_k, kQ5_KBytes>(Type::q5_k, "Q5_K"),
    blocks256<unpack_q6_k, write_q6_k, kQ6_KBytes>(Type::q6_k, "Q6_K"),
    TypeInfo{15, "Q8_K", 256, 292},
    TypeInfo{16, "IQ2_XXS", 256, 66},
    TypeInfo{17, "IQ2_XS", 256, 74},
    TypeInfo{18, "IQ3_XXS", 256, 98},
    TypeInfo{19, "IQ1_S", 256, 50},
    blocks32<unpack_iq4_nl, write_iq4_nl, kIq4NlBytes>(Type::iq4_nl, "IQ4_NL"),
    TypeInfo{21, "IQ3_S", 256, 110},
    TypeInfo{22, "IQ2_S", 256, 82},
    blocks256<unpack_iq4_xs, write_iq4_xs, kIq4XsBytes>(Type::iq4_xs, "IQ4_XS"),
    TypeInfo{24, "I8", 1, 1},
    TypeInfo{25, "I16", 1, 2},
    TypeInfo{26, "I32", 1, 4},
    TypeInfo{27, "I64", 1, 8},
    TypeInfo{28, "F64", 1, 8},
    TypeInfo{29, "IQ1_M", 256, 56},
    TypeInfo{30, "BF16", 1, 2, bf16_row_to_float, write_bf16},
    TypeInfo{34, "TQ1_0", 256, 54},
    TypeInfo{35, "TQ2_0", 256, 66},
    blocks32<unpack_mxfp4, write_mxfp4, kMxfp4Bytes>(Type::mxfp4, "MXFP4"),
};

bool same_name(std::string_view a, std::string_view b) {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c; };
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (upper(a[i]) != upper(b[i])) return false;
  return true;
}

}  // namespace

const TypeInfo* find_type(uint32_t id) {
  for (const TypeInfo& type : kTypes)
    if (type.id == id) return &type;
  return nullptr;
}

const TypeInfo* find_type(std::string_view name) {
  for (const TypeInfo& type : kTypes)
    if (same_name(type.name, name)) return &type;
  return nullptr;
}

const TypeInfo& info(Type type) {
  return *find_type(uint32_t(type));
}

std::string runnable_type_names() {
  std::string names;
  for (const TypeInfo& type : kTypes)
    if (type.to_float != nullptr) names += (names.empty() ? "" : ", ") + std::string(type.name);
  return names;
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
