// tests/fuzz/gguf_fuzz.cpp - libFuzzer over the way from a GGUF file's bytes to a network and a
// tokenizer.
//
//   cmake -DENGRAMD_BUILD_FUZZ=ON with clang; gguf_fuzz -max_len=65536 -malloc_limit_mb=256 CORPUS
#include "tests/fuzz/model_file_inputs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)engramd::engine::test::read_hostile_gguf({reinterpret_cast<const char*>(data), size});
  return 0;
}
