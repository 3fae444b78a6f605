// agent/repair/candidate.h - one small edit that could be the missing fix.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/edit/text_edit.h"

namespace engramd::agent {

struct Candidate {
  std::string path;
  TextEdit edit;
  uint32_t line = 0;      // 0-based, of the edited place
  std::string_view kind;  // "comparison operator", "swap arguments", …; a constant
  double cost = 0;        // of the template: 1 for the commonest kind of mistake
  double suspicion = 0;   // of the line, 0 to 1
  double order = 0;       // lower is tried earlier
  double likelihood = 0;  // the ranking model's place for it, 0 best to 1 worst; -1: not asked
};

}  // namespace engramd::agent
