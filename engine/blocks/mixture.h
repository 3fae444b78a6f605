// engine/blocks/mixture.h - a mixture of gated experts behind a router.
//
//   y = sum over chosen experts of share_e down_e(act(gate_e x, up_e x)), plus the shared expert
// The shared expert counts with weight 1, or with sigmoid(shared_gate . x) where the family has
// that gate (Qwen3-Next). In a step with many tokens each expert's weights are read once for all
// the tokens that chose it.
#pragma once

#include <optional>

#include "engine/blocks/block.h"
#include "engine/blocks/feed_forward.h"
#include "engine/blocks/router.h"

namespace engramd::engine::blocks {

struct ExpertWeights {
  Matrix gate, up, down;             // one slice per expert
  const float* gate_bias = nullptr;  // [n_experts, width]; null: none
  const float* up_bias = nullptr;
  const float* down_bias = nullptr;  // [n_experts, d_model]
  Activation activation;
};

struct MixtureWeights {
  RouterWeights router;
  ExpertWeights experts;
  std::optional<ExpertWeights> shared;
  const float* shared_gate = nullptr;  // [d_model]; null: weight 1
};

std::unique_ptr<Branch> make_mixture(const MixtureWeights& weights);

}  // namespace engramd::engine::blocks
