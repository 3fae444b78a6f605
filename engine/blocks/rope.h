// engine/blocks/rope.h - the angles of rotary positions.
//
// Position p turns the i-th pair of elements by p * frequency(i). Frequencies are
// base^(-2 i / n_rotated), divided by per-frequency factors where the file has them (Llama 3), and
// blended with their 1/factor under YaRN (arXiv 2309.00071, section 3.4).
// Which elements form a pair is the kernel's business: halves (rope_neox) or neighbours
// (rope_pairs).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace engramd::engine::blocks {

struct RopeSpec {
  double base = 10000;
  size_t n_rotated = 0;  // elements; pairs are half as many
  // Scaling: every frequency is divided by `factor`; with beta_fast > 0 only the slow ones are
  // (those with fewer than beta_slow turns over the original context), the fast ones (more than
  // beta_fast turns) stay and those between are blended.
  double factor = 1;
  double original_context = 0;
  double beta_fast = 0, beta_slow = 0;
  bool whole_corrections = true;    // the ramp's ends are rounded outwards to whole pairs
  double magnitude = 1;             // cosines and sines are multiplied by this
  const float* divisors = nullptr;  // [n_rotated / 2]; null: none

  bool operator==(const RopeSpec&) const = default;
};

// [n_rotated / 2], radians per position.
std::vector<double> rope_frequencies(const RopeSpec& spec);
// Cosines then sines of one position, [n_rotated].
void rope_row(std::span<const double> frequencies, double magnitude, size_t position, float* out);

// The rows of a step's tokens, computed once for all layers with the same specification.
// One thread, save that rows may be read by all.
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
  // Call before going parallel.
  std::span<const float> prepare(const RopeSpec& spec);
  static Row row(std::span<const float> table, size_t token, size_t n_rotated) {
    return {table.data() + token * n_rotated, table.data() + token * n_rotated + n_rotated / 2};
  }

 private:
  struct Table {
    RopeSpec spec;
    std::vector<double> frequencies;
    bool ready = false;
    std::vector<float> values;  // per token: cosines, then sines
  };
  size_t first_position_ = 0, n_tokens_ = 0;
  std::vector<Table> tables_;
};

}  // namespace engramd::engine::blocks
