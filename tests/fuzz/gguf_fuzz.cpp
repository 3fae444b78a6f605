// tests/fuzz/gguf_fuzz.cpp - libFuzzer over the way from bytes to a network and a tokenizer.
//
//   cmake -DENGRAMD_BUILD_FUZZ=ON with clang; gguf_fuzz -max_len=65536 CORPUS
#include <cstddef>
#include <cstdint>

#include "engine/arch/family.h"
#include "engine/core/loaded_model.h"
#include "engine/format/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace engramd::engine;
  const auto file = format::GgufFile::parse({reinterpret_cast<const std::byte*>(data), size});
  if (!file) return 0;
  for (const format::KeyValue& entry : (*file)->metadata()) (void)format::printed(entry.value);
  (void)arch::build_network(**file);
  (void)core::load_tokenizer(**file);
  return 0;
}
