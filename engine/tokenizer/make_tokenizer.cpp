#include "engine/tokenizer/make_tokenizer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/hash.h"
#include "engine/tokenizer/byte_alphabet.h"
#include "engine/tokenizer/merge_table.h"
#include "engine/tokenizer/pre_tokenizer.h"
#include "engine/tokenizer/word_table.h"

namespace engramd::engine::tokenizer {
namespace {

// Vocabularies in use end below 300,000; the cap keeps a hostile file's tables small.
constexpr size_t kMaxTokens = 4u << 20;
constexpr size_t kMaxTokenBytes = 64u << 10;

enum TokenType : int32_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

// A token as an error message shows it: short, and printable whatever the file holds.
std::string shown(std::string_view token) {
  std::string text = "\"";
  for (const unsigned char c : token.substr(0, 40)) {
    if (c < 0x20 || c == 0x7F || c == '"' || c == '\\')
      text += "\\x" + to_hex({reinterpret_cast<const char*>(&c), 1});
    else
      text += static_cast<char>(c);
  }
  return text + (token.size() > 40 ? "...\"" : "\"");
}

// Spelling -> id, over views into strings that outlive it.
class SpellingTable {
 public:
  explicit SpellingTable(size_t n) : slots_(std::bit_ceil(std::max<size_t>(2 * n, 2)), -1) {}
  // The id that has this spelling already, or nothing when it was added.
  std::optional<TokenId> add(const std::vector<std::string>& spellings, TokenId id) {
    for (size_t i = hash64(spellings[static_cast<size_t>(id)]) & mask();; i = (i + 1) & mask()) {
      if (slots_[i] < 0) {
        slots_[i] = id;
        return std::nullopt;
      }
      if (spellings[static_cast<size_t>(slots_[i])] == spellings[static_cast<size_t>(id)])
        return slots_[i];
    }
  }
  TokenId find(const std::vector<std::string>& spellings, std::string_view spelling) const {
    for (size_t i = hash64(spelling) & mask();; i = (i + 1) & mask())
      if (slots_[i] < 0 || spellings[static_cast<size_t>(slots_[i])] == spelling) return slots_[i];
  }

 private:
  size_t mask() const { return slots_.size() - 1; }
  std::vector<TokenId> slots_;
};

// The spellings by which files without the GGUF keys name their special tokens, one set a line.
// DeepSeek writes a wide bar (U+FF5C) and a low block for the space (U+2581).
struct SpecialSpelling {
  TokenId SpecialTokens::*field;
  std::string_view spelling;
};
constexpr TokenId SpecialTokens::*kPrefix = &SpecialTokens::fim_prefix;
constexpr TokenId SpecialTokens::*kSuffix = &SpecialTokens::fim_suffix;
constexpr TokenId SpecialTokens::*kMiddle = &SpecialTokens::fim_middle;
constexpr TokenId SpecialTokens::*kPad = &SpecialTokens::fim_pad;
constexpr TokenId SpecialTokens::*kRepository = &SpecialTokens::repo_name;
constexpr TokenId SpecialTokens::*kFile = &SpecialTokens::file_sep;
// clang-format off
constexpr SpecialSpelling kSpecialSpellings[] = {
    // Qwen
    {kPrefix, "<|fim_prefix|>"}, {kSuffix, "<|fim_suffix|>"}, {kMiddle, "<|fim_middle|>"},
    {kPad, "<|fim_pad|>"}, {kRepository, "<|repo_name|>"}, {kRepository, "<|fim_repo|>"}, {kFile, "<|file_sep|>"},
    // DeepSeek
    {kPrefix, "<｜fim▁begin｜>"}, {kSuffix, "<｜fim▁hole｜>"}, {kMiddle, "<｜fim▁end｜>"},
    // GLM
    {kPrefix, "<|code_prefix|>"}, {kSuffix, "<|code_suffix|>"}, {kMiddle, "<|code_middle|>"},
    // StarCoder, Granite; SantaCoder
    {kPrefix, "<fim_prefix>"}, {kSuffix, "<fim_suffix>"}, {kMiddle, "<fim_middle>"},
    {kPad, "<fim_pad>"}, {kRepository, "<reponame>"}, {kRepository, "<repo_name>"}, {kFile, "<file_sep>"},
    {kPrefix, "<fim-prefix>"}, {kSuffix, "<fim-suffix>"}, {kMiddle, "<fim-middle>"}, {kPad, "<fim-pad>"},
    {&SpecialTokens::eos, "<|endoftext|>"},
};
// clang-format on
constexpr std::pair<TokenId SpecialTokens::*, const char*> kSpecialFields[] = {
    {&SpecialTokens::bos, "bos"},
    {&SpecialTokens::eos, "eos"},
    {&SpecialTokens::pad, "pad"},
    {&SpecialTokens::fim_prefix, "fim_prefix"},
    {&SpecialTokens::fim_suffix, "fim_suffix"},
    {&SpecialTokens::fim_middle, "fim_middle"},
    {&SpecialTokens::fim_pad, "fim_pad"},
    {&SpecialTokens::repo_name, "repo_name"},
    {&SpecialTokens::file_sep, "file_sep"},
};

// Bytes that valid UTF-8 has nowhere.
bool is_never_in_utf8(unsigned char byte) {
  return byte == 0xC0 || byte == 0xC1 || byte >= 0xF5;
}

// Invariant: every token's bytes are in bytes_; every single byte that UTF-8 can have is an
// ordinary token, so that any text encodes. Where the others have none they are read as U+FFFD.
class BytePairTokenizer final : public Tokenizer {
 public:
  BytePairTokenizer(NextWord next_word, size_t n_tokens, size_t n_merges)
      : next_word_(next_word), merges_(n_merges), words_(n_tokens), special_(n_tokens, false) {}

