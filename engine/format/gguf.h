// engine/format/gguf.h - a GGUF file, read in place and checked before anything believes it.
//
// Owns the mapping (or borrows bytes in tests). After open or parse every length, count, type, name
// and offset has been checked. docs/formats/gguf.md has the layout and the limits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include "base/result.h"
#include "engine/format/mapped_file.h"
#include "engine/format/model_file.h"

namespace engramd::engine::format {

class GgufFile final : public ModelFile {
 public:
  static Result<std::unique_ptr<GgufFile>> open(const std::filesystem::path& path);
  // Borrows the bytes: they outlive the object.
  static Result<std::unique_ptr<GgufFile>> parse(std::span<const std::byte> bytes);

  std::string format() const override { return "gguf v" + std::to_string(version_); }
  uint64_t file_bytes() const override { return bytes_.size(); }
  uint32_t version() const { return version_; }

 private:
  GgufFile() = default;
  Status read_all();

  std::optional<MappedFile> mapping_;
  std::span<const std::byte> bytes_;
  uint32_t version_ = 0;
};

}  // namespace engramd::engine::format
