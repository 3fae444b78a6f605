#include "engine/blocks/hyper_connection.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace engramd::engine::blocks {
namespace {

constexpr size_t kMostStreams = 8;

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

// x = sum_i weights_i H_i
void collapse(const cpu::Kernels& kernels, const float* h, const float* weights, size_t n_streams,
              size_t d, float* x) {
  std::fill_n(x, d, 0.0f);
  for (size_t s = 0; s < n_streams; ++s) kernels.add_scaled(x, h + s * d, weights[s], d);
}

// fn u of each of n tokens, [n, fn.rows].
float* mix_values(Step& step, const HyperWeights& w, const float* h, size_t n) {
  const size_t width = w.n_streams * step.d_model;
  float* u = step.scratch.floats(n * width);
  if (!for_each_row(step, n, [&](size_t t, size_t) {
        step.kernels.rms_norm(h + t * width, nullptr, width, w.norm_epsilon, u + t * width);
      }))
    return nullptr;
  float* m = step.scratch.floats(n * w.fn.rows);
  Activations rows(step, u, n, width);
  return project(step, rows, {{&w.fn, m}}) ? m : nullptr;
}

class HyperConnection final : public Block {
 public:
  HyperConnection(const HyperWeights& site, const NormWeights& norm, std::unique_ptr<Branch> branch,
                  bool lagged)
      : site_(site), norm_(norm), branch_(std::move(branch)), lagged_(lagged) {}

  uint64_t n_parameters() const override { return own_parameters() + branch_->n_parameters(); }
  uint64_t n_active_parameters() const override {
    return own_parameters() + branch_->n_active_parameters();
  }
  std::unique_ptr<memory::BlockState> make_state(
      const std::shared_ptr<memory::Budget>& budget) const override {
    return branch_->make_state(budget);
  }

  bool run(Step& step) const override {
    const size_t n = step.n_tokens, d = step.d_model, s = site_.n_streams;
    const float* m = mix_values(step, site_, step.h, n);
    if (m == nullptr) return false;
    float* x = step.scratch.floats(n * d);
    float* y = step.scratch.floats(n * d);
    float* post = step.scratch.floats(n * s);
    float* c = step.scratch.floats(n * s * s);
    if (!for_each_row(step, n, [&](size_t t, size_t) {
          float pre[kMostStreams];
          split_site(site_, m + t * site_.fn.rows, pre, post + t * s, c + t * s * s);
          float* carried = step.carry + t * s;
          collapse(step.kernels, step.h + t * s * d, lagged_ ? carried : pre, s, d, x + t * d);
          std::copy_n(pre, s, carried);
          step.kernels.rms_norm(x + t * d, norm_.weight, d, norm_.epsilon, x + t * d);
        }))
      return false;
    if (!branch_->run(step, x, y)) return false;
    float* mixed = step.scratch.floats(step.team.n_threads() * s * d);
    const size_t skipped = step.n_unread;
    return for_each_row(step, n - skipped, [&](size_t i, size_t thread) {
      const size_t t = skipped + i;
      float* h = step.h + t * s * d;
      float* out = mixed + thread * s * d;
      for (size_t k = 0; k < s; ++k) {
        float* row = out + k * d;
        std::fill_n(row, d, 0.0f);
        step.kernels.add_scaled(row, y + t * d, post[t * s + k], d);
        for (size_t j = 0; j < s; ++j)
          step.kernels.add_scaled(row, h + j * d, c[(t * s + j) * s + k], d);
      }
      std::copy_n(out, s * d, h);
    });
  }

