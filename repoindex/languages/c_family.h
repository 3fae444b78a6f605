// repoindex/languages/c_family.h - what C and C++ share. For c.cpp and cpp.cpp only.
#pragma once

#include "repoindex/languages/language.h"

namespace engramd::repoindex::c_family {

inline void imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  SyntaxNode path = node.child_by_field("path");
  std::string_view target = path.text(text);
  // <x.h> keeps its bracket so that a query knows that it is a system header: "<x.h".
  if (target.size() < 3 || (target[0] != '"' && target[0] != '<')) return;
  Import import;
  import.begin = node.begin();
  import.end = node.end();
  import.target = std::string(target.substr(1, target.size() - 2));
  import.name = "*";
  out.push_back(std::move(import));
}

inline EditKinds edit_kinds() {
  return {
      .binary = {"binary_expression"},
      .comparison = {"binary_expression"},
      .boolean = {"binary_expression"},
      .unary = {"unary_expression", "update_expression"},
      .arithmetic_tokens = {"+", "-", "*", "/", "%", "<<", ">>", "&", "|", "^"},
      .comparison_tokens = {"<", "<=", ">", ">=", "==", "!="},
      .boolean_tokens = {"&&", "||"},
      .integer = {"number_literal"},
      .floating = {"number_literal"},
      .string = {"string_literal", "raw_string_literal", "char_literal", "concatenated_string"},
      .boolean_literal = {"true", "false"},
      .identifier = {"identifier", "field_identifier"},
      .call = {"call_expression"},
      .arguments = {"argument_list"},
      .conditional = {"if_statement", "while_statement", "do_statement", "for_statement",
                      "conditional_expression"},
      .loop = {"for_statement", "while_statement", "do_statement", "for_range_loop"},
      .return_ = {"return_statement"},
      .assignment = {"assignment_expression", "init_declarator"},
      .augmented_assignment = {"assignment_expression"},
      .subscript = {"subscript_expression"},
      .slice = {},
      .statement = {"expression_statement", "return_statement", "if_statement", "for_statement",
                    "while_statement", "do_statement", "switch_statement", "break_statement",
                    "continue_statement", "declaration", "goto_statement", "throw_statement",
                    "for_range_loop"},
      .block = {"compound_statement"},
      .function = {"function_definition", "lambda_expression"},
  };
}

inline std::vector<BindingRule> bindings() {
  return {
      {.slot = {"declaration", "declarator"}, .type_field = "type", .value_field = "value"},
      {.slot = {"field_declaration", "declarator"}, .kind = SymbolKind::field,
       .type_field = "type"},
      {.slot = {"parameter_declaration", "declarator"}, .type_field = "type"},
      {.slot = {"type_definition", "declarator"}, .kind = SymbolKind::type_alias,
       .type_field = "type"},
      {.slot = {"enumerator", "name"}, .kind = SymbolKind::enum_member},
      {.slot = {"preproc_def", "name"}, .kind = SymbolKind::macro},
      {.slot = {"preproc_function_def", "name"}, .kind = SymbolKind::macro},
  };
}

inline std::vector<ThroughRule> through() {
  return {
      {.slot = {"init_declarator", "declarator"}},
      {.slot = {"pointer_declarator", "declarator"}},
      {.slot = {"array_declarator", "declarator"}},
      {.slot = {"attributed_declarator", ""}},
      {.slot = {"function_declarator", "declarator"}, .changes_kind = true,
       .kind = SymbolKind::function},
      // int (*callback)(int): a variable after all.
      {.slot = {"parenthesized_declarator", ""}, .changes_kind = true,
       .kind = SymbolKind::variable},
  };
}

inline std::vector<RoleRule> roles() {
  return {
      {.slot = {"call_expression", "function"}, .role = Role::call},
      {.slot = {"assignment_expression", "left"}, .role = Role::write},
      {.slot = {"update_expression", "argument"}, .role = Role::write},
  };
}

}  // namespace engramd::repoindex::c_family
