// engine/format/model_file.h - what a model family reads: keys and tensors, whatever file they are
// in.
//
// The vocabulary is GGUF's: keys such as "qwen3moe.block_count", tensor names such as
// "blk.0.attn_q.weight", shapes with the contiguous size first. A GGUF file is that already; a
// checkpoint of another format is shown in the same words, so that a family never asks which it is.
// Everything was checked when the file was opened: the accessors cannot fail on hostile bytes.
// Names, strings and tensor bytes are views that live as long as the object. Immutable once open:
// any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "engine/quant/types.h"

namespace engramd::engine::format {

// Numbers are those of the GGUF files.
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
// 0 for strings and arrays.
size_t scalar_bytes(ValueType type);

// One metadata value in GGUF's encoding.
struct Value {
  ValueType type = ValueType::u8;
  ValueType element = ValueType::u8;  // of an array
  uint64_t count = 1;                 // elements of an array
  const std::byte* bytes = nullptr;   // the scalar, the string's length field, or first element
  uint64_t n_bytes = 0;               // from there to the value's end
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
  std::span<const std::byte> bytes;  // empty until materialised, where the file has another layout

  // n_elements is at most 2^60 and a block element at most 8 bytes: no overflow.
  uint64_t n_bytes() const { return n_elements / type->block_elements * type->block_bytes; }
  uint64_t n_rows() const { return n_elements / shape[0]; }
  uint64_t row_bytes() const { return shape[0] / type->block_elements * type->block_bytes; }
};

class ModelFile {
 public:
  virtual ~ModelFile() = default;
  ModelFile(const ModelFile&) = delete;
  ModelFile& operator=(const ModelFile&) = delete;

  // "gguf v3", for people.
  virtual std::string format() const = 0;
  // Of all parts together.
  virtual uint64_t file_bytes() const = 0;

  std::span<const KeyValue> metadata() const { return metadata_; }
  std::span<const Tensor> tensors() const { return tensors_; }
  const Value* find(std::string_view key) const;
  const Tensor* find_tensor(std::string_view name) const;

  // What the tensors without bytes take once they have them.
  virtual uint64_t bytes_to_materialise() const { return 0; }
  // Gives every tensor its bytes; before the file is shared. Error of code exhausted when that
  // would take more than max_bytes: nothing is allocated then.
  virtual Status materialise(uint64_t max_bytes, const CancelToken& cancel);
  // Copies rows [first, first + n) of a tensor of this file, with or without bytes: row_bytes()
  // each.
  virtual Status copy_rows(const Tensor& tensor, uint64_t first, uint64_t n, std::byte* out) const;

  // Typed reads. The missing key and the wrong type are each one clear error.
  Result<uint64_t> unsigned_value(std::string_view key) const;  // any integer type, not negative
  Result<double> number(std::string_view key) const;            // any integer or float type
  Result<bool> boolean(std::string_view key) const;
  Result<std::string_view> string(std::string_view key) const;
  Result<std::vector<std::string>> string_array(std::string_view key) const;
  Result<std::vector<int32_t>> int_array(std::string_view key) const;
  Result<std::vector<uint64_t>> unsigned_array(std::string_view key) const;
  Result<std::vector<double>> number_array(std::string_view key) const;

 protected:
  ModelFile() = default;
  // Sorts the indexes; an error when a key or a tensor appears twice.
  Status index_metadata();
  Status index_tensors();

  std::vector<KeyValue> metadata_;
  std::vector<Tensor> tensors_;

 private:
  std::vector<uint32_t> metadata_by_key_;  // indexes, sorted by key
  std::vector<uint32_t> tensors_by_name_;
};

// The value as one short line: strings quoted and cut, long arrays shortened.
std::string printed(const Value& value);

// ---- for the readers of formats

// In quotes, without control characters or broken UTF-8, cut to max_bytes.
std::string in_quotes(std::string_view text, size_t max_bytes = 80);
// Names go into errors and logs: no control characters, no broken UTF-8.
bool printable(std::string_view text);

}  // namespace engramd::engine::format
