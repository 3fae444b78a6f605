// repoindex/store/root_table.h - what was known of every file of one root when it was last indexed:
// the state that its status had and the blob that its bytes were. With it a start where nothing
// changed reads no file.
//
// One small file for each root, written whole. Damage is an error of code corrupt. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace engramd::repoindex {

struct RootRow {
  std::string path;
  uint64_t n_bytes = 0;
  int64_t mtime_ns = 0;
  uint64_t inode = 0;
  std::string blob_id;   // hex; empty for a file that is not parsed
  std::string language;  // a row of the language table; empty: text
  bool is_binary = false;
};

// Rows sorted by path. key says which root (and which settings) the rows are of; pin which
// grammars and extractor chose the languages.
std::string encode_root_table(std::string_view key, uint64_t pin, const std::vector<RootRow>& rows);

struct RootTable {
  std::string key;
  uint64_t pin = 0;
  std::vector<RootRow> rows;
};
Result<RootTable> decode_root_table(std::string_view bytes);

}  // namespace engramd::repoindex
