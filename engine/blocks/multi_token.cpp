#include "engine/blocks/multi_token.h"

#include <algorithm>

#include "engine/blocks/ends.h"

namespace engramd::engine::blocks {
namespace {

// The columns [first, first + n) of a matrix whose blocks do not cross them.
Matrix columns_of(const Matrix& matrix, size_t first, size_t n) {
  const quant::TypeInfo& type = quant::info(matrix.type);
  Matrix out = matrix;
  out.data += first / type.block_elements * type.block_bytes;
  out.columns = n;
  return out;
}

}  // namespace

bool multi_token_input(Step& step, const MultiTokenInput& w, const float* const* hidden) {
  const size_t n = step.n_tokens, d = step.d_model, s = step.n_streams;
  if (!embed(step, w.embedding)) return false;  // the first stream of each token is its embedding
  float* token_rows = step.scratch.floats(n * d);
  float* stream_rows = step.scratch.floats(n * s * d);
  if (!for_each_row(step, n, [&](size_t t, size_t) {
        step.kernels.rms_norm(step.h + t * s * d, w.token_norm.weight, d, w.token_norm.epsilon,
                              token_rows + t * d);
        for (size_t i = 0; i < s; ++i)
          step.kernels.rms_norm(hidden[t] + i * d, w.hidden_norm.weight, d, w.hidden_norm.epsilon,
                                stream_rows + (t * s + i) * d);
      }))
    return false;
  const Matrix of_token = columns_of(w.projection, 0, d);
  const Matrix of_stream = columns_of(w.projection, d, d);
  float* token_parts = step.scratch.floats(n * d);
  Activations tokens(step, token_rows, n, d);
  Activations streams(step, stream_rows, n * s, d);
  if (!project(step, tokens, {{&of_token, token_parts}}) ||
      !project(step, streams, {{&of_stream, step.h}}))
    return false;
  return for_each_row(step, n, [&](size_t t, size_t) {
    for (size_t i = 0; i < s; ++i)
      step.kernels.add_scaled(step.h + (t * s + i) * d, token_parts + t * d, 1, d);
  });
}

}  // namespace engramd::engine::blocks
