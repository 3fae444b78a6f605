#include "engine/blocks/attention.h"

#include <algorithm>
#include <cmath>

#include "engine/blocks/rows_state.h"

namespace engramd::engine::blocks {
namespace {

class Attention final : public Branch {
 public:
  Attention(const AttentionWeights& weights, cpu::KvType kv_type)
      : w_(weights), kv_type_(kv_type) {}

  uint64_t n_parameters() const override {
    const uint64_t biases = (w_.q_bias ? w_.q.rows : 0) + (w_.k_bias ? w_.k.rows : 0) +
                            (w_.v_bias ? w_.v.rows : 0) + (w_.output_bias ? w_.output.rows : 0);
    return w_.q.n_elements() + w_.k.n_elements() + w_.v.n_elements() + w_.output.n_elements() +
           biases + (w_.q_norm ? w_.head_dim : 0) + (w_.k_norm ? w_.head_dim : 0) +
           (w_.sinks ? w_.n_heads : 0);
  }

  std::unique_ptr<memory::BlockState> make_state(
      const std::shared_ptr<memory::Budget>& budget) const override {
    return std::make_unique<RowsState>(
        2 * w_.n_kv_heads, w_.head_dim * cpu::kv_element_bytes(kv_type_), w_.window, budget);
  }

  bool run(Step& step, const float* x, float* y) const override {
    const size_t n = step.n_tokens, q_size = w_.n_heads * w_.head_dim,
                 kv_size = w_.n_kv_heads * w_.head_dim;
    float* q = step.scratch.floats(n * w_.q.rows);
    float* k = step.scratch.floats(n * kv_size);
    float* v = step.scratch.floats(n * kv_size);
    // Of tokens that nobody asks for, only keys and values.
    const size_t skipped = w_.gated ? 0 : step.n_unread, n_asked = n - skipped;
    Activations rows(step, x, n, step.d_model);
    if (skipped == 0) {
      if (!project(step, rows,
                   {{&w_.q, q, w_.q_bias}, {&w_.k, k, w_.k_bias}, {&w_.v, v, w_.v_bias}}))
        return false;
    } else {
      Activations asked(step, x + skipped * step.d_model, n_asked, step.d_model);
      if (!project(step, rows, {{&w_.k, k, w_.k_bias}, {&w_.v, v, w_.v_bias}}) ||
          !project(step, asked, {{&w_.q, q + skipped * w_.q.rows, w_.q_bias}}))
        return false;
    }
    const float* gates = nullptr;
    if (w_.gated && !split_gates(step, q, gates)) return false;
    if (!store(step, q, k, v, skipped)) return false;
    float* mixed = step.scratch.floats(n * q_size);
    if (!attend(step, q, mixed, skipped)) return false;
    if (gates != nullptr && !for_each_row(step, n, [&](size_t t, size_t) {
          float* row = mixed + t * q_size;
          const float* gate = gates + t * q_size;
          for (size_t i = 0; i < q_size; ++i) row[i] /= 1.0f + std::exp(-gate[i]);
        }))
      return false;
    Activations mixed_rows(step, mixed + skipped * q_size, n_asked, q_size);
    return project(step, mixed_rows, {{&w_.output, y + skipped * step.d_model, w_.output_bias}});
  }

 private:
  // Wq's rows are [head][query, gate][head_dim]: parts them into two arrays of [head][head_dim].
  bool split_gates(Step& step, float*& q, const float*& gates) const {
    const size_t d = w_.head_dim, n_heads = w_.n_heads, size = n_heads * d;
    float* both = step.scratch.floats(2 * step.n_tokens * size);
    float* queries = both;
    float* gate_rows = both + step.n_tokens * size;
    const float* mixed = q;
    if (!for_each_row(step, step.n_tokens, [&](size_t t, size_t) {
          for (size_t head = 0; head < n_heads; ++head) {
            const float* from = mixed + (t * n_heads + head) * 2 * d;
            std::copy_n(from, d, queries + t * size + head * d);
            std::copy_n(from + d, d, gate_rows + t * size + head * d);
          }
        }))
      return false;
    q = queries;
    gates = gate_rows;
    return true;
  }

