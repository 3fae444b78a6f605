// engine/blocks/engram.h - Engram: a memory of hashed n-grams in front of a layer (arXiv
// 2601.07372), in the form of DeepSeek-V4.1.
//
// Token ids are compressed (spellings that mean the same share one id), and for every n up to
// max_ngram and every hash head
//   row = (XOR of compressed id k back * multiplier_k, k < n) mod prime[n, head] + offset[n, head]
// Positions before the start, and at or behind a dead token (an image's place), count as the
// padding id. The rows of a token lie side by side in e; then with H being its residual streams
//   (key_1 .. key_S, value) = Wkv e
//   d_i = <rms_norm(H_i) q_i, rms_norm(key_i) k_i> / sqrt(d_model)
//   H_i += sigmoid(sgn(d_i) sqrt(max(|d_i|, 1e-6))) value        (dead tokens: nothing; sgn(0) = 1)
// The rows of a prompt follow from its ids alone, before any layer runs.
//
// The research form (the paper's, and its demo's) has biases, sgn(0) = 0, no dead tokens, and mixes
// the gated values g_i = gate_i value of neighbouring tokens:
//   H_i += g_i + silu(causal_conv(rms_norm(g_i) c_i))
// with a kernel for each channel of each stream, whose taps lie `dilation` tokens apart.
#pragma once

#include <optional>
#include <span>

#include "engine/blocks/block.h"

namespace engramd::engine::blocks {

struct EngramHash {
  std::span<const int32_t> token_map;  // compressed id of each token
  int64_t pad = 0;                     // compressed
  size_t max_ngram = 0, n_heads = 0;
  std::vector<int64_t> multipliers;  // [max_ngram]
  std::vector<int64_t> primes;       // [max_ngram - 1, n_heads]
  std::vector<int64_t> offsets;      // the same
  TokenId dead_token = -1;           // none: every token lives

  size_t n_columns() const { return (max_ngram - 1) * n_heads; }
  // The table rows of the token at `position` of the timeline, [n_columns].
  void rows(std::span<const TokenId> timeline, size_t position, int64_t* out) const;
};

// What the gate makes of a product of exactly zero: the root of the smallest magnitude, or 1/2.
enum class AtZero { positive, half };

struct EngramConvolution {
  const float* norm = nullptr;    // [n_streams, d_model]
  const float* kernel = nullptr;  // [n_streams, d_model, n_taps]; the last tap is the token itself
  size_t n_taps = 0, dilation = 1;
  float epsilon = 0;  // of the norm

  size_t reach() const { return (n_taps - 1) * dilation; }  // tokens back
};

struct EngramWeights {
  EngramHash hash;
  Matrix table;                    // rows of row_dim values
  Matrix kv;                       // n_columns row_dim to (n_streams + 1) d_model
  const float* kv_bias = nullptr;  // [kv.rows]; null: none
  const float* q_norm = nullptr;   // [n_streams, d_model]
  const float* k_norm = nullptr;
  size_t n_streams = 0;
  float epsilon = 0;
  AtZero at_zero = AtZero::positive;
  std::optional<EngramConvolution> convolution;
};

std::unique_ptr<Block> make_engram(EngramWeights weights);

// The gate of one stream; both rows [n], weighted by q_norm and k_norm.
float engram_gate(const float* h, const float* key, const float* q_norm, const float* k_norm,
                  size_t n, float epsilon, AtZero at_zero = AtZero::positive);

}  // namespace engramd::engine::blocks
