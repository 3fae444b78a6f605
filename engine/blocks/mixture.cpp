#include "engine/blocks/mixture.h"

#include <algorithm>
#include <cstring>

namespace engramd::engine::blocks {
namespace {

// One expert's share of a step: which rows it multiplies and where they go.
struct Visit {
  const ExpertWeights* weights = nullptr;
  size_t slice = 0, first = 0, count = 0;  // its entries in the list of (token, slot) pairs
};

class Mixture final : public Block {
 public:
  explicit Mixture(const MixtureWeights& weights)
      : w_(weights), n_slots_(weights.n_used + (weights.shared ? 1 : 0)) {}

  uint64_t n_parameters() const override {
    return w_.router.columns + w_.router.n_elements() + expert_elements(w_.experts) +
           (w_.shared ? expert_elements(*w_.shared) : 0);
  }
  uint64_t n_active_parameters() const override {
    return w_.router.columns + w_.router.n_elements() +
           expert_elements(w_.experts) / w_.router.rows * w_.n_used +
           (w_.shared ? expert_elements(*w_.shared) : 0);
  }

  bool run(Step& step) const override {
    const size_t n = step.n_tokens, d = step.d_model, n_experts = w_.router.rows;
    float* x = step.scratch.floats(n * d);
    if (!for_each_row(step, n, [&](size_t t, size_t) {
          step.kernels.rms_norm(step.h + t * d, w_.norm, d, w_.epsilon, x + t * d);
        }))
      return false;
    Activations rows(step, x, n, d);

    float* probabilities = step.scratch.floats(n * n_experts);
    const auto* for_router = rows.in_format_of(w_.router.type);
    if (for_router == nullptr) return false;
    const MatmulJob router = {&w_.router, 0, for_router,
                              row_pointers(step, probabilities, n, n_experts), n};
    if (!run_matmuls(step, {&router, 1})) return false;
    auto* chosen = step.scratch.array<uint32_t>(n * w_.n_used);
    float* shares = step.scratch.floats(n * n_slots_);
    if (!for_each_row(step, n, [&](size_t t, size_t) {
          choose(step, probabilities + t * n_experts, chosen + t * w_.n_used,
                 shares + t * n_slots_);
        }))
      return false;

    // Entry i is the pair (token, slot) pairs[i]; the entries of one expert lie together.
    auto* pairs = step.scratch.array<uint32_t>(n * n_slots_);
    const std::vector<Visit> visits = group_by_expert(step, chosen, pairs);
    float* y = step.scratch.floats(n * n_slots_ * d);  // by pair, so that sums keep slot order
    if (!run_experts(step, rows, visits, pairs, y)) return false;
    return for_each_row(step, n, [&](size_t t, size_t) {
      float* h = step.h + t * d;
      for (size_t slot = 0; slot < n_slots_; ++slot) {
        const float share = shares[t * n_slots_ + slot];
        const float* row = y + (t * n_slots_ + slot) * d;
        for (size_t i = 0; i < d; ++i) h[i] += share * row[i];
      }
    });
  }

 private:
  static uint64_t expert_elements(const ExpertWeights& e) {
    return e.gate.n_elements() + e.up.n_elements() + e.down.n_elements();
  }

  void choose(Step& step, float* p, uint32_t* chosen, float* shares) const {
    const size_t n_experts = w_.router.rows;
    step.kernels.softmax(p, n_experts);
    float sum = 0;
    for (size_t slot = 0; slot < w_.n_used; ++slot) {
      size_t best = n_experts;
      for (size_t e = 0; e < n_experts; ++e) {
        const bool taken = std::find(chosen, chosen + slot, uint32_t(e)) != chosen + slot;
        if (!taken && (best == n_experts || p[e] > p[best])) best = e;
      }
      chosen[slot] = uint32_t(best);
      sum += shares[slot] = p[best];
    }
    if (w_.renormalise)
      for (size_t slot = 0; slot < w_.n_used; ++slot) shares[slot] /= sum;
    if (w_.shared) shares[w_.n_used] = 1;
  }

