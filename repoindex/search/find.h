// repoindex/search/find.h - where a literal comes next in a text, at the speed of memory.
//
// Two bytes of the needle that are rare in source are looked for at once, 16 or 32 places a step;
// only where both fit is the needle compared. Immutable after construction: any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace engramd::repoindex {

class LiteralFinder {
 public:
  // ignore_case folds ASCII letters only. The needle must not be empty.
  LiteralFinder(std::string needle, bool ignore_case);

  // Offset of the first occurrence at or after from; npos when there is none.
  size_t find(std::string_view text, size_t from) const;
  const std::string& needle() const { return needle_; }

 private:
  bool fits(const char* at) const;
  size_t find_plain(std::string_view text, size_t from, size_t last) const;

  std::string needle_;  // lower case when ignore_case
  bool ignore_case_ = false;
  size_t first_ = 0, second_ = 0;                   // offsets of the two rare bytes
  unsigned char first_byte_ = 0, second_byte_ = 0;  // folded
  unsigned char first_fold_ = 0, second_fold_ = 0;  // 0x20 where the byte is a folded letter
};

// How many '\n' there are.
size_t count_newlines(std::string_view text);

}  // namespace engramd::repoindex
