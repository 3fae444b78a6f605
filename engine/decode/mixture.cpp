#include "engine/decode/mixture.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace engramd::engine::decode {

// The confidence a proposer states is taken as its share, up to a cap that leaves the network a
// voice. Measured with the shares all at the cap (tests/bench/completion_eval, 360 held-out holes,
// both ways of asking): no exact match lost or won against the memory alone; what a proposer's
// evidence is worth is calibrated where the proposer is made.
constexpr float kMaxWeight = 0.98f;

float proposal_weight(float confidence) {
  if (!(confidence > 0)) return 0;  // not a number counts as no confidence
  return std::min(confidence, kMaxWeight);
}

bool softmax(std::span<const float> logits, std::vector<float>& out) {
  const size_t n = std::min(out.size(), logits.size());
  float highest = -std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < n; ++i) {
    if (std::isnan(logits[i])) return false;
    highest = std::max(highest, logits[i]);
  }
  if (!std::isfinite(highest)) return false;
  double sum = 0;
  for (size_t i = 0; i < n; ++i) {
    out[i] = std::exp(logits[i] - highest);
    sum += out[i];
  }
  const auto scale = static_cast<float>(1 / sum);
  for (size_t i = 0; i < n; ++i) out[i] *= scale;
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(n), out.end(), 0.0f);
  return true;
}

void mix(const Proposal& proposal, std::vector<float>& probabilities) {
  const float weight = proposal_weight(proposal.confidence);
  const auto usable = [&](const Proposal::Entry& entry) {
    return entry.token >= 0 && static_cast<size_t>(entry.token) < probabilities.size() &&
           std::isfinite(entry.probability) && entry.probability > 0;
  };
  double sum = 0;
  for (const Proposal::Entry& entry : proposal.entries)
    if (usable(entry)) sum += entry.probability;
  if (weight == 0 || sum == 0) return;
  const auto scale = static_cast<float>(sum > 1 ? 1 / sum : 1);
  const auto kept = static_cast<float>(1 - weight * std::min(sum, 1.0));
  for (float& p : probabilities) p *= kept;
  for (const Proposal::Entry& entry : proposal.entries)
    if (usable(entry))
      probabilities[static_cast<size_t>(entry.token)] += weight * scale * entry.probability;
}

}  // namespace engramd::engine::decode
