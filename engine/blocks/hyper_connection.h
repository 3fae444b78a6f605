// engine/blocks/hyper_connection.h - manifold-constrained hyper-connections (arXiv 2512.24880): a
// residual connection over several streams.
//
// For each token, H being its streams [n_streams, d_model] and S their number:
//   u = H / sqrt(mean(H^2) + norm_epsilon)             over all S d_model values, no weight
//   m = fn u                                           (2 + S) S values: pre, post, C row by row
//   pre  = sigmoid(scale[0] m + base) + epsilon
//   post = 2 sigmoid(scale[1] m + base)
//   C    = softmax of each row of (scale[2] m + base), + epsilon; its columns divided by their sum
//          + epsilon; then sinkhorn_rounds - 1 times: rows, then columns, divided the same way
//   x = sum_i pre_i H_i;  y = branch(rms_norm(x));  H_k <- post_k y + sum_j C_jk H_j
// The rounds are part of the model: neither their number nor their order may change.
//
// DeepSeek-V4.1's single-pass form computes pre, post and C from H too, but collapses with the pre
// of the site before (the first with (1, 0, 0, ...)), which lies in Step::carry.
#pragma once

#include <memory>

#include "engine/blocks/block.h"
#include "engine/blocks/ends.h"
#include "engine/blocks/residual.h"

namespace engramd::engine::blocks {

struct HyperWeights {
  Matrix fn;                     // rows of S d_model
  const float* base = nullptr;   // [fn.rows]
  const float* scale = nullptr;  // [3] of a site, [1] of a head
  size_t n_streams = 0;
  size_t sinkhorn_rounds = 20;
  float epsilon = 0, norm_epsilon = 0;
};

std::unique_ptr<Block> make_hyper_connection(const HyperWeights& site, const NormWeights& norm,
                                             std::unique_ptr<Branch> branch);
std::unique_ptr<Block> make_lagged_hyper_connection(const HyperWeights& site,
                                                    const NormWeights& norm,
                                                    std::unique_ptr<Branch> branch);
// The last collapse: x = sum_i w_i H_i, with w like pre above, and with the last site's pre.
std::unique_ptr<Collapse> make_hyper_collapse(const HyperWeights& head);
std::unique_ptr<Collapse> make_lagged_collapse();

// ---- the parts, for their tests

// pre [S], post [S] and C [S, S] of one token from m [(2 + S) S].
void split_site(const HyperWeights& site, const float* m, float* pre, float* post, float* c);

}  // namespace engramd::engine::blocks
