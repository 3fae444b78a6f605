#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_json();

namespace engramd::repoindex {

namespace rows {
extern const Language json = {
    .name = "json",
    .other_names = {"jsonc"},
    .extensions = {"json", "jsonc", "geojson", "webmanifest", "ipynb"},
    .grammar = tree_sitter_json,
    .name_only = {"string"},
    .comments = {"comment"},
    .definitions =
        {{.node = "pair", .kind = SymbolKind::key, .name_field = "key", .body_field = "value"}},
    .doc = DocStyle::none,
    .max_depth = 3,
    .max_symbols = 4000,
    .edit = {.integer = {"number"},
             .floating = {"number"},
             .string = {"string"},
             .boolean_literal = {"true", "false"}},
};

}  // namespace rows
}  // namespace engramd::repoindex
