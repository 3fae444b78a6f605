// repoindex/parse/brackets.h - brackets, quotes, comments and #if of a C or C++ text that do not
// close. Inside parse/ only. Any thread.
//
// By the tokens alone: a macro may stand for anything, so what the grammar takes for an error may
// be none, but whatever macros stand for, brackets close. Branches of an #if are alternatives and
// must leave the same brackets open; where they do not, the text is for the preprocessor to judge
// and nothing is told. Text under `#if 0` is not looked at.
#pragma once

#include <string_view>
#include <vector>

#include "repoindex/facts.h"

namespace engramd::repoindex {

// By begin; a few at most, as one bracket that is missing puts all behind it out of step.
std::vector<SyntaxError> bracket_errors(std::string_view text);

}  // namespace engramd::repoindex
