// engine/decode/sampler.h - one token out of a distribution.
//
// Greedy at temperature 0 (the lowest id among equals); otherwise p^(1/temperature), cut to the
// top_k most probable, then to the smallest set that reaches top_p, drawn with a seeded generator
// of our own: the same seed gives the same tokens with any compiler. One thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/api/session.h"

namespace engramd::engine::decode {

class Sampler {
 public:
  explicit Sampler(const SampleOptions& options) : options_(options), state_(options.seed) {}
  // -1 when no token has a positive probability. The probabilities need not sum to one.
  TokenId pick(std::span<const float> probabilities);

 private:
  double uniform();  // [0, 1)

  SampleOptions options_;
  uint64_t state_;
  std::vector<std::pair<double, TokenId>> candidates_;  // kept to save allocations
};

}  // namespace engramd::engine::decode
