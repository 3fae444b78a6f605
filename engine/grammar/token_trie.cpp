#include "engine/grammar/token_trie.h"

#include <algorithm>

#include "engine/grammar/characters.h"

namespace engramd::engine::grammar {

TokenTrie::TokenTrie(const Tokenizer& tokenizer)
    : n_vocab_(tokenizer.n_vocab()), texts_(tokenizer.n_vocab()) {
  std::vector<TokenId> order;
  for (size_t i = 0; i < n_vocab_; ++i) {
    const auto token = static_cast<TokenId>(i);
    const std::string_view bytes = tokenizer.bytes(token);
    if (!bytes.empty()) {
      // The byte of the markers is in no text.
      const bool is_text = bytes.find(static_cast<char>(kMarkerByte)) == std::string_view::npos;
      if (bytes.size() > kMaxTokenBytes || !is_text) continue;
      texts_[i] = bytes;
    } else {
      const std::string_view spelling = tokenizer.spelling(token);
      if (spelling.empty() || i > kMaxMarkerId) continue;
      texts_[i] = marker_bytes(static_cast<uint32_t>(i));
      spelled_.emplace_back(spelling, token);
    }
    order.push_back(token);
    max_bytes_ = std::max(max_bytes_, texts_[i].size());
  }
  std::sort(spelled_.begin(), spelled_.end(), [](const auto& a, const auto& b) {
    return a.first.size() != b.first.size() ? a.first.size() > b.first.size() : a < b;
  });
  std::sort(order.begin(), order.end(), [&](TokenId a, TokenId b) {
    const int compared = texts_[static_cast<size_t>(a)].compare(texts_[static_cast<size_t>(b)]);
    return compared != 0 ? compared < 0 : a < b;
  });

  std::vector<uint32_t> path;  // the nodes of the last token
  const auto close_to = [&](size_t depth) {
    for (; path.size() > depth; path.pop_back())
      skips_[path.back()] = static_cast<uint32_t>(bytes_.size());
  };
  std::string_view last;
  for (const TokenId token : order) {
    const std::string_view text = texts_[static_cast<size_t>(token)];
    const auto shared = static_cast<size_t>(
        std::mismatch(last.begin(), last.end(), text.begin(), text.end()).first - last.begin());
    close_to(shared);
    for (size_t i = shared; i < text.size(); ++i) {
      path.push_back(static_cast<uint32_t>(bytes_.size()));
      bytes_.push_back(static_cast<uint8_t>(text[i]));
      depths_.push_back(static_cast<uint16_t>(i + 1));
      skips_.push_back(0);
      starts_.push_back(static_cast<uint32_t>(tokens_.size()));
    }
    tokens_.push_back(token);
    last = text;
  }
  close_to(0);
  starts_.push_back(static_cast<uint32_t>(tokens_.size()));
}

std::string TokenTrie::text(TokenId token) const {
  return token >= 0 && static_cast<size_t>(token) < n_vocab_ ? texts_[static_cast<size_t>(token)]
                                                             : std::string();
}

std::string TokenTrie::with_markers(std::string_view text) const {
  std::string out;
  while (!text.empty()) {
    const auto found = std::find_if(spelled_.begin(), spelled_.end(), [&](const auto& marker) {
      return text.starts_with(marker.first);
    });
    if (found == spelled_.end()) {
      out += text[0];
      text.remove_prefix(1);
    } else {
      out += marker_bytes(static_cast<uint32_t>(found->second));
      text.remove_prefix(found->first.size());
    }
  }
  return out;
}

}  // namespace engramd::engine::grammar
