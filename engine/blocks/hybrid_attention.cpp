#include "engine/blocks/hybrid_attention.h"

#include <algorithm>
#include <cmath>

namespace engramd::engine::blocks {
namespace {

class HybridState final : public memory::BlockState {
 public:
  HybridState(const HybridAttentionWeights& w, cpu::KvType type,
              const std::shared_ptr<memory::Budget>& budget)
      : window(1, w.head_dim * cpu::kv_element_bytes(type), w.keep_all ? 0 : w.window, budget) {
    if (w.compressor) compressed.emplace(*w.compressor, type, budget);
    if (w.index_keys) index_keys.emplace(*w.index_keys, type, budget);
    if (w.latent_keys)
      latent_keys.emplace(1, w.latent_keys->key.rows * cpu::kv_element_bytes(type), budget);
    ratio = w.past_ratio;
  }
  Status reserve(size_t n) override {
    ENGRAMD_CHECK(window.reserve(n));
    if (compressed) ENGRAMD_CHECK(compressed->reserve(n));
    if (latent_keys && n / ratio > latent_keys->n_rows())
      ENGRAMD_CHECK(latent_keys->resize(n / ratio));
    return index_keys ? index_keys->reserve(n) : Status();
  }
  void commit(size_t n) override {
    window.commit(n);
    if (compressed) compressed->commit(n);
    if (index_keys) index_keys->commit(n);
  }
  size_t reach() const override { return window.reach(); }
  size_t earliest(size_t n) const override {
    size_t earliest = window.earliest(n);
    if (compressed) earliest = std::max(earliest, compressed->earliest(n));
    if (index_keys) earliest = std::max(earliest, index_keys->earliest(n));
    return earliest;
  }
  void truncate(size_t n) override {
    window.truncate(n);
    if (compressed) compressed->truncate(n);
    if (index_keys) index_keys->truncate(n);
    if (latent_keys) (void)latent_keys->resize(n / ratio);  // shrinking cannot fail
  }
  void save(size_t n, memory::Saved what, std::string& out) const override {
    window.save(n, what, out);
    if (compressed) compressed->save(n, what, out);
    if (index_keys) index_keys->save(n, what, out);
    if (latent_keys && what == memory::Saved::all) latent_keys->save(0, n / ratio, out);
  }
  Status load(size_t n, memory::Saved what, std::string_view& in) override {
    ENGRAMD_CHECK(window.load(n, what, in));
    if (compressed) ENGRAMD_CHECK(compressed->load(n, what, in));
    if (index_keys) ENGRAMD_CHECK(index_keys->load(n, what, in));
    if (!latent_keys) return {};
    return what == memory::Saved::all ? latent_keys->load(0, n / ratio, in)
                                      : latent_keys->resize(n / ratio);
  }
  uint64_t memory_bytes() const override {
    return window.memory_bytes() + (compressed ? compressed->memory_bytes() : 0) +
           (index_keys ? index_keys->memory_bytes() : 0) +
           (latent_keys ? latent_keys->memory_bytes() : 0);
  }
  const memory::PagedRows& keys() const { return index_keys ? index_keys->rows : *latent_keys; }

  RowsState window;
  std::optional<CompressorState> compressed, index_keys;
  std::optional<memory::PagedRows> latent_keys;
  size_t ratio = 0;
};

// The rows kv [n_tokens, head_dim] as the cache keeps them.
bool store_rows(Step& step, const HybridAttentionWeights& w, cpu::KvType type, float* kv,
                HybridState& state) {
  const size_t d = w.head_dim, rotated = w.rope.n_rotated;
  const auto table = step.rope.prepare(w.rope);
  return for_each_row(step, step.n_tokens, [&](size_t t, size_t) {
    const auto [cos, sin] = RopeTables::row(table, t, rotated);
    float* key = kv + t * d;
    step.kernels.rms_norm(key, w.kv_norm, d, w.epsilon, key);
    step.kernels.rope_interleaved(key + d - rotated, rotated, cos, sin, false);
    round_for_cache(w.rounding, key, d, rotated);
    step.kernels.to_row(type, key, d, state.window.rows.row(0, step.first_position + t));
  });
}

class HybridAttention final : public Branch {
 public:
  HybridAttention(const HybridAttentionWeights& weights, cpu::KvType type)
      : w_(weights), type_(type) {}

