// repoindex/file_source.h - where the bytes of a snapshot's files are: in a folder, or in a commit.
//
// Immutable: any thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace engramd::repoindex {

class FileSource {
 public:
  virtual ~FileSource() = default;
  // path: of the snapshot. Code not_found when it has no such file, exhausted when it is larger.
  virtual Result<std::string> read(const std::string& path, uint64_t max_bytes) const = 0;
  virtual const std::string& commit() const = 0;  // hex
};

}  // namespace engramd::repoindex
