// engine/blocks/block.h - the seam between a model family and its parts.
//
// A network is an embedding, a list of blocks and a head. A block changes the residual streams of
// every token of a step; it has its own state in each session and may look at the tokens
// themselves. Most blocks are a residual connection (residual.h, hyper_connection.h) around a
// branch: attention or feed-forward, which maps normalised rows to rows. So a family is a list of
// blocks, and a new kind of block or branch is one new file here.
// Blocks are immutable and shared by sessions; everything that changes is in the Step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

#include "base/cancel.h"
#include "engine/api/model.h"
#include "engine/blocks/rope.h"
#include "engine/cpu/kernels.h"
#include "engine/cpu/worker_team.h"
#include "engine/memory/block_state.h"
#include "engine/memory/budget.h"
#include "engine/memory/network_state.h"
#include "engine/quant/types.h"

namespace engramd::engine::device {
class Placement;
}

namespace engramd::engine::blocks {

// A weight tensor in the file's bytes: rows of `columns` elements, `n_slices` matrices of them.
struct Matrix {
  quant::Type type = quant::Type::f32;
  const std::byte* data = nullptr;
  size_t columns = 0, rows = 0, n_slices = 1, row_bytes = 0;
  uint64_t n_elements() const { return uint64_t(columns) * rows * n_slices; }
  const std::byte* slice(size_t index) const { return data + index * rows * row_bytes; }
};

// Memory for intermediate values, reused step after step. Everything taken since the last reset
// stays valid until the next; 64-byte aligned, not zeroed.
class Scratch {
 public:
  std::byte* bytes(size_t n);
  float* floats(size_t n) { return reinterpret_cast<float*>(bytes(n * sizeof(float))); }
  template <class T>
  T* array(size_t n) {
    return reinterpret_cast<T*>(bytes(n * sizeof(T)));
  }
  void reset() { chunk_ = used_ = 0; }
  size_t memory_bytes() const;

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  struct Chunk {
    std::unique_ptr<std::byte, Free> data;
    size_t size = 0;
  };
  std::vector<Chunk> chunks_;
  size_t chunk_ = 0, used_ = 0;
};

// What one layer leaves for the layers behind it in the same step: which compressed rows each token
// looks at, and which blocks of rows a later index may choose from. Kept between steps to save
// allocations.
struct StepBoard {
  std::vector<uint32_t> picks;    // [n_tokens, pick_stride], rising
  std::vector<uint32_t> n_picks;  // [n_tokens]
  size_t pick_stride = 0;
  std::vector<uint32_t> candidates;    // [n_tokens, candidate_stride], rising
  std::vector<uint32_t> n_candidates;  // [n_tokens]
  size_t candidate_stride = 0;
};

// The tokens that go through the network together.
struct Step {
  const cpu::Kernels& kernels;
  cpu::WorkerTeam& team;
  const CancelToken& cancel;
  Scratch& scratch;  // reset between blocks
  RopeTables& rope;
  std::span<const TokenId> timeline;  // all tokens up to and including this step's
  size_t first_position = 0;          // of this step's tokens
  size_t n_tokens = 0;
  // How many of them, from the first on, have streams that nobody reads behind this block: it may
  // leave those worthless. What it remembers of them is wanted all the same.
  size_t n_unread = 0;
  size_t d_model = 0, n_streams = 1;
  float* h = nullptr;      // the residual streams, [n_tokens, n_streams, d_model]
  float* carry = nullptr;  // [n_tokens, n_streams]: what one residual site leaves for the next
  StepBoard& board;
  const memory::NetworkState& states;   // of all blocks: layers that read another one's rows
  memory::BlockState* state = nullptr;  // of the block that runs; null when it makes none
  const device::Placement* placement = nullptr;  // weights on a device; null: none
};

class Block {
 public:
  virtual ~Block() = default;
  // False when cancelled: the residual streams are then worthless.
  virtual bool run(Step& step) const = 0;
  // The state of a new timeline; null for a block without memory.
  virtual std::unique_ptr<memory::BlockState> make_state(
      const std::shared_ptr<memory::Budget>&) const {
    return nullptr;
  }
  virtual uint64_t n_parameters() const = 0;
  // Those that one token uses.
  virtual uint64_t n_active_parameters() const { return n_parameters(); }
};

// What a residual connection goes around.
class Branch {
 public:
  virtual ~Branch() = default;
  // y = f(x), both [n_tokens, d_model]; x is normalised, y overwritten. False when cancelled.
  virtual bool run(Step& step, const float* x, float* y) const = 0;
  virtual std::unique_ptr<memory::BlockState> make_state(
      const std::shared_ptr<memory::Budget>&) const {
    return nullptr;
  }
  virtual uint64_t n_parameters() const = 0;
  virtual uint64_t n_active_parameters() const { return n_parameters(); }
};

// ---- helpers for blocks

// Rows of floats and their rounded forms, each made when first asked for.
class Activations {
 public:
  Activations(Step& step, const float* rows, size_t n_rows, size_t n_columns)
      : step_(step), rows_(rows), n_rows_(n_rows), n_columns_(n_columns) {}
  // Row pointers in the format that `type` multiplies; null when cancelled.
  const std::byte* const* in_format_of(quant::Type type);
  size_t n_rows() const { return n_rows_; }

 private:
  Step& step_;
  const float* rows_;
  size_t n_rows_, n_columns_;
  const std::byte* const* formats_[3] = {nullptr, nullptr, nullptr};
};

// out[c] = matrix * x[c] for every row x[c] of `rows`, dense [n_rows, matrix.rows]. False when
// cancelled.
struct Projection {
  const Matrix* matrix = nullptr;
  float* out = nullptr;
  const float* bias = nullptr;  // [matrix.rows], added; null: none
};
bool project(Step& step, Activations& rows, std::initializer_list<Projection> projections);

// out[i] = row pointers into a dense [n, stride] array.
float* const* row_pointers(Step& step, float* data, size_t n, size_t stride);

// out[c] = slice * activations[c] for every column.
struct MatmulJob {
  const Matrix* matrix = nullptr;
  size_t slice = 0;
  const std::byte* const* activations = nullptr;
  float* const* out = nullptr;
  size_t n_columns = 0;
};
// All of them, cut into items of at most about a millisecond; those whose weights lie on a device
// run there, one after the other. False when cancelled.
bool run_matmuls(Step& step, std::span<const MatmulJob> jobs);

// body(token, thread) for each token; stays on this thread when the step is small.
template <class Body>
bool for_each_row(Step& step, size_t n, Body&& body) {
  constexpr size_t kGroup = 8;
  if (n <= kGroup) {
    for (size_t i = 0; i < n; ++i) body(i, size_t(0));
    return !step.cancel.cancelled();
  }
  return step.team.run((n + kGroup - 1) / kGroup, step.cancel, [&](size_t item, size_t thread) {
    for (size_t i = item * kGroup; i < n && i < (item + 1) * kGroup; ++i) body(i, thread);
  });
}

}  // namespace engramd::engine::blocks