  std::vector<TokenId> encode(std::string_view text) const override {
    std::vector<TokenId> out;
    out.reserve(text.size() / 3 + 1);
    encode_into(text, out);
    return out;
  }

  std::vector<TokenId> encode_with_specials(std::string_view text) const override {
    const TextPart part{text, true};
    return encode_parts({&part, 1});
  }

  std::vector<TokenId> encode_parts(std::span<const TextPart> parts) const override {
    std::vector<TokenId> out;
    std::string ordinary;  // since the last special token: words may cross the parts
    const auto flush = [&] {
      encode_into(ordinary, out);
      ordinary.clear();
    };
    for (const TextPart& part : parts) {
      size_t done = 0;
      for (size_t i = 0; part.with_specials && i < part.text.size();) {
        const Added* found = added_at(part.text.substr(i));
        if (found == nullptr) {
          ++i;
          continue;
        }
        ordinary += part.text.substr(done, i - done);
        flush();
        out.push_back(found->second);
        i += found->first.size();
        done = i;
      }
      ordinary += part.text.substr(done);
    }
    flush();
    return out;
  }

  std::string decode(std::span<const TokenId> tokens) const override {
    std::string text;
    for (const TokenId token : tokens) text += bytes(token);
    return text;
  }

  std::string_view bytes(TokenId token) const override {
    return is_special(token) ? std::string_view() : spelling(token);
  }
  std::string_view spelling(TokenId token) const override {
    if (token < 0 || static_cast<size_t>(token) >= special_.size()) return {};
    const auto i = static_cast<size_t>(token);
    return std::string_view(bytes_).substr(begin_[i], begin_[i + 1] - begin_[i]);
  }
  TokenId find_added(std::string_view text) const override {
    if (text.empty()) return -1;
    const Added* found = added_at(text);
    return found != nullptr && found->first.size() == text.size() ? found->second : -1;
  }
  const SpecialTokens& specials() const override { return specials_; }
  bool adds_bos() const override { return adds_bos_; }
  std::string_view chat_template() const override { return chat_template_; }
  bool is_special(TokenId token) const override {
    return token >= 0 && static_cast<size_t>(token) < special_.size() &&
           special_[static_cast<size_t>(token)];
  }
  size_t n_vocab() const override { return special_.size(); }

 private:
  friend class Builder;
  using Added = std::pair<std::string, TokenId>;

