// agent/repair/code_view.h - one file's tree with the questions that templates ask of it.
//
// Knows node kinds only through the language table and a few kinds that the table does not list.
// Immutable; holds references to its text and its language row: any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/repair/flat_tree.h"
#include "agent/repair/spelling.h"
#include "base/text.h"
#include "repoindex/languages/language.h"

namespace engramd::agent {

template <class Kinds>
bool one_of(std::string_view kind, const Kinds& kinds) {
  for (const auto& known : kinds)
    if (kind == known) return true;
  return false;
}

class CodeView {
 public:
  CodeView(const std::string& text, FlatTree tree, const repoindex::Language& language,
           const Spelling& spelling);

  const std::string& text;
  const FlatTree tree;
  const repoindex::EditKinds& kinds;
  const Spelling& spelling;
  const LineIndex lines;
  const bool is_python, is_script, is_c_like;  // script: JavaScript and TypeScript

  const FlatNode& node(size_t i) const { return tree[i]; }
  std::string text_of(size_t i) const;
  std::string_view kind_of(size_t i) const;  // empty for kNoNode
  size_t parent(size_t i) const { return tree[i].parent; }
  std::vector<size_t> named_children(size_t i) const;  // without comments
  uint32_t line_of(size_t i) const { return lines.position(tree[i].begin).line; }

  bool is_operation(size_t i) const;  // two operands and an operator
  bool is_arithmetic(size_t i) const;
  bool is_literal(size_t i) const;
  bool is_plain_name(size_t i) const { return kind_of(i) == "identifier"; }
  bool is_member(size_t i) const;       // a.b as a whole
  bool is_member_name(size_t i) const;  // the b of a.b
  bool is_callee(size_t i) const;
  bool is_keyword_name(size_t i) const;
  bool is_definition_name(size_t i) const;
  bool is_parameter(size_t i) const;
  bool is_type(size_t i) const;
  bool is_target(size_t i) const;  // is written to
  bool is_expression(size_t i) const;
  bool is_condition(size_t i) const;
  bool is_statement(size_t i) const;
  bool is_docstring(size_t i) const;
  bool is_whole_statement(size_t i) const;  // a call that stands alone
  bool in_loop(size_t i) const;
  bool starts_its_line(size_t i) const;
  bool is_on_one_line(size_t i) const;
  size_t function_of(size_t i) const;   // the nearest; kNoNode outside
  size_t statement_of(size_t i) const;  // the nearest; kNoNode outside
  bool in_async_function(size_t i) const;

  size_t operator_of(size_t i) const;
  size_t callee_of(size_t call) const;  // "f" of f(x), "a.f" of a.f(x)
  size_t receiver_of(size_t member) const;
  size_t member_name_of(size_t member) const;
  size_t assignment_left(size_t i) const;
  size_t assignment_right(size_t i) const;
  std::vector<size_t> arguments_of(size_t call) const;
  std::string indentation_at(size_t i) const;
  std::string indent_unit() const;  // of the file: one level deeper
  // After a statement, as this file writes it: scripts do without semicolons or with them.
  std::string_view statement_end() const { return statement_end_; }
  // The names and members that a piece of code reads, as text, in its order; only the head of a
  // compound statement when head_only.
  std::vector<std::string> reads_of(size_t i, size_t cap, bool head_only) const;
  std::optional<long long> number(size_t i) const;

  bool binds_tightly(size_t i) const;  // a looser expression in its place needs parentheses
  std::string fitted(size_t i, std::string replacement) const;
  std::string negated(const std::string& condition) const;

 private:
  std::string_view statement_end_;
};

}  // namespace engramd::agent
