// tests/engine/model_writer.h - GGUF files for tests: piece by piece, and whole random models.
//
// The writer checks nothing, so that broken files can be written too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "engine/api/model.h"
#include "engine/quant/types.h"

namespace engramd::engine::test {

class GgufWriter {
 public:
  uint32_t version = 3;
  uint64_t alignment = 32;

  void key_u32(std::string_view key, uint32_t value);
  void key_f32(std::string_view key, float value);
  void key_bool(std::string_view key, bool value);
  void key_string(std::string_view key, std::string_view value);
  void key_strings(std::string_view key, const std::vector<std::string>& values);
  void key_ints(std::string_view key, const std::vector<int32_t>& values);
  void key_raw(std::string_view key, uint32_t type, std::string_view value_bytes);
  void tensor(std::string_view name, std::vector<uint64_t> shape, uint32_t type, std::string bytes);
  // Where the last tensor's data is said to be, whatever it is.
  void lie_about_offset(uint64_t offset) { tensors_.back().lie = offset; }
  std::string bytes() const;

 private:
  struct Tensor {
    std::string name;
    std::vector<uint64_t> shape;
    uint32_t type;
    std::string bytes;
    std::optional<uint64_t> lie;
  };
  std::string keys_;
  uint64_t n_keys_ = 0;
  std::vector<Tensor> tensors_;
};

// Little-endian bytes of a number, and a GGUF string.
std::string le32(uint32_t value);
std::string le64(uint64_t value);
std::string gguf_string(std::string_view text);

// qwen3moe, or engramd with plain attention and one residual stream: that has a shared expert, a
// router's bias, and its embedding is its output matrix.
struct RandomModel {
  std::string architecture = "qwen3moe";
  quant::Type type = quant::Type::f32;  // of the matrices; norms and router stay F32
  size_t n_layers = 2, d_model = 256, n_heads = 4, n_kv_heads = 2, head_dim = 64;
  size_t n_experts = 8, n_used = 2, width = 256, shared_width = 256;
  size_t context_length = 2048;
  uint64_t seed = 1;
  bool with_output = true;  // of qwen3moe; else the embedding is the output matrix
};
inline constexpr size_t kRandomVocab = 256 + 16 + 9;
GgufWriter random_model(const RandomModel& shape);

// n elements of the type with about this standard deviation, deterministic by seed.
std::string random_tensor(quant::Type type, size_t n, float sigma, uint64_t seed);

// A file in a folder of its own, gone with the object.
class TemporaryModel {
 public:
  explicit TemporaryModel(const RandomModel& shape) : TemporaryModel(random_model(shape).bytes()) {}
  explicit TemporaryModel(std::string_view bytes);
  std::filesystem::path path() const { return folder_.path() / "model.gguf"; }

 private:
  TemporaryFolder folder_;
};

}  // namespace engramd::engine::test
