// repoindex/search/matcher.h - one compiled text query: the next match in a text.
//
// A match lies within one line. Time is linear in the text, whatever the pattern (RE2). Where every
// match of a regular expression must hold some literal, or one of a few, only lines with it are
// looked at.
// Immutable after compile(): any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"
#include "repoindex/search/text.h"

namespace engramd::repoindex {

class TextMatcher {
 public:
  // Errors: an empty or broken pattern (invalid_input, with what RE2 says of it).
  static Result<TextMatcher> compile(const TextQuery& query);
  TextMatcher(TextMatcher&&) noexcept;
  TextMatcher& operator=(TextMatcher&&) noexcept;
  ~TextMatcher();

  // The first match that begins at or after from; never empty ranges.
  std::optional<ByteRange> next(std::string_view text, size_t from) const;

 private:
  struct Impl;
  explicit TextMatcher(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace engramd::repoindex
