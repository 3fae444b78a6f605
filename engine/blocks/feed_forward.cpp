#include "engine/blocks/feed_forward.h"

#include <algorithm>
#include <cmath>

namespace engramd::engine::blocks {
namespace {

class FeedForward final : public Branch {
 public:
  explicit FeedForward(const FeedForwardWeights& weights) : w_(weights) {}
  uint64_t n_parameters() const override {
    return w_.gate.n_elements() + w_.up.n_elements() + w_.down.n_elements();
  }

  bool run(Step& step, const float* x, float* y) const override {
    const size_t n = step.n_tokens, width = w_.gate.rows;
    float* gate = step.scratch.floats(n * width);
    float* up = step.scratch.floats(n * width);
    Activations rows(step, x, n, step.d_model);
    if (!project(step, rows, {{&w_.gate, gate}, {&w_.up, up}})) return false;
    if (!for_each_row(step, n, [&](size_t t, size_t) {
          w_.activation.apply(step.kernels, gate + t * width, up + t * width, width);
        }))
      return false;
    Activations inner(step, gate, n, width);
    return project(step, inner, {{&w_.down, y}});
  }

 private:
  const FeedForwardWeights w_;
};

}  // namespace

void Activation::apply(const cpu::Kernels& kernels, float* gate, const float* up, size_t n) const {
  switch (kind) {
    case Kind::silu:
      kernels.silu_multiply(gate, up, n);
      return;
    case Kind::clamped:
      kernels.silu_multiply_clamped(gate, up, n, limit);
      return;
    case Kind::gpt_oss:
      kernels.swiglu_oss(gate, up, n, 1.702f, limit);
      return;
  }
}

std::unique_ptr<Branch> make_feed_forward(const FeedForwardWeights& weights) {
  return std::make_unique<FeedForward>(weights);
}

}  // namespace engramd::engine::blocks
