// engine/grammar/regex.h - a regular expression, as JSON Schema's "pattern" has it (ECMA-262, with
// the u flag), as an expression over characters.
//
// Read: literals, . \d \w \s \D \W \S, escapes, classes, groups (plain, non-capturing, named),
// alternatives, * + ? {n} {n,} {n,m} with or without a lazy ?, ^ at the start and $ at the end of
// the whole pattern or of its outermost alternatives. Without them the pattern may occur anywhere.
// Look-around, back references, \b and \p are errors that name them. Any thread.
#pragma once

#include "base/result.h"
#include "engine/grammar/characters.h"

namespace engramd::engine::grammar {

Result<Expr> regex(Rules& rules, std::string_view pattern, Spelling spelling);

}  // namespace engramd::engine::grammar
