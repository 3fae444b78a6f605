// repoindex/parse/errors.h - what to tell a person of the ERROR and MISSING nodes of a tree.
// Inside parse/ only. Any thread.
//
// The parser recovers from an error somehow, and how it does says more of the parser than of the
// text: one missing bracket may leave ERROR nodes all over. So this is what is told:
//   - the place where something is wrong, within one line, and never two of one line;
//   - of an ERROR node the bracket or quote that is open in it, else its first token; what is
//     inside the node is not looked at further;
//   - at most kMaxErrors of one text.
// And nothing at all when the grammar is not to be trusted with the text: see grammar_fits().
#pragma once

#include <tree_sitter/api.h>

#include <string_view>
#include <vector>

#include "repoindex/facts.h"
#include "repoindex/languages/language.h"

namespace engramd::repoindex {

constexpr size_t kMaxErrors = 50;

std::vector<SyntaxError> syntax_errors(const Language& language, TSNode root,
                                       std::string_view text);

// False for a text that a correct program may consist of and its grammar does not know: a template
// that another program fills in, a language that is written in many dialects (the row says so).
bool grammar_fits(const Language& language, std::string_view text);

}  // namespace engramd::repoindex
