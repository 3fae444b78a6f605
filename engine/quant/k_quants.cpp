// engine/quant/k_quants.cpp - types with super-blocks of 256 and integer sub-block scales: Q2_K to
// Q6_K.
#include <algorithm>
#include <cmath>

#include "engine/quant/blocks.h"
#include "engine/quant/fit.h"

namespace engramd::engine::quant {
namespace {

// Two bits of element i, as laid out in Q2_K, Q3_K and (as the high bits) Q6_K.
int two_bits(const std::byte* packed, size_t i) {
  return uint8_t(packed[i / 128 * 32 + i % 32]) >> (i % 128 / 32 * 2) & 3;
}
void put_two_bits(std::byte* packed, size_t i, int bits) {
  packed[i / 128 * 32 + i % 32] |= std::byte((bits & 3) << (i % 128 / 32 * 2));
}

// The nibble of element i, as laid out in Q4_K and Q5_K.
int k_nibble(const std::byte* packed, size_t i) {
  const auto byte = uint8_t(packed[i / 64 * 32 + i % 32]);
  return i % 64 < 32 ? byte & 15 : byte >> 4;
}
void put_k_nibble(std::byte* packed, size_t i, int bits) {
  packed[i / 64 * 32 + i % 32] |= std::byte((bits & 15) << (i % 64 < 32 ? 0 : 4));
}

// Scale or min `s` of the eight in the 12 bytes of Q4_K and Q5_K. The first four lie in six low
// bits; of the others the low four bits lie in bytes 8 to 11, the high two above the first four.
int packed_scale(const std::byte* p, size_t s) {
  return s < 4 ? uint8_t(p[s]) & 63 : (uint8_t(p[s + 4]) & 15) | (uint8_t(p[s - 4]) >> 6) << 4;
}
int packed_min(const std::byte* p, size_t s) {
  return s < 4 ? uint8_t(p[s + 4]) & 63 : uint8_t(p[s + 4]) >> 4 | (uint8_t(p[s]) >> 6) << 4;
}
void pack_scales_and_mins(const uint8_t* scales, const uint8_t* mins, std::byte* p) {
  for (size_t s = 0; s < 4; ++s) {
    p[s] = std::byte(scales[s] | (scales[s + 4] >> 4) << 6);
    p[s + 4] = std::byte(mins[s] | (mins[s + 4] >> 4) << 6);
    p[s + 8] = std::byte((scales[s + 4] & 15) | (mins[s + 4] & 15) << 4);
  }
}

float store_half(std::byte* out, float value) {
  store_u16(out, float_to_half(value));
  return half_to_float(load_u16(out));
}

int code_for(float x, float scale, int low, int high) {
  const float q = scale != 0 ? std::nearbyint(x / scale) : 0;
  return q > float(low) ? int(std::min(q, float(high))) : low;
}

// Scales and mins of kSub sub-blocks, rounded to kBits-bit integers, and the codes that go with
// the rounded ones. Shared by Q2_K, Q4_K and Q5_K.
template <size_t kSub>
struct Affine {
  uint8_t scales[kSub], mins[kSub], codes[256];
};
template <size_t kSub>
Affine<kSub> fit_affine_blocks(const float* x, int most, int high, std::byte* d_out,
                               std::byte* dmin_out) {
  constexpr size_t kSize = 256 / kSub;
  ScaleAndMin fits[kSub];
  Affine<kSub> out;
  float largest_scale = 0, largest_min = 0;
  for (size_t s = 0; s < kSub; ++s) {
    fits[s] = fit_scale_and_min(x + s * kSize, kSize, high, out.codes + s * kSize);
    largest_scale = std::max(largest_scale, fits[s].scale);
    largest_min = std::max(largest_min, fits[s].min);
  }
  const float d = store_half(d_out, largest_scale / float(most));
  const float dmin = store_half(dmin_out, largest_min / float(most));
  for (size_t s = 0; s < kSub; ++s) {
    out.scales[s] = uint8_t(code_for(fits[s].scale, d, 0, most));
    out.mins[s] = uint8_t(code_for(fits[s].min, dmin, 0, most));
    const float scale = d * out.scales[s], min = dmin * out.mins[s];
    for (size_t i = s * kSize; i < (s + 1) * kSize; ++i)
      out.codes[i] = uint8_t(code_for(x[i] + min, scale, 0, high));
  }
  return out;
}

// Signed scales of sixteen sub-blocks of 16, rounded to low..-low-1, and the codes. Shared by Q3_K
// and Q6_K. The scale of the largest magnitude gets the code `low`.
struct Symmetric {
  int8_t scales[16], codes[256];
};
Symmetric fit_symmetric_blocks(const float* x, int scale_low, int code_low, std::byte* d_out) {
  float fits[16];
  Symmetric out;
  float largest = 0;
  for (size_t s = 0; s < 16; ++s) {
    fits[s] = fit_scale(x + 16 * s, 16, code_low, -code_low - 1, out.codes + 16 * s);
    if (std::fabs(fits[s]) > std::fabs(largest)) largest = fits[s];
  }
  const float d = store_half(d_out, largest / float(scale_low));
  for (size_t s = 0; s < 16; ++s) {
    out.scales[s] = int8_t(code_for(fits[s], d, scale_low, -scale_low - 1));
    for (size_t i = 16 * s; i < 16 * (s + 1); ++i)
      out.codes[i] = int8_t(code_for(x[i], d * float(out.scales[s]), code_low, -code_low - 1));
  }
  return out;
}

}  // namespace

void unpack_q2_k(const std::byte* block, Integers256& out) {
  out.d = half_to_float(load_u16(block + 80));
  out.dmin = half_to_float(load_u16(block + 82));
  for (size_t s = 0; s < 16; ++s) {
    out.scale[s] = int8_t(uint8_t(block[s]) & 15);
    out.min[s] = uint8_t(uint8_t(block[s]) >> 4);
  }
  for (size_t i = 0; i < 256; ++i) out.q[i] = int8_t(two_bits(block + 16, i));
}

void unpack_q3_k(const std::byte* block, Integers256& out) {
  const std::byte* packed = block + 96;
  out.d = half_to_float(load_u16(block + 108));
  out.dmin = 0;
  for (size_t s = 0; s < 16; ++s) {
    const int low = s < 8 ? uint8_t(packed[s]) & 15 : uint8_t(packed[s - 8]) >> 4;
    const int high = uint8_t(packed[8 + s % 4]) >> (s / 4 * 2) & 3;
    out.scale[s] = int8_t((low | high << 4) - 32);
    out.min[s] = 0;
  }
  for (size_t i = 0; i < 256; ++i) {
    const int third = uint8_t(block[i % 32]) >> (i / 32) & 1;
    out.q[i] = int8_t(two_bits(block + 32, i) + 4 * third - 4);
  }
}

void unpack_q4_k(const std::byte* block, Integers256& out) {
  out.d = half_to_float(load_u16(block));
  out.dmin = half_to_float(load_u16(block + 2));
  for (size_t s = 0; s < 16; ++s) {
    out.scale[s] = int8_t(packed_scale(block + 4, s / 2));
    out.min[s] = uint8_t(packed_min(block + 4, s / 2));
  }
  for (size_t i = 0; i < 256; ++i) out.q[i] = int8_t(k_nibble(block + 16, i));
}

void unpack_q5_k(const std::byte* block, Integers256& out) {
  unpack_q4_k(block, out);  // the same head; the nibbles lie 32 bytes further
  for (size_t i = 0; i < 256; ++i) {
    const int fifth = uint8_t(block[16 + i % 32]) >> (i / 32) & 1;
    out.q[i] = int8_t(k_nibble(block + 48, i) | fifth << 4);
  }
}

void unpack_q6_k(const std::byte* block, Integers256& out) {
  out.d = half_to_float(load_u16(block + 208));
  out.dmin = 0;
  std::memcpy(out.scale, block + 192, 16);
  std::memset(out.min, 0, 16);
  for (size_t i = 0; i < 256; ++i) {
    const size_t half = i / 128, group = i % 128 / 32, within = i % 32;
    const auto low = uint8_t(block[half * 64 + group % 2 * 32 + within]);
    out.q[i] = int8_t(((group < 2 ? low & 15 : low >> 4) | two_bits(block + 128, i) << 4) - 32);
  }
}

void write_q2_k(const float* source, std::byte* out, size_t n) {
  for (size_t b = 0; b < n; b += 256, out += kQ2_KBytes) {
    std::memset(out, 0, kQ2_KBytes);
    const auto fit = fit_affine_blocks<16>(source + b, 15, 3, out + 80, out + 82);
    for (size_t s = 0; s < 16; ++s) out[s] = std::byte(fit.scales[s] | fit.mins[s] << 4);
    for (size_t i = 0; i < 256; ++i) put_two_bits(out + 16, i, fit.codes[i]);
  }
}

void write_q3_k(const float* source, std::byte* out, size_t n) {
  for (size_t b = 0; b < n; b += 256, out += kQ3_KBytes) {
    std::memset(out, 0, kQ3_KBytes);
    const Symmetric fit = fit_symmetric_blocks(source + b, -32, -4, out + 108);
    for (size_t s = 0; s < 16; ++s) {
      const int scale = fit.scales[s] + 32;
      out[96 + s % 8] |= std::byte((scale & 15) << (s < 8 ? 0 : 4));
      out[104 + s % 4] |= std::byte((scale >> 4) << (s / 4 * 2));
    }
    for (size_t i = 0; i < 256; ++i) {
      const int code = fit.codes[i] + 4;
      put_two_bits(out + 32, i, code);
      out[i % 32] |= std::byte((code >> 2) << (i / 32));
    }
  }
}

void write_q4_k(const float* source, std::byte* out, size_t n) {
  for (size_t b = 0; b < n; b += 256, out += kQ4_KBytes) {
    std::memset(out, 0, kQ4_KBytes);
    const auto fit = fit_affine_blocks<8>(source + b, 63, 15, out, out + 2);
    pack_scales_and_mins(fit.scales, fit.mins, out + 4);
    for (size_t i = 0; i < 256; ++i) put_k_nibble(out + 16, i, fit.codes[i]);
  }
}

void write_q5_k(const float* source, std::byte* out, size_t n) {
  for (size_t b = 0; b < n; b += 256, out += kQ5_KBytes) {
    std::memset(out, 0, kQ5_KBytes);
    const auto fit = fit_affine_blocks<8>(source + b, 63, 31, out, out + 2);
    pack_scales_and_mins(fit.scales, fit.mins, out + 4);
    for (size_t i = 0; i < 256; ++i) {
      put_k_nibble(out + 48, i, fit.codes[i]);
      out[16 + i % 32] |= std::byte((fit.codes[i] >> 4) << (i / 32));
    }
  }
}

void write_q6_k(const float* source, std::byte* out, size_t n) {
  for (size_t b = 0; b < n; b += 256, out += kQ6_KBytes) {
    std::memset(out, 0, kQ6_KBytes);
    const Symmetric fit = fit_symmetric_blocks(source + b, -128, -32, out + 208);
    std::memcpy(out + 192, fit.scales, 16);
    for (size_t i = 0; i < 256; ++i) {
      const int code = fit.codes[i] + 32;
      const size_t half = i / 128, group = i % 128 / 32, within = i % 32;
      out[half * 64 + group % 2 * 32 + within] |= std::byte((code & 15) << (group < 2 ? 0 : 4));
      put_two_bits(out + 128, i, code >> 4);
    }
  }
}

}  // namespace engramd::engine::quant
