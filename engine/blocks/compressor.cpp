#include "engine/blocks/compressor.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/quant/fp4.h"
#include "engine/quant/fp8.h"

namespace engramd::engine::blocks {

void round_for_cache(CacheRounding rounding, float* row, size_t n, size_t rotated) {
  switch (rounding) {
    case CacheRounding::none:
      return;
    case CacheRounding::e4m3_64:
      if ((n - rotated) % 64 == 0) quant::round_trip_e4m3(row, n - rotated, 64);
      for (size_t i = n - rotated; i < n; ++i)
        row[i] = quant::bf16_to_float(quant::float_to_bf16(row[i]));
      return;
    case CacheRounding::e4m3_32_all:
      if (n % 32 == 0) quant::round_trip_e4m3(row, n, 32);
      return;
    case CacheRounding::e2m1_16_all:
      if (n % 16 == 0) quant::round_trip_e2m1_e4m3(row, n, 16);
      return;
    case CacheRounding::index_e2m1:
      if (n % 32 == 0) quant::round_trip_e2m1(row, n, 32);
      return;
  }
}

CompressorState::CompressorState(const CompressorWeights& w, cpu::KvType type,
                                 const std::shared_ptr<memory::Budget>& budget)
    : pending(1, 2 * w.kv.rows * sizeof(float), w.keep_all ? 0 : (w.overlap ? 2 : 1) * w.ratio,
              budget),
      rows(1, w.width * cpu::kv_element_bytes(type), budget),
      ratio_(w.ratio) {}

Status CompressorState::reserve(size_t n_tokens) {
  ENGRAMD_CHECK(pending.reserve(n_tokens));
  if (n_tokens / ratio_ <= rows.n_rows()) return {};
  return rows.resize(n_tokens / ratio_);
}

void CompressorState::truncate(size_t n_tokens) {
  pending.truncate(n_tokens);
  (void)rows.resize(n_tokens / ratio_);  // shrinking cannot fail
}

void CompressorState::save(size_t n_tokens, memory::Saved what, std::string& out) const {
  pending.save(n_tokens, what, out);
  if (what == memory::Saved::all) rows.save(0, n_tokens / ratio_, out);
}

Status CompressorState::load(size_t n_tokens, memory::Saved what, std::string_view& in) {
  ENGRAMD_CHECK(pending.load(n_tokens, what, in));
  if (what == memory::Saved::all) return rows.load(0, n_tokens / ratio_, in);
  return rows.resize(n_tokens / ratio_);
}

namespace {

// The group that ends before token `end`, out: [width].
void emit(const CompressorWeights& w, const memory::PagedRows& pending, size_t end, float* out) {
  const size_t wide = w.kv.rows;
  const float* contents[256];
  const float* logits[256];
  size_t n = 0;
  const auto add = [&](size_t first, size_t half) {
    for (size_t t = 0; t < w.ratio; ++t) {
      const auto* row = reinterpret_cast<const float*>(pending.row(0, first + t));
      contents[n] = row + half * w.width;
      logits[n++] = row + wide + half * w.width;
    }
  };
  if (w.overlap && end >= 2 * w.ratio) add(end - 2 * w.ratio, 0);
  add(end - w.ratio, w.overlap ? 1 : 0);
  for (size_t i = 0; i < w.width; ++i) {
    float largest = -std::numeric_limits<float>::infinity();
    for (size_t t = 0; t < n; ++t) largest = std::max(largest, logits[t][i]);
    double sum = 0, mixed = 0;
    for (size_t t = 0; t < n; ++t) {
      const double share = std::exp(double(logits[t][i] - largest));
      sum += share;
      mixed += share * double(contents[t][i]);
    }
    out[i] = float(mixed / sum);
  }
}

}  // namespace

bool compress(Step& step, const CompressorWeights& w, Activations& input, cpu::KvType type,
              CompressorState& state, const LatentKeys* latent_keys, memory::PagedRows* keys) {
  const size_t n = step.n_tokens, wide = w.kv.rows, first = step.first_position;
  float* contents = step.scratch.floats(n * wide);
  float* logits = step.scratch.floats(n * wide);
  if (w.gate.rows == 0) {
    std::fill_n(logits, n * wide, 0.0f);
    if (!project(step, input, {{&w.kv, contents}})) return false;
  } else if (!project(step, input, {{&w.kv, contents}, {&w.gate, logits}})) {
    return false;
  }
  memory::PagedRows& pending = state.pending.rows;
  if (!for_each_row(step, n, [&](size_t t, size_t) {
        auto* row = reinterpret_cast<float*>(pending.row(0, first + t));
        std::copy_n(contents + t * wide, wide, row);
        const float* z = logits + t * wide;
        const float* ape = w.ape == nullptr ? nullptr : w.ape + (first + t) % w.ratio * wide;
        for (size_t i = 0; i < wide; ++i) row[wide + i] = z[i] + (ape == nullptr ? 0 : ape[i]);
      }))
    return false;

  const size_t first_group = first / w.ratio, end_group = (first + n) / w.ratio;
  const size_t n_groups = end_group - first_group, rotated = w.rope.n_rotated;
  if (n_groups == 0) return true;
  const std::vector<double> frequencies = rope_frequencies(w.rope);
  float* latents = step.scratch.floats(n_groups * w.width);
  float* angles = step.scratch.floats(n_groups * rotated);
  if (!for_each_row(step, n_groups, [&](size_t g, size_t) {
        float* row = latents + g * w.width;
        emit(w, pending, (first_group + g + 1) * w.ratio, row);
        step.kernels.rms_norm(row, w.norm, w.width, w.epsilon, row);
        rope_row(frequencies, w.rope.magnitude, (first_group + g) * w.ratio, angles + g * rotated);
      }))
    return false;

  const auto keep = [&](float* row, size_t width, size_t g, bool hadamard, CacheRounding rounding,
                        memory::PagedRows& rows) {
    const float* turn = angles + g * rotated;
    step.kernels.rope_interleaved(row + width - rotated, rotated, turn, turn + rotated / 2, false);
    if (hadamard) step.kernels.hadamard(row, width);
    round_for_cache(rounding, row, width, rotated);
    step.kernels.to_row(type, row, width, rows.row(0, first_group + g));
  };
  if (latent_keys != nullptr) {
    const size_t width = latent_keys->key.rows;
    float* key_rows = step.scratch.floats(n_groups * width);
    Activations latent_rows(step, latents, n_groups, w.width);
    if (!project(step, latent_rows, {{&latent_keys->key, key_rows}})) return false;
    if (!for_each_row(step, n_groups, [&](size_t g, size_t) {
          float* row = key_rows + g * width;
          step.kernels.rms_norm(row, latent_keys->norm, width, w.epsilon, row);
          keep(row, width, g, false, latent_keys->rounding, *keys);
        }))
      return false;
  }
  return for_each_row(step, n_groups, [&](size_t g, size_t) {
    keep(latents + g * w.width, w.width, g, w.hadamard, w.rounding, state.rows);
  });
}

}  // namespace engramd::engine::blocks
