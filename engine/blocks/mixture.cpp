#include "engine/blocks/mixture.h"

#include <algorithm>
#include <cmath>

namespace engramd::engine::blocks {
namespace {

// One expert's share of a step: which rows it multiplies and where they go.
struct Visit {
  const ExpertWeights* weights = nullptr;
  size_t slice = 0, first = 0, count = 0;  // its entries in the list of (token, slot) pairs
};

class Mixture final : public Branch {
 public:
  explicit Mixture(const MixtureWeights& weights)
      : w_(weights), n_used_(weights.router.n_used), n_slots_(n_used_ + (weights.shared ? 1 : 0)) {}

  uint64_t n_parameters() const override { return always_active() + elements(w_.experts); }
  uint64_t n_active_parameters() const override {
    return always_active() + elements(w_.experts) / w_.router.n_experts() * n_used_;
  }

  bool run(Step& step, const float* x, float* y) const override {
    const size_t n = step.n_tokens, d = step.d_model;
    Activations rows(step, x, n, d);
    auto* chosen = step.scratch.array<uint32_t>(n * n_slots_);
    float* shares = step.scratch.floats(n * n_slots_);
    if (!route(step, w_.router, rows, n_slots_, chosen, shares)) return false;
    if (w_.shared)
      for (size_t t = 0; t < n; ++t) shares[t * n_slots_ + n_used_] = shared_share(x + t * d, d);

    // Entry i is the pair (token, slot) pairs[i]; the entries of one expert lie together.
    auto* pairs = step.scratch.array<uint32_t>(n * n_slots_);
    const std::vector<Visit> visits = group_by_expert(step, chosen, pairs);
    float* by_pair = step.scratch.floats(n * n_slots_ * d);  // so that sums keep slot order
    if (!run_experts(step, rows, visits, pairs, by_pair)) return false;
    return for_each_row(step, n, [&](size_t t, size_t) {
      float* out = y + t * d;
      std::fill_n(out, d, 0.0f);
      for (size_t slot = 0; slot < n_slots_; ++slot) {
        const float share = shares[t * n_slots_ + slot];
        step.kernels.add_scaled(out, by_pair + (t * n_slots_ + slot) * d, share, d);
      }
    });
  }

 private:
  static uint64_t elements(const ExpertWeights& e) {
    const uint64_t n = e.gate.n_slices;
    return e.gate.n_elements() + e.up.n_elements() + e.down.n_elements() +
           (e.gate_bias ? n * e.gate.rows : 0) + (e.up_bias ? n * e.up.rows : 0) +
           (e.down_bias ? n * e.down.rows : 0);
  }
  uint64_t always_active() const {
    return w_.router.n_parameters() + (w_.shared ? elements(*w_.shared) : 0) +
           (w_.shared_gate ? w_.router.logits.columns : 0);
  }

  float shared_share(const float* x, size_t d) const {
    if (w_.shared_gate == nullptr) return 1;
    double sum = 0;
    for (size_t i = 0; i < d; ++i) sum += double(x[i]) * double(w_.shared_gate[i]);
    return float(1 / (1 + std::exp(-sum)));
  }

  std::vector<Visit> group_by_expert(const Step& step, const uint32_t* chosen,
                                     uint32_t* pairs) const {
    const size_t n = step.n_tokens, n_experts = w_.router.n_experts();
    std::vector<Visit> by_expert(n_experts);
    for (size_t t = 0; t < n; ++t)
      for (size_t slot = 0; slot < n_used_; ++slot) ++by_expert[chosen[t * n_slots_ + slot]].count;
    size_t first = 0;
    std::vector<Visit> visits;
    for (size_t e = 0; e < n_experts; ++e) {
      by_expert[e] = {&w_.experts, e, first, by_expert[e].count};
      first += by_expert[e].count;
      if (by_expert[e].count > 0) visits.push_back(by_expert[e]);
    }
    for (size_t t = 0; t < n; ++t)
      for (size_t slot = 0; slot < n_used_; ++slot)
        pairs[by_expert[chosen[t * n_slots_ + slot]].first++] = uint32_t(t * n_slots_ + slot);
    if (w_.shared) {
      visits.push_back({&*w_.shared, 0, first, n});
      for (size_t t = 0; t < n; ++t) pairs[first + t] = uint32_t(t * n_slots_ + n_used_);
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

    // Activation and rounding, then the down projections of all experts together.
    size_t bytes = 0;
    for (const Visit& visit : visits)
      bytes =
          std::max(bytes, cpu::activation_bytes(cpu::activation_format(visit.weights->down.type),
                                                visit.weights->down.columns));
    std::byte* inner = step.scratch.bytes(n_entries * bytes);
    auto** inner_rows = step.scratch.array<const std::byte*>(n_entries);
    auto** y_rows = step.scratch.array<float*>(n_entries);
    auto* visit_of = step.scratch.array<const Visit*>(n_entries);
    jobs.clear();
    for (const Visit& visit : visits) {
      std::fill_n(visit_of + visit.first, visit.count, &visit);
      jobs.push_back({&visit.weights->down, visit.slice, inner_rows + visit.first,
                      y_rows + visit.first, visit.count});
    }
    if (!for_each_row(step, n_entries, [&](size_t i, size_t) {
          const ExpertWeights& e = *visit_of[i]->weights;
          const size_t slice = visit_of[i]->slice, n = e.down.columns;
          add_bias(gate_rows[i], e.gate_bias, slice, n);
          add_bias(up_rows[i], e.up_bias, slice, n);
          e.activation.apply(step.kernels, gate_rows[i], up_rows[i], n);
          step.kernels.quantise(cpu::activation_format(e.down.type), gate_rows[i], n,
                                inner + i * bytes);
          inner_rows[i] = inner + i * bytes;
          y_rows[i] = y + size_t(pairs[i]) * step.d_model;
        }))
      return false;
    if (!run_matmuls(step, jobs)) return false;
    if (w_.experts.down_bias == nullptr) return true;
    return for_each_row(step, n_entries, [&](size_t i, size_t) {
      add_bias(y_rows[i], visit_of[i]->weights->down_bias, visit_of[i]->slice, step.d_model);
    });
  }

  static void add_bias(float* row, const float* bias, size_t slice, size_t n) {
    if (bias == nullptr) return;
    for (size_t i = 0; i < n; ++i) row[i] += bias[slice * n + i];
  }

  const MixtureWeights w_;
  const size_t n_used_, n_slots_;
};

}  // namespace

std::unique_ptr<Branch> make_mixture(const MixtureWeights& weights) {
  return std::make_unique<Mixture>(weights);
}

}  // namespace engramd::engine::blocks
