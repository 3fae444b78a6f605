#include "repoindex/languages/c_family.h"

namespace engramd::repoindex::c_family {

void imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  SyntaxNode path = node.child_by_field("path");
  std::string_view target = path.text(text);
  if (target.size() < 3 || (target[0] != '"' && target[0] != '<')) return;
  Import import;
  import.begin = node.begin();
  import.end = node.end();
  import.target = std::string(target.substr(1, target.size() - 2));
  import.name = "*";
  import.level = target[0] == '<' ? 1 : 0;  // its own folder is not looked at
  out.push_back(std::move(import));
}

EditKinds edit_kinds() {
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
      .block = {"compound_statement", "case_statement"},
      .function = {"function_definition", "lambda_expression"},
  };
}

std::vector<BindingRule> bindings() {
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

std::vector<ThroughRule> through() {
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

std::vector<RoleRule> roles() {
  return {
      {.slot = {"call_expression", "function"}, .role = Role::call},
      {.slot = {"assignment_expression", "left"}, .role = Role::write},
      {.slot = {"update_expression", "argument"}, .role = Role::write},
  };
}

namespace {

template <class T>
std::vector<T> joined(std::vector<T> a, std::vector<T> b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

void cpp_imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  if (node.kind() == "preproc_include") imports(node, text, out);
}

}  // namespace

Language cpp_base() {
  return {
    .identifiers = {"identifier", "field_identifier", "namespace_identifier"},
    .type_identifiers = {"type_identifier"},
    .name_only = {"destructor_name", "operator_name", "operator_cast"},
    .comments = {"comment"},
    .wrappers = {"template_declaration", "linkage_specification"},
    .definitions =
        {
            // What follows `class EXPORT_MACRO Foo` is read as a function; the name then has no
            // parameter list, or else (function_declarator) it becomes a function after all.
            {.node = "function_definition", .kind = SymbolKind::class_,
             .name_field = "declarator", .if_field = "type", .if_kind = "class_specifier",
             .misplaced_name = "identifier"},
            {.node = "function_definition", .kind = SymbolKind::struct_,
             .name_field = "declarator", .type_field = "type", .if_field = "type",
             .if_kind = "struct_specifier", .misplaced_name = "identifier"},
            {.node = "function_definition", .kind = SymbolKind::function,
             .name_field = "declarator", .type_field = "type",
             .misplaced_name = "function_declarator"},
            {.node = "class_specifier", .kind = SymbolKind::class_, .if_field = "body"},
            {.node = "struct_specifier", .kind = SymbolKind::struct_, .if_field = "body"},
            {.node = "union_specifier", .kind = SymbolKind::struct_, .if_field = "body"},
            {.node = "enum_specifier", .kind = SymbolKind::enum_, .if_field = "body"},
            {.node = "namespace_definition", .kind = SymbolKind::namespace_},
            {.node = "alias_declaration", .kind = SymbolKind::type_alias, .body_field = "",
             .type_field = "type", .opens_scope = false},
            {.node = "concept_definition", .kind = SymbolKind::interface_, .body_field = "",
             .opens_scope = false},
        },
    .bindings = joined(
        bindings(),
        {
            {.slot = {"optional_parameter_declaration", "declarator"}, .type_field = "type"},
            {.slot = {"variadic_parameter_declaration", "declarator"}, .type_field = "type"},
            {.slot = {"for_range_loop", "declarator"}, .type_field = "type"},
            {.slot = {"lambda_capture_initializer", "left"}},
            {.slot = {"type_parameter_declaration", ""}, .kind = SymbolKind::type_alias},
            {.slot = {"optional_type_parameter_declaration", "name"},
             .kind = SymbolKind::type_alias},
            {.slot = {"namespace_alias_definition", "name"}, .kind = SymbolKind::namespace_},
        }),
    .through = joined(through(),
                      {
                          {.slot = {"reference_declarator", ""}},
                          {.slot = {"variadic_declarator", ""}},
                          {.slot = {"structured_binding_declarator", ""}},
                          {.slot = {"qualified_identifier", "name"}},
                          // `MACRO type *name()`: type is taken for a scope without its ::.
                          {.slot = {"pointer_type_declarator", "declarator"}},
                          {.slot = {"template_function", "name"}},
                          {.slot = {"template_type", "name"}},
                          {.slot = {"nested_namespace_specifier", ""}},
                      }),
    .roles = joined(roles(),
                    {
                        {.slot = {"base_class_clause", ""}, .role = Role::type},
                        {.slot = {"new_expression", "type"}, .role = Role::call},
                    }),
    .keeps = {{"field_expression", "field"}, {"qualified_identifier", "name"},
              {"template_function", "name"}, {"template_method", "name"},
              {"template_type", "name"}, {"dependent_name", ""}},
    .ignored = {{"preproc_params", ""}},  // read with the macro's body
    .members = {{"field_expression", "field", "argument"},
                {"qualified_identifier", "name", "scope"}},
    .receivers = {{"subscript_expression", "argument", true}, {"cast_expression", "type"}},
    .calls = {{"call_expression", "function"}, {"new_expression", "type", true}},
    .bases = {{"class_specifier", ""}, {"struct_specifier", ""}, {"base_class_clause", ""}},
    .keywords = {{"class", SymbolKind::class_}, {"namespace", SymbolKind::namespace_}},
    .functions_without_name = {"lambda_expression", "parameter_list", "template_parameter_list"},
    .self_names = {"this"},
    .constructor_has_class_name = true,
    .import_nodes = {"preproc_include"},
    .imports = cpp_imports,
    .edit = edit_kinds(),
    .folds = {"case_statement", "preproc_if", "preproc_ifdef"},
    .errors = ErrorTrust::brackets,
};
}

}  // namespace engramd::repoindex::c_family
