// engine/quant/blocks.h - the blocks of quantised types, and what their integers are.
//
// All little-endian and without padding; d, m and dmin are half floats. Element i of 32 in packed
// nibbles is the low half of byte i, element 16 + i the high half.
//
//   Q8_0   | d | 32 x int8 |                                   d * q
//   Q4_0   | d | 16 bytes of nibbles |                         d * (q - 8)
//   Q4_1   | d | m | 16 bytes of nibbles |                     d * q + m
//   Q5_0   | d | 32 fifth bits | 16 bytes of nibbles |         d * (q - 16)
//   Q5_1   | d | m | 32 fifth bits | 16 bytes of nibbles |     d * q + m
//   IQ4_NL | d | 16 bytes of nibbles |                         d * kIq4Values[q]
//   MXFP4  | e: uint8 | 16 bytes of nibbles |                  2^(e - 128) * kMxfp4Values[q]
//
//   Blocks of 256. Two bits: byte 32 h + i holds elements 128 h + 32 g + i at bits 2 g. Nibbles in
//   K blocks: byte 32 j + i holds elements 64 j + i (low) and 64 j + 32 + i (high).
//   Q2_K   | 16 x (scale low, min high nibble) | 64 bytes of two bits | d | dmin |
//          d * scale * q - dmin * min, a scale and a min for 16
//   Q3_K   | 32 bytes: bit g of byte i is 0 for 4 less | 64 bytes of two bits | 12 bytes: 16 scales
//   of
//          6 bits | d |                                        d * (scale - 32) * (q - 4), for 16
//   Q4_K   | d | dmin | 12 bytes: 8 scales, 8 mins of 6 bits | 128 bytes of nibbles |
//          d * scale * q - dmin * min, a scale and a min for 32
//   Q5_K   | d | dmin | 12 bytes as Q4_K | 32 bytes: bit s of byte i is the fifth of sub-block s |
//          128 bytes of nibbles |                              as Q4_K
//   Q6_K   | 128 bytes of nibbles | 64 bytes of two high bits | 16 x int8 scales | d |
//          d * scale * (q - 32), for 16
//   IQ4_XS | d | 8 x 2 high bits of scales | 8 nibbles: low bits of scales | 128 bytes of nibbles,
//          each 16 as in IQ4_NL |                              d * (scale - 32) * kIq4Values[q],
//          for 32
#pragma once

#include "engine/quant/types.h"

namespace engramd::engine::quant {

inline constexpr size_t kQ4_0Bytes = 18, kQ4_1Bytes = 20, kQ5_0Bytes = 22, kQ5_1Bytes = 24,
                        kQ8_0Bytes = 34, kIq4NlBytes = 18, kMxfp4Bytes = 17;
inline constexpr size_t kQ2_KBytes = 84, kQ3_KBytes = 110, kQ4_KBytes = 144, kQ5_KBytes = 176,
                        kQ6_KBytes = 210, kIq4XsBytes = 136;

inline constexpr int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                          1,    13,   25,  38,  53,  69,  89,  113};
// Twice the e2m1 values, so that they are integers.
inline constexpr int8_t kMxfp4Values[16] = {0, 1,  2,  3,  4,  6,  8,  12,
                                            0, -1, -2, -3, -4, -6, -8, -12};

// 2^(e - 128): what an MXFP4 block's exponent byte stands for beside the doubled values.
inline float mxfp4_scale(uint8_t e) {
  return std::bit_cast<float>(e < 2 ? uint32_t(0x00200000) << e : uint32_t(e - 1) << 23);
}

// value = d * q + m
struct Integers32 {
  float d = 0, m = 0;
  int8_t q[32];
};
// value = d * scale * q - dmin * min, scale and min of each 16
struct Integers256 {
  float d = 0, dmin = 0;
  int8_t scale[16];
  uint8_t min[16];
  int8_t q[256];
};

using Unpack32 = void (*)(const std::byte* block, Integers32& out);
using Unpack256 = void (*)(const std::byte* block, Integers256& out);

void unpack_q4_0(const std::byte* block, Integers32& out);
void unpack_q4_1(const std::byte* block, Integers32& out);
void unpack_q5_0(const std::byte* block, Integers32& out);
void unpack_q5_1(const std::byte* block, Integers32& out);
void unpack_q8_0(const std::byte* block, Integers32& out);
void unpack_iq4_nl(const std::byte* block, Integers32& out);
void unpack_mxfp4(const std::byte* block, Integers32& out);

void unpack_q2_k(const std::byte* block, Integers256& out);
void unpack_q3_k(const std::byte* block, Integers256& out);
void unpack_q4_k(const std::byte* block, Integers256& out);
void unpack_q5_k(const std::byte* block, Integers256& out);
void unpack_q6_k(const std::byte* block, Integers256& out);
void unpack_iq4_xs(const std::byte* block, Integers256& out);

template <Unpack32 unpack, size_t kBytes>
void blocks32_to_float(const std::byte* source, float* out, size_t n) {
  Integers32 b;
  for (size_t i = 0; i < n; i += 32, source += kBytes) {
    unpack(source, b);
    for (size_t j = 0; j < 32; ++j) out[i + j] = b.d * float(b.q[j]) + b.m;
  }
}

template <Unpack256 unpack, size_t kBytes>
void blocks256_to_float(const std::byte* source, float* out, size_t n) {
  Integers256 b;
  for (size_t i = 0; i < n; i += 256, source += kBytes) {
    unpack(source, b);
    for (size_t j = 0; j < 256; ++j)
      out[i + j] = b.d * float(b.scale[j / 16]) * float(b.q[j]) - b.dmin * float(b.min[j / 16]);
  }
}

// Writers: from_float of each type.
void write_q4_0(const float* source, std::byte* out, size_t n);
void write_q4_1(const float* source, std::byte* out, size_t n);
void write_q5_0(const float* source, std::byte* out, size_t n);
void write_q5_1(const float* source, std::byte* out, size_t n);
void write_q8_0(const float* source, std::byte* out, size_t n);
void write_iq4_nl(const float* source, std::byte* out, size_t n);
void write_mxfp4(const float* source, std::byte* out, size_t n);
void write_q2_k(const float* source, std::byte* out, size_t n);
void write_q3_k(const float* source, std::byte* out, size_t n);
void write_q4_k(const float* source, std::byte* out, size_t n);
void write_q5_k(const float* source, std::byte* out, size_t n);
void write_q6_k(const float* source, std::byte* out, size_t n);
void write_iq4_xs(const float* source, std::byte* out, size_t n);

}  // namespace engramd::engine::quant