  // Norms and turns queries and keys, and puts keys and values into the session's rows.
  bool store(Step& step, float* q, float* k, const float* v, size_t skipped) const {
    const size_t d = w_.head_dim, rotated = w_.rope.n_rotated;
    auto& rows = static_cast<RowsState&>(*step.state).rows;
    const auto table = rotated > 0 ? step.rope.prepare(w_.rope) : std::span<const float>();
    const auto turn = [&](float* row, size_t t) {
      if (rotated == 0) return;
      const auto [cos, sin] = RopeTables::row(table, t, rotated);
      if (w_.pairs == RopePairs::halves)
        step.kernels.rope_neox(row, rotated, cos, sin);
      else
        step.kernels.rope_interleaved(row, rotated, cos, sin, false);
    };
    return for_each_row(step, step.n_tokens, [&](size_t t, size_t) {
      for (size_t head = 0; head < w_.n_heads && t >= skipped; ++head) {
        float* row = q + (t * w_.n_heads + head) * d;
        if (w_.q_norm != nullptr) step.kernels.rms_norm(row, w_.q_norm, d, w_.epsilon, row);
        turn(row, t);
      }
      const size_t position = step.first_position + t;
      for (size_t head = 0; head < w_.n_kv_heads; ++head) {
        float* key = k + (t * w_.n_kv_heads + head) * d;
        if (w_.k_norm != nullptr) step.kernels.rms_norm(key, w_.k_norm, d, w_.epsilon, key);
        turn(key, t);
        step.kernels.to_row(kv_type_, key, d, rows.row(head, position));
        step.kernels.to_row(kv_type_, v + (t * w_.n_kv_heads + head) * d, d,
                            rows.row(w_.n_kv_heads + head, position));
      }
    });
  }

  bool attend(Step& step, const float* q, float* mixed, size_t skipped) const {
    constexpr size_t kPage = memory::PagedRows::kPageRows, kMost = cpu::kAttentionTokens;
    const auto& rows = static_cast<const RowsState&>(*step.state).rows;
    const size_t d = w_.head_dim, n_keys_max = step.first_position + step.n_tokens,
                 n_pages = (n_keys_max + kPage - 1) / kPage;
    auto** pages = step.scratch.array<const std::byte*>(2 * w_.n_kv_heads * n_pages);
    for (size_t run = 0; run < 2 * w_.n_kv_heads; ++run)
      rows.run_pages(run, n_pages, pages + run * n_pages);
    // The query heads of one key-value head share its pages; for a single token they are split
    // further when there are more threads than key-value heads.
    size_t group = w_.n_heads / w_.n_kv_heads;
    const size_t n = step.n_tokens - skipped;
    while (n == 1 && group % 2 == 0 && w_.n_heads / group < step.team.n_threads()) group /= 2;
    const size_t parts = w_.n_heads / group, threads = step.team.n_threads();
    // Neighbouring tokens go together, as long as every thread has some.
    const size_t together =
        w_.window > 0 ? 1 : std::clamp<size_t>(n * parts / (4 * threads), 1, kMost);
    const size_t n_items = (n + together - 1) / together * parts;
    const size_t n_scores = together * group * n_keys_max;
    float* scores = step.scratch.floats(threads * n_scores);
    float* page = step.scratch.floats(threads * kPage * d);
    return step.team.run(n_items, step.cancel, [&](size_t item, size_t thread) {
      const size_t t = skipped + item / parts * together, first_head = item % parts * group;
      const size_t kv_head = first_head / (w_.n_heads / w_.n_kv_heads);
      cpu::AttentionArgs args;
      args.q = q + (t * w_.n_heads + first_head) * d;
      args.group = group;
      args.head_dim = d;
      args.k_pages = pages + kv_head * n_pages;
      args.v_pages = pages + (w_.n_kv_heads + kv_head) * n_pages;
      args.page_keys = kPage;
      args.n_keys = step.first_position + t + 1;
      args.n_tokens = std::min(together, step.n_tokens - t);
      args.q_stride = args.out_stride = w_.n_heads * d;
      if (w_.window > 0 && args.n_keys > w_.window) args.first_key = args.n_keys - w_.window;
      args.type = kv_type_;
      args.scale = w_.scale > 0 ? w_.scale : 1.0f / std::sqrt(float(d));
      args.sinks = w_.sinks == nullptr ? nullptr : w_.sinks + first_head;
      args.scores = scores + thread * n_scores;
      args.page = page + thread * kPage * d;
      args.out = mixed + (t * w_.n_heads + first_head) * d;
      step.kernels.attention(args);
    });
  }

  const AttentionWeights w_;
  const cpu::KvType kv_type_;
};

}  // namespace

std::unique_ptr<Branch> make_attention(const AttentionWeights& weights, cpu::KvType kv_type) {
  return std::make_unique<Attention>(weights, kv_type);
}

}  // namespace engramd::engine::blocks
