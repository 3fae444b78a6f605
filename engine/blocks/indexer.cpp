#include "engine/blocks/indexer.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace engramd::engine::blocks {
namespace {

constexpr size_t kPage = memory::PagedRows::kPageRows;

// The k best of the n scores behind `order`, equal ones to the lower index; rising in `out`.
void keep_best(const float* scores, uint32_t* order, size_t n, size_t k, uint32_t* out) {
  if (k < n)
    std::nth_element(order, order + k, order + n, [&](uint32_t a, uint32_t b) {
      return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
    });
  std::copy_n(order, std::min(k, n), out);
  std::sort(out, out + std::min(k, n));
}

// What one thread needs while it scores one token's rows.
struct Desk {
  float* products = nullptr;  // [n_heads, kPage]
  float* scores = nullptr;    // by row
  uint32_t* order = nullptr;  // rows, or blocks
  float* block_scores = nullptr;
};

class Scorer {
 public:
  Scorer(Step& step, const IndexerWeights& w, const memory::PagedRows& keys, cpu::KvType type,
         const float* q, const float* weights, size_t n_rows)
      : w_(w), row_bytes_(keys.row_bytes()), q_(q), weights_(weights) {
    const size_t n_pages = (n_rows + kPage - 1) / kPage;
    pages_ = step.scratch.array<const std::byte*>(n_pages);
    keys.run_pages(0, n_pages, pages_);
    matmul_ = step.kernels.matmul(type == cpu::KvType::f32    ? quant::Type::f32
                                  : type == cpu::KvType::bf16 ? quant::Type::bf16
                                                              : quant::Type::f16);
  }

  // Scores of token t for the rows [first, end), which lie in one page. The rows of a page are a
  // matrix: every head's products with it come from one call.
  void score(size_t t, size_t first, size_t end, const Desk& desk) const {
    const std::byte* columns[kMostIndexHeads];
    float* outs[kMostIndexHeads];
    for (size_t head = 0; head < w_.n_heads; ++head) {
      columns[head] =
          reinterpret_cast<const std::byte*>(q_ + (t * w_.n_heads + head) * w_.head_dim);
      outs[head] = desk.products + head * kPage;
    }
    cpu::MatmulArgs args;
    args.weights = pages_[first / kPage];
    args.row_bytes = row_bytes_;
    args.n = w_.head_dim;
    args.row_begin = first % kPage;
    args.row_end = args.row_begin + (end - first);
    args.activations = columns;
    args.out = outs;
    args.n_columns = w_.n_heads;
    matmul_(args);
    for (size_t row = first; row < end; ++row) {
      float sum = 0;
      for (size_t head = 0; head < w_.n_heads; ++head)
        sum += weights_[t * w_.n_heads + head] *
               std::max(desk.products[head * kPage + row % kPage], 0.0f);
      desk.scores[row] = sum;
    }
  }

 private:
  const IndexerWeights& w_;
  const size_t row_bytes_;
  const float* q_;
  const float* weights_;
  const std::byte** pages_;
  cpu::Matmul matmul_;
};

// The first level: blocks by their best visible row, the newest one always.
void publish_candidates(const IndexerWeights& w, size_t t, size_t visible, const Desk& desk,
                        StepBoard& board) {
  const size_t n_blocks = (visible + w.candidate_block - 1) / w.candidate_block;
  for (size_t b = 0; b < n_blocks; ++b) {
    const size_t first = b * w.candidate_block, end = std::min(first + w.candidate_block, visible);
    desk.block_scores[b] = *std::max_element(desk.scores + first, desk.scores + end);
    desk.order[b] = uint32_t(b);
  }
  if (n_blocks > 0) desk.block_scores[n_blocks - 1] = std::numeric_limits<float>::infinity();
  const size_t kept = std::min(n_blocks, w.n_candidate_blocks);
  keep_best(desk.block_scores, desk.order, n_blocks, kept,
            board.candidates.data() + t * board.candidate_stride);
  board.n_candidates[t] = uint32_t(kept);
}

void pick_for(const IndexerWeights& w, const Scorer& scorer, size_t t, size_t visible,
              const Desk& desk, StepBoard& board) {
  uint32_t* out = board.picks.data() + t * board.pick_stride;
  size_t n = 0;
  if (w.candidates == Candidates::inside) {
    const uint32_t* blocks = board.candidates.data() + t * board.candidate_stride;
    for (size_t i = 0; i < board.n_candidates[t]; ++i) {
      const size_t first = blocks[i] * w.candidate_block;
      const size_t end = std::min(first + w.candidate_block, visible);
      scorer.score(t, first, end, desk);
      for (size_t row = first; row < end; ++row) desk.order[n++] = uint32_t(row);
    }
  } else {
    for (size_t first = 0; first < visible; first += kPage)
      scorer.score(t, first, std::min(first + kPage, visible), desk);
    if (w.candidates == Candidates::publish) publish_candidates(w, t, visible, desk, board);
    for (; n < visible; ++n) desk.order[n] = uint32_t(n);
  }
  keep_best(desk.scores, desk.order, n, w.top_k, out);
  board.n_picks[t] = uint32_t(std::min(n, w.top_k));
}

}  // namespace

