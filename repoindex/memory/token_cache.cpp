#include "repoindex/memory/token_cache.h"

#include "base/hash.h"

namespace engramd::repoindex {

size_t TokenCache::bytes_of(const Item& item) {
  constexpr size_t kOverhead = 160;  // list node, map node and control blocks, roughly
  return item.tokens->capacity() * sizeof(TokenId) + item.key.size() * 2 + kOverhead;
}

TokenArray TokenCache::get(std::string_view text, const TokenEncoder& encode) {
  std::string key = hash128_hex(text);
  {
    std::lock_guard lock(mutex_);
    if (auto found = by_key_.find(key); found != by_key_.end()) {
      items_.splice(items_.begin(), items_, found->second);
      return found->second->tokens;
    }
  }
  std::vector<TokenId> encoded = encode(text);
  encoded.shrink_to_fit();
  auto tokens = std::make_shared<const std::vector<TokenId>>(std::move(encoded));

  std::lock_guard lock(mutex_);
  ++n_encoded_;
  if (by_key_.count(key)) return tokens;  // another thread was faster
  items_.push_front(Item{key, tokens});
  by_key_[std::move(key)] = items_.begin();
  n_bytes_ += bytes_of(items_.front());
  while (n_bytes_ > max_bytes_ && !items_.empty()) {
    n_bytes_ -= bytes_of(items_.back());
    by_key_.erase(items_.back().key);
    items_.pop_back();
  }
  return tokens;
}

size_t TokenCache::n_bytes() const {
  std::lock_guard lock(mutex_);
  return n_bytes_;
}

size_t TokenCache::n_encoded() const {
  std::lock_guard lock(mutex_);
  return n_encoded_;
}

}  // namespace engramd::repoindex
