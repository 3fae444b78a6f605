#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_go();

namespace engramd::repoindex {

namespace {

void go_imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  std::string_view path = node.child_by_field("path").text(text);
  if (path.size() < 3) return;
  Import import;
  import.begin = node.begin();
  import.end = node.end();
  import.target = std::string(path.substr(1, path.size() - 2));
  SyntaxNode name = node.child_by_field("name");
  if (name.kind() == "dot") {
    import.name = "*";
  } else if (name.kind() == "package_identifier") {
    import.alias = std::string(name.text(text));
  }
  out.push_back(std::move(import));
}

}  // namespace

namespace rows {
extern const Language go = {
    .name = "go",
    .other_names = {"golang"},
    .extensions = {"go"},
    .grammar = tree_sitter_go,
    .identifiers = {"identifier", "field_identifier", "package_identifier"},
    .type_identifiers = {"type_identifier"},
    .comments = {"comment"},
    .wrappers = {"type_declaration"},
    .definitions =
        {
            {.node = "function_declaration", .kind = SymbolKind::function, .type_field = "result"},
            {.node = "method_declaration",
             .kind = SymbolKind::method,
             .type_field = "result",
             .qualifier_field = "receiver"},
            {.node = "type_spec",
             .kind = SymbolKind::struct_,
             .body_field = "",
             .if_field = "type",
             .if_kind = "struct_type"},
            {.node = "type_spec",
             .kind = SymbolKind::interface_,
             .body_field = "",
             .if_field = "type",
             .if_kind = "interface_type"},
            {.node = "type_spec", .kind = SymbolKind::type_alias, .body_field = ""},
            {.node = "type_alias", .kind = SymbolKind::type_alias, .body_field = ""},
            {.node = "method_elem",
             .kind = SymbolKind::method,
             .body_field = "",
             .type_field = "result"},
        },
    .bindings =
        {
            {.slot = {"const_spec", "name"},
             .kind = SymbolKind::constant,
             .type_field = "type",
             .value_field = "value"},
            {.slot = {"var_spec", "name"}, .type_field = "type", .value_field = "value"},
            {.slot = {"short_var_declaration", "left"}, .value_field = "right"},
            {.slot = {"range_clause", "left"}},
            {.slot = {"receive_statement", "left"}},
            {.slot = {"type_switch_statement", "alias"}},
            {.slot = {"parameter_declaration", "name"}, .type_field = "type"},
            {.slot = {"variadic_parameter_declaration", "name"}, .type_field = "type"},
            {.slot = {"type_parameter_declaration", "name"}, .kind = SymbolKind::type_alias},
            {.slot = {"field_declaration", "name"},
             .kind = SymbolKind::field,
             .type_field = "type"},
        },
    .through = {{.slot = {"expression_list", ""}}},
    .roles =
        {
            {.slot = {"call_expression", "function"}, .role = Role::call},
            {.slot = {"assignment_statement", "left"}, .role = Role::write},
            {.slot = {"inc_statement", ""}, .role = Role::write},
            {.slot = {"dec_statement", ""}, .role = Role::write},
        },
    .keeps = {{"selector_expression", "field"},
              {"expression_list", ""},
              {"qualified_type", "name"},
              {"generic_type", "type"},
              {"pointer_type", ""}},
    .members = {{"selector_expression", "field", "operand"}, {"qualified_type", "name", "package"}},
    .calls = {{"call_expression", "function"}, {"composite_literal", "type", true}},
    .keywords = {{"func", SymbolKind::function}, {"type", SymbolKind::type_alias}},
    .functions_without_name = {"func_literal", "function_type"},
    .folder_is_package = true,
    .import_nodes = {"import_spec"},
    .imports = go_imports,
    .edit =
        {
            .binary = {"binary_expression"},
            .comparison = {"binary_expression"},
            .boolean = {"binary_expression"},
            .unary = {"unary_expression"},
            .arithmetic_tokens = {"+", "-", "*", "/", "%", "<<", ">>", "&", "|", "^"},
            .comparison_tokens = {"<", "<=", ">", ">=", "==", "!="},
            .boolean_tokens = {"&&", "||"},
            .integer = {"int_literal"},
            .floating = {"float_literal"},
            .string = {"interpreted_string_literal", "raw_string_literal", "rune_literal"},
            .boolean_literal = {"true", "false"},
            .identifier = {"identifier", "field_identifier"},
            .call = {"call_expression"},
            .arguments = {"argument_list"},
            .conditional = {"if_statement", "for_clause"},
            .loop = {"for_statement"},
            .return_ = {"return_statement"},
            .assignment = {"assignment_statement", "short_var_declaration"},
            .augmented_assignment = {"assignment_statement"},
            .subscript = {"index_expression"},
            .slice = {"slice_expression"},
            .statement = {"expression_statement", "return_statement", "if_statement",
                          "for_statement", "assignment_statement", "short_var_declaration",
                          "inc_statement", "dec_statement", "break_statement", "continue_statement",
                          "go_statement", "defer_statement", "expression_switch_statement",
                          "var_declaration"},
            .block = {"block", "statement_list"},
            .function = {"function_declaration", "method_declaration", "func_literal"},
        },
    .folds = {"expression_case", "type_case", "default_case", "communication_case"},
};

}  // namespace rows
}  // namespace engramd::repoindex
