// daemon/completion/gate.h - what the evidence of memory and network is worth, in learned numbers.
//
// Two questions: before each token, how much of the mixture the memory gets; after a line, how
// probable it is that the whole of it is right. Both are answered by small models fitted on
// packages that nothing was trained on (models/train/fit_gate.py). A network's file carries its
// own (key engramd.completion.gate, docs/formats/engramd-model.md); the memory alone and a network
// without the key have defaults in calibration.cpp. Immutable: any thread.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "base/result.h"

namespace engramd::daemon {

// What both say before one token, over the tokens that are possible there. Probabilities are of
// line-end groups where tokens have one (line_ends.h).
struct StepEvidence {
  bool memory = false, network = false;        // whether each has anything to say
  float match_length = 0, n_seen = 0;          // the memory's context
  float memory_top = 0, memory_sum = 0;        // its best probability; of all candidates
  float network_top = 0, network_entropy = 0;  // in nats
  float memory_at_network_top = 0;             // the memory's probability of the network's best
  float network_at_memory_top = 0;
  bool agree = false;   // both have the same best token
  bool forced = false;  // part of a word left of the cursor is still to be covered
  float step = 0;       // tokens decided before
};
constexpr size_t kStepFeatures = 16;
using StepFeatures = std::array<float, kStepFeatures>;
StepFeatures step_features(const StepEvidence& evidence);

// A line as it was decided.
struct LineEvidence {
  bool continued = false;  // not the cursor's own line but one below it
  bool whole = false;      // the cursor's line was blank left of the cursor
  bool mixed = false;      // a network had a say
  float log_p = 0;         // of all its tokens, natural
  float min_log_p = 0;     // of its least sure token
  float n_tokens = 0;
  float match_length = 0;  // the memory's, mean over the tokens
  float first_match = 0;   // and before the first one
  float first_n_seen = 0;
  float n_bytes = 0;      // of text
  float from_memory = 0;  // share of tokens that are the memory's best
};
constexpr size_t kLineFeatures = 12;  // the last one is always 1
using LineFeatures = std::array<float, kLineFeatures>;
LineFeatures line_features(const LineEvidence& evidence);

class Gate {
 public:
  // The defaults.
  Gate();
  // The numbers of a model's file; an error when they are not such a list.
  static Result<Gate> read(std::span<const double> numbers);

  // The memory's share g of (1 - g s) p_network + g p_memory, where s is the memory's sum.
  float weight(const StepEvidence& evidence) const;
  // The probability that the line is exactly what belongs there, 0..1.
  double confidence(const LineEvidence& evidence) const;

  static constexpr size_t kMaxHidden = 64;

 private:
  bool has_network_part_ = false;
  size_t n_hidden_ = 0;
  std::vector<float> hidden_;  // [n_hidden, kStepFeatures + 1], the bias last
  std::vector<float> output_;  // [n_hidden + 1]
  // Of the cursor's line and of later ones.
  LineFeatures mixed_first_{}, mixed_later_{};
};

}  // namespace engramd::daemon
