// repoindex/store/record.h - FileFacts as bytes and back; docs/formats/index-cache.md draws it.
//
// Decoding checks every bound and a checksum: a damaged record is an error of code corrupt, never
// a crash. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "repoindex/facts.h"

namespace engramd::repoindex {

std::string encode_facts(const FileFacts& facts);
Result<FileFactsPtr> decode_facts(std::string_view record);

// What a file's status was when its bytes were hashed.
struct FileStamp {
  std::string path;
  uint64_t n_bytes = 0;
  int64_t mtime_ns = 0;
  uint64_t inode = 0;
  std::string blob_id;  // 40 hex digits; empty for a file that is not parsed
  bool is_binary = false;
};
std::string encode_stamps(const std::vector<FileStamp>& stamps);
Result<std::vector<FileStamp>> decode_stamps(std::string_view record);

}  // namespace engramd::repoindex
