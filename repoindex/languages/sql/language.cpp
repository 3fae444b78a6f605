#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_sql();

namespace engramd::repoindex {

namespace rows {
// Keywords are named nodes here, so slots go by kind. Names are compared as written.
extern const Language sql = {
    .name = "sql",
    .extensions = {"sql", "ddl", "psql", "pgsql"},
    .grammar = tree_sitter_sql,
    .identifiers = {"identifier"},
    .comments = {"comment", "marginalia"},
    .definitions =
        {
            {.node = "create_table",
             .kind = SymbolKind::struct_,
             .name_field = "<object_reference>",
             .body_field = "<column_definitions>"},
            {.node = "create_view",
             .kind = SymbolKind::struct_,
             .name_field = "<object_reference>",
             .body_field = "<create_query>"},
            {.node = "create_materialized_view",
             .kind = SymbolKind::struct_,
             .name_field = "<object_reference>",
             .body_field = "<create_query>"},
            {.node = "create_type",
             .kind = SymbolKind::struct_,
             .name_field = "<object_reference>",
             .body_field = "<column_definitions>"},
            {.node = "create_function",
             .kind = SymbolKind::function,
             .name_field = "<object_reference>",
             .body_field = "<function_body>"},
            {.node = "create_trigger",
             .kind = SymbolKind::function,
             .name_field = "<object_reference>",
             .body_field = ""},
            {.node = "create_index",
             .kind = SymbolKind::key,
             .name_field = "column",
             .body_field = "",
             .opens_scope = false},
            {.node = "create_sequence",
             .kind = SymbolKind::variable,
             .name_field = "<object_reference>",
             .body_field = "",
             .opens_scope = false},
            {.node = "create_schema",
             .kind = SymbolKind::namespace_,
             .name_field = "<identifier>",
             .body_field = "",
             .opens_scope = false},
            {.node = "cte",
             .kind = SymbolKind::struct_,
             .name_field = "<identifier>",
             .body_field = "<statement>"},
        },
    .bindings =
        {
            {.slot = {"column_definition", "name"},
             .kind = SymbolKind::field,
             .type_field = "type"},
            {.slot = {"function_argument", "<identifier>"}},
            {.slot = {"relation", "alias"}, .kind = SymbolKind::type_alias},
        },
    .through = {{.slot = {"object_reference", "name"}}},
    .roles =
        {
            {.slot = {"invocation", "<object_reference>"}, .role = Role::call},
            {.slot = {"relation", "<object_reference>"}, .role = Role::type},
            {.slot = {"insert", "<object_reference>"}, .role = Role::write},
            {.slot = {"assignment", "left"}, .role = Role::write},
            {.slot = {"column_definition", "custom_type"}, .role = Role::type},
        },
    .keeps = {{"object_reference", "name"}, {"field", "name"}},
    .members = {{"object_reference", "name", "schema"}, {"field", "name", "<object_reference>"}},
    .calls = {{"invocation", "<object_reference>"}},
    .max_symbols = 8000,
    .edit = {.string = {"literal"},
             .identifier = {"identifier"},
             .call = {"invocation"},
             .function = {"create_function"}},
    .folds = {"statement"},
    .errors = ErrorTrust::none,
};
}  // namespace rows

}  // namespace engramd::repoindex
