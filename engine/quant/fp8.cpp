#include "engine/quant/fp8.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace engramd::engine::quant {

float e4m3_to_float(uint8_t bits) {
  const int exponent = bits >> 3 & 15, mantissa = bits & 7;
  float magnitude;
  if ((bits & 0x7f) == 0x7f)
    magnitude = std::numeric_limits<float>::quiet_NaN();
  else if (exponent == 0)
    magnitude = float(mantissa) * 0x1p-9f;
  else
    magnitude = std::bit_cast<float>(uint32_t(exponent + 120) << 23 | uint32_t(mantissa) << 20);
  return bits & 0x80 ? -magnitude : magnitude;
}

uint8_t float_to_e4m3(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = uint8_t(bits >> 24 & 0x80);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return uint8_t(sign | 0x7f);
  if (magnitude >= 0x43e00000) return uint8_t(sign | 0x7e);  // 448 and beyond
  if (magnitude < 0x3c800000) {  // below 2^-6: adding 2^14 lets the FPU round to multiples of 2^-9
    const float shifted = std::bit_cast<float>(magnitude) + 0x1p14f;
    return uint8_t(sign | (std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(0x1p14f)));
  }
  const uint32_t rounded = magnitude + 0x7ffff + (magnitude >> 20 & 1) - (uint32_t(120) << 23);
  return uint8_t(sign | rounded >> 20);
}

float ue8m0_to_float(uint8_t bits) {
  if (bits == 255) return std::numeric_limits<float>::quiet_NaN();
  return std::ldexp(1.0f, int(bits) - 127);
}

uint8_t float_to_ue8m0_up(float value) {
  if (std::isnan(value)) return 255;
  if (!(value > 0x1p-127f)) return 0;
  if (value >= 0x1p127f) return 254;
  int exponent;
  const float mantissa =
      std::frexp(value, &exponent);  // value = mantissa * 2^exponent, in [0.5, 1)
  return uint8_t((mantissa == 0.5f ? exponent - 1 : exponent) + 127);
}

void round_trip_e4m3(float* x, size_t n, size_t block, float floor) {
  for (size_t b = 0; b < n; b += block) {
    float largest = floor;
    for (size_t i = b; i < b + block; ++i) largest = std::max(largest, std::fabs(x[i]));
    const float scale = ue8m0_to_float(float_to_ue8m0_up(largest / 448.0f));
    for (size_t i = b; i < b + block; ++i)
      x[i] = e4m3_to_float(float_to_e4m3(x[i] / scale)) * scale;
  }
}

namespace {

template <class Scale, class ToFloat>
void tiles_to_float(const uint8_t* weights, const Scale* scales, ToFloat to_float, size_t rows,
                    size_t columns, size_t tile, float* out) {
  const size_t scale_columns = (columns + tile - 1) / tile;
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < columns; ++c)
      out[r * columns + c] = e4m3_to_float(weights[r * columns + c]) *
                             to_float(scales[r / tile * scale_columns + c / tile]);
}

}  // namespace

void tiles_e4m3_to_float(const uint8_t* weights, const uint8_t* scales, size_t rows, size_t columns,
                         size_t tile, float* out) {
  tiles_to_float(weights, scales, ue8m0_to_float, rows, columns, tile, out);
}

void tiles_e4m3_to_float(const uint8_t* weights, const float* scales, size_t rows, size_t columns,
                         size_t tile, float* out) {
  tiles_to_float(
      weights, scales, [](float scale) { return scale; }, rows, columns, tile, out);
}

}  // namespace engramd::engine::quant
