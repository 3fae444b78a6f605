#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_java();

namespace engramd::repoindex {

namespace {

// import a.b.C; import a.b.*; import static a.b.C.d; and package a.b;
void java_imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  Import import;
  import.begin = node.begin();
  import.end = node.end();
  bool wildcard = false;
  for (SyntaxNode child : node.named_children()) {
    if (child.kind() == "asterisk") wildcard = true;
    if (child.kind() == "scoped_identifier" || child.kind() == "identifier") {
      import.target = std::string(child.text(text));
    }
  }
  if (import.target.empty()) return;
  if (wildcard) {
    import.name = "*";
  } else if (size_t dot = import.target.rfind('.'); dot != std::string::npos) {
    import.name = import.target.substr(dot + 1);
    import.target.resize(dot);
  }
  out.push_back(std::move(import));
}

}  // namespace

namespace rows {
extern const Language java = {
    .name = "java",
    .extensions = {"java"},
    .grammar = tree_sitter_java,
    .identifiers = {"identifier"},
    .type_identifiers = {"type_identifier"},
    .comments = {"line_comment", "block_comment"},
    .definitions =
        {
            {.node = "class_declaration", .kind = SymbolKind::class_},
            {.node = "record_declaration", .kind = SymbolKind::class_},
            {.node = "interface_declaration", .kind = SymbolKind::interface_},
            {.node = "annotation_type_declaration", .kind = SymbolKind::interface_},
            {.node = "enum_declaration", .kind = SymbolKind::enum_},
            {.node = "method_declaration", .kind = SymbolKind::method, .type_field = "type"},
            {.node = "constructor_declaration", .kind = SymbolKind::constructor},
            {.node = "compact_constructor_declaration", .kind = SymbolKind::constructor},
            {.node = "annotation_type_element_declaration",
             .kind = SymbolKind::method,
             .body_field = "",
             .type_field = "type"},
            {.node = "enum_constant", .kind = SymbolKind::enum_member},
        },
    .bindings =
        {
            {.slot = {"field_declaration", "declarator"},
             .kind = SymbolKind::field,
             .type_field = "type"},
            {.slot = {"constant_declaration", "declarator"},
             .kind = SymbolKind::constant,
             .type_field = "type"},
            {.slot = {"local_variable_declaration", "declarator"}, .type_field = "type"},
            {.slot = {"formal_parameter", "name"}, .type_field = "type"},
            {.slot = {"spread_parameter", ""}},
            {.slot = {"catch_formal_parameter", "name"}},
            {.slot = {"enhanced_for_statement", "name"}, .type_field = "type"},
            {.slot = {"resource", "name"}, .type_field = "type"},
            {.slot = {"inferred_parameters", ""}},
            {.slot = {"lambda_expression", "parameters"}},
            {.slot = {"instanceof_expression", "name"}, .type_field = "right"},
            {.slot = {"type_pattern", ""}},
            {.slot = {"record_pattern_component", ""}},
            {.slot = {"type_parameter", ""}, .kind = SymbolKind::type_alias},
        },
    .through = {{.slot = {"variable_declarator", "name"}}},
    .roles =
        {
            {.slot = {"method_invocation", "name"}, .role = Role::call},
            {.slot = {"object_creation_expression", "type"}, .role = Role::call},
            {.slot = {"annotation", "name"}, .role = Role::type},
            {.slot = {"marker_annotation", "name"}, .role = Role::type},
            {.slot = {"assignment_expression", "left"}, .role = Role::write},
            {.slot = {"update_expression", ""}, .role = Role::write},
        },
    .keeps = {{"field_access", "field"},
              {"scoped_type_identifier", ""},
              {"generic_type", ""},
              {"scoped_identifier", "name"}},
    .members = {{"field_access", "field", "object"},
                {"method_invocation", "name", "object"},
                {"scoped_identifier", "name", "scope"}},
    .calls = {{"method_invocation", "name"}, {"object_creation_expression", "type", true}},
    .bases = {{"class_declaration", "superclass"},
              {"class_declaration", "interfaces"},
              {"superclass", ""},
              {"super_interfaces", ""},
              {"type_list", ""},
              {"interface_declaration", ""},
              {"extends_interfaces", ""},
              {"generic_type", ""},
              {"enum_declaration", "interfaces"},
              {"record_declaration", "interfaces"}},
    .keywords = {{"class", SymbolKind::class_},
                 {"interface", SymbolKind::interface_},
                 {"enum", SymbolKind::enum_}},
    .functions_without_name = {"lambda_expression"},
    .self_names = {"this", "super"},
    .constructor_has_class_name = true,
    .folder_is_package = true,
    .dollar_in_names = true,
    .import_nodes = {"import_declaration"},
    .imports = java_imports,
    .edit =
        {
            .binary = {"binary_expression"},
            .comparison = {"binary_expression"},
            .boolean = {"binary_expression"},
            .unary = {"unary_expression", "update_expression"},
            .arithmetic_tokens = {"+", "-", "*", "/", "%", "<<", ">>", ">>>", "&", "|", "^"},
            .comparison_tokens = {"<", "<=", ">", ">=", "==", "!="},
            .boolean_tokens = {"&&", "||"},
            .integer = {"decimal_integer_literal", "hex_integer_literal", "octal_integer_literal",
                        "binary_integer_literal"},
            .floating = {"decimal_floating_point_literal"},
            .string = {"string_literal", "character_literal"},
            .boolean_literal = {"true", "false"},
            .identifier = {"identifier"},
            .call = {"method_invocation", "object_creation_expression"},
            .arguments = {"argument_list"},
            .conditional = {"if_statement", "while_statement", "do_statement", "for_statement",
                            "ternary_expression"},
            .loop = {"for_statement", "enhanced_for_statement", "while_statement", "do_statement"},
            .return_ = {"return_statement"},
            .assignment = {"assignment_expression", "variable_declarator"},
            .augmented_assignment = {"assignment_expression"},
            .subscript = {"array_access"},
            .slice = {},
            .statement = {"expression_statement", "return_statement", "if_statement",
                          "for_statement", "enhanced_for_statement", "while_statement",
                          "do_statement", "switch_expression", "break_statement",
                          "continue_statement", "local_variable_declaration", "throw_statement",
                          "try_statement"},
            .block = {"block"},
            .function = {"method_declaration", "constructor_declaration", "lambda_expression"},
        },
    .folds = {"switch_block_statement_group"},
};

}  // namespace rows
}  // namespace engramd::repoindex
