#include "engine/blocks/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace engramd::engine::blocks {
namespace {

// The pair whose wave makes `turns` turns over the original context.
double pair_with_turns(const RopeSpec& spec, double turns) {
  return double(spec.n_rotated) * std::log(spec.original_context / (turns * 2 * std::numbers::pi)) /
         (2 * std::log(spec.base));
}

}  // namespace

std::vector<double> rope_frequencies(const RopeSpec& spec) {
  const size_t n = spec.n_rotated / 2;
  std::vector<double> out(n);
  double low = 0, high = 0;
  const bool blended = spec.beta_fast > 0;
  if (blended) {
    low = pair_with_turns(spec, spec.beta_fast);
    high = pair_with_turns(spec, spec.beta_slow);
    if (spec.whole_corrections) {
      low = std::floor(low);
      high = std::ceil(high);
    }
    low = std::max(low, 0.0);
    high = std::min(high, double(spec.n_rotated - 1));
    if (low == high) high += 0.001;
  }
  for (size_t i = 0; i < n; ++i) {
    double frequency = std::pow(spec.base, -2.0 * double(i) / double(spec.n_rotated));
    if (spec.divisors != nullptr) frequency /= double(spec.divisors[i]);
    const double slowed = blended ? std::clamp((double(i) - low) / (high - low), 0.0, 1.0) : 1.0;
    out[i] = frequency / spec.factor * slowed + frequency * (1 - slowed);
  }
  return out;
}

void rope_row(std::span<const double> frequencies, double magnitude, size_t position, float* out) {
  const size_t n = frequencies.size();
  for (size_t i = 0; i < n; ++i) {
    const double angle = double(position) * frequencies[i];
    out[i] = float(std::cos(angle) * magnitude);
    out[n + i] = float(std::sin(angle) * magnitude);
  }
}

std::span<const float> RopeTables::prepare(const RopeSpec& spec) {
  auto table =
      std::find_if(tables_.begin(), tables_.end(), [&](const Table& t) { return t.spec == spec; });
  if (table == tables_.end())
    table = tables_.insert(table, Table{spec, rope_frequencies(spec), false, {}});
  if (!table->ready) {
    table->values.resize(n_tokens_ * spec.n_rotated);
    for (size_t t = 0; t < n_tokens_; ++t)
      rope_row(table->frequencies, spec.magnitude, first_position_ + t,
               table->values.data() + t * spec.n_rotated);
    table->ready = true;
  }
  return table->values;
}

}  // namespace engramd::engine::blocks
