#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_kotlin();

namespace engramd::repoindex {

namespace {

// import a.b.C, import a.b.C as D, import a.b.*
void kotlin_imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  Import import;
  import.begin = node.begin();
  import.end = node.end();
  for (SyntaxNode child : node.children()) {
    if (child.kind() == "qualified_identifier") import.target = std::string(child.text(text));
    if (child.kind() == "identifier" && !import.target.empty()) {
      import.alias = std::string(child.text(text));
    } else if (child.kind() == "identifier") {
      import.target = std::string(child.text(text));
    }
    if (child.kind() == "*") import.name = "*";
  }
  if (import.target.empty()) return;
  if (size_t dot = import.target.rfind('.'); import.name.empty() && dot != std::string::npos) {
    import.name = import.target.substr(dot + 1);
    import.target.resize(dot);
  }
  out.push_back(std::move(import));
}

}  // namespace

namespace rows {
// The grammar names few fields: most slots go by kind or place.
extern const Language kotlin = {
    .name = "kotlin",
    .extensions = {"kt", "kts"},
    .grammar = tree_sitter_kotlin,
    .identifiers = {"identifier"},
    .name_separator = ".",
    .no_names = {"true", "false", "null", "_"},
    .comments = {"line_comment", "block_comment"},
    .definitions =
        {
            {.node = "package_header",
             .kind = SymbolKind::namespace_,
             .name_field = "<qualified_identifier>",
             .body_field = "",
             .opens_scope = false},
            {.node = "function_declaration",
             .kind = SymbolKind::function,
             .body_field = "<function_body>",
             .type_field = "<user_type|nullable_type|non_nullable_type>"},
            {.node = "class_declaration",
             .kind = SymbolKind::enum_,
             .body_field = "<enum_class_body>",
             .if_field = "<enum_class_body>"},
            {.node = "class_declaration",
             .kind = SymbolKind::interface_,
             .body_field = "<class_body>",
             .if_field = "<'interface'>"},
            {.node = "class_declaration", .kind = SymbolKind::class_, .body_field = "<class_body>"},
            {.node = "object_declaration",
             .kind = SymbolKind::class_,
             .body_field = "<class_body>"},
            {.node = "companion_object",
             .kind = SymbolKind::class_,
             .body_field = "<class_body>",
             .fixed_name = "Companion"},
            {.node = "secondary_constructor",
             .kind = SymbolKind::constructor,
             .name_field = "",
             .body_field = "<block>",
             .fixed_name = "constructor"},
            {.node = "type_alias",
             .kind = SymbolKind::type_alias,
             .name_field = "type",
             .body_field = "",
             .opens_scope = false},
            {.node = "enum_entry",
             .kind = SymbolKind::enum_member,
             .name_field = "<identifier>",
             .body_field = "<class_body>"},
        },
    .bindings =
        {
            {.slot = {"property_declaration", "<variable_declaration|multi_variable_declaration>"},
             .type_field = "<variable_declaration>/<user_type|nullable_type>",
             .value_field = "later:<call_expression>",
             .constant_when_upper = true},
            {.slot = {"class_parameter", "<identifier>"},
             .kind = SymbolKind::field,
             .type_field = "<user_type|nullable_type>",
             .of_class = true},
            {.slot = {"parameter", "<identifier>"}, .type_field = "<user_type|nullable_type>"},
            {.slot = {"lambda_parameters", "<variable_declaration|multi_variable_declaration>"},
             .whole_is_child = true},
            {.slot = {"for_statement", "<variable_declaration|multi_variable_declaration>"},
             .whole_is_child = true},
            {.slot = {"catch_block", "<identifier>"}, .type_field = "<user_type>"},
            {.slot = {"when_subject", "<variable_declaration>"}},
            {.slot = {"type_parameter", "first:<identifier>"}, .kind = SymbolKind::type_alias},
        },
    .through =
        {
            {.slot = {"qualified_identifier", "<identifier>"}},
            {.slot = {"variable_declaration", "<identifier>"}},
            {.slot = {"multi_variable_declaration", ""}},
        },
    .roles =
        {
            {.slot = {"call_expression", "first:"}, .role = Role::call},
            {.slot = {"constructor_invocation", "<user_type>"}, .role = Role::call},
            {.slot = {"user_type", "<identifier>"}, .role = Role::type},
            {.slot = {"infix_expression", "later:<identifier>"}, .role = Role::call},
            {.slot = {"assignment", "left"}, .role = Role::write},
            {.slot = {"as_expression", "right"}, .role = Role::type},
        },
    .keeps = {{"navigation_expression", "later:<identifier>"}},
    .members = {{"navigation_expression", "later:<identifier>", "first:"},
                {"user_type", "later:<identifier>", "first:"}},
    .calls = {{"call_expression", "first:"}},
    .bases = {{"class_declaration", "<delegation_specifiers>"},
              {"object_declaration", "<delegation_specifiers>"},
              {"companion_object", "<delegation_specifiers>"},
              {"delegation_specifiers", ""},
              {"delegation_specifier", ""},
              {"constructor_invocation", "<user_type>"},
              {"explicit_delegation", "<user_type>"},
              {"user_type", "<identifier>"}},
    .keywords = {{"fun", SymbolKind::function},
                 {"class", SymbolKind::class_},
                 {"interface", SymbolKind::interface_},
                 {"object", SymbolKind::class_}},
    .functions_without_name = {"lambda_literal", "anonymous_function", "setter"},
    .self_names = {"this", "super"},
    .import_nodes = {"import"},
    .imports = kotlin_imports,
    .edit = {.string = {"string_literal", "multiline_string_literal"},
             .identifier = {"identifier"},
             .call = {"call_expression"},
             .arguments = {"value_arguments"},
             .function = {"function_declaration"}},
};
}  // namespace rows

}  // namespace engramd::repoindex
