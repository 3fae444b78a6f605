// engine/format/mapped_file.h - a model file's bytes, mapped read-only for as long as the object.
//
// Only regular files, never a fifo or a device, so that opening cannot wait. Immutable: any thread.
// The mapping is private and read-only; a file that another process cuts short while it is mapped
// can still fault on a later read, which is why replacing a model file is done by rename.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "base/result.h"

namespace engramd::engine::format {

class MappedFile {
 public:
  // An empty file is an error: no format has one.
  static Result<MappedFile> open(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  MappedFile() = default;
  std::span<const std::byte> bytes_;
};

}  // namespace engramd::engine::format
