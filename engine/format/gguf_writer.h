// engine/format/gguf_writer.h - writes a GGUF v3 file front to back, in bounded memory.
//
// All tensors are announced first, then their bytes come in that order. The file grows under a
// temporary name beside its own and appears under its own when it is whole and on disk; a writer
// that is dropped before takes the temporary away. One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/format/model_file.h"

namespace engramd::engine::format {

struct PlannedTensor {
  std::string name;
  const quant::TypeInfo* type = nullptr;
  std::vector<uint64_t> shape;  // shape[0] is the contiguous one
  uint64_t n_bytes() const;
};

class GgufWriter {
 public:
  // Writes the header. Error of code exhausted when the disk has not room for the whole.
  static Result<std::unique_ptr<GgufWriter>> create(const std::filesystem::path& path,
                                                    std::span<const KeyValue> metadata,
                                                    std::vector<PlannedTensor> tensors);
  ~GgufWriter();
  GgufWriter(const GgufWriter&) = delete;
  GgufWriter& operator=(const GgufWriter&) = delete;

  // The next bytes of the tensor whose turn it is; never more than are left of it.
  Status append(std::span<const std::byte> bytes);
  // All tensors are there: to the disk and to the final name.
  Status finish();
  uint64_t file_bytes() const { return file_bytes_; }

 private:
  GgufWriter() = default;
  Status write(const void* bytes, size_t n);
  Status pad();

  std::filesystem::path path_, temporary_;
  int fd_ = -1;
  std::vector<PlannedTensor> tensors_;
  size_t current_ = 0;
  uint64_t left_of_current_ = 0, position_ = 0, file_bytes_ = 0;
};

}  // namespace engramd::engine::format