bool pick_rows(Step& step, const IndexerWeights& w, Activations& input, Activations& low_rank,
               const memory::PagedRows& keys, cpu::KvType type, size_t ratio) {
  const size_t n = step.n_tokens, d = w.head_dim, n_heads = w.n_heads;
  const size_t rotated = w.rope.n_rotated, first = step.first_position;
  const size_t most = (first + n) / ratio;  // rows the last token sees
  StepBoard& board = step.board;
  board.pick_stride = std::min(most, w.top_k);
  board.picks.resize(n * board.pick_stride);
  board.n_picks.resize(n);
  if (w.candidates == Candidates::publish) {
    board.candidate_stride =
        std::min((most + w.candidate_block - 1) / w.candidate_block, w.n_candidate_blocks);
    board.candidates.resize(n * board.candidate_stride);
    board.n_candidates.resize(n);
  }
  if (w.candidates == Candidates::all && most <= w.top_k) {  // everybody sees all there is
    for (size_t t = 0; t < n; ++t) {
      board.n_picks[t] = uint32_t((first + t + 1) / ratio);
      for (uint32_t i = 0; i < board.n_picks[t]; ++i) board.picks[t * board.pick_stride + i] = i;
    }
    return !step.cancel.cancelled();
  }

  float* q = step.scratch.floats(n * n_heads * d);
  float* weights = step.scratch.floats(n * n_heads);
  if (!project(step, low_rank, {{&w.q, q}}) || !project(step, input, {{&w.proj, weights}}))
    return false;
  const auto table = step.rope.prepare(w.rope);
  const float scale = 1 / std::sqrt(float(d * n_heads));
  if (!for_each_row(step, n, [&](size_t t, size_t) {
        const auto [cos, sin] = RopeTables::row(table, t, rotated);
        for (size_t head = 0; head < n_heads; ++head) {
          float* row = q + (t * n_heads + head) * d;
          step.kernels.rope_interleaved(row + d - rotated, rotated, cos, sin, false);
          if (w.hadamard) step.kernels.hadamard(row, d);
          round_for_cache(w.rounding, row, d, rotated);
          weights[t * n_heads + head] *= scale;
        }
      }))
    return false;

  const Scorer scorer(step, w, keys, type, q, weights, most);
  const size_t threads = step.team.n_threads(), room = (most + kPage) / kPage * kPage;
  auto* desks = step.scratch.array<Desk>(threads);
  for (size_t thread = 0; thread < threads; ++thread)
    desks[thread] = {step.scratch.floats(n_heads * kPage), step.scratch.floats(room),
                     step.scratch.array<uint32_t>(room), step.scratch.floats(room)};
  return step.team.run(n, step.cancel, [&](size_t t, size_t thread) {
    pick_for(w, scorer, t, (first + t + 1) / ratio, desks[thread], board);
  });
}

}  // namespace engramd::engine::blocks