  void encode_into(std::string_view text, std::vector<TokenId>& out) const {
    std::string replaced;
    if (has_missing_bytes_) {
      for (const char c : text) {
        if (is_never_in_utf8(static_cast<unsigned char>(c)))
          replaced += "\xEF\xBF\xBD";
        else
          replaced += c;
      }
      text = replaced;
    }
    for (size_t i = 0; i < text.size();) {
      const size_t end = next_word_(text, i);
      encode_word(text, i, end, out);
      i = end;
    }
  }
  void encode_word(std::string_view text, size_t begin, size_t end,
                   std::vector<TokenId>& out) const {
    const size_t length = end - begin;
    TokenId token = words_.find(text.data() + begin, length, text.size() - begin);
    if (token < 0 && length > WordTable::kMaxBytes && !long_words_.empty()) {
      const auto found = long_words_.find(text.substr(begin, length));
      if (found != long_words_.end()) token = found->second;
    }
    if (token >= 0)
      out.push_back(token);
    else
      merges_.merge(text.substr(begin, length), out);
  }

  // The longest added token that the text starts with.
  const Added* added_at(std::string_view text) const {
    if (!added_starts_.test(static_cast<unsigned char>(text[0]))) return nullptr;
    for (const Added& added : added_)
      if (text.starts_with(added.first)) return &added;
    return nullptr;
  }

  NextWord next_word_;
  MergeTable merges_;
  WordTable words_;  // what merging makes one token of
  // Longer tokens, of vocabularies where a whole word goes before the merges.
  std::unordered_map<std::string_view, TokenId> long_words_;
  std::vector<bool> special_;
  std::string bytes_;             // of all tokens, one after the other; of special ones, the name
  std::vector<size_t> begin_{0};  // token -> offset in bytes_; one more than tokens
  std::vector<Added> added_;      // control and user-defined tokens, longest first
  std::bitset<256> added_starts_;
  SpecialTokens specials_;
  // Some published vocabularies have no tokens for the bytes that no UTF-8 has.
  bool has_missing_bytes_ = false;
  bool adds_bos_ = false;
  std::string chat_template_;
};

// Checks hostile data and fills a BytePairTokenizer.
class Builder {
 public:
  explicit Builder(TokenizerData data) : data_(std::move(data)), table_(data_.tokens.size()) {}

  Result<std::unique_ptr<Tokenizer>> build() {
    if (data_.model != "gpt2")
      return fail(ErrorCode::unsupported, "tokenizer model is " + shown(data_.model) +
                                              ", expected \"gpt2\" (byte-level BPE)");
    const PreTokenizer* pre = find_pre_tokenizer(data_.pre);
    if (pre == nullptr)
      return fail(ErrorCode::unsupported, "pre-tokenizer is " + shown(data_.pre) +
                                              ", expected one of " + pre_tokenizer_names());
    ENGRAMD_CHECK(check_sizes());
    ENGRAMD_CHECK(index_tokens());
    ENGRAMD_CHECK(resolve_specials());
    made_ =
        std::make_unique<BytePairTokenizer>(pre->next, data_.tokens.size(), data_.merges.size());
    ENGRAMD_CHECK(fill_bytes());
    ENGRAMD_CHECK(fill_byte_tokens());
    ENGRAMD_CHECK(pre->ids_are_ranks && data_.merges.empty() ? merge_by_ranks() : fill_merges());
    fill_words(data_.whole_words_first.value_or(pre->whole_words_first));
    made_->specials_ = data_.specials;
    made_->adds_bos_ = data_.add_bos;
    made_->chat_template_ = std::move(data_.chat_template);
    return std::unique_ptr<Tokenizer>(std::move(made_));
  }

 private:
  int32_t type(size_t id) const { return data_.types.empty() ? kNormal : data_.types[id]; }
  bool is_added(size_t id) const { return type(id) == kControl || type(id) == kUserDefined; }
  bool is_named(size_t id) const {
    return std::any_of(std::begin(kSpecialFields), std::end(kSpecialFields), [&](auto& field) {
      return data_.specials.*field.first == static_cast<TokenId>(id);
    });
  }

