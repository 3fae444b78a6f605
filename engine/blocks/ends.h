// engine/blocks/ends.h - the two ends of a network: token ids in, logits out.
#pragma once

#include "engine/blocks/block.h"

namespace engramd::engine::blocks {

// Writes the embedding of each of the step's tokens to the residual stream.
bool embed(Step& step, const Matrix& table);

struct HeadWeights {
  const float* norm = nullptr;  // [d_model]
  Matrix output;                // [n_vocab] rows; the embedding table when the file has no other
  float epsilon = 0;
};

// Logits of the step's last `n_rows` tokens, [n_rows, n_vocab].
bool run_head(Step& step, const HeadWeights& weights, size_t n_rows, float* logits);

}  // namespace engramd::engine::blocks
