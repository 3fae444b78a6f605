// repoindex/rank/terms.h - the words that texts are ranked by.
//
// An identifier gives itself in lower case and its camel and snake parts with light stemming; very
// common words of English and of code give nothing. Terms are 64-bit hashes: nobody needs to read
// them back. A TermTable may be used by one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "repoindex/facts.h"

namespace engramd::repoindex {

using Term = uint64_t;

// Words to terms, remembered because words repeat.
class TermTable {
 public:
  // The whole identifier first, then its parts; nothing for a stop word. Valid until the next call.
  const std::vector<Term>& terms(std::string_view word);

 private:
  std::unordered_map<std::string, std::vector<Term>> known_;
};

// Calls use(offset, word) for each identifier-like word of the text.
template <class Use>
void for_each_word(std::string_view text, const Use& use) {
  auto starts = [](unsigned char c) {
    return static_cast<unsigned char>((c | 32) - 'a') < 26 || c == '_';
  };
  for (size_t i = 0; i < text.size();) {
    if (!starts(static_cast<unsigned char>(text[i]))) {
      ++i;
      continue;
    }
    size_t end = i + 1;
    while (end < text.size() && (starts(static_cast<unsigned char>(text[end])) ||
                                 static_cast<unsigned char>(text[end] - '0') < 10)) {
      ++end;
    }
    use(i, text.substr(i, end - i));
    i = end;
  }
}

// Camel and snake parts of an identifier, as written: "HTTPServer_v2" -> HTTP, Server, v, 2.
std::vector<std::string_view> identifier_parts(std::string_view word);

// How often each term occurs in one text, and in each of its functions.
struct TextTerms {
  struct Function {
    std::string name;  // with the enclosing classes
    std::string bare_name;
    ByteRange range;
    uint32_t n_terms = 0;
  };
  struct Posting {
    uint32_t function = 0, count = 0;
  };
  std::vector<Function> functions;
  std::vector<Term> terms;              // sorted
  std::vector<uint32_t> counts;         // in the whole text, of each term
  std::vector<uint32_t> posting_begin;  // terms.size() + 1 offsets into postings
  std::vector<Posting> postings;
  std::vector<Term> defined;  // hashes of the exact names it defines, sorted
  // Words of the names it defines, with how often; sorted by term.
  std::vector<std::pair<Term, uint32_t>> defined_words;
  uint32_t n_defined_words = 0;
  uint32_t n_terms = 0;

  size_t n_bytes() const;
  // Index into terms, or terms.size().
  size_t find(Term term) const;
};
TextTerms count_terms(std::string_view text, const FileFacts& facts, TermTable& table);

Term exact_name(std::string_view name);

}  // namespace engramd::repoindex
