#include "repoindex/languages/c_family.h"

extern "C" const TSLanguage* tree_sitter_cuda();

namespace engramd::repoindex {

namespace {
// C++ with kernels: f<<<blocks, threads>>>(x) is a call like any other.
Language cuda_row() {
  Language l = c_family::cpp_base();
  l.name = "cuda";
  l.extensions = {"cu", "cuh"};
  l.other_names = {"cuda-cpp"};
  l.grammar = tree_sitter_cuda;
  return l;
}
}  // namespace

namespace rows {
extern const Language cuda = cuda_row();
}  // namespace rows

}  // namespace engramd::repoindex