  std::vector<Visit> group_by_expert(const Step& step, const uint32_t* chosen,
                                     uint32_t* pairs) const {
    const size_t n = step.n_tokens, n_experts = w_.router.rows;
    std::vector<Visit> by_expert(n_experts);
    for (size_t i = 0; i < n * w_.n_used; ++i) ++by_expert[chosen[i]].count;
    size_t first = 0;
    std::vector<Visit> visits;
    for (size_t e = 0; e < n_experts; ++e) {
      by_expert[e] = {&w_.experts, e, first, by_expert[e].count};
      first += by_expert[e].count;
      if (by_expert[e].count > 0) visits.push_back(by_expert[e]);
    }
    for (size_t t = 0; t < n; ++t)
      for (size_t slot = 0; slot < w_.n_used; ++slot)
        pairs[by_expert[chosen[t * w_.n_used + slot]].first++] = uint32_t(t * n_slots_ + slot);
    if (w_.shared) {
      visits.push_back({&*w_.shared, 0, first, n});
      for (size_t t = 0; t < n; ++t) pairs[first + t] = uint32_t(t * n_slots_ + w_.n_used);
    }
    return visits;
  }

  bool run_experts(Step& step, Activations& rows, const std::vector<Visit>& visits,
                   const uint32_t* pairs, float* y) const {
    const size_t n_entries = step.n_tokens * n_slots_;
    const size_t width =
        std::max(w_.experts.gate.rows, w_.shared ? w_.shared->gate.rows : size_t(0));
    float* gate = step.scratch.floats(n_entries * width);
    float* up = step.scratch.floats(n_entries * width);
    float* const* gate_rows = row_pointers(step, gate, n_entries, width);
    float* const* up_rows = row_pointers(step, up, n_entries, width);
    std::vector<MatmulJob> jobs;
    for (const Visit& visit : visits) {
      for (const auto& [matrix, out] :
           {std::pair(&visit.weights->gate, gate_rows), std::pair(&visit.weights->up, up_rows)}) {
        const auto* by_token = rows.in_format_of(matrix->type);
        if (by_token == nullptr) return false;
        auto** gathered = step.scratch.array<const std::byte*>(visit.count);
        for (size_t i = 0; i < visit.count; ++i)
          gathered[i] = by_token[pairs[visit.first + i] / n_slots_];
        jobs.push_back({matrix, visit.slice, gathered, out + visit.first, visit.count});
      }
    }
    if (!run_matmuls(step, jobs)) return false;

    // silu and rounding, then the down projections of all experts together.
    size_t bytes = 0;
    for (const Visit& visit : visits)
      bytes =
          std::max(bytes, cpu::activation_bytes(cpu::activation_format(visit.weights->down.type),
                                                visit.weights->down.columns));
    std::byte* inner = step.scratch.bytes(n_entries * bytes);
    auto** inner_rows = step.scratch.array<const std::byte*>(n_entries);
    auto** y_rows = step.scratch.array<float*>(n_entries);
    auto* weights_of = step.scratch.array<const ExpertWeights*>(n_entries);
    jobs.clear();
    for (const Visit& visit : visits) {
      std::fill_n(weights_of + visit.first, visit.count, visit.weights);
      jobs.push_back({&visit.weights->down, visit.slice, inner_rows + visit.first,
                      y_rows + visit.first, visit.count});
    }
    if (!for_each_row(step, n_entries, [&](size_t i, size_t) {
          const Matrix& down = weights_of[i]->down;
          step.kernels.silu_multiply(gate_rows[i], up_rows[i], down.columns);
          step.kernels.quantise(cpu::activation_format(down.type), gate_rows[i], down.columns,
                                inner + i * bytes);
          inner_rows[i] = inner + i * bytes;
          y_rows[i] = y + size_t(pairs[i]) * step.d_model;
        }))
      return false;
    return run_matmuls(step, jobs);
  }

  const MixtureWeights w_;
  const size_t n_slots_;
};

}  // namespace

std::unique_ptr<Block> make_mixture(const MixtureWeights& weights) {
  return std::make_unique<Mixture>(weights);
}

}  // namespace engramd::engine::blocks
