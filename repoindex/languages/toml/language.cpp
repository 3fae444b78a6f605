#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_toml();

namespace engramd::repoindex {

namespace rows {
extern const Language toml = {
    .name = "toml",
    .extensions = {"toml"},
    .file_names = {"Cargo.lock", "poetry.lock", "uv.lock", "Pipfile"},
    .grammar = tree_sitter_toml,
    .name_only = {"bare_key", "dotted_key", "quoted_key"},
    .comments = {"comment"},
    .definitions =
        {
            {.node = "table",
             .kind = SymbolKind::key,
             .name_field = "first:<bare_key|dotted_key|quoted_key>",
             .body_field = "<pair>"},
            {.node = "table_array_element",
             .kind = SymbolKind::key,
             .name_field = "first:<bare_key|dotted_key|quoted_key>",
             .body_field = "<pair>"},
            {.node = "pair",
             .kind = SymbolKind::key,
             .name_field = "first:<bare_key|dotted_key|quoted_key>",
             .body_field = ""},
        },
    .max_depth = 3,
    .max_symbols = 4000,
    .edit = {.string = {"string"}, .boolean_literal = {"boolean"}},
    .folds = {"table", "table_array_element"},
};
}  // namespace rows

}  // namespace engramd::repoindex
