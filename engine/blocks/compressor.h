// engine/blocks/compressor.h - one row for each group of `ratio` tokens (DeepSeek-V4).
//
// Each token gives a content c = Wkv x and a logit z = Wgate x + ape[pos mod ratio] for every
// channel. When a group is complete its row is
//   latent = rms_norm(sum_t softmax_t(z_t) * c_t)
//   row = rope(latent, position of the group's first token)
// with the softmax over the group's tokens, channel by channel. With `overlap` (ratio 4) the
// contents have two halves: the softmax runs over the first halves of the group before and the
// second halves of this one. An open group has no row yet. V4.1 has no ape, no overlap, and no gate
// at ratio 1; its index keys are made from the latents.
#pragma once

#include <memory>

#include "engine/blocks/block.h"
#include "engine/blocks/rows_state.h"

namespace engramd::engine::blocks {

// What is rounded away before a row is kept; part of the models (they were trained with it).
enum class CacheRounding {
  none,
  e4m3_64,      // all but the rotated elements: e4m3, blocks of 64; those: bf16
  e4m3_32_all,  // e4m3, blocks of 32, all elements
  e2m1_16_all,  // e2m1, blocks of 16 with an e4m3 scale, all elements
  index_e2m1,   // e2m1, blocks of 32
};
// `rotated` trailing elements of the n. Blocks that do not divide the rounded elements leave them
// as they are.
void round_for_cache(CacheRounding rounding, float* row, size_t n, size_t rotated);

struct CompressorWeights {
  Matrix kv, gate;              // to (1 + overlap) width values; a gate without rows: all equal
  const float* ape = nullptr;   // [ratio, (1 + overlap) width]; null: none
  const float* norm = nullptr;  // [width]
  size_t ratio = 0, width = 0;
  bool overlap = false;
  bool keep_all = false;  // tokens of complete groups too: see HybridAttentionWeights
  bool hadamard = false;  // before the rounding: the index keys
  float epsilon = 0;
  RopeSpec rope;  // of the row's last n_rotated elements, neighbours
  CacheRounding rounding = CacheRounding::none;
  uint64_t n_parameters() const {
    return kv.n_elements() + gate.n_elements() + (ape ? ratio * kv.rows : 0) + width;
  }
};

// The rows so far, and the tokens of the open group and the one before.
class CompressorState {
 public:
  CompressorState(const CompressorWeights& weights, cpu::KvType type,
                  const std::shared_ptr<memory::Budget>& budget);
  Status reserve(size_t n_tokens);
  void commit(size_t n_tokens) { pending.commit(n_tokens); }
  size_t earliest(size_t n_tokens) const { return pending.earliest(n_tokens); }
  void truncate(size_t n_tokens);
  void save(size_t n_tokens, memory::Saved what, std::string& out) const;
  Status load(size_t n_tokens, memory::Saved what, std::string_view& in);
  uint64_t memory_bytes() const { return pending.memory_bytes() + rows.memory_bytes(); }

  RowsState pending;       // per token: contents, then logits, float32
  memory::PagedRows rows;  // per group
 private:
  const size_t ratio_;
};

// Index keys out of latents: rope(rms_norm(W latent)), rounded.
struct LatentKeys {
  Matrix key;                   // [n] rows of `width`
  const float* norm = nullptr;  // [n]
  CacheRounding rounding = CacheRounding::none;
};

// Compresses the step's tokens, given the branch's input rows; `rows` of `state` then holds those
// of all complete groups, and `keys` (when there are latent keys) theirs. False when cancelled.
bool compress(Step& step, const CompressorWeights& weights, Activations& input, cpu::KvType type,
              CompressorState& state, const LatentKeys* latent_keys = nullptr,
              memory::PagedRows* keys = nullptr);

}  // namespace engramd::engine::blocks
