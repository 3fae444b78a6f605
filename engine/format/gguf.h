// engine/format/gguf.h - a GGUF file, read in place and checked before anything believes it.
//
// Owns the mapping (or borrows bytes in tests). After open or parse every length, count, type, name
// and offset has been checked. A model that is split over files ("x-00001-of-00003.gguf", keys
// split.*) is opened by the name of any of them: the keys are those of the first file, the tensors
// those of all. docs/formats/gguf.md has the layout and the limits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/format/mapped_file.h"
#include "engine/format/model_file.h"

namespace engramd::engine::format {

class GgufFile final : public ModelFile {
 public:
  static Result<std::unique_ptr<GgufFile>> open(const std::filesystem::path& path);
  // Borrows the bytes: they outlive the object.
  static Result<std::unique_ptr<GgufFile>> parse(std::span<const std::byte> bytes);

  std::string format() const override;
  uint64_t file_bytes() const override;
  uint32_t version() const { return version_; }

 private:
  GgufFile() = default;
  static Result<std::unique_ptr<GgufFile>> open_one(const std::filesystem::path& path);
  Status read_all();
  Status read_split();
  Status add_parts(const std::filesystem::path& path);

  std::optional<MappedFile> mapping_;
  std::span<const std::byte> bytes_;
  uint32_t version_ = 0;
  struct Split {
    uint64_t no = 0, count = 1, n_tensors = 0;
  } split_;
  std::vector<std::unique_ptr<GgufFile>> parts_;  // the others; their tensors are shown here
};

}  // namespace engramd::engine::format