  uint64_t n_parameters() const override {
    return w_.q_a.n_elements() + w_.q_b.n_elements() + w_.kv.n_elements() +
           w_.output_a.n_elements() + w_.output_b.n_elements() + w_.q_a.rows + w_.head_dim +
           w_.n_heads + (w_.compressor ? w_.compressor->n_parameters() : 0) +
           (w_.index_keys ? w_.index_keys->n_parameters() : 0) +
           (w_.latent_keys ? w_.latent_keys->key.n_elements() + w_.latent_keys->key.rows : 0) +
           (w_.indexer ? w_.indexer->n_parameters() : 0);
  }

  std::unique_ptr<memory::BlockState> make_state(
      const std::shared_ptr<memory::Budget>& budget) const override {
    return std::make_unique<HybridState>(w_, type_, budget);
  }

  bool run(Step& step, const float* x, float* y) const override {
    auto& state = static_cast<HybridState&>(*step.state);
    const size_t n = step.n_tokens, low = w_.q_a.rows;
    Activations input(step, x, n, step.d_model);
    float* a = step.scratch.floats(n * low);
    float* kv = step.scratch.floats(n * w_.head_dim);
    if (!project(step, input, {{&w_.q_a, a}, {&w_.kv, kv}})) return false;
    if (!for_each_row(step, n, [&](size_t t, size_t) {
          step.kernels.rms_norm(a + t * low, w_.q_a_norm, low, w_.epsilon, a + t * low);
        }))
      return false;
    Activations low_rank(step, a, n, low);
    float* q = step.scratch.floats(n * w_.q_b.rows);
    if (!project(step, low_rank, {{&w_.q_b, q}})) return false;
    if (!turn_queries(step, q) || !store_rows(step, w_, type_, kv, state)) return false;

    if (!bring_up_past(step, input, state)) return false;
    const HybridState& source =
        w_.source_block ? static_cast<const HybridState&>(*step.states.of_block(*w_.source_block))
                        : state;
    if (w_.indexer &&
        !pick_rows(step, *w_.indexer, input, low_rank, source.keys(), type_, w_.past_ratio))
      return false;
    float* mixed = step.scratch.floats(n * w_.q_b.rows);
    if (!attend(step, q, state, source, mixed)) return false;
    return project_output(step, mixed, y);
  }

 private:
  bool turn_queries(Step& step, float* q) const {
    const size_t d = w_.head_dim, rotated = w_.rope.n_rotated;
    const auto table = step.rope.prepare(w_.rope);
    return for_each_row(step, step.n_tokens, [&](size_t t, size_t) {
      const auto [cos, sin] = RopeTables::row(table, t, rotated);
      for (size_t head = 0; head < w_.n_heads; ++head) {
        float* row = q + (t * w_.n_heads + head) * d;
        if (w_.head_norm) step.kernels.rms_norm(row, nullptr, d, w_.epsilon, row);
        step.kernels.rope_interleaved(row + d - rotated, rotated, cos, sin, false);
      }
    });
  }

  // The rows and keys that this layer makes.
  bool bring_up_past(Step& step, Activations& input, HybridState& state) const {
    if (!w_.compressor) return true;
    if (w_.index_keys && !compress(step, *w_.index_keys, input, type_, *state.index_keys))
      return false;
    return compress(step, *w_.compressor, input, type_, *state.compressed,
                    w_.latent_keys ? &*w_.latent_keys : nullptr,
                    state.latent_keys ? &*state.latent_keys : nullptr);
  }

  // The rows a token looks at, as pointers: its window, then its part of the compressed past.
  size_t visible_rows(const Step& step, const HybridState& state, const HybridState& source,
                      size_t t, const std::byte** out) const {
    const size_t seen = w_.whole_step ? step.first_position : step.first_position + t + 1;
    const size_t end = w_.whole_step ? step.first_position + step.n_tokens : seen;
    const size_t first = seen > w_.window ? seen - w_.window : 0;
    size_t n = 0;
    for (size_t i = first; i < end; ++i) out[n++] = state.window.rows.row(0, i);
    if (w_.past_ratio == 0) return n;
    const memory::PagedRows& past = source.compressed->rows;
    if (w_.picked()) {
      const uint32_t* picks = step.board.picks.data() + t * step.board.pick_stride;
      for (size_t i = 0; i < step.board.n_picks[t]; ++i) out[n++] = past.row(0, picks[i]);
    } else {
      for (size_t i = 0; i < end / w_.past_ratio; ++i) out[n++] = past.row(0, i);
    }
    return n;
  }

