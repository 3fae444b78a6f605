#include "engine/decode/sampler.h"

#include <algorithm>
#include <cmath>

namespace engramd::engine::decode {

double Sampler::uniform() {
  // splitmix64: one multiply-xor chain a draw, and equal on every platform.
  uint64_t z = state_ += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return static_cast<double>((z ^ z >> 31) >> 11) * 0x1p-53;
}

TokenId Sampler::pick(std::span<const float> probabilities) {
  if (!(options_.temperature > 0)) {
    TokenId best = -1;
    float highest = 0;
    for (size_t i = 0; i < probabilities.size(); ++i) {
      if (probabilities[i] <= highest) continue;
      highest = probabilities[i];
      best = static_cast<TokenId>(i);
    }
    return best;
  }
  candidates_.clear();
  for (size_t i = 0; i < probabilities.size(); ++i)
    if (probabilities[i] > 0) candidates_.emplace_back(probabilities[i], static_cast<TokenId>(i));
  if (candidates_.empty()) return -1;
  const auto more_probable = [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  };
  if (options_.top_k > 0 && candidates_.size() > static_cast<size_t>(options_.top_k)) {
    std::nth_element(candidates_.begin(), candidates_.begin() + options_.top_k, candidates_.end(),
                     more_probable);
    candidates_.resize(static_cast<size_t>(options_.top_k));
  }
  std::sort(candidates_.begin(), candidates_.end(), more_probable);

  // Relative to the most probable one, so that a low temperature does not underflow everything.
  const double highest = candidates_.front().first;
  double sum = 0;
  for (auto& [p, token] : candidates_) sum += p = std::pow(p / highest, 1 / options_.temperature);
  if (options_.top_p < 1) {
    const double wanted = std::max(0.0f, options_.top_p) * sum;
    double reached = 0;
    size_t n = 0;
    do reached += candidates_[n++].first;
    while (n < candidates_.size() && reached < wanted);
    candidates_.resize(n);
    sum = reached;
  }
  double left = uniform() * sum;
  for (const auto& [p, token] : candidates_) {
    left -= p;
    if (left < 0) return token;
  }
  return candidates_.back().second;
}

}  // namespace engramd::engine::decode
