#include "engine/blocks/residual.h"

#include <utility>

namespace engramd::engine::blocks {
namespace {

class Residual final : public Block {
 public:
  Residual(const NormWeights& norm, std::unique_ptr<Branch> branch)
      : norm_(norm), branch_(std::move(branch)) {}

  uint64_t n_parameters() const override { return norm_.n + branch_->n_parameters(); }
  uint64_t n_active_parameters() const override { return norm_.n + branch_->n_active_parameters(); }
  std::unique_ptr<memory::BlockState> make_state(
      const std::shared_ptr<memory::Budget>& budget) const override {
    return branch_->make_state(budget);
  }

  bool run(Step& step) const override {
    const size_t n = step.n_tokens, d = step.d_model;
    float* x = step.scratch.floats(n * d);
    float* y = step.scratch.floats(n * d);
    if (!for_each_row(step, n, [&](size_t t, size_t) {
          step.kernels.rms_norm(step.h + t * d, norm_.weight, d, norm_.epsilon, x + t * d);
        }))
      return false;
    if (!branch_->run(step, x, y)) return false;
    const size_t skipped = step.n_unread;
    return for_each_row(step, n - skipped, [&](size_t i, size_t) {
      const size_t t = skipped + i;
      step.kernels.add_scaled(step.h + t * d, y + t * d, 1, d);
    });
  }

 private:
  const NormWeights norm_;
  const std::unique_ptr<Branch> branch_;
};

}  // namespace

std::unique_ptr<Block> make_residual(const NormWeights& norm, std::unique_ptr<Branch> branch) {
  return std::make_unique<Residual>(norm, std::move(branch));
}

}  // namespace engramd::engine::blocks
