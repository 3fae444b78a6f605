// engine/format/gguf.h - a GGUF file, read in place and checked before anything believes it.
//
// Owns the mapping (or borrows bytes in tests); strings and tensor bytes are views into it, so they
// live as long as the object. After open or parse every length, count, type, name and offset has
// been checked: the accessors cannot fail on hostile bytes. Immutable: any thread.
// The mapping is private and read-only; a file that another process cuts short while it is mapped
// can still fault on a later read, which is why replacing a model file is done by rename.
// docs/formats/gguf.md has the layout and the limits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/quant/types.h"

namespace engramd::engine::format {

enum class ValueType : uint32_t {
  u8 = 0,
  i8,
  u16,
  i16,
  u32,
  i32,
  f32,
  boolean,
  string,
  array,
  u64,
  i64,
  f64
};
std::string_view to_string(ValueType type);

// One metadata value, still in the file's bytes.
struct Value {
  ValueType type = ValueType::u8;
  ValueType element = ValueType::u8;  // of an array
  uint64_t count = 1;                 // elements of an array
  const std::byte* bytes = nullptr;   // the scalar, the string's length field, or first element
};

struct KeyValue {
  std::string_view key;
  Value value;
};

struct Tensor {
  std::string_view name;
  const quant::TypeInfo* type = nullptr;
  std::vector<uint64_t> shape;  // shape[0] is the contiguous one
  uint64_t n_elements = 0;
  std::span<const std::byte> bytes;
};

class GgufFile {
 public:
  static Result<std::unique_ptr<GgufFile>> open(const std::filesystem::path& path);
  // Borrows the bytes: they outlive the object.
  static Result<std::unique_ptr<GgufFile>> parse(std::span<const std::byte> bytes);
  ~GgufFile();
  GgufFile(const GgufFile&) = delete;
  GgufFile& operator=(const GgufFile&) = delete;

  uint32_t version() const { return version_; }
  uint64_t file_bytes() const { return bytes_.size(); }
  std::span<const KeyValue> metadata() const { return metadata_; }
  std::span<const Tensor> tensors() const { return tensors_; }
  const Value* find(std::string_view key) const;
  const Tensor* find_tensor(std::string_view name) const;

  // Typed reads. The missing key and the wrong type are each one clear error.
  Result<uint64_t> unsigned_value(std::string_view key) const;  // any integer type, not negative
  Result<double> number(std::string_view key) const;            // any integer or float type
  Result<bool> boolean(std::string_view key) const;
  Result<std::string_view> string(std::string_view key) const;
  Result<std::vector<std::string>> string_array(std::string_view key) const;
  Result<std::vector<int32_t>> int_array(std::string_view key) const;

 private:
  GgufFile() = default;
  Status read_all();

  std::span<const std::byte> bytes_;
  void* mapping_ = nullptr;
  uint32_t version_ = 0;
  std::vector<KeyValue> metadata_;
  std::vector<Tensor> tensors_;
  std::vector<uint32_t> metadata_by_key_;  // indexes, sorted by key
  std::vector<uint32_t> tensors_by_name_;
};

// The value as one short line: strings quoted and cut, long arrays shortened.
std::string printed(const Value& value);

}  // namespace engramd::engine::format
