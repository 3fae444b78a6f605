// agent/solve/select.h - which of several patches to keep.
//
// By tests, then by agreement (independent runs that end in the same change are more often right),
// then by size, then the first. Pure functions: any thread.
#pragma once

#include <string>
#include <vector>

#include "agent/solve/report.h"

namespace engramd::agent {

struct PatchCandidate {
  Outcome outcome = Outcome::unresolved;
  std::string patch;
  size_t n_broken = 0;
};

// What a patch changes, whatever its context, blanks and hunk positions: equal texts are one
// change.
std::string normalised_diff(const std::string& patch);

struct Selection {
  size_t index = 0;
  size_t n_agreeing = 0;  // with the same change, itself included; 0: it has no patch
};
Selection select_patch(const std::vector<PatchCandidate>& candidates);

}  // namespace engramd::agent
