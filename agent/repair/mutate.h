// agent/repair/mutate.h - every small edit of a file that could be the missing fix.
//
// Runs the template families (templates/table.cpp) over the suspicious lines. Works for a language
// as soon as its row lists its editing kinds and spelling.cpp has one for what it writes its own
// way. Never looks at tests. Pure: any thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/repair/candidate.h"
#include "agent/repair/offer.h"
#include "base/result.h"

namespace engramd::agent {

struct MutateOptions {
  size_t max_candidates = 30000;
  size_t max_donors = 24;  // expressions of the same function offered for one place
  Hints hints;
  Donors donors;
};

// suspicion(line) in 0..1; lines with 0 are left alone. Candidates of one file, best first; no two
// give the same text.
Result<std::vector<Candidate>> mutate(const std::string& path, const std::string& text,
                                      const std::function<double(uint32_t line)>& suspicion,
                                      const MutateOptions& options = {});

// Adds what one file of the repository offers to others; a file that cannot be read is skipped.
void add_donors(const std::string& path, const std::string& text, Donors& donors);

}  // namespace engramd::agent
