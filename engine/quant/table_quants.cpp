// engine/quant/table_quants.cpp - types whose nibbles index a table of values: IQ4_NL, IQ4_XS,
// MXFP4.
#include <algorithm>
#include <cmath>

#include "engine/quant/blocks.h"
#include "engine/quant/fit.h"
#include "engine/quant/fp4.h"

namespace engramd::engine::quant {
namespace {

void look_up(const std::byte* packed, const int8_t (&values)[16], int8_t* q) {
  for (size_t i = 0; i < 16; ++i) {
    q[i] = values[uint8_t(packed[i]) & 15];
    q[16 + i] = values[uint8_t(packed[i]) >> 4];
  }
}

// Codes of 32 elements by their nearest values.
void pack_nearest(const float* x, float scale, std::byte* packed) {
  for (size_t i = 0; i < 16; ++i) {
    const float inverse = scale != 0 ? 1 / scale : 0;
    packed[i] = std::byte(nearest_code(x[i] * inverse, kIq4Values) |
                          nearest_code(x[16 + i] * inverse, kIq4Values) << 4);
  }
}

}  // namespace

void unpack_iq4_nl(const std::byte* block, Integers32& out) {
  out.d = half_to_float(load_u16(block));
  out.m = 0;
  look_up(block + 2, kIq4Values, out.q);
}

void unpack_mxfp4(const std::byte* block, Integers32& out) {
  out.d = mxfp4_scale(uint8_t(block[0]));
  out.m = 0;
  look_up(block + 1, kMxfp4Values, out.q);
}

void unpack_iq4_xs(const std::byte* block, Integers256& out) {
  out.d = half_to_float(load_u16(block));
  out.dmin = 0;
  const uint16_t high = load_u16(block + 2);
  for (size_t s = 0; s < 8; ++s) {
    const int low = uint8_t(block[4 + s / 2]) >> (s % 2 * 4) & 15;
    out.scale[2 * s] = out.scale[2 * s + 1] = int8_t((low | (high >> (2 * s) & 3) << 4) - 32);
    look_up(block + 8 + 16 * s, kIq4Values, out.q + 32 * s);
  }
  std::memset(out.min, 0, sizeof out.min);
}

void write_iq4_nl(const float* source, std::byte* out, size_t n) {
  for (size_t b = 0; b < n; b += 32, out += kIq4NlBytes) {
    store_u16(out, float_to_half(fit_table_scale(source + b, 32, kIq4Values)));
    pack_nearest(source + b, half_to_float(load_u16(out)), out + 2);
  }
}

void write_iq4_xs(const float* source, std::byte* out, size_t n) {
  for (size_t b = 0; b < n; b += 256, out += kIq4XsBytes) {
    std::memset(out, 0, kIq4XsBytes);
    float fits[8], largest = 0;
    for (size_t s = 0; s < 8; ++s) {
      fits[s] = fit_table_scale(source + b + 32 * s, 32, kIq4Values);
      if (std::fabs(fits[s]) > std::fabs(largest)) largest = fits[s];
    }
    store_u16(out, float_to_half(largest / -32));
    const float d = half_to_float(load_u16(out));
    uint16_t high = 0;
    for (size_t s = 0; s < 8; ++s) {
      const float q = d != 0 ? std::nearbyint(fits[s] / d) : 0;
      const int scale = q > -32 ? int(std::min(q, 31.0f)) : -32;
      high = uint16_t(high | ((scale + 32) >> 4) << (2 * s));
      out[4 + s / 2] |= std::byte(((scale + 32) & 15) << (s % 2 * 4));
      pack_nearest(source + b + 32 * s, d * float(scale), out + 8 + 16 * s);
    }
    store_u16(out + 2, high);
  }
}

// The exponent is that of the OCP microscaling rule (the largest value's less the largest e2m1
// exponent, 2) or one more, whichever gives the smaller squared error.
void write_mxfp4(const float* source, std::byte* out, size_t n) {
  for (size_t b = 0; b < n; b += 32, out += kMxfp4Bytes) {
    const float* x = source + b;
    float largest = 0;
    for (size_t i = 0; i < 32; ++i) largest = std::max(largest, std::fabs(x[i]));
    std::memset(out, 0, kMxfp4Bytes);
    if (!(largest > 0) || !std::isfinite(largest)) continue;
    const int floor_exponent = std::ilogb(largest) - 2;
    double best_error = -1;
    int best = 0;
    for (int exponent = floor_exponent; exponent <= floor_exponent + 1; ++exponent) {
      const int e = std::clamp(exponent + 127, 0, 254);
      const float scale = 2 * mxfp4_scale(uint8_t(e));
      double error = 0;
      for (size_t i = 0; i < 32; ++i) {
        const double difference = x[i] - double(scale) * e2m1_to_float(float_to_e2m1(x[i] / scale));
        error += difference * difference;
      }
      if (best_error < 0 || error < best_error) {
        best_error = error;
        best = e;
      }
    }
    const float scale = 2 * mxfp4_scale(uint8_t(best));
    out[0] = std::byte(best);
    for (size_t i = 0; i < 16; ++i)
      out[1 + i] = std::byte(float_to_e2m1(x[i] / scale) | float_to_e2m1(x[16 + i] / scale) << 4);
  }
}

}  // namespace engramd::engine::quant
