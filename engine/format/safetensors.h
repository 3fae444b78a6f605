// engine/format/safetensors.h - a checkpoint of one or several .safetensors files, read in place.
//
// Layout (the format's own description): | header length u64 | JSON header | tensor data |. The
// header names each tensor's type, shape (last size contiguous) and byte range within the data. A
// sharded checkpoint has a model.safetensors.index.json that says which file holds which tensor.
// After open every length, range, type and name has been checked: ranges lie within the data,
// cover it without overlap or hole and have the size that type and shape ask for.
// docs/formats/safetensors.md has the limits. Immutable: any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/format/mapped_file.h"

namespace engramd::engine::format {

enum class StoredType : uint8_t {
  f64,
  f32,
  f16,
  bf16,
  f8_e4m3,
  f8_e5m2,
  f8_e8m0,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean
};
std::string_view to_string(StoredType type);  // "F8_E4M3"
size_t element_bytes(StoredType type);

struct StoredTensor {
  std::string name;
  StoredType type = StoredType::f32;
  std::vector<uint64_t> shape;  // shape.back() is the contiguous one; empty: one element
  std::span<const std::byte> bytes;

  uint64_t n_elements() const { return bytes.size() / element_bytes(type); }
};

class Safetensors {
 public:
  // A .safetensors file, an index file, or a folder with either.
  static Result<std::unique_ptr<Safetensors>> open(const std::filesystem::path& path);
  // One file's bytes; borrows them.
  static Result<std::unique_ptr<Safetensors>> parse(std::span<const std::byte> bytes);

  // In the order of names.
  std::span<const StoredTensor> tensors() const { return tensors_; }
  const StoredTensor* find(std::string_view name) const;
  uint64_t file_bytes() const { return file_bytes_; }
  size_t n_files() const { return n_files_; }

 private:
  Safetensors() = default;
  Status read_shards(const std::filesystem::path& index_path);
  Status sort_by_name();

  std::vector<MappedFile> mappings_;
  std::vector<StoredTensor> tensors_;
  uint64_t file_bytes_ = 0;
  size_t n_files_ = 1;
};

}  // namespace engramd::engine::format
