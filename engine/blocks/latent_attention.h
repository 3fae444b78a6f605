// engine/blocks/latent_attention.h - multi-head latent attention (DeepSeek-V2, arXiv 2405.04434),
// in its absorbed form.
//
//   q = Wqb rms_norm(Wqa x), or Wq x: per head [nope, rotated]
//   (c, r) = Wkva x; the cache row of a token is [rms_norm(c), rope(r)] for all heads
//   per head: score = scale ((Kb q_nope) . c + rope(q_rotated) . r);  o = Vb (softmax(score) c)
//   y = Wo o
// Kb maps a head's query into the latent space and Vb latent values out of it, so keys and values
// are never expanded.
#pragma once

#include "engine/blocks/attention.h"

namespace engramd::engine::blocks {

struct LatentAttentionWeights {
  Matrix q;                          // without a low rank: x to all heads; else from the low rank
  Matrix q_a;                        // x to the low rank; no rows: none
  const float* q_a_norm = nullptr;   // [q_a.rows]
  Matrix kv_a;                       // x to [latent, rotated]
  const float* kv_a_norm = nullptr;  // [latent_dim]
  Matrix k_b;                        // a slice per head: nope_dim to latent_dim
  Matrix v_b;                        // a slice per head: latent_dim to value_dim
  Matrix output;
  size_t n_heads = 0, nope_dim = 0, latent_dim = 0, value_dim = 0;
  float epsilon = 0;
  float scale = 0;
  RopeSpec rope;
  RopePairs pairs = RopePairs::neighbours;
};

std::unique_ptr<Branch> make_latent_attention(const LatentAttentionWeights& weights,
                                              cpu::KvType kv_type);

}  // namespace engramd::engine::blocks
