// engine/tokenizer/word_table.h - the words that are one token as a whole.
//
// Nine words of ten in source text are: looking them up at once costs one memory access instead
// of merging them byte by byte. Words of up to kMaxBytes are compared as two machine words.
// Immutable after the last add(); any thread may then call find().
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "engine/api/model.h"

namespace engramd::engine::tokenizer {

class WordTable {
 public:
  static constexpr size_t kMaxBytes = 16;
  explicit WordTable(size_t n_words);
  // 1 to kMaxBytes bytes, each word once.
  void add(std::string_view word, TokenId token);

  // The token of the word at `text` (of which `readable` bytes may be read), or -1.
  TokenId find(const char* text, size_t length, size_t readable) const {
    if (length > kMaxBytes) return -1;
    const Key key = key_of(text, length, readable);
    for (size_t i = slot_of(key);; i = (i + 1) & (slots_.size() - 1)) {
      const Slot& slot = slots_[i];
      if (slot.key.low == key.low && slot.key.high == key.high && slot.length == length)
        return slot.token;
      if (slot.length == 0) return -1;
    }
  }

 private:
  struct Key {
    uint64_t low = 0, high = 0;  // the bytes, little end first, then zeros
  };
  struct Slot {
    Key key;
    TokenId token = -1;
    uint32_t length = 0;  // 0: free
  };
  static Key key_of(const char* text, size_t length, size_t readable) {
    Key key;
    if (readable < kMaxBytes) {
      char bytes[kMaxBytes] = {};
      std::memcpy(bytes, text, length);
      std::memcpy(&key, bytes, sizeof key);
      return key;
    }
    std::memcpy(&key, text, sizeof key);
    if (length < 8) {
      key.low &= (uint64_t{1} << (8 * length)) - 1;
      key.high = 0;
    } else if (length < 16) {
      key.high &= (uint64_t{1} << (8 * (length - 8))) - 1;
    }
    return key;
  }
  size_t slot_of(const Key& key) const {
    return ((key.low ^ (key.high * 0xC2B2AE3D27D4EB4Fu)) * 0x9E3779B97F4A7C15u) >> shift_;
  }

  std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
  int shift_ = 63;
};

}  // namespace engramd::engine::tokenizer
