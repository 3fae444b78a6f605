// engine/blocks/delta_net.h - gated delta net, the recurrent layer of Qwen3-Next and Qwen3.5
// (Yang et al., arXiv 2412.06464).
//
//   (q, k, v) = silu(causal_conv(Wqkv x)), heads of head_dim; q, k of unit length, q /
//   sqrt(head_dim) decay = a softplus(Walpha x + dt_bias) in logarithm; beta = sigmoid(Wbeta x) per
//   value head: S = e^decay S; S += beta k (v - S^T k)^T; o = S^T q y = Wo (rms_norm per head(o) *
//   silu(Wgate x))
// A key head serves n_value_heads / n_key_heads value heads: those that follow one another, or
// (tiled) every n_key_heads-th.
#pragma once

#include "engine/blocks/block.h"

namespace engramd::engine::blocks {

struct DeltaNetWeights {
  Matrix qkv;    // x to [q heads, k heads, v heads]
  Matrix gate;   // x to the v heads
  Matrix alpha;  // x to [n_value_heads]
  Matrix beta;   // x to [n_value_heads]
  Matrix
      beta_alpha;  // instead of the two: for each key head the betas, then the alphas, of its own
  const float* conv = nullptr;     // [qkv.rows, conv_width]
  const float* dt_bias = nullptr;  // [n_value_heads]
  const float* a = nullptr;        // [n_value_heads], negative
  const float* norm = nullptr;     // [head_dim]
  Matrix output;
  size_t n_key_heads = 0, n_value_heads = 0, head_dim = 0, conv_width = 0;
  bool tiled = false;
  float epsilon = 0;
};

std::unique_ptr<Branch> make_delta_net(const DeltaNetWeights& weights);

}  // namespace engramd::engine::blocks
