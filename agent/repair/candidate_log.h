// agent/repair/candidate_log.h - all candidates of a search as text, for those who measure orders.
//
// One JSON object a line, in the order of trial (docs/formats/repair-candidates.md). As many lines
// as a search tries at most, so a few megabytes. Pure: any thread.
#pragma once

#include <string>
#include <vector>

#include "agent/repair/candidate.h"
#include "agent/repair/search.h"

namespace engramd::agent {

// trials: what came of each; may be shorter than the candidates.
std::string candidate_log(const std::vector<Candidate>& candidates,
                          const std::vector<Trial>& trials);

}  // namespace engramd::agent
