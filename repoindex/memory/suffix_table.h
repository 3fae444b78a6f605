// repoindex/memory/suffix_table.h - token positions sorted by what precedes them.
//
// The tokens of many documents lie in one array; kSeparator stands before, between and after
// them. `order` lists every position that holds a token, sorted by the tokens before it read
// backwards (at least `depth` of them, ending at a separator). So all places where one context
// was seen are one range of `order`, and a longer context is a sub-range. Immutable: any thread.
//
//   tokens   #  a  b  c  #  a  b  d  #        contexts read backwards:
//   order    1 5 | 2 6 | 3 7                  1,5: (none)   2,6: a   3,7: b a
//   next     a a | b b | c d
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "repoindex/memory/token_cache.h"

namespace engramd::repoindex {

// Tokens in two bytes each where all fit, in four otherwise; -1 is kept.
class PackedTokens {
 public:
  PackedTokens() = default;
  explicit PackedTokens(const std::vector<TokenId>& tokens);
  TokenId operator[](size_t i) const {
    if (!narrow_.empty()) return narrow_[i] == kNarrowSeparator ? -1 : narrow_[i];
    return wide_[i];
  }
  size_t size() const { return narrow_.size() + wide_.size(); }
  size_t n_bytes() const { return narrow_.capacity() * 2 + wide_.capacity() * sizeof(TokenId); }

 private:
  static constexpr uint16_t kNarrowSeparator = 0xFFFF;
  std::vector<uint16_t> narrow_;
  std::vector<TokenId> wide_;  // one of the two is empty
};

class SuffixTable {
 public:
  static constexpr TokenId kSeparator = -1;
  struct Range {
    uint32_t begin = 0, end = 0;  // indexes of order
    uint32_t size() const { return end - begin; }
  };

  SuffixTable() = default;
  // tokens must begin with a separator; negative ids are separators too.
  static Result<SuffixTable> build(std::vector<TokenId> tokens, size_t depth,
                                   const CancelToken& cancel = {});
  // From what tokens() and order() of a table were, without sorting. An order that cannot be one
  // of these tokens is an error; a wrong one gives wrong answers, but no worse.
  static Result<SuffixTable> restore(std::vector<TokenId> tokens, std::vector<uint32_t> order);

  // ranges[k] are the positions preceded by the last k tokens of context; ranges[0] is all of
  // them. Ends at the longest suffix found, at most max_length long.
  void match(std::span<const TokenId> context, size_t max_length, std::vector<Range>& ranges) const;

  size_t size() const { return order_.size(); }
  TokenId next(uint32_t index) const { return next_[index]; }
  uint32_t position(uint32_t index) const { return order_[index]; }
  const PackedTokens& tokens() const { return tokens_; }
  const std::vector<uint32_t>& order() const { return order_; }
  // How often each distinct token occurs.
  uint32_t count(TokenId token) const;
  size_t n_distinct() const { return distinct_.size(); }
  const std::vector<TokenId>& distinct() const { return distinct_; }
  size_t n_bytes() const;

 private:
  // The distinct tokens of all and where order_ has each as last context.
  void index(const std::vector<TokenId>& tokens);

  PackedTokens tokens_;
  std::vector<uint32_t> order_;
  PackedTokens next_;                    // tokens_[order_[i]]: scanned in sequence, no misses
  std::vector<TokenId> distinct_;        // sorted
  std::vector<uint32_t> count_;          // of each distinct token
  std::vector<uint32_t> context_begin_;  // where order_ has each distinct token as last context
};

}  // namespace engramd::repoindex
