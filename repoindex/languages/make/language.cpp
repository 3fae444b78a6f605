#include "repoindex/languages/language.h"

extern "C" const TSLanguage* tree_sitter_make();

namespace engramd::repoindex {

namespace {

// include config.mk rules/*.mk
void make_imports(SyntaxNode node, std::string_view text, std::vector<Import>& out) {
  for (SyntaxNode file : node.child_by_field("filenames").named_children()) {
    if (file.kind() != "word") continue;
    Import import;
    import.begin = node.begin();
    import.end = node.end();
    import.target = std::string(file.text(text));
    import.name = "*";
    out.push_back(std::move(import));
  }
}

}  // namespace

namespace rows {
extern const Language make = {
    .name = "make",
    .other_names = {"makefile"},
    .extensions = {"mk", "mak", "make"},
    .file_names = {"Makefile", "makefile", "GNUmakefile", "Kbuild"},
    .interpreters = {"make"},
    .grammar = tree_sitter_make,
    .identifiers = {"word"},
    .comments = {"comment"},
    .definitions = {{.node = "define_directive",
                     .kind = SymbolKind::macro,
                     .body_field = "value",
                     .opens_scope = false}},
    // What a rule makes is a key, .PHONY and its like apart.
    .bindings = {{.slot = {"targets", "<word>"},
                  .kind = SymbolKind::key,
                  .whole_up = 1,
                  .when = {.child = "<word>", .text = "!.*"}},
                 {.slot = {"variable_assignment", "name"}},
                 {.slot = {"shell_assignment", "name"}}},
    .ignored = {{"list", ""},
                {"paths", ""},
                {"concatenation", ""},
                {"archive", "*"},
                {"substitution_reference", "pattern"},
                {"substitution_reference", "replacement"}},
    .assignment_defines = true,
    .max_symbols = 8000,
    .import_nodes = {"include_directive"},
    .imports = make_imports,
    .edit = {.string = {"string"}},
    .folds = {"rule", "conditional"},
    .errors = ErrorTrust::none,
};
}  // namespace rows

}  // namespace engramd::repoindex
