#include "repoindex/languages/javascript_family.h"

extern "C" const TSLanguage* tree_sitter_typescript();

namespace engramd::repoindex {

namespace {
Language typescript_row() {
  Language l = javascript_family::typescript_base();
  l.name = "typescript";
  l.extensions = {"ts", "mts", "cts"};
  l.other_names = {"ts"};
  l.grammar = tree_sitter_typescript;
  return l;
}
}  // namespace

namespace rows {
extern const Language typescript = typescript_row();
}  // namespace rows

}  // namespace engramd::repoindex
