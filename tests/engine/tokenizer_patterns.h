// tests/engine/tokenizer_patterns.h - the words that a row's regular expressions cut, by PCRE2.
//
// The oracle of the hand-written scanners: another engine with its own Unicode tables.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/pre_tokenizer.h"

namespace engramd::test {

// One compiled pattern over valid UTF-8.
class Regex {
 public:
  explicit Regex(std::string_view pattern);
  ~Regex();
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;
  // Cuts `text` into the matches and what lies between them; appends the ends, plus `base`.
  void cut(std::string_view text, size_t base, std::vector<size_t>& ends) const;

 private:
  void* code_ = nullptr;
  void* match_ = nullptr;
};

// The ends of the words, as byte offsets of `text`; bytes that are no UTF-8 count as U+FFFD.
std::vector<size_t> words_by_patterns(const engine::tokenizer::PreTokenizer& row,
                                      std::string_view text);

}  // namespace engramd::test
