// engine/blocks/block.h - the seam between a model family and its parts.
//
// A network is an embedding, a list of blocks and a head. A block does its own normalisation and
// adds its share to the residual stream of every token of a step; it finds its own state (its
// layer of the key-value cache) and may look at the tokens themselves. So a family is a list of
// blocks, and a new kind of block is one new file here.
// Blocks are immutable and shared by sessions; everything that changes is in the Step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/cancel.h"
#include "engine/api/model.h"
#include "engine/cpu/kernels.h"
#include "engine/cpu/worker_team.h"
#include "engine/memory/kv_cache.h"
#include "engine/quant/types.h"

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

// Cosines and sines of rotary positions, computed once per step for all layers.
class RopeTables {
 public:
  struct Row {
    const float* cos;
    const float* sin;
  };
  void begin(size_t first_position, size_t n_tokens) {
    first_position_ = first_position;
    n_tokens_ = n_tokens;
    for (Table& table : tables_) table.ready = false;
  }
  // Angles position * base^(-2 i / n_rotated), i below n_rotated / 2. Call before going parallel.
  std::span<const float> prepare(double base, size_t n_rotated);
  static Row row(std::span<const float> table, size_t token, size_t n_rotated) {
    return {table.data() + token * n_rotated, table.data() + token * n_rotated + n_rotated / 2};
  }

 private:
  struct Table {
    double base = 0;
    size_t n_rotated = 0;
    bool ready = false;
    std::vector<float> values;  // per token: cosines, then sines
  };
  size_t first_position_ = 0, n_tokens_ = 0;
  std::vector<Table> tables_;
};

// The tokens that go through the network together.
struct Step {
  const cpu::Kernels& kernels;
  cpu::WorkerTeam& team;
  const CancelToken& cancel;
  Scratch& scratch;  // reset between blocks
  memory::KvCache& kv;
  RopeTables& rope;
  std::span<const TokenId> timeline;  // all tokens up to and including this step's
  size_t first_position = 0;          // of this step's tokens
  size_t n_tokens = 0;
  size_t d_model = 0;
  float* h = nullptr;  // the residual stream, [n_tokens, d_model]
};

class Block {
 public:
  virtual ~Block() = default;
  // False when cancelled: the residual stream is then worthless.
  virtual bool run(Step& step) const = 0;
  virtual uint64_t n_parameters() const = 0;
  // Those that one token uses.
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

 private:
  Step& step_;
  const float* rows_;
  size_t n_rows_, n_columns_;
  const std::byte* const* formats_[3] = {nullptr, nullptr, nullptr};
};

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
// All of them, cut into items of at most about a millisecond. False when cancelled.
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
