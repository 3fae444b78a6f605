// tests/fuzz/model_file_inputs.h - from hostile bytes to a network and a tokenizer, the ways that a
// model file can take. What the fuzzers and the tests of damaged files share.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "engine/arch/family.h"
#include "engine/arch/hf/families.h"
#include "engine/core/loaded_model.h"
#include "engine/format/gguf.h"
#include "engine/format/hf/checkpoint.h"
#include "engine/format/safetensors.h"

namespace engramd::engine::test {

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

inline Status read_as_model(const format::ModelFile& file) {
  for (const format::KeyValue& entry : file.metadata()) {
    (void)format::printed(entry.value);
    (void)file.unsigned_array(entry.key);
    (void)file.number_array(entry.key);
    (void)file.string_array(entry.key);
  }
  ENGRAMD_TRY(const arch::Network network, arch::build_network(file));
  if (network.blocks.empty()) return fail(ErrorCode::internal, "a network without blocks");
  ENGRAMD_CHECK(core::load_tokenizer(file));
  return {};
}

inline Status read_hostile_gguf(std::string_view bytes) {
  ENGRAMD_TRY(const auto file, format::GgufFile::parse(bytes_of(bytes)));
  return read_as_model(*file);
}

inline Status read_hostile_safetensors(std::string_view bytes) {
  ENGRAMD_TRY(const auto file, format::Safetensors::parse(bytes_of(bytes)));
  // Every byte that a tensor claims is there.
  unsigned sum = 0;
  for (const format::StoredTensor& tensor : file->tensors()) {
    for (const std::byte byte : tensor.bytes) sum += unsigned(byte);
    if (file->find(tensor.name) != &tensor)
      return fail(ErrorCode::internal, "a tensor that cannot be found");
  }
  return sum == 1 ? fail(ErrorCode::internal, "never") : Status();
}

// config.json, a zero byte, and the bytes of one safetensors file.
inline Status read_hostile_checkpoint(std::string_view bytes) {
  const size_t zero = bytes.find('\0');
  if (zero == std::string_view::npos) return fail(ErrorCode::invalid_input, "no zero byte");
  ENGRAMD_TRY(const auto file,
              format::HfCheckpoint::parse(bytes.substr(0, zero), bytes_of(bytes.substr(zero + 1)),
                                          arch::hf::families()));
  // Rows are read before and after the tensors have their bytes: the same.
  constexpr uint64_t kMost = 4u << 20;
  std::vector<std::byte> row;
  for (const format::Tensor& tensor : file->tensors()) {
    if (!file->unknown().empty() || tensor.row_bytes() > kMost) break;
    row.resize(tensor.row_bytes());
    ENGRAMD_CHECK(file->copy_rows(tensor, tensor.n_rows() - 1, 1, row.data()));
  }
  ENGRAMD_CHECK(file->materialise(kMost, {}));
  return read_as_model(*file);
}

}  // namespace engramd::engine::test
