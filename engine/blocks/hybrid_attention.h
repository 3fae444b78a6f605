// engine/blocks/hybrid_attention.h - the attention of DeepSeek-V4 and V4.1: a window of tokens and
// a compressed past in one softmax.
//
//   a = rms_norm(Wqa x); q = Wqb a, heads of head_dim (V4: each RMS-normalised without weight)
//   kv = rms_norm(Wkv x): one row that is key and value of all heads
//   rope on the last n_rotated elements (neighbours) of q and kv; rows are rounded as the cache
//   does keys: the last `window` tokens, and compressed rows of complete groups before o =
//   softmax(q k / sqrt(head_dim), sinks) v; its rotated elements are turned back y = Wob concat
//   over groups of (Woa_g o_g)
// Which compressed rows: V4's layers have their own, all of them (ratio 128) or those that their
// indexer picks (ratio 4). In V4.1 some layers make the rows and the index keys, some pick, and the
// layers behind them use the rows and the picks of the nearest one before (Step::board).
// Formulas: the public reference implementations; tests/oracles/README.md has the choices.
#pragma once

#include <optional>

#include "engine/blocks/compressor.h"
#include "engine/blocks/indexer.h"

namespace engramd::engine::blocks {

struct HybridAttentionWeights {
  Matrix q_a, q_b, kv;
  Matrix output_a;  // one slice per group
  Matrix output_b;
  const float* q_a_norm = nullptr;  // [q_a.rows]
  const float* kv_norm = nullptr;   // [head_dim]
  const float* sinks = nullptr;     // [n_heads]
  size_t n_heads = 0, head_dim = 0, window = 0;
  bool head_norm = true;  // the unweighted one of the queries
  float epsilon = 0;
  RopeSpec rope;
  CacheRounding rounding = CacheRounding::none;
  // Rows behind the window are kept too, so that a timeline can be cut anywhere: for short
  // contexts.
  bool keep_all = false;
  size_t past_ratio = 0;                        // tokens in a group; 0: the window only
  std::optional<CompressorWeights> compressor;  // of the rows that this layer makes
  std::optional<CompressorWeights> index_keys;  // and of their keys: V4,
  std::optional<LatentKeys> latent_keys;        // V4.1
  std::optional<IndexerWeights> indexer;        // of the rows that this layer picks
  // The block whose rows and keys are used; none: this one's. Rows of another block are always
  // picked, if not by this layer then by one before it.
  std::optional<size_t> source_block;
  // All tokens of a step see the window before it and one another, in both directions: DSpark's
  // drafts (draft_stages.h). Without a compressed past only.
  bool whole_step = false;
  bool picked() const { return indexer.has_value() || source_block.has_value(); }
};

// Makes the window's rows of the step's tokens out of x [n_tokens, d_model], normalised like a
// branch's input, without attending. step.state: of a branch with these weights. False when
// cancelled.
bool make_window_rows(Step& step, const HybridAttentionWeights& weights, cpu::KvType kv_type,
                      const float* x);

std::unique_ptr<Branch> make_hybrid_attention(const HybridAttentionWeights& weights,
                                              cpu::KvType kv_type);

}  // namespace engramd::engine::blocks
