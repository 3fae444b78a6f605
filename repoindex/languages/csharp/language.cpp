#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_c_sharp();

namespace engramd::repoindex {

namespace {

// using A.B; using static A.B.C; using D = A.B.C; global using A;
void csharp_imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  Import import;
  import.begin = node.begin();
  import.end = node.end();
  if (node.text(text).substr(0, 7) == "global ") import.level = 1;  // for the whole project
  SyntaxNode alias = node.child_by_field("name");
  for (SyntaxNode child : node.named_children()) {
    if (child == alias) continue;
    std::string_view kind = child.kind();
    if (kind == "qualified_name" || kind == "identifier" || kind == "alias_qualified_name") {
      import.target = std::string(child.text(text));
    }
  }
  if (import.target.empty()) return;
  if (alias) {
    import.alias = std::string(alias.text(text));
    if (size_t dot = import.target.rfind('.'); dot != std::string::npos) {
      import.name = import.target.substr(dot + 1);
      import.target.resize(dot);
    }
  } else {
    import.name = "*";
  }
  out.push_back(std::move(import));
}

}  // namespace

namespace rows {
extern const Language csharp = {
    .name = "csharp",
    .other_names = {"c#", "cs"},
    .extensions = {"cs", "csx"},
    .grammar = tree_sitter_c_sharp,
    .identifiers = {"identifier", "implicit_parameter"},
    .name_separator = ".",
    .comments = {"comment"},
    .transparent_before_doc = {"attribute_list"},
    .wrappers = {"variable_declaration", "field_declaration", "event_field_declaration"},
    .definitions =
        {
            {.node = "class_declaration", .kind = SymbolKind::class_},
            {.node = "record_declaration", .kind = SymbolKind::class_},
            {.node = "struct_declaration", .kind = SymbolKind::struct_},
            {.node = "interface_declaration", .kind = SymbolKind::interface_},
            {.node = "enum_declaration", .kind = SymbolKind::enum_},
            {.node = "enum_member_declaration",
             .kind = SymbolKind::enum_member,
             .body_field = "",
             .opens_scope = false},
            {.node = "delegate_declaration",
             .kind = SymbolKind::type_alias,
             .body_field = "",
             .type_field = "type"},
            {.node = "method_declaration", .kind = SymbolKind::method, .type_field = "returns"},
            {.node = "local_function_statement",
             .kind = SymbolKind::function,
             .type_field = "type"},
            {.node = "constructor_declaration", .kind = SymbolKind::constructor},
            {.node = "destructor_declaration",
             .kind = SymbolKind::method,
             .name_field = "<'~'>",
             .fixed_name = "*"},
            {.node = "property_declaration",
             .kind = SymbolKind::property,
             .body_field = "<accessor_list|arrow_expression_clause>",
             .type_field = "type"},
            {.node = "indexer_declaration",
             .kind = SymbolKind::property,
             .name_field = "",
             .body_field = "<accessor_list|arrow_expression_clause>",
             .type_field = "type",
             .fixed_name = "this"},
            {.node = "operator_declaration",
             .kind = SymbolKind::method,
             .name_field = "operator",
             .type_field = "type",
             .fixed_name = "*"},
            {.node = "event_declaration",
             .kind = SymbolKind::property,
             .body_field = "accessors",
             .type_field = "type"},
            {.node = "namespace_declaration", .kind = SymbolKind::namespace_},
            {.node = "file_scoped_namespace_declaration",
             .kind = SymbolKind::namespace_,
             .body_field = "",
             .opens_scope = false},
        },
    .bindings =
        {
            {.slot = {"variable_declaration", "<variable_declarator>"},
             .type_field = "type",
             .value_field = "later:<invocation_expression|object_creation_expression>",
             .whole_is_child = true},
            {.slot = {"parameter", "name"}, .type_field = "type"},
            {.slot = {"lambda_expression", "<implicit_parameter>"}},
            {.slot = {"foreach_statement", "left"}, .type_field = "type"},
            {.slot = {"catch_declaration", "name"}, .type_field = "type"},
            {.slot = {"declaration_pattern", "name"}, .type_field = "type"},
            {.slot = {"declaration_expression", "name"}, .type_field = "type"},
            {.slot = {"recursive_pattern", "name"}, .type_field = "type"},
            {.slot = {"from_clause", "name"}, .type_field = "type"},
            {.slot = {"type_parameter", "name"}, .kind = SymbolKind::type_alias},
            {.slot = {"parameter_list", "name"}, .type_field = "type", .whole_is_child = true},
        },
    .through =
        {
            {.slot = {"variable_declarator", "name"}},
            {.slot = {"qualified_name", "qualifier"}},
            {.slot = {"qualified_name", "name"}},
            {.slot = {"tuple_pattern", ""}},
        },
    .roles =
        {
            {.slot = {"invocation_expression", "function"}, .role = Role::call},
            {.slot = {"object_creation_expression", "type"}, .role = Role::call},
            {.slot = {"attribute", "name"}, .role = Role::type},
            {.slot = {"base_list", ""}, .role = Role::type},
            {.slot = {"primary_constructor_base_type", "type"}, .role = Role::type},
            {.slot = {"variable_declaration", "type"}, .role = Role::type},
            {.slot = {"parameter", "type"}, .role = Role::type},
            {.slot = {"method_declaration", "returns"}, .role = Role::type},
            {.slot = {"local_function_statement", "type"}, .role = Role::type},
            {.slot = {"property_declaration", "type"}, .role = Role::type},
            {.slot = {"catch_declaration", "type"}, .role = Role::type},
            {.slot = {"foreach_statement", "type"}, .role = Role::type},
            {.slot = {"cast_expression", "type"}, .role = Role::type},
            {.slot = {"as_expression", "right"}, .role = Role::type},
            {.slot = {"is_expression", "right"}, .role = Role::type},
            {.slot = {"declaration_pattern", "type"}, .role = Role::type},
            {.slot = {"declaration_expression", "type"}, .role = Role::type},
            {.slot = {"type_argument_list", ""}, .role = Role::type},
            {.slot = {"type_parameter_constraint", "type"}, .role = Role::type},
            {.slot = {"assignment_expression", "left"}, .role = Role::write},
            {.slot = {"postfix_unary_expression", ""}, .role = Role::write},
        },
    .keeps = {{"member_access_expression", "name"},
              {"member_binding_expression", "name"},
              {"qualified_name", "name"},
              {"generic_name", "<identifier>"},
              {"nullable_type", "type"},
              {"array_type", "type"},
              {"conditional_access_expression", "<member_binding_expression>"}},
    .members = {{"member_access_expression", "name", "expression"},
                {"member_binding_expression", "name", ""},
                {"qualified_name", "name", "qualifier"},
                {"argument", "name", ""}},
    .calls = {{"invocation_expression", "function"}, {"object_creation_expression", "type", true}},
    .bases = {{"class_declaration", "<base_list>"},
              {"record_declaration", "<base_list>"},
              {"struct_declaration", "<base_list>"},
              {"interface_declaration", "<base_list>"},
              {"base_list", ""},
              {"primary_constructor_base_type", "type"},
              {"generic_name", "<identifier>"},
              {"qualified_name", "name"}},
    .keywords = {{"class", SymbolKind::class_},
                 {"struct", SymbolKind::struct_},
                 {"interface", SymbolKind::interface_},
                 {"enum", SymbolKind::enum_}},
    .functions_without_name = {"lambda_expression", "anonymous_method_expression",
                               "delegate_declaration", "indexer_declaration"},
    .doc = DocStyle::xml_comment_before,
    .self_names = {"this", "base"},
    .constructor_has_class_name = true,
    .import_nodes = {"using_directive"},
    .imports = csharp_imports,
    .edit = {.string = {"string_literal"},
             .boolean_literal = {"boolean_literal"},
             .identifier = {"identifier"},
             .call = {"invocation_expression"},
             .arguments = {"argument_list"},
             .function = {"method_declaration", "local_function_statement",
                          "constructor_declaration"}},
    .folds = {"switch_section"},
};
}  // namespace rows

}  // namespace engramd::repoindex
