#include "engine/tokenizer/fold_text.h"

#include <algorithm>
#include <unordered_map>

#include "base/text.h"
#include "engine/tokenizer/byte_alphabet.h"
#include "engine/tokenizer/character_classes.h"

namespace engramd::engine::tokenizer {
namespace {

// Unicode 3.12: syllables are arithmetic.
constexpr char32_t kSyllables = 0xAC00, kSyllablesEnd = 0xD7A4, kLead = 0x1100, kVowel = 0x1161,
                   kTail = 0x11A7;

void append_folded(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += char(c >= 'A' && c <= 'Z' ? c + 32 : c);
    return;
  }
  if (c >= kSyllables && c < kSyllablesEnd) {
    const char32_t index = c - kSyllables;
    utf8_append(out, kLead + index / 588);
    utf8_append(out, kVowel + index % 588 / 28);
    if (index % 28 != 0) utf8_append(out, kTail + index % 28);
    return;
  }
  const FoldTable table = fold_table();
  const auto range =
      std::lower_bound(table.removed.begin(), table.removed.end(), c,
                       [](const FoldTable::Range& r, char32_t code) { return r.last < code; });
  if (range != table.removed.end() && range->first <= c) return;
  const auto one =
      std::lower_bound(table.one.begin(), table.one.end(), c,
                       [](const FoldTable::One& o, char32_t code) { return o.from < code; });
  if (one != table.one.end() && one->from == c) {
    utf8_append(out, one->to);
    return;
  }
  const auto many =
      std::lower_bound(table.many.begin(), table.many.end(), c,
                       [](const FoldTable::Many& m, char32_t code) { return m.from < code; });
  if (many != table.many.end() && many->from == c) {
    for (const char32_t part : table.pool.subspan(many->offset, many->length))
      utf8_append(out, part);
    return;
  }
  utf8_append(out, c);
}

bool is_white(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= '\t' && c <= '\r');
  return (character_flags(c) & kSpace) != 0;
}

std::string_view stripped(std::string_view text) {
  while (!text.empty() && is_white(utf8_decode_at(text, 0)))
    text.remove_prefix(utf8_length_at(text, 0));
  while (!text.empty()) {
    size_t last = text.size() - 1;
    while (last > 0 && (static_cast<unsigned char>(text[last]) & 0xC0) == 0x80) --last;
    if (!is_white(utf8_decode_at(text, last))) break;
    text.remove_suffix(text.size() - last);
  }
  return text;
}

}  // namespace

std::string folded_text(std::string_view text) {
  std::string lower;
  for (size_t i = 0; i < text.size(); i += utf8_length_at(text, i))
    append_folded(lower, utf8_decode_at(text, i));
  std::string out;
  for (const char c : lower) {
    const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (!blank)
      out += c;
    else if (out.empty() || out.back() != ' ')
      out += ' ';
  }
  if (out == " ") return out;
  return std::string(stripped(out));
}

FoldedVocabulary fold_vocabulary(std::span<const std::string> tokens,
                                 const std::vector<bool>& is_text) {
  FoldedVocabulary out;
  std::unordered_map<std::string, int32_t> numbers;
  for (size_t id = 0; id < tokens.size(); ++id) {
    std::string text = tokens[id];
    bool readable = true;
    if (!is_text[id]) {
      const auto bytes = bytes_of_spelling(text);
      // U+FFFD itself is what a decoder shows for broken bytes.
      readable = bytes && utf8_valid(*bytes) && bytes->find("\xEF\xBF\xBD") == std::string::npos;
      if (readable) text = *bytes;
    }
    std::string key = text;
    if (readable)
      if (std::string fold = folded_text(text); !fold.empty()) key = std::move(fold);
    const auto [at, fresh] = numbers.try_emplace(std::move(key), out.n_ids);
    out.n_ids += fresh ? 1 : 0;
    out.ids.push_back(at->second);
  }
  return out;
}

}  // namespace engramd::engine::tokenizer
