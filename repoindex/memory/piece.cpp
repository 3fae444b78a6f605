#include "repoindex/memory/piece.h"

#include <algorithm>

#include "base/hash.h"
#include "repoindex/store/bytes.h"

namespace engramd::repoindex {
namespace {

constexpr std::string_view kMagic = "ENGRMEM1";
constexpr size_t kHeaderBytes = 16;  // magic, sum of the rest
constexpr TokenId kMaxNarrowToken = 0xFFFE;

tl::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::corrupt, "memory piece: " + std::string(what));
}

template <class Number>
void put_numbers(std::string& out, const std::vector<uint32_t>& numbers) {
  const size_t at = out.size();
  out.resize(at + numbers.size() * sizeof(Number));
  char* to = out.data() + at;
  for (const uint32_t number : numbers) {
    for (size_t b = 0; b < sizeof(Number); ++b) *to++ = static_cast<char>(number >> 8 * b);
  }
}

}  // namespace

Result<MemoryPiecePtr> MemoryPiece::build(
    const std::vector<std::pair<std::string, std::vector<TokenId>>>& key_and_tokens, size_t depth,
    const CancelToken& cancel) {
  auto piece = std::make_shared<MemoryPiece>();
  size_t n = 1;
  for (const auto& [key, document] : key_and_tokens) n += document.size() + 1;
  std::vector<TokenId> tokens;
  tokens.reserve(n);
  tokens.push_back(SuffixTable::kSeparator);
  for (const auto& [key, document] : key_and_tokens) {
    const uint32_t begin = static_cast<uint32_t>(tokens.size());
    tokens.insert(tokens.end(), document.begin(), document.end());
    piece->documents_.push_back({key, begin, static_cast<uint32_t>(tokens.size())});
    tokens.push_back(SuffixTable::kSeparator);
  }
  piece->depth_ = depth;
  ENGRAMD_TRY(piece->table_, SuffixTable::build(std::move(tokens), depth, cancel));
  return piece;
}

size_t MemoryPiece::document_at(uint32_t position) const {
  const auto after = std::upper_bound(
      documents_.begin(), documents_.end(), position,
      [](uint32_t value, const Document& document) { return value < document.begin; });
  return after == documents_.begin() ? 0 : static_cast<size_t>(after - documents_.begin()) - 1;
}

std::vector<TokenId> MemoryPiece::tokens_of(const Document& document) const {
  std::vector<TokenId> tokens;
  tokens.reserve(document.n_tokens());
  for (uint32_t i = document.begin; i < document.end; ++i) tokens.push_back(table_.tokens()[i]);
  return tokens;
}

size_t MemoryPiece::n_bytes() const {
  size_t n = table_.n_bytes() + documents_.capacity() * sizeof(Document);
  for (const Document& document : documents_)
    if (document.key.size() > 15) n += document.key.capacity();
  return n;
}

std::string MemoryPiece::encode(std::string_view tokenizer) const {
  std::string out(kMagic);
  put_fixed<uint64_t>(out, 0);  // the sum, below
  put_text(out, tokenizer);
  put_varint(out, depth_);
  put_varint(out, documents_.size());
  for (const Document& document : documents_) {
    put_text(out, document.key);
    put_varint(out, document.n_tokens());
  }
  std::vector<uint32_t> numbers;
  numbers.reserve(table_.tokens().size());
  bool narrow = true;
  for (size_t i = 0; i < table_.tokens().size(); ++i) {
    const TokenId token = table_.tokens()[i];
    narrow = narrow && token <= kMaxNarrowToken;
    numbers.push_back(static_cast<uint32_t>(token));  // the separator: all bits
  }
  put_varint(out, numbers.size());
  put_varint(out, narrow ? 2 : 4);
  if (narrow)
    put_numbers<uint16_t>(out, numbers);
  else
    put_numbers<uint32_t>(out, numbers);
  put_varint(out, table_.order().size());
  put_numbers<uint32_t>(out, table_.order());
  std::string sum;
  put_fixed<uint64_t>(sum, hash64(std::string_view(out).substr(kHeaderBytes)));
  out.replace(kMagic.size(), sum.size(), sum);
  return out;
}

Result<MemoryPiecePtr> MemoryPiece::decode(std::string_view bytes, std::string_view tokenizer) {
  if (bytes.size() < kHeaderBytes || bytes.substr(0, kMagic.size()) != kMagic)
    return damaged("it does not begin with " + std::string(kMagic));
  const std::string_view body = bytes.substr(kHeaderBytes);
  if (get_fixed<uint64_t>(bytes.data() + kMagic.size()) != hash64(body))
    return damaged("its bytes do not have the sum it names");
  ByteReader reader(body);
  if (reader.text() != tokenizer) {
    return fail(ErrorCode::unsupported, "memory piece: its tokens are those of another tokenizer");
  }
  auto piece = std::make_shared<MemoryPiece>();
  piece->depth_ = reader.u32();
  const size_t n_documents = reader.count(2);
  uint64_t at = 1;  // behind the first separator
  for (size_t d = 0; d < n_documents && reader.ok(); ++d) {
    Document document;
    document.key = std::string(reader.text());
    document.begin = static_cast<uint32_t>(at);
    at += reader.u32();
    if (at > body.size()) return damaged("its documents have more tokens than it has bytes");
    document.end = static_cast<uint32_t>(at);
    ++at;
    piece->documents_.push_back(std::move(document));
  }
  const uint64_t n_tokens = reader.number(), width = reader.number();
  if (!reader.ok() || n_tokens != at || (width != 2 && width != 4) ||
      n_tokens > reader.left() / width) {
    return damaged("it has not the tokens of its documents");
  }
  const std::string_view token_bytes = reader.bytes(n_tokens * width);
  std::vector<TokenId> tokens(n_tokens);
  for (size_t i = 0; i < n_tokens; ++i) {
    tokens[i] = width == 2 ? static_cast<int16_t>(get_fixed<uint16_t>(&token_bytes[2 * i])) == -1
                                 ? SuffixTable::kSeparator
                                 : get_fixed<uint16_t>(&token_bytes[2 * i])
                           : static_cast<TokenId>(get_fixed<uint32_t>(&token_bytes[4 * i]));
  }
  const size_t n_order = reader.count(4);
  const std::string_view order_bytes = reader.bytes(uint64_t{n_order} * 4);
  if (!reader.ok() || !reader.at_end()) return damaged("it is cut off");
  std::vector<uint32_t> order(n_order);
  for (size_t i = 0; i < n_order; ++i) order[i] = get_fixed<uint32_t>(&order_bytes[4 * i]);
  ENGRAMD_TRY(piece->table_, SuffixTable::restore(std::move(tokens), std::move(order)));
  return piece;
}

}  // namespace engramd::repoindex
