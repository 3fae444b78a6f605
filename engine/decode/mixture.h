// engine/decode/mixture.h - one next-token distribution out of the network's and a proposer's.
//
//   p = (1 - g * s) * p_net + g * p_mem        s: the sum of the proposal's entries
//
// The part of the proposal that is "something unseen" (1 - s) goes back to the network, so p sums
// to one whenever p_net does. Pure functions: any thread.
#pragma once

#include <span>
#include <vector>

#include "engine/api/session.h"

namespace engramd::engine::decode {

// The proposer's weight g in the mixture, 0..1, from the confidence it states (0..1).
float proposal_weight(float confidence);

// Softmax of the first `out.size()` logits. False when a logit is not a number or all are -inf.
bool softmax(std::span<const float> logits, std::vector<float>& out);

// p_net on entry, p on return. Entries outside the vocabulary or without a positive finite
// probability are left out; a sum above one is scaled to one.
void mix(const Proposal& proposal, std::vector<float>& probabilities);

}  // namespace engramd::engine::decode
