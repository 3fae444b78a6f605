// engine/blocks/attention.h - grouped-query attention with per-head RMS norm of queries and keys,
// rotary positions over the whole head, and a causal view of the key-value cache.
//
//   x = rms_norm(h); q, k, v = Wq x, Wk x, Wv x; q, k = rope(rms_norm per head)
//   h += Wo softmax(q k / sqrt(head_dim)) v
#pragma once

#include "engine/blocks/block.h"

namespace engramd::engine::blocks {

struct AttentionWeights {
  const float* norm = nullptr;  // [d_model]
  Matrix q, k, v, output;
  const float* q_norm = nullptr;  // [head_dim]
  const float* k_norm = nullptr;
  size_t layer = 0;  // in the key-value cache
  size_t n_heads = 0, n_kv_heads = 0, head_dim = 0;
  float epsilon = 0;
  double rope_base = 0;
};

std::unique_ptr<Block> make_attention(const AttentionWeights& weights, cpu::KvType kv_type);

}  // namespace engramd::engine::blocks
