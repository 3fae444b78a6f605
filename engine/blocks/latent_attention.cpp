#include "engine/blocks/latent_attention.h"

#include <algorithm>

#include "engine/blocks/rows_state.h"

namespace engramd::engine::blocks {
namespace {

class LatentAttention final : public Branch {
 public:
  LatentAttention(const LatentAttentionWeights& weights, cpu::KvType type)
      : w_(weights), type_(type), row_(w_.latent_dim + w_.rope.n_rotated) {}

  uint64_t n_parameters() const override {
    return w_.q.n_elements() + w_.q_a.n_elements() + w_.q_a.rows + w_.kv_a.n_elements() +
           w_.latent_dim + w_.k_b.n_elements() + w_.v_b.n_elements() + w_.output.n_elements();
  }
  std::unique_ptr<memory::BlockState> make_state(
      const std::shared_ptr<memory::Budget>& budget) const override {
    return std::make_unique<RowsState>(1, row_ * cpu::kv_element_bytes(type_), 0, budget);
  }

  bool run(Step& step, const float* x, float* y) const override {
    const size_t n = step.n_tokens;
    float* q = step.scratch.floats(n * w_.q.rows);
    float* kv = step.scratch.floats(n * row_);
    if (!project_in(step, x, q, kv)) return false;
    float* absorbed = step.scratch.floats(n * w_.n_heads * row_);
    if (!store(step, kv) || !absorb(step, q, absorbed)) return false;
    float* mixed = step.scratch.floats(n * w_.n_heads * w_.latent_dim);
    if (!attend(step, absorbed, mixed)) return false;
    float* values = step.scratch.floats(n * w_.n_heads * w_.value_dim);
    if (!per_head(step, w_.v_b, mixed, w_.latent_dim, values, w_.value_dim)) return false;
    Activations rows(step, values, n, w_.n_heads * w_.value_dim);
    return project(step, rows, {{&w_.output, y}});
  }

 private:
  bool project_in(Step& step, const float* x, float* q, float* kv) const {
    const size_t n = step.n_tokens, low = w_.q_a.rows;
    Activations input(step, x, n, step.d_model);
    if (low == 0) return project(step, input, {{&w_.q, q}, {&w_.kv_a, kv}});
    float* a = step.scratch.floats(n * low);
    if (!project(step, input, {{&w_.q_a, a}, {&w_.kv_a, kv}})) return false;
    if (!for_each_row(step, n, [&](size_t t, size_t) {
          step.kernels.rms_norm(a + t * low, w_.q_a_norm, low, w_.epsilon, a + t * low);
        }))
      return false;
    Activations rows(step, a, n, low);
    return project(step, rows, {{&w_.q, q}});
  }

  void turn(const Step& step, float* row, const RopeTables::Row& angles) const {
    if (w_.pairs == RopePairs::halves)
      step.kernels.rope_neox(row, w_.rope.n_rotated, angles.cos, angles.sin);
    else
      step.kernels.rope_interleaved(row, w_.rope.n_rotated, angles.cos, angles.sin, false);
  }

  bool store(Step& step, float* kv) const {
    auto& rows = static_cast<RowsState&>(*step.state).rows;
    const auto table = step.rope.prepare(w_.rope);
    return for_each_row(step, step.n_tokens, [&](size_t t, size_t) {
      float* row = kv + t * row_;
      step.kernels.rms_norm(row, w_.kv_a_norm, w_.latent_dim, w_.epsilon, row);
      turn(step, row + w_.latent_dim, RopeTables::row(table, t, w_.rope.n_rotated));
      step.kernels.to_row(type_, row, row_, rows.row(0, step.first_position + t));
    });
  }

  // out[t][head] = matrix.slice(head) in[t][head]
  bool per_head(Step& step, const Matrix& matrix, const float* in, size_t in_width, float* out,
                size_t out_stride) const {
    const size_t n = step.n_tokens, heads = w_.n_heads;
    Activations rows(step, in, n * heads, in_width);
    const auto* by_row = rows.in_format_of(matrix.type);
    if (by_row == nullptr) return false;
    auto* jobs = step.scratch.array<MatmulJob>(heads);
    for (size_t head = 0; head < heads; ++head) {
      auto** from = step.scratch.array<const std::byte*>(n);
      auto** to = step.scratch.array<float*>(n);
      for (size_t t = 0; t < n; ++t) {
        from[t] = by_row[t * heads + head];
        to[t] = out + (t * heads + head) * out_stride;
      }
      jobs[head] = {&matrix, head, from, to, n};
    }
    return run_matmuls(step, {jobs, heads});
  }

  // Queries in the space of the cache's rows.
  bool absorb(Step& step, const float* q, float* absorbed) const {
    const size_t n = step.n_tokens, heads = w_.n_heads, rotated = w_.rope.n_rotated;
    const size_t width = w_.nope_dim + rotated;
    float* nope = step.scratch.floats(n * heads * w_.nope_dim);
    const auto table = step.rope.prepare(w_.rope);
    if (!for_each_row(step, n, [&](size_t t, size_t) {
          const auto angles = RopeTables::row(table, t, rotated);
          for (size_t i = t * heads; i < (t + 1) * heads; ++i) {
            std::copy_n(q + i * width, w_.nope_dim, nope + i * w_.nope_dim);
            float* row = absorbed + i * row_ + w_.latent_dim;
            std::copy_n(q + i * width + w_.nope_dim, rotated, row);
            turn(step, row, angles);
          }
        }))
      return false;
    return per_head(step, w_.k_b, nope, w_.nope_dim, absorbed, row_);
  }

  bool attend(Step& step, const float* absorbed, float* mixed) const {
    constexpr size_t kPage = memory::PagedRows::kPageRows;
    const auto& rows = static_cast<const RowsState&>(*step.state).rows;
    const size_t end = step.first_position + step.n_tokens, n_pages = (end + kPage - 1) / kPage;
    const size_t threads = step.team.n_threads();
    auto** pages = step.scratch.array<const std::byte*>(n_pages);
    rows.run_pages(0, n_pages, pages);
    size_t group = w_.n_heads;
    while (group % 2 == 0 && step.n_tokens * (w_.n_heads / group) < 2 * threads) group /= 2;
    const size_t parts = w_.n_heads / group;
    float* scores = step.scratch.floats(threads * group * end);
    float* page = step.scratch.floats(threads * kPage * row_);
    return step.team.run(step.n_tokens * parts, step.cancel, [&](size_t item, size_t thread) {
      const size_t t = item / parts, first_head = item % parts * group;
      cpu::AttentionArgs args;
      args.q = absorbed + (t * w_.n_heads + first_head) * row_;
      args.group = group;
      args.head_dim = row_;
      args.value_dim = w_.latent_dim;
      args.k_pages = args.v_pages = pages;
      args.v_row_bytes = rows.row_bytes();
      args.page_keys = kPage;
      args.n_keys = step.first_position + t + 1;
      args.type = type_;
      args.scale = w_.scale;
      args.scores = scores + thread * group * end;
      args.page = page + thread * kPage * row_;
      args.out = mixed + (t * w_.n_heads + first_head) * w_.latent_dim;
      step.kernels.attention(args);
    });
  }

  const LatentAttentionWeights w_;
  const cpu::KvType type_;
  const size_t row_;  // elements of a cache row
};

}  // namespace

std::unique_ptr<Branch> make_latent_attention(const LatentAttentionWeights& weights,
                                              cpu::KvType kv_type) {
  return std::make_unique<LatentAttention>(weights, kv_type);
}

}  // namespace engramd::engine::blocks
