#include "daemon/completion/gate.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "daemon/completion/calibration.h"

namespace engramd::daemon {
namespace {

constexpr double kVersion = 1;

float logit(float p) {
  const float inside = std::clamp(p, 1e-4f, 1 - 1e-4f);
  return std::log(inside / (1 - inside));
}

float log_of(float p) {
  return std::log(std::max(p, 1e-6f));
}

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

double dot(const LineFeatures& weights, const LineFeatures& features) {
  double sum = 0;
  for (size_t i = 0; i < kLineFeatures; ++i)
    sum += static_cast<double>(weights[i]) * static_cast<double>(features[i]);
  return sum;
}

}  // namespace

// Every feature is about -2..2, so that one learning rate and one penalty fit all.
StepFeatures step_features(const StepEvidence& e) {
  return {std::min(e.match_length, 16.0f) / 8,
          e.match_length <= 0 ? 1.0f : 0.0f,
          e.match_length == 1 ? 1.0f : 0.0f,
          e.match_length == 2 ? 1.0f : 0.0f,
          e.match_length == 3 ? 1.0f : 0.0f,
          std::log1p(e.n_seen) / 4,
          e.memory_top,
          logit(e.memory_top) / 4,
          e.memory_sum,
          e.network_top,
          logit(e.network_top) / 4,
          e.network_entropy / 4,
          e.agree ? 1.0f : 0.0f,
          log_of(e.network_at_memory_top) / 8,
          log_of(e.memory_at_network_top) / 8,
          e.forced || e.step < 1 ? 1.0f : 0.0f};
}

LineFeatures line_features(const LineEvidence& e) {
  const float p = std::exp(std::min(e.log_p, 0.0f));
  return {std::max(e.log_p, -12.0f) / 2,
          std::max(e.min_log_p, -8.0f) / 2,
          logit(p) / 4,
          p,
          std::log(std::max(e.n_tokens, 1.0f)),
          std::min(e.match_length, 16.0f) / 8,
          std::min(e.first_match, 16.0f) / 8,
          std::log1p(e.first_n_seen) / 4,
          std::log(std::max(e.n_bytes, 1.0f)) / 2,
          e.whole ? 1.0f : 0.0f,
          e.from_memory,
          1};
}

Gate::Gate() = default;

// [version, n step features, n line features, n hidden, hidden rows with their bias, output with
// its bias, weights of the first line, weights of later lines]
Result<Gate> Gate::read(std::span<const double> numbers) {
  constexpr size_t kHead = 4;
  if (numbers.size() < kHead || numbers[0] != kVersion || numbers[1] != kStepFeatures ||
      numbers[2] != kLineFeatures)
    return fail(ErrorCode::unsupported, "the gate of the model's file is of another version");
  if (!(numbers[3] >= 1 && numbers[3] <= kMaxHidden))
    return fail(ErrorCode::corrupt, "the gate of the model's file has no sensible size");
  Gate gate;
  gate.n_hidden_ = static_cast<size_t>(numbers[3]);
  const size_t n_inner = gate.n_hidden_ * (kStepFeatures + 1), n_outer = gate.n_hidden_ + 1;
  const size_t wanted = kHead + n_inner + n_outer + 2 * kLineFeatures;
  if (numbers.size() != wanted)
    return fail(ErrorCode::corrupt, "the gate of the model's file has " +
                                        std::to_string(numbers.size()) + " numbers, expected " +
                                        std::to_string(wanted));
  for (const double number : numbers)
    if (!std::isfinite(number) || std::abs(number) > 1e6)
      return fail(ErrorCode::corrupt, "the gate of the model's file has a number out of range");
  auto take = [rest = numbers.subspan(kHead)](size_t n) mutable {
    const auto part = rest.first(n);
    rest = rest.subspan(n);
    return part;
  };
  const auto inner = take(n_inner), outer = take(n_outer);
  gate.hidden_.assign(inner.begin(), inner.end());
  gate.output_.assign(outer.begin(), outer.end());
  for (LineFeatures* row : {&gate.mixed_first_, &gate.mixed_later_}) {
    const auto weights = take(kLineFeatures);
    std::transform(weights.begin(), weights.end(), row->begin(),
                   [](double w) { return static_cast<float>(w); });
  }
  gate.has_network_part_ = true;
  return gate;
}

float Gate::weight(const StepEvidence& evidence) const {
  if (!evidence.memory) return 0;
  if (!evidence.network) return 1;
  if (!has_network_part_)
    return memory_weight(static_cast<size_t>(evidence.match_length),
                         static_cast<size_t>(evidence.n_seen));
  const StepFeatures features = step_features(evidence);
  double sum = output_[n_hidden_];
  for (size_t h = 0; h < n_hidden_; ++h) {
    const float* row = hidden_.data() + h * (kStepFeatures + 1);
    double inner = row[kStepFeatures];
    for (size_t i = 0; i < kStepFeatures; ++i) inner += row[i] * features[i];
    sum += output_[h] * std::tanh(inner);
  }
  return static_cast<float>(sigmoid(sum));
}

double Gate::confidence(const LineEvidence& evidence) const {
  const LineFeatures features = line_features(evidence);
  if (!evidence.mixed)
    return sigmoid(dot(evidence.continued ? kMemoryLaterLine : kMemoryFirstLine, features));
  // Without fitted numbers the probability of the text is the best there is.
  if (!has_network_part_) return std::exp(std::min(evidence.log_p, 0.0f));
  return sigmoid(dot(evidence.continued ? mixed_later_ : mixed_first_, features));
}

}  // namespace engramd::daemon
