#include "engine/tokenizer/word_table.h"

#include <algorithm>
#include <bit>

namespace engramd::engine::tokenizer {

// The masks of key_of count bytes from the little end.
static_assert(std::endian::native == std::endian::little);

WordTable::WordTable(size_t n_words) : slots_(std::bit_ceil(std::max<size_t>(2 * n_words, 2))) {
  shift_ = 64 - std::countr_zero(slots_.size());
}

void WordTable::add(std::string_view word, TokenId token) {
  const Key key = key_of(word.data(), word.size(), 0);
  size_t i = slot_of(key);
  while (slots_[i].length != 0) i = (i + 1) & (slots_.size() - 1);
  slots_[i] = {key, token, static_cast<uint32_t>(word.size())};
}

}  // namespace engramd::engine::tokenizer
