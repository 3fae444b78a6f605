#include "engine/quant/fit.h"

#include <algorithm>
#include <cmath>

namespace engramd::engine::quant {
namespace {

// Steps around the plain scale, each a tenth of a code at the largest value.
constexpr int kTries = 9;

int rounded(float x, int low, int high) {
  // The comparison sends not-a-number to `low`.
  const float r = std::nearbyint(x);
  return r > float(low) ? int(std::min(r, float(high))) : low;
}

// The value of the largest magnitude, with its sign.
float extreme(const float* x, size_t n) {
  float best = 0;
  for (size_t i = 0; i < n; ++i)
    if (std::fabs(x[i]) > std::fabs(best)) best = x[i];
  return best;
}

}  // namespace

float fit_scale(const float* x, size_t n, int low, int high, int8_t* q) {
  const float largest = extreme(x, n);
  std::fill_n(q, n, int8_t(0));
  if (!(std::fabs(largest) > 1e-30f) || !std::isfinite(largest)) return 0;
  // The larger side of the codes takes the largest value, so the scale may be negative.
  float best_inverse = 0, best_scale = 0;
  double best = -1;
  for (int t = -kTries; t <= kTries; ++t) {
    const float inverse = (float(low) + 0.1f * float(t)) / largest;
    double xq = 0, qq = 0;
    for (size_t i = 0; i < n; ++i) {
      const int code = rounded(x[i] * inverse, low, high);
      xq += double(x[i]) * code;
      qq += double(code) * code;
    }
    // The error is sum x^2 - xq^2 / qq for the scale xq / qq.
    if (qq > 0 && xq * xq > best * qq) {
      best = xq * xq / qq;
      best_scale = float(xq / qq);
      best_inverse = inverse;
    }
  }
  for (size_t i = 0; i < n; ++i) q[i] = int8_t(rounded(x[i] * best_inverse, low, high));
  return best_scale;
}

namespace {

// scale * q + offset by least squares over a few tries.
ScaleAndOffset fit_affine(const float* x, size_t n, int high, bool not_positive) {
  float low = x[0], top = x[0];
  for (size_t i = 1; i < n; ++i) {
    low = std::min(low, x[i]);
    top = std::max(top, x[i]);
  }
  if (not_positive) low = std::min(low, 0.0f);
  if (!std::isfinite(low) || !std::isfinite(top)) return {};
  if (!(top - low > 1e-30f)) return {0, low};
  ScaleAndOffset best;
  double best_error = -1;
  for (int t = -kTries; t <= kTries; ++t) {
    const float inverse = (float(high) + 0.1f * float(t)) / (top - low);
    double q1 = 0, qq = 0, xq = 0, x1 = 0;
    for (size_t i = 0; i < n; ++i) {
      const int code = rounded((x[i] - low) * inverse, 0, high);
      q1 += code;
      qq += double(code) * code;
      xq += double(x[i]) * code;
      x1 += x[i];
    }
    const double determinant = double(n) * qq - q1 * q1;
    // All codes are the same when all values are: then the offset stays where it is.
    double offset = determinant > 0 ? (qq * x1 - q1 * xq) / determinant : double(low);
    double scale = determinant > 0 ? (double(n) * xq - q1 * x1) / determinant
                   : q1 > 0        ? (x1 - double(n) * offset) / q1
                                   : 0;
    if (!(scale > 0)) continue;
    if (not_positive && offset > 0) {
      offset = 0;
      scale = xq / qq;
    }
    double error = 0;
    for (size_t i = 0; i < n; ++i) {
      const int code = rounded(float((x[i] - offset) / scale), 0, high);
      const double e = scale * code + offset - x[i];
      error += e * e;
    }
    if (best_error < 0 || error < best_error) {
      best_error = error;
      best = {float(scale), float(offset)};
    }
  }
  return best;
}

}  // namespace

ScaleAndMin fit_scale_and_min(const float* x, size_t n, int high, uint8_t* q) {
  const ScaleAndOffset fit = fit_affine(x, n, high, true);
  for (size_t i = 0; i < n; ++i)
    q[i] = fit.scale > 0 ? uint8_t(rounded((x[i] - fit.offset) / fit.scale, 0, high)) : uint8_t(0);
  return {fit.scale, -fit.offset};
}

ScaleAndOffset fit_scale_and_offset(const float* x, size_t n, int high) {
  return fit_affine(x, n, high, false);
}

int nearest_code(float x, const int8_t (&values)[16]) {
  int best = 0;
  for (int i = 1; i < 16; ++i)
    if (std::fabs(x - float(values[i])) < std::fabs(x - float(values[best]))) best = i;
  return best;
}

float fit_table_scale(const float* x, size_t n, const int8_t (&values)[16]) {
  const float largest = extreme(x, n);
  if (!(std::fabs(largest) > 1e-30f) || !std::isfinite(largest)) return 0;
  float best_scale = 0;
  double best = -1;
  for (int t = -kTries; t <= kTries; ++t) {
    const float inverse = float(values[0]) * (1 + 0.01f * float(t)) / largest;
    double xv = 0, vv = 0;
    for (size_t i = 0; i < n; ++i) {
      const double value = values[nearest_code(x[i] * inverse, values)];
      xv += double(x[i]) * value;
      vv += value * value;
    }
    if (vv > 0 && xv * xv > best * vv) {
      best = xv * xv / vv;
      best_scale = float(xv / vv);
    }
  }
  return best_scale;
}

}  // namespace engramd::engine::quant
