// engine/quant/fit.h - the scale of a block by least squares, for the writers of quantised types.
//
// A scale that maps the largest value to the largest code is rarely the best: trying a few scales
// around it and solving for the best real factor of the codes that each gives takes some percent
// off the error. Each try is exact least squares, so the best try is never worse than plain
// rounding.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engramd::engine::quant {

// x ~ scale * q with low <= q <= high; low < 0. Returns the scale, 0 for a block of zeros.
float fit_scale(const float* x, size_t n, int low, int high, int8_t* q);
// x ~ scale * q - min with 0 <= q <= high and min >= 0.
struct ScaleAndMin {
  float scale = 0, min = 0;
};
ScaleAndMin fit_scale_and_min(const float* x, size_t n, int high, uint8_t* q);
// x ~ scale * q + offset, an offset of any sign.
struct ScaleAndOffset {
  float scale = 0, offset = 0;
};
ScaleAndOffset fit_scale_and_offset(const float* x, size_t n, int high);
// x ~ scale * values[code], 16 values in ascending order. Returns the scale.
float fit_table_scale(const float* x, size_t n, const int8_t (&values)[16]);
// The code whose value is nearest.
int nearest_code(float x, const int8_t (&values)[16]);

}  // namespace engramd::engine::quant
