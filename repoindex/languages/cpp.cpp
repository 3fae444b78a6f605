#include "repoindex/languages/c_family.h"

extern "C" const TSLanguage* tree_sitter_cpp();

namespace engramd::repoindex {

namespace {

template <class T>
std::vector<T> joined(std::vector<T> a, std::vector<T> b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

void cpp_imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  if (node.kind() == "preproc_include") c_family::imports(node, text, out);
}

}  // namespace

extern const Language kCpp = {
    .name = "cpp",
    // .h is read as C++: its grammar takes nearly all C, the other way round fails on classes.
    .extensions = {"cpp", "cc", "cxx", "c++", "C", "H", "h", "hpp", "hh", "hxx", "h++", "inl",
                   "ipp", "tpp", "cu", "cuh", "ino"},
    .grammar = tree_sitter_cpp,
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
             .name_field = "declarator", .if_field = "type", .if_kind = "class_specifier"},
            {.node = "function_definition", .kind = SymbolKind::struct_,
             .name_field = "declarator", .type_field = "type", .if_field = "type",
             .if_kind = "struct_specifier"},
            {.node = "function_definition", .kind = SymbolKind::function,
             .name_field = "declarator", .type_field = "type"},
            {.node = "class_specifier", .kind = SymbolKind::class_, .if_field = "body"},
            {.node = "struct_specifier", .kind = SymbolKind::struct_, .if_field = "body"},
            {.node = "union_specifier", .kind = SymbolKind::struct_, .if_field = "body"},
            {.node = "enum_specifier", .kind = SymbolKind::enum_, .if_field = "body"},
            {.node = "namespace_definition", .kind = SymbolKind::namespace_},
            {.node = "alias_declaration", .kind = SymbolKind::type_alias, .body_field = "",
             .opens_scope = false},
            {.node = "concept_definition", .kind = SymbolKind::interface_, .body_field = "",
             .opens_scope = false},
        },
    .bindings = joined(
        c_family::bindings(),
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
    .through = joined(c_family::through(),
                      {
                          {.slot = {"reference_declarator", ""}},
                          {.slot = {"variadic_declarator", ""}},
                          {.slot = {"structured_binding_declarator", ""}},
                          {.slot = {"qualified_identifier", "name"}},
                          {.slot = {"template_function", "name"}},
                          {.slot = {"template_type", "name"}},
                          {.slot = {"nested_namespace_specifier", ""}},
                      }),
    .roles = joined(c_family::roles(),
                    {
                        {.slot = {"base_class_clause", ""}, .role = Role::type},
                        {.slot = {"new_expression", "type"}, .role = Role::call},
                    }),
    .keeps = {{"field_expression", "field"}, {"qualified_identifier", "name"},
              {"template_function", "name"}, {"template_method", "name"},
              {"template_type", "name"}, {"dependent_name", ""}},
    .members = {{"field_expression", "field", "argument"},
                {"qualified_identifier", "name", "scope"}},
    .calls = {{"call_expression", "function"}, {"new_expression", "type", true}},
    .bases = {{"class_specifier", ""}, {"struct_specifier", ""}, {"base_class_clause", ""}},
    .functions_without_name = {"lambda_expression", "parameter_list", "template_parameter_list"},
    .self_names = {"this"},
    .constructor_has_class_name = true,
    .import_nodes = {"preproc_include"},
    .imports = cpp_imports,
    .edit = c_family::edit_kinds(),
};

}  // namespace engramd::repoindex
