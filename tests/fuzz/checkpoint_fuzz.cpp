// tests/fuzz/checkpoint_fuzz.cpp - libFuzzer over a checkpoint: config.json, a zero byte and a
// .safetensors file, to a network.
//
//   cmake -DENGRAMD_BUILD_FUZZ=ON with clang; checkpoint_fuzz -max_len=65536 CORPUS
#include "tests/fuzz/model_file_inputs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)engramd::engine::test::read_hostile_checkpoint({reinterpret_cast<const char*>(data), size});
  return 0;
}
