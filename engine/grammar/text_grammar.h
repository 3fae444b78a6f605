// engine/grammar/text_grammar.h - grammars written as text, in the notation that local servers
// know as GBNF.
//
//   root   ::= greeting " " name ("," " " name){0,3}   # a comment
//   name   ::= [A-Z] [a-z]* | "\u00C9" [^\x00-\x1F"]+
//
// Strings and classes hold characters, with the escapes \n \r \t \\ \" \] \- \^ \xNN \uNNNN
// \UNNNNNNNN; "." is any character; * + ? {n} {n,} {n,m} follow an item. A rule may go over several
// lines. "root" is where it starts. Errors name the line. Any thread.
#pragma once

#include "base/result.h"
#include "engine/grammar/rules.h"

namespace engramd::engine::grammar {

// Returns root's rule.
Result<Rule> read_text_grammar(Rules& rules, std::string_view text);

}  // namespace engramd::engine::grammar
