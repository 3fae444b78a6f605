// engine/blocks/indexer.h - the lightning indexer: which compressed rows a query looks at.
//
//   q = rope(Wq a), split into heads;  w = Wproj x / sqrt(head_dim n_heads)
//   score_i = sum_h w_h relu(q_h . k_i);  kept: the top_k best of the visible rows, equal ones to
//   the lower index (ReLU makes scores of exactly zero common)
// Queries and keys of V4 go through a Hadamard rotation; both families round them to e2m1.
//
// V4.1 chooses in two levels: one layer also publishes the blocks of rows whose best row scores
// highest (the block of the newest visible row always among them), and the index layers behind it
// look inside those blocks only.
#pragma once

#include "engine/blocks/compressor.h"

namespace engramd::engine::blocks {

enum class Candidates { all, publish, inside };

struct IndexerWeights {
  Matrix q;     // from the layer's low-rank query to n_heads head_dim
  Matrix proj;  // from x to n_heads
  size_t n_heads = 0, head_dim = 0, top_k = 0;
  bool hadamard = false;
  CacheRounding rounding = CacheRounding::none;
  RopeSpec rope;
  Candidates candidates = Candidates::all;
  size_t n_candidate_blocks = 0, candidate_block = 0;  // blocks kept, rows in one (divides 64)
  uint64_t n_parameters() const { return q.n_elements() + proj.n_elements(); }
};
inline constexpr size_t kMostIndexHeads = 128;

// For each of the step's tokens, the rows it attends to onto the step's board. A token at position
// p sees the first (p + 1) / ratio rows of `keys`. low_rank: the layer's normalised queries before
// their up-projection. False when cancelled.
bool pick_rows(Step& step, const IndexerWeights& weights, Activations& input, Activations& low_rank,
               const memory::PagedRows& keys, cpu::KvType type, size_t ratio);

}  // namespace engramd::engine::blocks
