// engine/decode/softmax.h - probabilities out of logits. A pure function: any thread.
#pragma once

#include <span>
#include <vector>

namespace engramd::engine::decode {

// Softmax of the first `out.size()` logits. False when a logit is not a number or all are -inf.
bool softmax(std::span<const float> logits, std::vector<float>& out);

}  // namespace engramd::engine::decode
