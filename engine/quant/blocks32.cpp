// engine/quant/blocks32.cpp - types with blocks of 32: Q8_0, Q4_0, Q4_1, Q5_0, Q5_1.
#include <cmath>

#include "engine/quant/blocks.h"
#include "engine/quant/fit.h"

namespace engramd::engine::quant {
namespace {

uint32_t load_u32(const std::byte* p) {
  uint32_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

int nibble(const std::byte* packed, size_t i) {
  const auto byte = uint8_t(packed[i % 16]);
  return i < 16 ? byte & 15 : byte >> 4;
}

void pack_nibbles(const uint8_t* codes, std::byte* packed) {
  for (size_t i = 0; i < 16; ++i)
    packed[i] = std::byte((codes[i] & 15) | (codes[16 + i] & 15) << 4);
}

void pack_fifth_bits(const uint8_t* codes, std::byte* packed) {
  uint32_t bits = 0;
  for (size_t i = 0; i < 32; ++i) bits |= uint32_t(codes[i] >> 4 & 1) << i;
  std::memcpy(packed, &bits, sizeof bits);
}

// Codes for the scale and offset as they were stored.
void code_affine(const float* x, float d, float m, int high, uint8_t* codes) {
  for (size_t i = 0; i < 32; ++i) {
    const float q = d != 0 ? std::nearbyint((x[i] - m) / d) : 0;
    codes[i] = uint8_t(q > 0 ? std::min(q, float(high)) : 0);
  }
}

void code_symmetric(const float* x, float d, int half, uint8_t* codes) {
  code_affine(x, d, -float(half) * d, 2 * half - 1, codes);
}

float store_half(std::byte* out, float value) {
  store_u16(out, float_to_half(value));
  return half_to_float(load_u16(out));
}

}  // namespace

void unpack_q8_0(const std::byte* block, Integers32& out) {
  out.d = half_to_float(load_u16(block));
  out.m = 0;
  std::memcpy(out.q, block + 2, 32);
}

void unpack_q4_0(const std::byte* block, Integers32& out) {
  out.d = half_to_float(load_u16(block));
  out.m = 0;
  for (size_t i = 0; i < 32; ++i) out.q[i] = int8_t(nibble(block + 2, i) - 8);
}

void unpack_q4_1(const std::byte* block, Integers32& out) {
  out.d = half_to_float(load_u16(block));
  out.m = half_to_float(load_u16(block + 2));
  for (size_t i = 0; i < 32; ++i) out.q[i] = int8_t(nibble(block + 4, i));
}

void unpack_q5_0(const std::byte* block, Integers32& out) {
  out.d = half_to_float(load_u16(block));
  out.m = 0;
  const uint32_t fifth = load_u32(block + 2);
  for (size_t i = 0; i < 32; ++i)
    out.q[i] = int8_t((nibble(block + 6, i) | int(fifth >> i & 1) << 4) - 16);
}

void unpack_q5_1(const std::byte* block, Integers32& out) {
  out.d = half_to_float(load_u16(block));
  out.m = half_to_float(load_u16(block + 2));
  const uint32_t fifth = load_u32(block + 4);
  for (size_t i = 0; i < 32; ++i)
    out.q[i] = int8_t(nibble(block + 8, i) | int(fifth >> i & 1) << 4);
}

void write_q8_0(const float* source, std::byte* out, size_t n) {
  for (size_t b = 0; b < n; b += 32, out += kQ8_0Bytes) {
    int8_t q[32];
    // One code short of the full range, so that a value and its negative are the same distance off.
    const float d = store_half(out, fit_scale(source + b, 32, -127, 127, q));
    for (size_t i = 0; i < 32; ++i) {
      const float code = d != 0 ? std::nearbyint(source[b + i] / d) : 0;
      out[2 + i] = std::byte(uint8_t(int8_t(code > -127 ? std::min(code, 127.0f) : -127.0f)));
    }
  }
}

void write_q4_0(const float* source, std::byte* out, size_t n) {
  for (size_t b = 0; b < n; b += 32, out += kQ4_0Bytes) {
    int8_t q[32];
    uint8_t codes[32];
    const float d = store_half(out, fit_scale(source + b, 32, -8, 7, q));
    code_symmetric(source + b, d, 8, codes);
    pack_nibbles(codes, out + 2);
  }
}

void write_q4_1(const float* source, std::byte* out, size_t n) {
  for (size_t b = 0; b < n; b += 32, out += kQ4_1Bytes) {
    uint8_t codes[32];
    const ScaleAndOffset fit = fit_scale_and_offset(source + b, 32, 15);
    const float d = store_half(out, fit.scale), m = store_half(out + 2, fit.offset);
    code_affine(source + b, d, m, 15, codes);
    pack_nibbles(codes, out + 4);
  }
}

void write_q5_0(const float* source, std::byte* out, size_t n) {
  for (size_t b = 0; b < n; b += 32, out += kQ5_0Bytes) {
    int8_t q[32];
    uint8_t codes[32];
    const float d = store_half(out, fit_scale(source + b, 32, -16, 15, q));
    code_symmetric(source + b, d, 16, codes);
    pack_fifth_bits(codes, out + 2);
    pack_nibbles(codes, out + 6);
  }
}

void write_q5_1(const float* source, std::byte* out, size_t n) {
  for (size_t b = 0; b < n; b += 32, out += kQ5_1Bytes) {
    uint8_t codes[32];
    const ScaleAndOffset fit = fit_scale_and_offset(source + b, 32, 31);
    const float d = store_half(out, fit.scale), m = store_half(out + 2, fit.offset);
    code_affine(source + b, d, m, 31, codes);
    pack_fifth_bits(codes, out + 4);
    pack_nibbles(codes, out + 8);
  }
}

}  // namespace engramd::engine::quant
