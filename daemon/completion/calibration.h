// daemon/completion/calibration.h - the numbers that turn evidence into confidence.
//
// They come from tests/bench/completion_eval.cpp on Python packages that the network was not
// trained on; calibration.cpp says which run. Pure: any thread.
#pragma once

#include <cstddef>

namespace engramd::daemon {

// The repository memory's weight against the network, 0..1, by how long a context it found.
float memory_weight(size_t match_length, size_t n_seen);

// A suggestion made while typing is shown only when the probability of its whole text reaches
// this (on 150 held-out holes: 31 to 42 % get one, 54 % of those are exactly right); one that
// was asked for, when it reaches the lower one.
constexpr double kShownWhileTyping = 0.30;
constexpr double kShownWhenInvoked = 0.02;
// Later lines of a multi-line suggestion: each must reach this by itself.
constexpr double kContinuedLine = 0.45;

}  // namespace engramd::daemon
