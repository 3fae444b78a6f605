#include "engine/decode/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace engramd::engine::decode {

bool softmax(std::span<const float> logits, std::vector<float>& out) {
  const size_t n = std::min(out.size(), logits.size());
  float highest = -std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < n; ++i) {
    if (std::isnan(logits[i])) return false;
    highest = std::max(highest, logits[i]);
  }
  if (!std::isfinite(highest)) return false;
  double sum = 0;
  for (size_t i = 0; i < n; ++i) {
    out[i] = std::exp(logits[i] - highest);
    sum += out[i];
  }
  const auto scale = static_cast<float>(1 / sum);
  for (size_t i = 0; i < n; ++i) out[i] *= scale;
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(n), out.end(), 0.0f);
  return true;
}

}  // namespace engramd::engine::decode
