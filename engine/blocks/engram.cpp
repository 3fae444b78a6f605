#include "engine/blocks/engram.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace engramd::engine::blocks {
namespace {

class Engram final : public Block {
 public:
  explicit Engram(EngramWeights weights) : w_(std::move(weights)) {}

  uint64_t n_parameters() const override { return w_.table.n_elements() + always_active(); }
  uint64_t n_active_parameters() const override {
    return w_.hash.n_columns() * w_.table.columns + always_active();
  }

  bool run(Step& step) const override {
    const size_t n = step.n_tokens, d = step.d_model, s = w_.n_streams;
    const size_t n_columns = w_.hash.n_columns(), width = n_columns * w_.table.columns;
    float* e = step.scratch.floats(n * width);
    auto* rows = step.scratch.array<int64_t>(n * n_columns);
    const auto to_float = quant::info(w_.table.type).to_float;
    if (!for_each_row(step, n, [&](size_t t, size_t) {
          int64_t* of_token = rows + t * n_columns;
          w_.hash.rows(step.timeline, step.first_position + t, of_token);
          for (size_t i = 0; i < n_columns; ++i)
            to_float(w_.table.data + size_t(of_token[i]) * w_.table.row_bytes,
                     e + t * width + i * w_.table.columns, w_.table.columns);
        }))
      return false;
    float* kv = step.scratch.floats(n * w_.kv.rows);
    Activations looked_up(step, e, n, width);
    if (!project(step, looked_up, {{&w_.kv, kv}})) return false;
    return for_each_row(step, n, [&](size_t t, size_t) {
      if (step.timeline[step.first_position + t] == w_.hash.dead_token) return;
      const float* value = kv + t * w_.kv.rows + s * d;
      for (size_t i = 0; i < s; ++i) {
        float* h = step.h + (t * s + i) * d;
        const float gate = engram_gate(h, kv + t * w_.kv.rows + i * d, w_.q_norm + i * d,
                                       w_.k_norm + i * d, d, w_.epsilon);
        for (size_t j = 0; j < d; ++j) h[j] += gate * value[j];
      }
    });
  }

 private:
  uint64_t always_active() const { return w_.kv.n_elements() + 2 * w_.n_streams * w_.kv.rows; }
  const EngramWeights w_;
};

}  // namespace

void EngramHash::rows(std::span<const TokenId> timeline, size_t position, int64_t* out) const {
  uint64_t mixed = 0;
  bool blocked = false;
  for (size_t back = 0; back < max_ngram; ++back) {
    blocked = blocked || back > position || timeline[position - back] == dead_token;
    const int64_t id = blocked ? pad : token_map[size_t(timeline[position - back])];
    // Products wrap around like the 64-bit integers of the reference.
    mixed ^= uint64_t(id) * uint64_t(multipliers[back]);
    if (back == 0) continue;
    for (size_t head = 0; head < n_heads; ++head) {
      const size_t column = (back - 1) * n_heads + head;
      int64_t row = int64_t(mixed) % primes[column];
      if (row < 0) row += primes[column];
      out[column] = row + offsets[column];
    }
  }
}

float engram_gate(const float* h, const float* key, const float* q_norm, const float* k_norm,
                  size_t n, float epsilon) {
  double hh = 0, kk = 0, hk = 0;
  for (size_t i = 0; i < n; ++i) {
    hh += double(h[i]) * double(h[i]);
    kk += double(key[i]) * double(key[i]);
    hk += double(h[i]) * double(q_norm[i]) * double(key[i]) * double(k_norm[i]);
  }
  const double norms =
      std::sqrt(hh / double(n) + double(epsilon)) * std::sqrt(kk / double(n) + double(epsilon));
  const double d = hk / norms / std::sqrt(double(n));
  const double root = std::copysign(std::sqrt(std::max(std::fabs(d), 1e-6)), d);
  return float(1 / (1 + std::exp(-root)));
}

std::unique_ptr<Block> make_engram(EngramWeights weights) {
  return std::make_unique<Engram>(std::move(weights));
}

}  // namespace engramd::engine::blocks
