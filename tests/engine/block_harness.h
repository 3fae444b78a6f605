// tests/engine/block_harness.h - runs one block, or a part of one, on rows given: what a session
// provides around a step, without a model.
#pragma once

#include <catch2/catch.hpp>
#include <cmath>
#include <memory>
#include <numeric>
#include <vector>

#include "engine/blocks/block.h"
#include "kernel_compare.h"
#include "safetensors_cases.h"

namespace engramd::engine::test {

// A float32 matrix over `values`, which outlives it.
inline blocks::Matrix matrix_of(const std::vector<float>& values, size_t columns, size_t rows,
                                size_t n_slices = 1) {
  REQUIRE(values.size() == columns * rows * n_slices);
  blocks::Matrix m;
  m.data = reinterpret_cast<const std::byte*>(values.data());
  m.columns = columns;
  m.rows = rows;
  m.n_slices = n_slices;
  m.row_bytes = columns * sizeof(float);
  return m;
}

class BlockHarness {
 public:
  explicit BlockHarness(const cpu::Kernels& table, size_t d, size_t streams = 1)
      : kernels(table), d_model(d), n_streams(streams) {}

  // The next step of a timeline: its tokens are [first, first + n) of `timeline`. h: their streams.
  // What the step before took from the scratch is gone.
  blocks::Step step(size_t first, size_t n, float* h = nullptr,
                    memory::BlockState* state = nullptr) {
    if (timeline.size() < first + n) {
      const size_t known = timeline.size();
      timeline.resize(first + n);
      std::iota(timeline.begin() + std::ptrdiff_t(known), timeline.end(), TokenId(known));
    }
    carry.resize(n * n_streams);
    scratch.reset();
    rope.begin(first, n);
    if (state != nullptr) REQUIRE(state->reserve(first + n));
    return {.kernels = kernels,
            .team = team,
            .cancel = cancel,
            .scratch = scratch,
            .rope = rope,
            .timeline = {timeline.data(), first + n},
            .first_position = first,
            .n_tokens = n,
            .d_model = d_model,
            .n_streams = n_streams,
            .h = h,
            .carry = carry.data(),
            .board = board,
            .states = states,
            .state = state};
  }

  const cpu::Kernels& kernels;
  const size_t d_model, n_streams;
  std::vector<TokenId> timeline;  // 0, 1, 2, ... unless given
  std::vector<float> carry;
  cpu::WorkerTeam team{2};
  CancelToken cancel;
  blocks::Scratch scratch;
  blocks::RopeTables rope;
  blocks::StepBoard board;
  memory::NetworkState states{{}};
  std::shared_ptr<memory::Budget> budget = std::make_shared<memory::Budget>(uint64_t(1) << 30);
};

// The values of a fixture's tensors, read once and kept: matrices point into them.
class FixtureTensors {
 public:
  explicit FixtureTensors(const std::filesystem::path& path) : cases_(path) {}
  const std::vector<float>& operator[](const std::string& name) const {
    auto found = floats_.find(name);
    if (found == floats_.end()) found = floats_.emplace(name, cases_.values<float>(name)).first;
    return found->second;
  }
  blocks::Matrix matrix(const std::string& name) const {
    const auto shape = cases_.shape(name);
    REQUIRE(shape.size() == 2);
    return matrix_of((*this)[name], shape[1], shape[0]);
  }
  const Cases& cases() const { return cases_; }

 private:
  Cases cases_;
  mutable std::map<std::string, std::vector<float>> floats_;
};

// Float32 through one block, against float64.
inline constexpr double kBlockBound = 2e-6;

inline const FixtureTensors& units() {
  static const FixtureTensors fixture(oracle_fixture("units/blocks.safetensors"));
  return fixture;
}

// max |difference| / max |expected|
inline void check_close(const std::vector<float>& found, const std::vector<float>& expected,
                        double bound = kBlockBound) {
  REQUIRE(found.size() == expected.size());
  CHECK(relative_error(found, expected) <= bound);
}

// Of the compressed layers, with the eight rotated elements of the fixtures.
inline blocks::RopeSpec compressed_rope() {
  return {.base = 1.6e5,
          .n_rotated = 8,
          .factor = 16,
          .original_context = 65536,
          .beta_fast = 32,
          .beta_slow = 1};
}

}  // namespace engramd::engine::test
