#include "engine/blocks/engram.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/blocks/rows_state.h"

namespace engramd::engine::blocks {
namespace {

class Engram final : public Block {
 public:
  explicit Engram(EngramWeights weights) : w_(std::move(weights)) {}

  uint64_t n_parameters() const override { return w_.table.n_elements() + always_active(); }
  uint64_t n_active_parameters() const override {
    return w_.hash.n_columns() * w_.table.columns + always_active();
  }

  // The convolution looks back at normalised values of earlier tokens.
  std::unique_ptr<memory::BlockState> make_state(
      const std::shared_ptr<memory::Budget>& budget) const override {
    if (!w_.convolution) return nullptr;
    return std::make_unique<RowsState>(1, w_.n_streams * d_model() * sizeof(float),
                                       std::max<size_t>(w_.convolution->reach(), 1), budget);
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
    if (!project(step, looked_up, {{&w_.kv, kv, w_.kv_bias}})) return false;
    float* gates = step.scratch.floats(n * s);
    if (!for_each_row(step, n, [&](size_t t, size_t) {
          const bool dead = step.timeline[step.first_position + t] == w_.hash.dead_token;
          for (size_t i = 0; i < s; ++i)
            gates[t * s + i] =
                dead ? 0
                     : engram_gate(step.h + (t * s + i) * d, kv + t * w_.kv.rows + i * d,
                                   w_.q_norm + i * d, w_.k_norm + i * d, d, w_.epsilon, w_.at_zero);
        }))
      return false;
    if (w_.convolution) return convolve(step, gates, kv);
    return for_each_row(step, n, [&](size_t t, size_t) { add_values(step, t, gates, kv); });
  }

 private:
  size_t d_model() const { return w_.kv.rows / (w_.n_streams + 1); }
  uint64_t always_active() const {
    const uint64_t channels = w_.n_streams * d_model();
    return w_.kv.n_elements() + (w_.kv_bias != nullptr ? w_.kv.rows : 0) + 2 * channels +
           (w_.convolution ? channels * (1 + w_.convolution->n_taps) : 0);
  }
  const float* value_of(const Step& step, size_t t, const float* kv) const {
    return kv + t * w_.kv.rows + w_.n_streams * step.d_model;
  }

  void add_values(Step& step, size_t t, const float* gates, const float* kv) const {
    const size_t d = step.d_model, s = w_.n_streams;
    const float* value = value_of(step, t, kv);
    for (size_t i = 0; i < s; ++i) {
      const float gate = gates[t * s + i];
      if (gate == 0) continue;  // a dead token
      step.kernels.add_scaled(step.h + (t * s + i) * d, value, gate, d);
    }
  }

  bool convolve(Step& step, const float* gates, const float* kv) const {
    const EngramConvolution& c = *w_.convolution;
    auto& past = static_cast<RowsState&>(*step.state).rows;
    const size_t n = step.n_tokens, d = step.d_model, s = w_.n_streams;
    const size_t first = step.first_position, channels = s * d;
    if (!for_each_row(step, n, [&](size_t t, size_t) {
          const float* value = value_of(step, t, kv);
          auto* row = reinterpret_cast<float*>(past.row(0, first + t));
          for (size_t i = 0; i < s; ++i) {
            float* of_stream = row + i * d;
            for (size_t j = 0; j < d; ++j) of_stream[j] = gates[t * s + i] * value[j];
            step.kernels.rms_norm(of_stream, c.norm + i * d, d, c.epsilon, of_stream);
          }
          add_values(step, t, gates, kv);
        }))
      return false;
    float* mixed = step.scratch.floats(step.team.n_threads() * channels);
    return for_each_row(step, n, [&](size_t t, size_t thread) {
      float* out = mixed + thread * channels;
      std::fill_n(out, channels, 0.0f);
      for (size_t tap = 0; tap < c.n_taps; ++tap) {
        const size_t back = (c.n_taps - 1 - tap) * c.dilation;
        if (back > first + t) continue;
        const auto* row = reinterpret_cast<const float*>(past.row(0, first + t - back));
        for (size_t i = 0; i < channels; ++i) out[i] += c.kernel[i * c.n_taps + tap] * row[i];
      }
      step.kernels.silu(out, channels);
      float* h = step.h + t * channels;
      for (size_t i = 0; i < channels; ++i) h[i] += out[i];
    });
  }

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
                  size_t n, float epsilon, AtZero at_zero) {
  double hh = 0, kk = 0, hk = 0;
  for (size_t i = 0; i < n; ++i) {
    hh += double(h[i]) * double(h[i]);
    kk += double(key[i]) * double(key[i]);
    hk += double(h[i]) * double(q_norm[i]) * double(key[i]) * double(k_norm[i]);
  }
  const double norms =
      std::sqrt(hh / double(n) + double(epsilon)) * std::sqrt(kk / double(n) + double(epsilon));
  const double d = hk / norms / std::sqrt(double(n));
  if (d == 0 && at_zero == AtZero::half) return 0.5f;
  const double root = std::copysign(std::sqrt(std::max(std::fabs(d), 1e-6)), d);
  return float(1 / (1 + std::exp(-root)));
}

std::unique_ptr<Block> make_engram(EngramWeights weights) {
  return std::make_unique<Engram>(std::move(weights));
}

}  // namespace engramd::engine::blocks
