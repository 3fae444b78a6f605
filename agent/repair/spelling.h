// agent/repair/spelling.h - how each language writes what the templates put in.
//
// One row a language; a language is repaired when it has a row here and lists its editing kinds in
// the language table (repoindex/languages). Empty: the language has no such thing, and templates
// that need it keep quiet.
#pragma once

#include <string_view>
#include <vector>

namespace engramd::agent {

struct Spelling {
  std::string_view language;
  std::string_view not_, and_, or_;
  std::string_view null_, true_, false_;
  std::string_view is_null, not_null;  // after an expression
  std::string_view statement_end;
  std::string_view self;       // "self.", "this."
  std::string_view if_head;    // `if (C) {` is if_head + C + then
  std::string_view then;       // without the line end
  std::string_view block_end;  // a line of its own; empty: indentation
  std::string_view empty_list, empty_map, empty_text;
  std::string_view append;                       // method that puts one element into a list
  std::string_view maximum, minimum;             // callable with two arguments
  std::string_view or_else;                      // binary: the left unless it is null or empty
  std::string_view await_;                       // before a call
  std::string_view length_before, length_after;  // around a receiver
  std::string_view copy_before, copy_after;      // around a receiver: a shallow copy
  std::string_view delete_;                      // stands where a statement was
  std::vector<std::string_view> wrappers;  // functions of one argument worth trying around a value
  std::vector<std::string_view> suffixes;  // what is worth trying after a value: ".strip()"
  bool indented_blocks = false;
  bool slices = false;  // x[a:b]
};

// Null: edits of the language are not proposed.
const Spelling* find_spelling(std::string_view language);

}  // namespace engramd::agent
