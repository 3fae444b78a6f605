#include "engine/blocks/ends.h"

namespace engramd::engine::blocks {

bool embed(Step& step, const Matrix& table) {
  const auto to_float = quant::info(table.type).to_float;
  return for_each_row(step, step.n_tokens, [&](size_t t, size_t) {
    const auto token = size_t(step.timeline[step.first_position + t]);
    to_float(table.data + token * table.row_bytes, step.h + t * step.d_model, step.d_model);
  });
}

bool run_head(Step& step, const HeadWeights& weights, size_t n_rows, float* logits) {
  const size_t d = step.d_model, first = step.n_tokens - n_rows;
  float* x = step.scratch.floats(n_rows * d);
  if (!for_each_row(step, n_rows, [&](size_t t, size_t) {
        step.kernels.rms_norm(step.h + (first + t) * d, weights.norm, d, weights.epsilon,
                              x + t * d);
      }))
    return false;
  Activations rows(step, x, n_rows, d);
  const auto* activations = rows.in_format_of(weights.output.type);
  if (activations == nullptr) return false;
  const MatmulJob job = {&weights.output, 0, activations,
                         row_pointers(step, logits, n_rows, weights.output.rows), n_rows};
  return run_matmuls(step, {&job, 1});
}

}  // namespace engramd::engine::blocks
