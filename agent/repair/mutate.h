// agent/repair/mutate.h - every small edit of a function that could be the missing fix.
//
// Knows node kinds only through the language table (repoindex/languages/language.h) and never looks
// at tests. Works for a language as soon as its row lists its editing kinds; what a language spells
// differently ("not", "!") is a small table in mutate.cpp. Pure: any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/edit/text_edit.h"
#include "base/result.h"

namespace engramd::agent {

struct Candidate {
  std::string path;
  TextEdit edit;
  uint32_t line = 0;      // 0-based, of the edited place
  std::string_view kind;  // "comparison operator", "swap arguments", …; a constant
  double cost = 0;        // of the template: 1 for the commonest kind of mistake
  double suspicion = 0;   // of the line, 0 to 1
  double order = 0;       // lower is tried earlier
};

struct MutateOptions {
  size_t max_candidates = 30000;
  size_t max_donors = 24;  // expressions of the same function offered for one place
};

// suspicion(line) in 0..1; lines with 0 are left alone. Candidates of one file, best first; no two
// give the same text.
Result<std::vector<Candidate>> mutate(const std::string& path, const std::string& text,
                                      const std::function<double(uint32_t line)>& suspicion,
                                      const MutateOptions& options = {});

}  // namespace engramd::agent
