#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_yaml();

namespace engramd::repoindex {

namespace rows {
extern const Language yaml = {
    .name = "yaml",
    .other_names = {"yml"},
    .extensions = {"yaml", "yml"},
    .file_names = {".clang-format", ".clang-tidy"},
    .grammar = tree_sitter_yaml,
    .identifiers = {"anchor_name", "alias_name"},
    .name_only = {"string_scalar", "double_quote_scalar", "single_quote_scalar", "integer_scalar",
                  "boolean_scalar"},
    .comments = {"comment"},
    .definitions =
        {
            {.node = "block_mapping_pair",
             .kind = SymbolKind::key,
             .name_field = "key",
             .body_field = "value"},
            {.node = "flow_pair",
             .kind = SymbolKind::key,
             .name_field = "key",
             .body_field = "value"},
        },
    .bindings = {{.slot = {"anchor", "<anchor_name>"}, .kind = SymbolKind::variable}},
    .through = {{.slot = {"flow_node", "<plain_scalar|double_quote_scalar|single_quote_scalar>"}},
                {.slot = {"plain_scalar", ""}}},
    .max_depth = 4,
    .max_symbols = 4000,
    .edit = {.string = {"double_quote_scalar", "single_quote_scalar"},
             .boolean_literal = {"boolean_scalar"}},
    .folds = {"block_mapping_pair", "block_sequence_item"},
};
}  // namespace rows

}  // namespace engramd::repoindex