  Status check_sizes() const {
    const size_t n = data_.tokens.size();
    if (n == 0) return fail(ErrorCode::corrupt, "the vocabulary is empty");
    if (n > kMaxTokens || data_.merges.size() > kMaxTokens)
      return fail(ErrorCode::exhausted, "the vocabulary has " + std::to_string(n) + " tokens and " +
                                            std::to_string(data_.merges.size()) +
                                            " merges, expected at most " +
                                            std::to_string(kMaxTokens) + " of each");
    if (!data_.types.empty() && data_.types.size() != n)
      return fail(ErrorCode::corrupt, "the vocabulary has " + std::to_string(n) + " tokens and " +
                                          std::to_string(data_.types.size()) + " token types");
    for (size_t id = 0; id < data_.types.size(); ++id)
      if (data_.types[id] < kNormal || data_.types[id] > kByte)
        return fail(ErrorCode::corrupt, "token " + std::to_string(id) + " has type " +
                                            std::to_string(data_.types[id]) + ", expected 1 to 6");
    return {};
  }

  Status index_tokens() {
    for (size_t id = 0; id < data_.tokens.size(); ++id) {
      const std::string& token = data_.tokens[id];
      if (token.empty() || token.size() > kMaxTokenBytes)
        return fail(ErrorCode::corrupt,
                    "token " + std::to_string(id) + " has " + std::to_string(token.size()) +
                        " bytes, expected 1 to " + std::to_string(kMaxTokenBytes));
      if (const auto earlier = table_.add(data_.tokens, static_cast<TokenId>(id)))
        return fail(ErrorCode::corrupt, "tokens " + std::to_string(*earlier) + " and " +
                                            std::to_string(id) + " are both " + shown(token));
    }
    return {};
  }

  Status resolve_specials() {
    for (const auto& [field, name] : kSpecialFields) {
      const TokenId id = data_.specials.*field;
      if (id < -1 || id >= static_cast<TokenId>(data_.tokens.size()))
        return fail(ErrorCode::corrupt, std::string("the ") + name + " token is " +
                                            std::to_string(id) + ", but the vocabulary has " +
                                            std::to_string(data_.tokens.size()) + " tokens");
    }
    for (const SpecialSpelling& row : kSpecialSpellings) {
      if (data_.specials.*row.field != -1) continue;
      const TokenId id = table_.find(data_.tokens, row.spelling);
      // An ordinary token with such a name is text, unless the file gives no types at all.
      if (id >= 0 && (data_.types.empty() || is_added(static_cast<size_t>(id))))
        data_.specials.*row.field = id;
    }
    return {};
  }

  Status fill_bytes() {
    BytePairTokenizer& made = *made_;
    made.begin_.reserve(data_.tokens.size() + 1);
    for (size_t id = 0; id < data_.tokens.size(); ++id) {
      const std::string& token = data_.tokens[id];
      const bool special = type(id) == kControl || type(id) == kUnknown || is_named(id);
      made.special_[id] = special;
      if (special || type(id) == kUserDefined) {
        made.added_.emplace_back(token, static_cast<TokenId>(id));
        made.added_starts_.set(static_cast<unsigned char>(token[0]));
        made.bytes_ += token;  // spelled as it is, not in the byte alphabet
      } else if (const auto bytes = bytes_of_spelling(token)) {
        made.bytes_ += *bytes;
      } else if (type(id) == kUnused) {
        made.bytes_ += token;
      } else {
        return fail(ErrorCode::corrupt, "token " + std::to_string(id) + " is " + shown(token) +
                                            ", which is not in the printable byte alphabet");
      }
      made.begin_.push_back(made.bytes_.size());
    }
    std::sort(made.added_.begin(), made.added_.end(), [](const auto& a, const auto& b) {
      return a.first.size() != b.first.size() ? a.first.size() > b.first.size() : a.first < b.first;
    });
    return {};
  }

  Status fill_byte_tokens() {
    for (int byte = 0; byte < 256; ++byte) {
      const auto c = static_cast<char>(byte);
      const TokenId id = table_.find(data_.tokens, spelling_of_bytes({&c, 1}));
      const bool found = id >= 0 && made_->bytes(id) == std::string_view(&c, 1);
      if (!found && is_never_in_utf8(static_cast<unsigned char>(c))) {
        made_->has_missing_bytes_ = true;
        continue;
      }
      if (!found)
        return fail(ErrorCode::corrupt, "the vocabulary has no token for byte 0x" +
                                            to_hex({&c, 1}) +
                                            ", so that not every text could be encoded");
      made_->merges_.set_byte_token(static_cast<unsigned char>(byte), id);
    }
    return {};
  }

