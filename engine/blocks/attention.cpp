#include "engine/blocks/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace engramd::engine::blocks {
namespace {

class Attention final : public Block {
 public:
  Attention(const AttentionWeights& weights, cpu::KvType kv_type)
      : w_(weights), kv_type_(kv_type) {}

  uint64_t n_parameters() const override {
    return w_.q.n_elements() + w_.k.n_elements() + w_.v.n_elements() + w_.output.n_elements() +
           w_.q.columns + 2 * w_.head_dim;
  }

  bool run(Step& step) const override {
    const size_t n = step.n_tokens, q_size = w_.n_heads * w_.head_dim,
                 kv_size = w_.n_kv_heads * w_.head_dim;
    float* x = step.scratch.floats(n * step.d_model);
    float* q = step.scratch.floats(n * q_size);
    float* k = step.scratch.floats(n * kv_size);
    float* v = step.scratch.floats(n * kv_size);
    bool done = for_each_row(step, n, [&](size_t t, size_t) {
      step.kernels.rms_norm(step.h + t * step.d_model, w_.norm, step.d_model, w_.epsilon,
                            x + t * step.d_model);
    });
    if (!done) return false;
    if (!project(step, x, q, k, v)) return false;
    if (!store(step, q, k, v)) return false;
    float* mixed = step.scratch.floats(n * q_size);
    if (!attend(step, q, mixed)) return false;

    Activations mixed_rows(step, mixed, n, q_size);
    const auto* activations = mixed_rows.in_format_of(w_.output.type);
    if (activations == nullptr) return false;
    const MatmulJob job = {&w_.output, 0, activations, row_pointers(step, x, n, step.d_model), n};
    if (!run_matmuls(step, {&job, 1})) return false;
    return for_each_row(step, n, [&](size_t t, size_t) {
      float* h = step.h + t * step.d_model;
      const float* y = x + t * step.d_model;
      for (size_t i = 0; i < step.d_model; ++i) h[i] += y[i];
    });
  }

 private:
  bool project(Step& step, const float* x, float* q, float* k, float* v) const {
    const size_t n = step.n_tokens;
    Activations rows(step, x, n, step.d_model);
    const auto* for_q = rows.in_format_of(w_.q.type);
    const auto* for_k = rows.in_format_of(w_.k.type);
    const auto* for_v = rows.in_format_of(w_.v.type);
    if (for_q == nullptr || for_k == nullptr || for_v == nullptr) return false;
    const MatmulJob jobs[3] = {{&w_.q, 0, for_q, row_pointers(step, q, n, w_.q.rows), n},
                               {&w_.k, 0, for_k, row_pointers(step, k, n, w_.k.rows), n},
                               {&w_.v, 0, for_v, row_pointers(step, v, n, w_.v.rows), n}};
    return run_matmuls(step, jobs);
  }

  // Norms and turns queries and keys, and puts keys and values into the cache.
  bool store(Step& step, float* q, float* k, const float* v) const {
    const size_t d = w_.head_dim;
    const auto table = step.rope.prepare(w_.rope_base, d);
    return for_each_row(step, step.n_tokens, [&](size_t t, size_t) {
      const auto [cos, sin] = RopeTables::row(table, t, d);
      for (size_t head = 0; head < w_.n_heads; ++head) {
        float* row = q + (t * w_.n_heads + head) * d;
        step.kernels.rms_norm(row, w_.q_norm, d, w_.epsilon, row);
        step.kernels.rope_neox(row, d, cos, sin);
      }
      for (size_t head = 0; head < w_.n_kv_heads; ++head) {
        float* key = k + (t * w_.n_kv_heads + head) * d;
        step.kernels.rms_norm(key, w_.k_norm, d, w_.epsilon, key);
        step.kernels.rope_neox(key, d, cos, sin);
        const size_t position = step.first_position + t;
        put(step, key, step.kv.k_row(w_.layer, head, position));
        put(step, v + (t * w_.n_kv_heads + head) * d, step.kv.v_row(w_.layer, head, position));
      }
    });
  }

  void put(Step& step, const float* row, std::byte* out) const {
    if (kv_type_ == cpu::KvType::f16)
      step.kernels.to_f16(row, w_.head_dim, out);
    else
      std::memcpy(out, row, w_.head_dim * sizeof(float));
  }

  bool attend(Step& step, const float* q, float* mixed) const {
    constexpr size_t kPage = memory::KvCache::kPageTokens;
    const size_t d = w_.head_dim, n_keys_max = step.first_position + step.n_tokens,
                 n_pages = (n_keys_max + kPage - 1) / kPage;
    auto** k_pages = step.scratch.array<const std::byte*>(w_.n_kv_heads * n_pages);
    auto** v_pages = step.scratch.array<const std::byte*>(w_.n_kv_heads * n_pages);
    for (size_t head = 0; head < w_.n_kv_heads; ++head) {
      step.kv.k_pages(w_.layer, head, n_pages, k_pages + head * n_pages);
      step.kv.v_pages(w_.layer, head, n_pages, v_pages + head * n_pages);
    }
    // The query heads of one key-value head share its pages; for a single token they are split
    // further when there are more threads than key-value heads.
    size_t group = w_.n_heads / w_.n_kv_heads;
    while (step.n_tokens == 1 && group % 2 == 0 && w_.n_heads / group < step.team.n_threads())
      group /= 2;
    const size_t parts = w_.n_heads / group, threads = step.team.n_threads();
    float* scores = step.scratch.floats(threads * group * n_keys_max);
    float* page = step.scratch.floats(threads * kPage * d);
    return step.team.run(step.n_tokens * parts, step.cancel, [&](size_t item, size_t thread) {
      const size_t t = item / parts, first_head = item % parts * group;
      const size_t kv_head = first_head / (w_.n_heads / w_.n_kv_heads);
      cpu::AttentionArgs args;
      args.q = q + (t * w_.n_heads + first_head) * d;
      args.group = group;
      args.head_dim = d;
      args.k_pages = k_pages + kv_head * n_pages;
      args.v_pages = v_pages + kv_head * n_pages;
      args.page_keys = kPage;
      args.n_keys = step.first_position + t + 1;
      args.type = kv_type_;
      args.scale = 1.0f / std::sqrt(float(d));
      args.scores = scores + thread * group * n_keys_max;
      args.page = page + thread * kPage * d;
      args.out = mixed + (t * w_.n_heads + first_head) * d;
      step.kernels.attention(args);
    });
  }

  const AttentionWeights w_;
  const cpu::KvType kv_type_;
};

}  // namespace

std::unique_ptr<Block> make_attention(const AttentionWeights& weights, cpu::KvType kv_type) {
  return std::make_unique<Attention>(weights, kv_type);
}

}  // namespace engramd::engine::blocks
