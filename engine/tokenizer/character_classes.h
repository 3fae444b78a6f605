// engine/tokenizer/character_classes.h - what a code point is to a pre-tokenizer's pattern.
//
// The patterns name general categories (\p{L}, \p{Lu}, \p{M}, \p{P}, ...), \s (the property
// White_Space) and \p{Han} (the script). The ranges are generated (generate_character_classes.py
// says how) and leave out ASCII. Immutable: any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace engramd::engine::tokenizer {

// One code point has at most one of the first seven; none of them: a control, a format character,
// or not assigned. White space may be a control, Han may be anything.
using CharacterFlags = uint16_t;
constexpr CharacterFlags kUpper = 1;         // Lu, Lt
constexpr CharacterFlags kLower = 2;         // Ll
constexpr CharacterFlags kOtherLetter = 4;   // Lm, Lo: both upper and lower to the o200k patterns
constexpr CharacterFlags kMark = 8;          // M
constexpr CharacterFlags kNumber = 16;       // N
constexpr CharacterFlags kPunctuation = 32;  // P
constexpr CharacterFlags kSymbol = 64;       // S
constexpr CharacterFlags kSpace = 128;       // White_Space
constexpr CharacterFlags kHan = 256;         // script Han
constexpr CharacterFlags kLetter = kUpper | kLower | kOtherLetter;  // L

struct CodePointRange {
  char32_t first = 0, last = 0;  // both included
  CharacterFlags flags = 0;
};

// From U+0080, sorted, without overlaps.
std::span<const CodePointRange> character_ranges();

inline constexpr std::array<CharacterFlags, 128> kAsciiFlags = [] {
  std::array<CharacterFlags, 128> table{};
  for (char c = '0'; c <= '9'; ++c) table[static_cast<size_t>(c)] = kNumber;
  for (char c = 'a'; c <= 'z'; ++c) table[static_cast<size_t>(c)] = kLower;
  for (char c = 'A'; c <= 'Z'; ++c) table[static_cast<size_t>(c)] = kUpper;
  for (char c = '\t'; c <= '\r'; ++c) table[static_cast<size_t>(c)] = kSpace;
  table[' '] = kSpace;
  for (const char c : std::string_view("!\"#%&'()*,-./:;?@[\\]_{}"))
    table[static_cast<size_t>(c)] = kPunctuation;
  for (const char c : std::string_view("$+<=>^`|~")) table[static_cast<size_t>(c)] = kSymbol;
  return table;
}();

// Any code point, ASCII included; 0 above U+10FFFF.
CharacterFlags character_flags(char32_t code_point);

}  // namespace engramd::engine::tokenizer