  Status fill_merges() {
    const auto find = [&](std::string_view spelling) {
      const TokenId id = table_.find(data_.tokens, spelling);
      return id >= 0 && made_->bytes(id).empty() ? TokenId{-1} : id;  // a special one has no part
    };
    std::string joined_spelling;
    for (size_t rank = 0; rank < data_.merges.size(); ++rank) {
      const std::string_view merge = data_.merges[rank];
      const auto where = [&] { return "merge " + std::to_string(rank) + " is " + shown(merge); };
      // The alphabet has no space, so the first one separates.
      const size_t space = merge.find(' ');
      if (space == std::string_view::npos || space == 0 || space + 1 == merge.size() ||
          merge.find(' ', space + 1) != std::string_view::npos)
        return fail(ErrorCode::corrupt, where() + ", expected two tokens with a space between");
      const std::string_view left = merge.substr(0, space), right = merge.substr(space + 1);
      joined_spelling.assign(left).append(right);
      const TokenId a = find(left), b = find(right), joined = find(joined_spelling);
      for (const auto& [id, spelling] : {std::pair{a, left}, std::pair{b, right},
                                         std::pair{joined, std::string_view(joined_spelling)}})
        if (id < 0)
          return fail(ErrorCode::corrupt, where() + ", but " + shown(spelling) +
                                              " is not an ordinary token of the vocabulary");
      if (!made_->merges_.add(a, b, joined))
        return fail(ErrorCode::corrupt, where() + ", which an earlier merge has already");
    }
    return {};
  }

  // Every way to cut a token into two; the longest tokens in use are runs of 128 spaces.
  Status merge_by_ranks() {
    constexpr size_t kMaxMergedBytes = 256;
    std::unordered_map<std::string_view, TokenId> by_bytes;
    for (size_t id = 0; id < data_.tokens.size(); ++id)
      if (type(id) == kNormal && !made_->special_[id])
        by_bytes.emplace(made_->bytes(static_cast<TokenId>(id)), static_cast<TokenId>(id));
    std::vector<std::array<TokenId, 3>> merges;
    for (size_t id = 0; id < data_.tokens.size(); ++id) {
      const auto token = static_cast<TokenId>(id);
      const std::string_view bytes = made_->bytes(token);
      if (type(id) != kNormal || bytes.size() > kMaxMergedBytes) continue;
      for (size_t cut = 1; cut < bytes.size(); ++cut) {
        const auto left = by_bytes.find(bytes.substr(0, cut));
        const auto right = by_bytes.find(bytes.substr(cut));
        if (left != by_bytes.end() && right != by_bytes.end())
          merges.push_back({left->second, right->second, token});
      }
      if (merges.size() > kMaxTokens)
        return fail(ErrorCode::exhausted, "the vocabulary has more than " +
                                              std::to_string(kMaxTokens) +
                                              " ways to merge two tokens");
    }
    made_->merges_ = MergeTable(merges.size());
    ENGRAMD_CHECK(fill_byte_tokens());
    for (const auto& [left, right, joined] : merges)
      made_->merges_.add(left, right, joined, static_cast<uint32_t>(joined));
    return {};
  }

  // Without whole_words_first a token is a word only when merging its bytes gives it again.
  void fill_words(bool whole_words_first) {
    BytePairTokenizer& made = *made_;
    std::vector<TokenId> merged;
    for (size_t id = 0; id < data_.tokens.size(); ++id) {
      if (made.special_[id] || type(id) != kNormal) continue;
      const auto token = static_cast<TokenId>(id);
      const std::string_view word = made.bytes(token);
      if (word.size() > WordTable::kMaxBytes) {
        if (whole_words_first) made.long_words_.emplace(word, token);
        continue;
      }
      if (!whole_words_first) {
        merged.clear();
        made.merges_.merge(word, merged);
        if (merged.size() != 1 || merged[0] != token) continue;
      }
      made.words_.add(word, token);
    }
  }

  TokenizerData data_;
  SpellingTable table_;
  std::unique_ptr<BytePairTokenizer> made_;
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_tokenizer(TokenizerData data) {
  return Builder(std::move(data)).build();
}

}  // namespace engramd::engine::tokenizer