  bool attend(Step& step, const float* q, const HybridState& state, const HybridState& source,
              float* mixed) const {
    const size_t d = w_.head_dim, rotated = w_.rope.n_rotated, threads = step.team.n_threads();
    const size_t end = step.first_position + step.n_tokens;
    size_t most = std::min(end, w_.window + (w_.whole_step ? step.n_tokens : 0));
    if (w_.past_ratio > 0) most += w_.picked() ? step.board.pick_stride : end / w_.past_ratio;
    // All heads share the rows; a single token's heads are split among the threads.
    size_t group = w_.n_heads;
    while (group % 2 == 0 && step.n_tokens * (w_.n_heads / group) < 2 * threads) group /= 2;
    const size_t parts = w_.n_heads / group;
    auto** rows = step.scratch.array<const std::byte*>(threads * most);
    float* scores = step.scratch.floats(threads * group * most);
    float* page = step.scratch.floats(threads * cpu::kAttentionPage * d);
    const auto table = step.rope.prepare(w_.rope);
    return step.team.run(step.n_tokens * parts, step.cancel, [&](size_t item, size_t thread) {
      const size_t t = item / parts, first_head = item % parts * group;
      cpu::AttentionArgs args;
      args.n_keys = visible_rows(step, state, source, t, rows + thread * most);
      args.q = q + (t * w_.n_heads + first_head) * d;
      args.group = group;
      args.head_dim = d;
      args.k_pages = args.v_pages = rows + thread * most;
      args.page_keys = 1;
      args.type = type_;
      args.scale = 1 / std::sqrt(float(d));
      args.sinks = w_.sinks + first_head;
      args.scores = scores + thread * group * most;
      args.page = page + thread * cpu::kAttentionPage * d;
      args.out = mixed + (t * w_.n_heads + first_head) * d;
      step.kernels.attention(args);
      const auto [cos, sin] = RopeTables::row(table, t, rotated);
      for (size_t head = 0; head < group; ++head)
        step.kernels.rope_interleaved(args.out + head * d + d - rotated, rotated, cos, sin, true);
    });
  }

  bool project_output(Step& step, const float* mixed, float* y) const {
    const size_t n = step.n_tokens, n_groups = w_.output_a.n_slices, low = w_.output_a.rows;
    const size_t width = w_.output_a.columns;
    float* reduced = step.scratch.floats(n * n_groups * low);
    Activations parts(step, mixed, n * n_groups, width);  // row t * n_groups + g
    const auto* by_part = parts.in_format_of(w_.output_a.type);
    if (by_part == nullptr) return false;
    auto* jobs = step.scratch.array<MatmulJob>(n_groups);
    for (size_t g = 0; g < n_groups; ++g) {
      auto** in = step.scratch.array<const std::byte*>(n);
      auto** out = step.scratch.array<float*>(n);
      for (size_t t = 0; t < n; ++t) {
        in[t] = by_part[t * n_groups + g];
        out[t] = reduced + (t * n_groups + g) * low;
      }
      jobs[g] = {&w_.output_a, g, in, out, n};
    }
    if (!run_matmuls(step, {jobs, n_groups})) return false;
    Activations rows(step, reduced, n, n_groups * low);
    return project(step, rows, {{&w_.output_b, y}});
  }

  const HybridAttentionWeights w_;
  const cpu::KvType type_;
};

}  // namespace

bool make_window_rows(Step& step, const HybridAttentionWeights& w, cpu::KvType kv_type,
                      const float* x) {
  float* kv = step.scratch.floats(step.n_tokens * w.head_dim);
  Activations input(step, x, step.n_tokens, step.d_model);
  return project(step, input, {{&w.kv, kv}}) &&
         store_rows(step, w, kv_type, kv, static_cast<HybridState&>(*step.state));
}

std::unique_ptr<Branch> make_hybrid_attention(const HybridAttentionWeights& weights,
                                              cpu::KvType kv_type) {
  return std::make_unique<HybridAttention>(weights, kv_type);
}

}  // namespace engramd::engine::blocks
