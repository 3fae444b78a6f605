// engine/tokenizer/scanner.h - the steps that pre-tokenizer patterns have in common.
//
// Everything works on a Source: a type with `Character at(size_t offset) const` whose length is 0
// where the piece of text ends. Offsets are bytes. No state: any thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/text.h"
#include "engine/tokenizer/character_classes.h"

namespace engramd::engine::tokenizer {

struct Character {
  char32_t code = 0;
  size_t length = 0;  // 0 at the end of the piece
  CharacterFlags flags = 0;
  bool is(CharacterFlags any) const { return (flags & any) != 0; }
  bool is_line_end() const { return code == '\r' || code == '\n'; }
};

inline Character character_at(std::string_view text, size_t offset) {
  if (offset >= text.size()) return {};
  const auto byte = static_cast<unsigned char>(text[offset]);
  if (byte < 0x80) return {byte, 1, kAsciiFlags[byte]};
  const size_t length = utf8_length_at(text, offset);
  const char32_t code = length == 1 ? 0xFFFD : utf8_decode_at(text, offset);
  return {code, length, character_flags(code)};
}

// The whole text is one piece.
struct WholeText {
  std::string_view text;
  Character at(size_t offset) const { return character_at(text, offset); }
};

// Past the run of characters with any of these flags.
template <class Source>
size_t skip(const Source& source, size_t offset, CharacterFlags any) {
  for (;;) {
    const Character c = source.at(offset);
    if (!c.is(any)) return offset;
    offset += c.length;
  }
}

// Past the run of characters with none of these flags.
template <class Source>
size_t skip_others(const Source& source, size_t offset, CharacterFlags none) {
  for (;;) {
    const Character c = source.at(offset);
    if (c.length == 0 || c.is(none)) return offset;
    offset += c.length;
  }
}

template <class Source>
size_t skip_line_ends(const Source& source, size_t offset) {
  while (source.at(offset).is_line_end()) ++offset;
  return offset;
}

// \p{N}{1,most} at a number.
template <class Source>
size_t skip_numbers(const Source& source, size_t begin, int most) {
  size_t end = begin;
  for (int n = 0; n < most; ++n) {
    const Character c = source.at(end);
    if (!c.is(kNumber)) break;
    end += c.length;
  }
  return end;
}

inline char32_t folded(const Character& c, bool ignore_case) {
  if (!ignore_case) return c.code;
  if (c.code >= 'A' && c.code <= 'Z') return c.code + ('a' - 'A');
  return c.code == 0x17F ? 's' : c.code;  // U+017F folds to s; no other letter of these folds
}

// '(?:s|t|re|ve|m|ll|d): the length of the match, 0 for none.
template <class Source>
size_t contraction(const Source& source, size_t begin, bool ignore_case) {
  if (source.at(begin).code != '\'') return 0;
  const Character first = source.at(begin + 1);
  const char32_t a = folded(first, ignore_case);
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return 1 + first.length;
  if (a != 'r' && a != 'v' && a != 'l') return 0;
  const Character second = source.at(begin + 1 + first.length);
  const char32_t b = folded(second, ignore_case);
  const bool found = a == 'l' ? b == 'l' : b == 'e';
  return found ? 1 + first.length + second.length : 0;
}

// \s+(?!\S)|\s+ at a white-space character: the whole run at the end of the piece or when it is
// one character long; otherwise all but its last character, which belongs to the next word.
template <class Source>
size_t spaces(const Source& source, size_t begin) {
  size_t end = begin, last = begin;
  for (;;) {
    const Character c = source.at(end);
    if (c.length == 0) return end;
    if (!c.is(kSpace)) break;
    last = end;
    end += c.length;
  }
  return last > begin ? last : end;
}

// \s*[\r\n]+|\s+(?!\S)|\s+ at a white-space character: up to the last line end of the run, when
// it has one.
template <class Source>
size_t spaces_with_line_ends(const Source& source, size_t begin) {
  size_t end = begin, past_line_end = 0;
  for (;;) {
    const Character c = source.at(end);
    if (!c.is(kSpace)) break;
    end += c.length;
    if (c.is_line_end()) past_line_end = end;
  }
  return past_line_end != 0 ? past_line_end : spaces(source, begin);
}

}  // namespace engramd::engine::tokenizer
