// daemon/completion/calibration.h - the numbers that turn evidence into confidence where a model's
// file brings none of its own (gate.h).
//
// They come from tests/bench/completion_eval.cpp on packages that the network was not trained on;
// calibration.cpp says which run. Pure: any thread.
#pragma once

#include <cstddef>

#include "daemon/completion/gate.h"

namespace engramd::daemon {

// The repository memory's weight against the network, 0..1, by how long a context it found.
float memory_weight(size_t match_length, size_t n_seen);

// The memory alone: how probable a line is right, as weights of line_features().
extern const LineFeatures kMemoryFirstLine, kMemoryLaterLine;

// A suggestion made while typing is shown only when it is as probably right as this, which shows
// about two in five, more than half of them right; one that was asked for, when it reaches the
// lower one. A user's own counts move the first within bounds (suggestion_counts.h).
constexpr double kShownWhileTyping = 0.20;
constexpr double kShownWhenInvoked = 0.02;
// Later lines of a suggestion: each must reach the first by itself, and the whole text the second.
constexpr double kContinuedLine = 0.60;
constexpr double kSeveralLines = 0.50;

}  // namespace engramd::daemon
