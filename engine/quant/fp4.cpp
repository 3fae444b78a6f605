#include "engine/quant/fp4.h"

#include <algorithm>
#include <cmath>

#include "engine/quant/fp8.h"

namespace engramd::engine::quant {
namespace {

constexpr float kValues[8] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};

float largest_magnitude(const float* x, size_t n, float floor) {
  for (size_t i = 0; i < n; ++i) floor = std::max(floor, std::fabs(x[i]));
  return floor;
}

}  // namespace

float e2m1_to_float(uint8_t bits) {
  const float magnitude = kValues[bits & 7];
  return bits & 8 ? -magnitude : magnitude;
}

uint8_t float_to_e2m1(float value) {
  const uint8_t sign = std::signbit(value) ? 8 : 0;
  const float magnitude = std::fabs(value);
  // A tie between neighbours goes to the even code; not-a-number, for which there is no code,
  // becomes the largest.
  uint8_t code = 7;
  for (uint8_t i = 0; i < 7; ++i) {
    const float middle = (kValues[i] + kValues[i + 1]) / 2;
    if (magnitude < middle || (magnitude == middle && i % 2 == 0)) {
      code = i;
      break;
    }
  }
  return sign | code;
}

void packed_e2m1_to_float(const uint8_t* packed, const uint8_t* scales, size_t n, float* out) {
  for (size_t i = 0; i < n; i += 2) {
    const float scale = ue8m0_to_float(scales[i / 32]);
    out[i] = e2m1_to_float(packed[i / 2]) * scale;
    out[i + 1] = e2m1_to_float(packed[i / 2] >> 4) * scale;
  }
}

void round_trip_e2m1(float* x, size_t n, size_t block, float floor) {
  for (size_t b = 0; b < n; b += block) {
    const float largest = largest_magnitude(x + b, block, floor);
    const float scale = ue8m0_to_float(float_to_ue8m0_up(largest / 6.0f));
    for (size_t i = b; i < b + block; ++i)
      x[i] = e2m1_to_float(float_to_e2m1(x[i] / scale)) * scale;
  }
}

void round_trip_e2m1_e4m3(float* x, size_t n, size_t block) {
  for (size_t b = 0; b < n; b += block) {
    const float largest = largest_magnitude(x + b, block, 6 * 0x1p-9f);
    const float scale = e4m3_to_float(float_to_e4m3(largest / 6.0f));
    for (size_t i = b; i < b + block; ++i)
      x[i] = e2m1_to_float(float_to_e2m1(x[i] / scale)) * scale;
  }
}

}  // namespace engramd::engine::quant
