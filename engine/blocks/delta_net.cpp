#include "engine/blocks/delta_net.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

namespace engramd::engine::blocks {
namespace {

// The convolution's last inputs and the heads' matrices, twice: a step reads one and writes the
// other, so that a cancelled one leaves no trace.
class DeltaState final : public memory::BlockState {
 public:
  DeltaState(size_t n_floats, std::shared_ptr<memory::Budget> budget)
      : n_floats_(n_floats), budget_(std::move(budget)) {}
  ~DeltaState() override { budget_->give_back(memory_bytes()); }

  Status reserve(size_t) override {
    if (!values_.empty()) return {};
    if (!budget_->take(2 * n_floats_ * sizeof(float)))
      return fail(ErrorCode::exhausted, "the recurrent state of a layer needs " +
                                            std::to_string(2 * n_floats_ * sizeof(float)) +
                                            " bytes, " + std::to_string(budget_->left() >> 20) +
                                            " MiB are left of the memory budget");
    values_.assign(2 * n_floats_, 0.0f);
    return {};
  }
  void commit(size_t) override {
    if (written_) current_ ^= 1;
    written_ = false;
  }
  size_t reach() const override { return 0; }
  size_t earliest(size_t n) const override { return n; }
  void truncate(size_t n) override {
    if (n != 0 || values_.empty()) return;
    std::fill_n(current(), n_floats_, 0.0f);
  }
  void save(size_t, memory::Saved, std::string& out) const override {
    out.append(reinterpret_cast<const char*>(values_.data() + current_ * n_floats_),
               values_.empty() ? 0 : n_floats_ * sizeof(float));
  }
  Status load(size_t n, memory::Saved, std::string_view& in) override {
    ENGRAMD_CHECK(reserve(n));
    if (in.size() < n_floats_ * sizeof(float))
      return fail(ErrorCode::corrupt, "a saved state ends early");
    std::memcpy(current(), in.data(), n_floats_ * sizeof(float));
    in.remove_prefix(n_floats_ * sizeof(float));
    return {};
  }
  uint64_t memory_bytes() const override { return values_.size() * sizeof(float); }

  float* current() { return values_.data() + current_ * n_floats_; }
  // A copy of the current values for a step to bring forward.
  float* next() {
    float* next = values_.data() + (current_ ^ 1) * n_floats_;
    std::copy_n(current(), n_floats_, next);
    written_ = true;
    return next;
  }

 private:
  const size_t n_floats_;
  std::shared_ptr<memory::Budget> budget_;
  std::vector<float> values_;
  size_t current_ = 0;
  bool written_ = false;
};

class DeltaNet final : public Branch {
 public:
  explicit DeltaNet(const DeltaNetWeights& weights) : w_(weights) {}

  uint64_t n_parameters() const override {
    return w_.qkv.n_elements() + w_.gate.n_elements() + w_.alpha.n_elements() +
           w_.beta.n_elements() + w_.beta_alpha.n_elements() + w_.output.n_elements() +
           w_.qkv.rows * w_.conv_width + 2 * w_.n_value_heads + w_.head_dim;
  }
  std::unique_ptr<memory::BlockState> make_state(
      const std::shared_ptr<memory::Budget>& budget) const override {
    return std::make_unique<DeltaState>(
        conv_floats() + w_.n_value_heads * w_.head_dim * w_.head_dim, budget);
  }

