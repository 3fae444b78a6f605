// engine/blocks/ends.h - the two ends of a network: token ids in, logits out.
#pragma once

#include <memory>

#include "engine/blocks/block.h"
#include "engine/blocks/residual.h"

namespace engramd::engine::blocks {

// Writes the embedding of each of the step's tokens to all its residual streams, and (1, 0, ...) to
// its carry.
bool embed(Step& step, const Matrix& table);

// One row out of a token's residual streams, before the last norm.
class Collapse {
 public:
  virtual ~Collapse() = default;
  // x: [n, d_model], of the step's tokens [first, first + n). False when cancelled.
  virtual bool run(Step& step, size_t first, size_t n, float* x) const = 0;
  virtual uint64_t n_parameters() const = 0;
};

struct HeadWeights {
  NormWeights norm;
  Matrix output;  // [n_vocab] rows; the embedding table when the file has no other
  std::unique_ptr<Collapse> collapse;  // null when there is one stream
};

// Logits of the step's last `n_rows` tokens, [n_rows, n_vocab].
bool run_head(Step& step, const HeadWeights& weights, size_t n_rows, float* logits);

}  // namespace engramd::engine::blocks