 private:
  uint64_t own_parameters() const { return site_.fn.n_elements() + site_.fn.rows + 3 + norm_.n; }
  const HyperWeights site_;
  const NormWeights norm_;
  const std::unique_ptr<Branch> branch_;
  const bool lagged_;
};

class HyperCollapse final : public Collapse {
 public:
  explicit HyperCollapse(const HyperWeights& head) : w_(head) {}
  uint64_t n_parameters() const override { return w_.fn.n_elements() + w_.fn.rows + 1; }
  bool run(Step& step, size_t first, size_t n, float* x) const override {
    const size_t d = step.d_model, s = w_.n_streams;
    const float* h = step.h + first * s * d;
    const float* m = mix_values(step, w_, h, n);
    if (m == nullptr) return false;
    return for_each_row(step, n, [&](size_t t, size_t) {
      float weights[kMostStreams];
      for (size_t i = 0; i < s; ++i)
        weights[i] =
            float(sigmoid(double(w_.scale[0]) * double(m[t * s + i]) + double(w_.base[i])) +
                  double(w_.epsilon));
      collapse(step.kernels, h + t * s * d, weights, s, d, x + t * d);
    });
  }

 private:
  const HyperWeights w_;
};

class LaggedCollapse final : public Collapse {
 public:
  uint64_t n_parameters() const override { return 0; }
  bool run(Step& step, size_t first, size_t n, float* x) const override {
    const size_t d = step.d_model, s = step.n_streams;
    return for_each_row(step, n, [&](size_t t, size_t) {
      collapse(step.kernels, step.h + (first + t) * s * d, step.carry + (first + t) * s, s, d,
               x + t * d);
    });
  }
};

}  // namespace

void split_site(const HyperWeights& w, const float* m, float* pre, float* post, float* c) {
  const size_t s = w.n_streams;
  const auto value = [&](size_t i, size_t part) {
    return double(w.scale[part]) * double(m[i]) + double(w.base[i]);
  };
  for (size_t i = 0; i < s; ++i) {
    pre[i] = float(sigmoid(value(i, 0)) + double(w.epsilon));
    post[i] = float(2 * sigmoid(value(s + i, 1)));
  }
  double table[kMostStreams][kMostStreams];
  const double epsilon = double(w.epsilon);
  for (size_t j = 0; j < s; ++j) {
    double largest = value(2 * s + j * s, 2), sum = 0;
    for (size_t k = 1; k < s; ++k) largest = std::max(largest, value(2 * s + j * s + k, 2));
    for (size_t k = 0; k < s; ++k)
      sum += table[j][k] = std::exp(value(2 * s + j * s + k, 2) - largest);
    for (size_t k = 0; k < s; ++k) table[j][k] = table[j][k] / sum + epsilon;
  }
  const auto divide_columns = [&] {
    for (size_t k = 0; k < s; ++k) {
      double sum = epsilon;
      for (size_t j = 0; j < s; ++j) sum += table[j][k];
      for (size_t j = 0; j < s; ++j) table[j][k] /= sum;
    }
  };
  divide_columns();
  for (size_t round = 1; round < w.sinkhorn_rounds; ++round) {
    for (size_t j = 0; j < s; ++j) {
      double sum = epsilon;
      for (size_t k = 0; k < s; ++k) sum += table[j][k];
      for (size_t k = 0; k < s; ++k) table[j][k] /= sum;
    }
    divide_columns();
  }
  for (size_t j = 0; j < s; ++j)
    for (size_t k = 0; k < s; ++k) c[j * s + k] = float(table[j][k]);
}

std::unique_ptr<Block> make_hyper_connection(const HyperWeights& site, const NormWeights& norm,
                                             std::unique_ptr<Branch> branch) {
  return std::make_unique<HyperConnection>(site, norm, std::move(branch), false);
}

std::unique_ptr<Block> make_lagged_hyper_connection(const HyperWeights& site,
                                                    const NormWeights& norm,
                                                    std::unique_ptr<Branch> branch) {
  return std::make_unique<HyperConnection>(site, norm, std::move(branch), true);
}

std::unique_ptr<Collapse> make_hyper_collapse(const HyperWeights& head) {
  return std::make_unique<HyperCollapse>(head);
}

std::unique_ptr<Collapse> make_lagged_collapse() {
  return std::make_unique<LaggedCollapse>();
}

}  // namespace engramd::engine::blocks
