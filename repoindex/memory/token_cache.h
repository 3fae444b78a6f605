// repoindex/memory/token_cache.h - the tokens of texts that were encoded before.
//
// Keyed by the text's hash, so a rebuild of a memory after one file changed encodes one file. One
// cache belongs to one encoder. Bounded in bytes, least recently used goes first. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace engramd::repoindex {

using TokenId = int32_t;
using TokenEncoder = std::function<std::vector<TokenId>(std::string_view)>;
using TokenArray = std::shared_ptr<const std::vector<TokenId>>;

class TokenCache {
 public:
  explicit TokenCache(size_t max_bytes = 64u << 20) : max_bytes_(max_bytes) {}

  // The cached tokens, or encode(text), which is then kept. encode runs outside the lock.
  TokenArray get(std::string_view text, const TokenEncoder& encode);

  size_t n_bytes() const;
  size_t n_encoded() const;  // calls of get that had to encode

 private:
  struct Item {
    std::string key;
    TokenArray tokens;
  };
  static size_t bytes_of(const Item& item);

  const size_t max_bytes_;
  mutable std::mutex mutex_;  // guards all below
  std::list<Item> items_;     // most recently used first
  std::unordered_map<std::string, std::list<Item>::iterator> by_key_;
  size_t n_bytes_ = 0;
  size_t n_encoded_ = 0;
};

}  // namespace engramd::repoindex
