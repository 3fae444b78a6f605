#include "repoindex/languages/c_family.h"

extern "C" const TSLanguage* tree_sitter_cpp();

namespace engramd::repoindex {

namespace {
Language cpp_row() {
  Language l = c_family::cpp_base();
  l.name = "cpp";
  // .h is read as C++: its grammar takes nearly all C, the other way round fails on classes.
  l.extensions = {"cpp", "cc", "cxx", "c++", "C", "H", "h", "hpp", "hh", "hxx", "h++", "inl",
                  "ipp", "tpp", "ino"};
  l.other_names = {"c++"};
  l.grammar = tree_sitter_cpp;
  return l;
}
}  // namespace

namespace rows {
extern const Language cpp = cpp_row();
}  // namespace rows

}  // namespace engramd::repoindex
