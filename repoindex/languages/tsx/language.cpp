#include "repoindex/languages/javascript_family.h"

extern "C" const TSLanguage* tree_sitter_tsx();

namespace engramd::repoindex {

namespace {
// A grammar of its own because <T>x means a cast in one and an element in the other.
Language tsx_row() {
  Language l = javascript_family::typescript_base();
  l.name = "tsx";
  l.extensions = {"tsx"};
  l.other_names = {"typescriptreact"};
  javascript_family::add_jsx(l);
  l.grammar = tree_sitter_tsx;
  return l;
}
}  // namespace

namespace rows {
extern const Language tsx = tsx_row();
}  // namespace rows

}  // namespace engramd::repoindex
