// engine/tokenizer/character_classes.h - which code points are letters, numbers and white space.
//
// The three classes that pre-tokenizer patterns name: \p{L}, \p{N} and \s (the Unicode property
// White_Space). The tables are generated (generate_character_classes.py says how) and leave out
// ASCII. Immutable: any thread.
#pragma once

#include <cstdint>
#include <span>

namespace engramd::engine::tokenizer {

struct CodePointRange {
  char32_t first = 0, last = 0;  // both included
};

std::span<const CodePointRange> letter_ranges();
std::span<const CodePointRange> number_ranges();
std::span<const CodePointRange> space_ranges();

enum class CharacterClass : uint8_t { other, letter, number, space };

// Any code point, ASCII included.
CharacterClass character_class(char32_t code_point);

}  // namespace engramd::engine::tokenizer
