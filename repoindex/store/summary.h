// repoindex/store/summary.h - what is known of a file without loading its facts. Plain data.
#pragma once

#include <cstdint>
#include <string_view>

namespace engramd::repoindex {

struct FileSummary {
  // A row of the language table; empty: indexed as text only. Valid while the snapshot is.
  std::string_view language;
  uint32_t n_bytes = 0, n_lines = 0;
  uint32_t n_symbols = 0, n_occurrences = 0;
  bool has_errors = false, truncated = false, marked_generated = false, is_ascii = false;
};

}  // namespace engramd::repoindex
