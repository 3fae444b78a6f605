#include "engine/blocks/router.h"

#include <algorithm>
#include <limits>

namespace engramd::engine::blocks {
namespace {

void apply_gate(const cpu::Kernels& kernels, Gate gate, float* s, size_t n) {
  switch (gate) {
    case Gate::softmax:
      kernels.softmax(s, n);
      return;
    case Gate::sigmoid:
      kernels.sigmoid(s, n);
      return;
    case Gate::sqrt_softplus:
      kernels.sqrt_softplus(s, n);
      return;
    case Gate::softmax_of_chosen:
      return;
  }
}

// Puts what is not in one of the best groups out of reach.
void keep_best_groups(const RouterWeights& w, float* keys, float* of_group) {
  const size_t size = w.n_experts() / w.n_groups;
  for (size_t g = 0; g < w.n_groups; ++g) {
    float first = -std::numeric_limits<float>::infinity(), second = first;
    for (size_t i = 0; i < size; ++i) {
      const float key = keys[g * size + i];
      if (key > first) {
        second = first;
        first = key;
      } else {
        second = std::max(second, key);
      }
    }
    of_group[g] = first + second;
  }
  for (size_t g = 0; g < w.n_groups; ++g) {
    size_t n_better = 0;
    for (size_t other = 0; other < w.n_groups; ++other)
      n_better += of_group[other] > of_group[g] || (of_group[other] == of_group[g] && other < g);
    if (n_better >= w.n_groups_used)
      std::fill_n(keys + g * size, size, -std::numeric_limits<float>::infinity());
  }
}

void choose_one(const Step& step, const RouterWeights& w, TokenId token, float* s, float* keys,
                uint32_t* chosen, float* shares) {
  const size_t n = w.n_experts();
  if (w.bias != nullptr)
    for (size_t e = 0; e < n; ++e) s[e] += w.bias[e];
  apply_gate(step.kernels, w.gate, s, n);
  if (w.by_token != nullptr) {
    const int32_t* row = w.by_token + size_t(token) * w.n_used;
    for (size_t slot = 0; slot < w.n_used; ++slot) chosen[slot] = uint32_t(row[slot]);
  } else {
    for (size_t e = 0; e < n; ++e) keys[e] = s[e] + (w.selection_bias ? w.selection_bias[e] : 0);
    if (w.n_groups > 1) keep_best_groups(w, keys, keys + n);
    for (size_t slot = 0; slot < w.n_used; ++slot) {
      size_t best = n;
      for (size_t e = 0; e < n; ++e) {
        const bool taken = std::find(chosen, chosen + slot, uint32_t(e)) != chosen + slot;
        if (!taken && (best == n || keys[e] > keys[best])) best = e;
      }
      chosen[slot] = uint32_t(best);
    }
  }
  for (size_t slot = 0; slot < w.n_used; ++slot) shares[slot] = s[chosen[slot]];
  if (w.gate == Gate::softmax_of_chosen) step.kernels.softmax(shares, w.n_used);
  if (w.renormalise && w.gate != Gate::softmax_of_chosen) {
    float sum = 0;
    for (size_t slot = 0; slot < w.n_used; ++slot) sum += shares[slot];
    // Sigmoid gates may all be zero; the smallest normal number keeps the division defined.
    sum = std::max(sum, std::numeric_limits<float>::min());
    for (size_t slot = 0; slot < w.n_used; ++slot) shares[slot] /= sum;
  }
  if (w.scale != 1)
    for (size_t slot = 0; slot < w.n_used; ++slot) shares[slot] *= w.scale;
}

}  // namespace

bool route(Step& step, const RouterWeights& w, Activations& rows, size_t stride, uint32_t* chosen,
           float* shares) {
  const size_t n = step.n_tokens, n_experts = w.n_experts();
  float* s = step.scratch.floats(n * n_experts);
  if (!project(step, rows, {{&w.logits, s}})) return false;
  const size_t n_keys = n_experts + w.n_groups;
  float* keys = step.scratch.floats(n * n_keys);
  return for_each_row(step, n, [&](size_t t, size_t) {
    choose_one(step, w, step.timeline[step.first_position + t], s + t * n_experts,
               keys + t * n_keys, chosen + t * stride, shares + t * stride);
  });
}

}  // namespace engramd::engine::blocks
