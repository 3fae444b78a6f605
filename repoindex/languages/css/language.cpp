#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_css();

namespace engramd::repoindex {

namespace {

// @import "a.css"; @import url("a.css") screen;
void css_imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  Import import;
  import.begin = node.begin();
  import.end = node.end();
  walk(
      node,
      [&](const Visit& visit) {
        std::string_view kind = visit.node.kind();
        if (import.target.empty() && (kind == "string_content" || kind == "plain_value")) {
          import.target = std::string(visit.node.text(text));
        }
        return true;
      },
      100);
  if (import.target.empty()) return;
  import.name = "*";
  out.push_back(std::move(import));
}

}  // namespace

namespace rows {
extern const Language css = {
    .name = "css",
    .extensions = {"css"},
    .grammar = tree_sitter_css,
    .identifiers = {"class_name", "id_name"},
    .name_only = {"selectors", "keyframes_name", "property_name"},
    .comments = {"comment"},
    // A rule is called like its selectors; the classes and ids in them are defined by it.
    .definitions =
        {
            {.node = "rule_set",
             .kind = SymbolKind::key,
             .name_field = "<selectors>",
             .body_field = "<block>"},
            {.node = "keyframes_statement",
             .kind = SymbolKind::key,
             .name_field = "<keyframes_name>",
             .body_field = "<keyframe_block_list>"},
        },
    .bindings =
        {
            {.slot = {"class_selector", "<class_name>"},
             .kind = SymbolKind::key,
             .whole_is_child = true},
            {.slot = {"id_selector", "<id_name>"}, .kind = SymbolKind::key, .whole_is_child = true},
            // --accent: red; is a variable, var(--accent) uses it.
            {.slot = {"declaration", "<property_name>"},
             .kind = SymbolKind::property,
             .when = {.child = "<property_name>", .text = "--*"}},
        },
    .ignored = {{"pseudo_class_selector", "<class_name>"}},  // :hover
    .words = {{.node = "plain_value", .when = {.text = "--*"}}},
    .max_symbols = 8000,
    .import_nodes = {"import_statement"},
    .imports = css_imports,
    .edit = {.string = {"string_value"}},
};
}  // namespace rows

}  // namespace engramd::repoindex