  bool run(Step& step, const float* x, float* y) const override {
    const size_t n = step.n_tokens, heads = w_.n_value_heads, d = w_.head_dim;
    Activations input(step, x, n, step.d_model);
    float* raw = step.scratch.floats(n * w_.qkv.rows);
    float* qkv = step.scratch.floats(n * w_.qkv.rows);
    float* gate = step.scratch.floats(n * heads * d);
    float* decay = step.scratch.floats(n * heads);
    float* beta = step.scratch.floats(n * heads);
    if (!project(step, input, {{&w_.qkv, raw}, {&w_.gate, gate}})) return false;
    if (!project_beta(step, input, decay, beta)) return false;
    float* state = static_cast<DeltaState&>(*step.state).next();
    cpu::CausalConvArgs conv;
    conv.in = raw;
    conv.weights = w_.conv;
    conv.state = state;
    conv.out = qkv;
    conv.n_tokens = n;
    conv.n_channels = w_.qkv.rows;
    conv.width = w_.conv_width;
    conv.silu = true;
    step.kernels.causal_conv(conv);
    if (!normalise(step, qkv, decay, beta)) return false;
    float* out = step.scratch.floats(n * heads * d);
    if (!remember(step, qkv, decay, beta, state + conv_floats(), out)) return false;
    if (!for_each_row(step, n, [&](size_t t, size_t) {
          step.kernels.silu(gate + t * heads * d, heads * d);
          for (size_t i = t * heads; i < (t + 1) * heads; ++i) {
            float* row = out + i * d;
            step.kernels.rms_norm(row, w_.norm, d, w_.epsilon, row);
            for (size_t j = 0; j < d; ++j) row[j] *= gate[i * d + j];
          }
        }))
      return false;
    Activations mixed(step, out, n, heads * d);
    return project(step, mixed, {{&w_.output, y}});
  }

 private:
  size_t conv_floats() const { return (w_.conv_width - 1) * w_.qkv.rows; }

  bool project_beta(Step& step, Activations& input, float* alpha, float* beta) const {
    if (w_.beta_alpha.rows == 0)
      return project(step, input, {{&w_.alpha, alpha, w_.dt_bias}, {&w_.beta, beta}});
    const size_t heads = w_.n_value_heads, own = heads / w_.n_key_heads;
    float* both = step.scratch.floats(step.n_tokens * 2 * heads);
    if (!project(step, input, {{&w_.beta_alpha, both}})) return false;
    for (size_t t = 0; t < step.n_tokens; ++t)
      for (size_t head = 0; head < heads; ++head) {
        const float* group = both + (t * w_.n_key_heads + head / own) * 2 * own;
        beta[t * heads + head] = group[head % own];
        alpha[t * heads + head] = group[own + head % own] + w_.dt_bias[head];
      }
    return true;
  }

  bool normalise(Step& step, float* qkv, float* decay, float* beta) const {
    const size_t heads = w_.n_value_heads, d = w_.head_dim;
    const float scale = 1 / std::sqrt(float(d));
    return for_each_row(step, step.n_tokens, [&](size_t t, size_t) {
      float* row = qkv + t * w_.qkv.rows;
      for (size_t head = 0; head < 2 * w_.n_key_heads; ++head) {
        step.kernels.l2_norm(row + head * d, d, w_.epsilon);
        if (head < w_.n_key_heads)
          for (size_t i = 0; i < d; ++i) row[head * d + i] *= scale;
      }
      step.kernels.softplus(decay + t * heads, heads);
      for (size_t head = 0; head < heads; ++head) decay[t * heads + head] *= w_.a[head];
      step.kernels.sigmoid(beta + t * heads, heads);
    });
  }

  bool remember(Step& step, const float* qkv, const float* decay, const float* beta,
                float* matrices, float* out) const {
    const size_t heads = w_.n_value_heads, d = w_.head_dim, per_key = heads / w_.n_key_heads;
    return step.team.run(heads, step.cancel, [&](size_t head, size_t) {
      const size_t key_head = w_.tiled ? head % w_.n_key_heads : head / per_key;
      cpu::DeltaRuleArgs args;
      args.q = qkv + key_head * d;
      args.k = qkv + (w_.n_key_heads + key_head) * d;
      args.v = qkv + (2 * w_.n_key_heads + head) * d;
      args.log_decay = decay + head;
      args.beta = beta + head;
      args.state = matrices + head * d * d;
      args.out = out + head * d;
      args.n_tokens = step.n_tokens;
      args.key_dim = args.value_dim = d;
      args.qk_stride = args.v_stride = w_.qkv.rows;
      args.decay_stride = args.beta_stride = heads;
      args.out_stride = heads * d;
      step.kernels.delta_rule(args);
    });
  }

  const DeltaNetWeights w_;
};

}  // namespace

std::unique_ptr<Branch> make_delta_net(const DeltaNetWeights& weights) {
  return std::make_unique<DeltaNet>(weights);
}

}  // namespace engramd::engine::blocks
