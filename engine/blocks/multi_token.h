// engine/blocks/multi_token.h - multi-token prediction (DeepSeek-V3, arXiv 2412.19437,
// section 2.2): what a layer behind the network sees, which predicts one token further.
//
// Its row t stands for token t of the timeline and takes its streams H and the token behind it:
//   h_i = We rms_norm(embedding of token t + 1) + Wh rms_norm(H_i)       (We and Wh side by side)
// Ordinary blocks at position t follow, and a head of its own gives the logits of token t + 2. In
// files each family writes its layer and these parts as layer n_layers, "nextn.*".
#pragma once

#include "engine/blocks/block.h"
#include "engine/blocks/residual.h"

namespace engramd::engine::blocks {

struct MultiTokenInput {
  Matrix embedding;
  NormWeights token_norm, hidden_norm;
  Matrix projection;  // [token, hidden] to d_model

  uint64_t n_parameters() const { return projection.n_elements() + token_norm.n + hidden_norm.n; }
};

// Writes the streams of the step's rows to step.h and (1, 0, ...) to its carry. The step's timeline
// is the one of the tokens behind: it lacks the first token, and position t holds token t + 1.
// hidden[t]: the network's streams of row t, [n_streams, d_model]. False when cancelled.
bool multi_token_input(Step& step, const MultiTokenInput& weights, const float* const* hidden);

}  // namespace engramd::engine::blocks
