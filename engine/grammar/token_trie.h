// engine/grammar/token_trie.h - the bytes of a vocabulary's tokens as one tree, in the order of a
// walk over it, so that a grammar can be walked along with it.
//
//   node      0     1     2     3 ...         parents before children, siblings by byte
//   byte      "     "     }     a
//   depth     1     2     2     1             bytes from the root
//   skip      3     2     3     ...           the node after the last one below
//   tokens    n_tokens_before(node) .. n_tokens_before(node + 1) in tokens()
//
// A special token without bytes of its own has its marker (characters.h) instead. Tokens longer
// than kMaxTokenBytes are not in it and never allowed. Immutable: any thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/model.h"

namespace engramd::engine::grammar {

inline constexpr size_t kMaxTokenBytes = 256;

class TokenTrie {
 public:
  explicit TokenTrie(const Tokenizer& tokenizer);

  size_t n_vocab() const { return n_vocab_; }
  size_t n_nodes() const { return bytes_.size(); }
  uint8_t byte(size_t node) const { return bytes_[node]; }
  uint16_t depth(size_t node) const { return depths_[node]; }
  uint32_t skip(size_t node) const { return skips_[node]; }
  std::span<const TokenId> tokens(size_t node) const {
    return std::span(tokens_).subspan(starts_[node], starts_[node + 1] - starts_[node]);
  }
  // Of the longest token that is in it.
  size_t max_bytes() const { return max_bytes_; }

  // What a matcher is fed for the token; empty for one that is never allowed.
  std::string text(TokenId token) const;
  // The text with the special tokens spelled in it as markers.
  std::string with_markers(std::string_view text) const;

 private:
  size_t n_vocab_ = 0, max_bytes_ = 0;
  std::vector<uint8_t> bytes_;
  std::vector<uint16_t> depths_;
  std::vector<uint32_t> skips_, starts_;
  std::vector<TokenId> tokens_;
  std::vector<std::string> texts_;                        // by token
  std::vector<std::pair<std::string, TokenId>> spelled_;  // markers, the longest first
};

}  // namespace engramd::engine::grammar
