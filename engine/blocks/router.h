// engine/blocks/router.h - which experts a token goes to, and with which weights.
//
//   s = gate(Wr x + bias); chosen = the n_used largest of s + selection_bias, equal ones to the
//   lower expert; weights = s[chosen], renormalised to sum 1 when asked, times `scale`
// Gates: softmax over all experts (Qwen3), sigmoid (DeepSeek-V3), sqrt(softplus) (DeepSeek-V4), and
// softmax over the chosen only (gpt-oss). With n_groups, only the experts of the best groups can
// be chosen: a group counts the sum of its two largest (DeepSeek-V3, arXiv 2412.19437). With
// by_token the choice is a table's (DeepSeek-V4's first layers) and the gate gives the weights.
#pragma once

#include "engine/blocks/block.h"

namespace engramd::engine::blocks {

enum class Gate { softmax, sigmoid, sqrt_softplus, softmax_of_chosen };

struct RouterWeights {
  Matrix logits;                          // [n_experts] rows
  const float* bias = nullptr;            // [n_experts], on the logits; null: none
  const float* selection_bias = nullptr;  // [n_experts], for choosing only; null: none
  const int32_t* by_token = nullptr;      // [n_vocab, n_used]; null: choose by the gate
  Gate gate = Gate::softmax;
  size_t n_used = 0;
  size_t n_groups = 1, n_groups_used = 1;
  bool renormalise = true;
  float scale = 1;

  size_t n_experts() const { return logits.rows; }
  uint64_t n_parameters() const {
    return logits.n_elements() + (bias ? logits.rows : 0) + (selection_bias ? logits.rows : 0);
  }
};

// chosen and shares: [n_tokens, stride], the first n_used of each row are written, best first.
// x is the branch's input, the rows' own floats.
bool route(Step& step, const RouterWeights& weights, Activations& rows, size_t stride,
           uint32_t* chosen, float* shares);

}  // namespace engramd::engine::blocks
