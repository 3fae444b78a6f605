#include "repoindex/languages/javascript_family.h"

extern "C" const TSLanguage* tree_sitter_javascript();

namespace engramd::repoindex {

namespace {
Language javascript_row() {
  Language l = javascript_family::base();
  l.name = "javascript";
  l.extensions = {"js", "jsx", "mjs", "cjs", "es6"};
  l.other_names = {"javascriptreact", "js", "jsx"};
  l.interpreters = {"node", "nodejs"};
  javascript_family::add_jsx(l);
  l.grammar = tree_sitter_javascript;
  return l;
}
}  // namespace

namespace rows {
extern const Language javascript = javascript_row();
}  // namespace rows

}  // namespace engramd::repoindex
