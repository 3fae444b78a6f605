#include "engine/tokenizer/pre_tokenizer.h"

#include <algorithm>
#include <array>
#include <memory>

#include "base/text.h"
#include "engine/tokenizer/character_classes.h"

namespace engramd::engine::tokenizer {
namespace {

constexpr char32_t kPlaneEnd = 0x30000;  // letters above it: none in Unicode 14

struct ClassTable {
  // Two bits per code point would be smaller; bytes are what the scanner reads fastest, and only
  // the pages of the scripts in use are ever touched.
  std::unique_ptr<std::array<CharacterClass, kPlaneEnd>> classes;

  ClassTable() : classes(std::make_unique<std::array<CharacterClass, kPlaneEnd>>()) {
    classes->fill(CharacterClass::other);
    const auto mark = [&](std::span<const CodePointRange> ranges, CharacterClass as) {
      for (const CodePointRange& range : ranges)
        for (char32_t c = range.first; c <= range.last && c < kPlaneEnd; ++c) (*classes)[c] = as;
    };
    mark(letter_ranges(), CharacterClass::letter);
    mark(number_ranges(), CharacterClass::number);
    mark(space_ranges(), CharacterClass::space);
  }
};

constexpr std::array<CharacterClass, 128> kAscii = [] {
  std::array<CharacterClass, 128> table{};
  for (char c = '0'; c <= '9'; ++c) table[static_cast<size_t>(c)] = CharacterClass::number;
  for (char c = 'a'; c <= 'z'; ++c) table[static_cast<size_t>(c)] = CharacterClass::letter;
  for (char c = 'A'; c <= 'Z'; ++c) table[static_cast<size_t>(c)] = CharacterClass::letter;
  for (char c = '\t'; c <= '\r'; ++c) table[static_cast<size_t>(c)] = CharacterClass::space;
  table[' '] = CharacterClass::space;
  return table;
}();

}  // namespace

CharacterClass character_class(char32_t code_point) {
  if (code_point < 128) return kAscii[code_point];
  static const ClassTable table;
  return code_point < kPlaneEnd ? (*table.classes)[code_point] : CharacterClass::other;
}

namespace {

struct Character {
  char32_t code = 0;
  size_t length = 0;  // 0 at the end of the text
  CharacterClass kind = CharacterClass::other;
  bool is_line_end() const { return code == '\r' || code == '\n'; }
};

Character at(std::string_view text, size_t offset) {
  Character c;
  if (offset >= text.size()) return c;
  const auto byte = static_cast<unsigned char>(text[offset]);
  if (byte < 0x80) {
    c.code = byte;
    c.length = 1;
    c.kind = kAscii[byte];
    return c;
  }
  c.length = utf8_length_at(text, offset);
  c.code = c.length == 1 ? 0xFFFD : utf8_decode_at(text, offset);
  c.kind = character_class(c.code);
  return c;
}

// Past the run of characters of this class, or with this class.
size_t skip(std::string_view text, size_t offset, CharacterClass kind) {
  for (;;) {
    const Character c = at(text, offset);
    if (c.length == 0 || c.kind != kind) return offset;
    offset += c.length;
  }
}

char32_t folded(const Character& c, bool ignore_case) {
  if (!ignore_case) return c.code;
  if (c.code >= 'A' && c.code <= 'Z') return c.code + ('a' - 'A');
  return c.code == 0x17F ? 's' : c.code;  // U+017F folds to s; no other letter of these folds
}

// '(?:s|t|re|ve|m|ll|d): the length of the match, 0 for none.
size_t contraction(std::string_view text, size_t begin, bool ignore_case) {
  if (text[begin] != '\'') return 0;
  const Character first = at(text, begin + 1);
  const char32_t a = folded(first, ignore_case);
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return 1 + first.length;
  if (a != 'r' && a != 'v' && a != 'l') return 0;
  const Character second = at(text, begin + 1 + first.length);
  const char32_t b = folded(second, ignore_case);
  const bool found = a == 'l' ? b == 'l' : b == 'e';
  return found ? 1 + first.length + second.length : 0;
}

// \s+(?!\S)|\s+ at a white-space character: the whole run at the end of the text or when it is one
// character long; otherwise all but its last character, which belongs to the next word.
size_t spaces(std::string_view text, size_t begin) {
  size_t end = begin, last = begin;
  for (;;) {
    const Character c = at(text, end);
    if (c.length == 0) return end;
    if (c.kind != CharacterClass::space) break;
    last = end;
    end += c.length;
  }
  return last > begin ? last : end;
}

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,kDigits}| ?[^\s\p{L}\p{N}]+[\r\n]*
// |\s*[\r\n]+|\s+(?!\S)|\s+
template <int kDigits>
size_t next_of_qwen_and_llama(std::string_view text, size_t begin) {
  if (const size_t n = contraction(text, begin, true)) return begin + n;
  const Character first = at(text, begin);
  if (first.kind == CharacterClass::letter)
    return skip(text, begin + first.length, CharacterClass::letter);
  if (first.kind == CharacterClass::number) {
    size_t end = begin + first.length;
    for (int n = 1; n < kDigits; ++n) {
      const Character c = at(text, end);
      if (c.length == 0 || c.kind != CharacterClass::number) break;
      end += c.length;
    }
    return end;
  }
  const Character second = at(text, begin + first.length);
  if (!first.is_line_end() && second.length != 0 && second.kind == CharacterClass::letter)
    return skip(text, begin + first.length, CharacterClass::letter);

  const bool space_before_symbol =
      first.code == ' ' && second.length != 0 && second.kind == CharacterClass::other;
  if (first.kind == CharacterClass::other || space_before_symbol) {
    size_t end = skip(text, begin + first.length, CharacterClass::other);
    while (end < text.size() && (text[end] == '\r' || text[end] == '\n')) ++end;
    return end;
  }
  // White space. \s*[\r\n]+ reaches to the last line end of the run.
  size_t end = begin, past_line_end = 0;
  for (;;) {
    const Character c = at(text, end);
    if (c.length == 0 || c.kind != CharacterClass::space) break;
    end += c.length;
    if (c.is_line_end()) past_line_end = end;
  }
  return past_line_end != 0 ? past_line_end : spaces(text, begin);
}

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
size_t next_of_gpt2(std::string_view text, size_t begin) {
  if (const size_t n = contraction(text, begin, false)) return begin + n;
  const Character first = at(text, begin);
  Character word = first;
  if (first.code == ' ') word = at(text, begin + 1);
  if (word.length == 0 || word.kind == CharacterClass::space) return spaces(text, begin);
  return skip(text, begin + first.length, word.kind);
}

struct Row {
  std::string_view name;
  NextWord next;
};
// gpt-2 and llama-bpe are here because many files in use name them and their patterns are parts of
// qwen2's.
constexpr Row kRows[] = {
    {"qwen2", next_of_qwen_and_llama<1>},
    {"deepseek-r1-qwen", next_of_qwen_and_llama<1>},
    {"llama-bpe", next_of_qwen_and_llama<3>},
    {"gpt-2", next_of_gpt2},
};

}  // namespace

NextWord find_pre_tokenizer(std::string_view name) {
  for (const Row& row : kRows)
    if (row.name == name) return row.next;
  return nullptr;
}

std::string pre_tokenizer_names() {
  std::string names;
  for (const Row& row : kRows) {
    if (!names.empty()) names += ", ";
    names += row.name;
  }
  return names;
}

}  // namespace engramd::engine::tokenizer
