// engine/tokenizer/merge_table.h - byte-pair merging of one word.
//
// A merge joins two neighbouring tokens into a third; the lowest rank goes first, the leftmost
// among equals. Short words scan for the lowest rank (they fit in two cache lines), long ones keep
// a heap, so that a megabyte of one letter costs n log n. Immutable after the last add(); any
// thread may then call merge().
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/api/model.h"

namespace engramd::engine::tokenizer {

class MergeTable {
 public:
  explicit MergeTable(size_t n_merges);
  // All of them before the first add().
  void set_byte_token(unsigned char byte, TokenId token) {
    byte_token_[byte] = token;
    byte_of_token_[token] = byte;
  }
  // False when the pair has a merge already. Ranks are given in order of the calls, or by `rank`.
  bool add(TokenId left, TokenId right, TokenId joined) {
    return add(left, right, joined, n_ranks_++);
  }
  bool add(TokenId left, TokenId right, TokenId joined, uint32_t rank);

  // Appends the tokens of the word (any bytes, at least one).
  void merge(std::string_view word, std::vector<TokenId>& out) const;

 private:
  struct Entry {
    uint64_t pair = kEmpty;
    uint32_t rank = kNoRank;
    TokenId joined = -1;
  };
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  static constexpr uint32_t kNoRank = ~uint32_t{0};

  static uint64_t pair_of(TokenId left, TokenId right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  // What a pair becomes.
  struct Merge {
    uint32_t rank = kNoRank;
    TokenId joined = -1;
  };
  Merge find(TokenId left, TokenId right) const;
  Merge find_bytes(char left, char right) const {
    return byte_pairs_[static_cast<size_t>(static_cast<unsigned char>(left)) << 8 |
                       static_cast<unsigned char>(right)];
  }
  void merge_short(std::string_view word, std::vector<TokenId>& out) const;
  void merge_long(std::string_view word, std::vector<TokenId>& out) const;

  std::array<TokenId, 256> byte_token_{};
  std::unordered_map<TokenId, unsigned char> byte_of_token_;
  // The merges of two bytes: every word starts with them, and half a megabyte stays in the cache.
  std::vector<Merge> byte_pairs_;
  std::vector<Entry> entries_;  // open addressing, a power of two, at most half full
  int shift_ = 63;
  uint32_t n_ranks_ = 0;
};

}  // namespace engramd::engine::tokenizer
