#include "engine/blocks/ends.h"

#include <algorithm>

namespace engramd::engine::blocks {

bool embed(Step& step, const Matrix& table) {
  const auto to_float = quant::info(table.type).to_float;
  const size_t d = step.d_model;
  return for_each_row(step, step.n_tokens, [&](size_t t, size_t) {
    const auto token = size_t(step.timeline[step.first_position + t]);
    float* h = step.h + t * step.n_streams * d;
    to_float(table.data + token * table.row_bytes, h, d);
    for (size_t stream = 1; stream < step.n_streams; ++stream) std::copy_n(h, d, h + stream * d);
    float* carry = step.carry + t * step.n_streams;
    for (size_t stream = 0; stream < step.n_streams; ++stream) carry[stream] = stream == 0;
  });
}

bool run_head(Step& step, const HeadWeights& weights, size_t n_rows, float* logits) {
  const size_t d = step.d_model, first = step.n_tokens - n_rows;
  float* x = step.scratch.floats(n_rows * d);
  const float* h = step.h + first * d;
  if (weights.collapse != nullptr) {
    if (!weights.collapse->run(step, first, n_rows, x)) return false;
    h = x;
  }
  if (!for_each_row(step, n_rows, [&](size_t t, size_t) {
        step.kernels.rms_norm(h + t * d, weights.norm.weight, d, weights.norm.epsilon, x + t * d);
      }))
    return false;
  Activations rows(step, x, n_rows, d);
  return project(step, rows, {{&weights.output, logits}});
}

}  // namespace engramd::engine::blocks
