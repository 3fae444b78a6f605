// engine/blocks/attention.h - grouped-query attention over the keys and values of a session.
//
//   q, k, v = Wq x, Wk x, Wv x (+ biases); per-head RMS norm of q and k; rotary positions over the
//   first n_rotated elements of each head
//   y = Wo softmax(scale q k) v, over all earlier positions or the last `window` of them
// Options: attention sinks (one more logit per head in the softmax, which has no value; gpt-oss)
// and an output gate (Wq gives query and gate of each head in turn, mixed *= sigmoid(gate);
// Qwen3-Next).
#pragma once

#include "engine/blocks/block.h"

namespace engramd::engine::blocks {

enum class RopePairs { halves, neighbours };

struct AttentionWeights {
  Matrix q, k, v, output;
  const float* q_bias = nullptr;  // null: none
  const float* k_bias = nullptr;
  const float* v_bias = nullptr;
  const float* output_bias = nullptr;
  const float* q_norm = nullptr;  // [head_dim]; null: none
  const float* k_norm = nullptr;
  const float* sinks = nullptr;  // [n_heads]; null: none
  bool gated = false;
  size_t n_heads = 0, n_kv_heads = 0, head_dim = 0;
  size_t window = 0;  // 0: all
  float epsilon = 0;  // of the norms
  float scale = 0;    // 0: 1 / sqrt(head_dim)
  RopeSpec rope;      // n_rotated 0: no positions
  RopePairs pairs = RopePairs::halves;
};

std::unique_ptr<Branch> make_attention(const AttentionWeights& weights, cpu::KvType kv_type);

}  // namespace engramd::engine::blocks
