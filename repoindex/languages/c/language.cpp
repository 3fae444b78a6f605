#include "repoindex/languages/c_family.h"

extern "C" const TSLanguage* tree_sitter_c();

namespace engramd::repoindex {

namespace rows {
extern const Language c = {
    .name = "c",
    .other_names = {"objective-c"},
    .extensions = {"c"},
    .grammar = tree_sitter_c,
    .identifiers = {"identifier", "field_identifier"},
    .type_identifiers = {"type_identifier"},
    .comments = {"comment"},
    .wrappers = {"linkage_specification"},
    .definitions =
        {
            {.node = "function_definition", .kind = SymbolKind::function,
             .name_field = "declarator", .type_field = "type",
             .misplaced_name = "function_declarator"},
            {.node = "struct_specifier", .kind = SymbolKind::struct_, .if_field = "body"},
            {.node = "union_specifier", .kind = SymbolKind::struct_, .if_field = "body"},
            {.node = "enum_specifier", .kind = SymbolKind::enum_, .if_field = "body"},
        },
    .bindings = c_family::bindings(),
    .through = c_family::through(),
    .roles = c_family::roles(),
    .keeps = {{"field_expression", "field"}},
    .ignored = {{"preproc_params", ""}},  // read with the macro's body
    .members = {{"field_expression", "field", "argument"},
                {"field_designator", "", ""}},
    .receivers = {{"subscript_expression", "argument", true}, {"cast_expression", "type"}},
    .calls = {{"call_expression", "function"}},
    .functions_without_name = {"parameter_list"},
    .import_nodes = {"preproc_include"},
    .imports = c_family::imports,
    .edit = c_family::edit_kinds(),
    .folds = {"case_statement", "preproc_if", "preproc_ifdef"},
    .errors = ErrorTrust::brackets,
};

}  // namespace rows
}  // namespace engramd::repoindex
