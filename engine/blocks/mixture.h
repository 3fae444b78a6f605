// engine/blocks/mixture.h - a mixture of SwiGLU experts behind a softmax router.
//
//   x = rms_norm(h); p = softmax(Wr x) over all experts; the top k, renormalised to sum 1
//   h += sum of p_e down_e(silu(gate_e x) * up_e x), plus the shared expert with weight 1
// Equal probabilities go to the lower expert. In a step with many tokens each expert's weights are
// read once for all the tokens that chose it.
#pragma once

#include <optional>

#include "engine/blocks/block.h"

namespace engramd::engine::blocks {

struct ExpertWeights {
  Matrix gate, up, down;  // one slice per expert
};

struct MixtureWeights {
  const float* norm = nullptr;  // [d_model]
  Matrix router;                // [n_experts] rows
  ExpertWeights experts;
  std::optional<ExpertWeights> shared;
  size_t n_used = 0;
  bool renormalise = true;
  float epsilon = 0;
};

std::unique_ptr<Block> make_mixture(const MixtureWeights& weights);

}  // namespace engramd::engine::blocks
