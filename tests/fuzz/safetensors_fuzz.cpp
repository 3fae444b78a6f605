// tests/fuzz/safetensors_fuzz.cpp - libFuzzer over the reader of .safetensors files.
//
//   cmake -DENGRAMD_BUILD_FUZZ=ON with clang; safetensors_fuzz -max_len=65536 CORPUS
#include "tests/fuzz/model_file_inputs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)engramd::engine::test::read_hostile_safetensors(
      {reinterpret_cast<const char*>(data), size});
  return 0;
}
