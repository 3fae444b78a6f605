#include "engine/tokenizer/deepseek_scanners.h"

#include "engine/tokenizer/scanner.h"

namespace engramd::engine::tokenizer {
namespace {

// ---- deepseek-v3: numbers and East Asian runs first, then one pattern in every piece

enum class Piece { rest, number, east_asian };

Piece piece_of(const Character& c) {
  if (c.is(kNumber)) return Piece::number;
  const bool east_asian =
      (c.code >= 0x4E00 && c.code <= 0x9FA5) || (c.code >= 0x3040 && c.code <= 0x30FF);
  return east_asian ? Piece::east_asian : Piece::rest;
}

// Ends where the kind of piece changes.
struct OnePiece {
  std::string_view text;
  Piece piece;
  Character at(size_t offset) const {
    if (offset < text.size() && static_cast<unsigned char>(text[offset]) < 0x80) {
      const auto byte = static_cast<unsigned char>(text[offset]);
      const CharacterFlags flags = kAsciiFlags[byte];
      return piece == ((flags & kNumber) != 0 ? Piece::number : Piece::rest)
                 ? Character{byte, 1, flags}
                 : Character{};
    }
    const Character c = character_at(text, offset);
    return c.length != 0 && piece_of(c) != piece ? Character{} : c;
  }
};

bool is_ascii_letter(const Character& c) {
  return c.code < 128 && c.is(kLetter);
}

// The end of the third pattern's match at `begin`, or `begin`.
size_t match_in_piece(const OnePiece& source, size_t begin) {
  const Character first = source.at(begin);
  if (first.length == 0) return begin;
  const Character second = source.at(begin + first.length);
  if (first.code < 128 && first.is(kPunctuation | kSymbol) && is_ascii_letter(second)) {
    size_t end = begin + 1;
    while (is_ascii_letter(source.at(end))) ++end;
    return end;
  }
  constexpr CharacterFlags kWord = kLetter | kMark;
  const bool may_lead = !first.is(kLetter | kPunctuation | kSymbol) && !first.is_line_end();
  if (first.is(kWord) || (may_lead && second.is(kWord)))
    return skip(source, begin + first.length, kWord);
  constexpr CharacterFlags kSigns = kPunctuation | kSymbol;
  if (first.is(kSigns) || (first.code == ' ' && second.is(kSigns)))
    return skip_line_ends(source, skip(source, begin + first.length, kSigns));
  return first.is(kSpace) ? spaces_with_line_ends(source, begin) : begin;
}

// ---- deepseek-coder

bool in_wide_range(const Character& c) {
  return (c.code >= 0x0800 && c.code <= 0x9FA5) || (c.code >= 0xAC00 && c.code <= 0xD7FF);
}

// \s?\p{L}+ or \s?\p{P}+ starts here; both stay on one line.
CharacterFlags kind_of_match(std::string_view text, size_t offset) {
  const Character first = character_at(text, offset);
  const Character word = first.is(kSpace) ? character_at(text, offset + first.length) : first;
  return first.is_line_end() ? CharacterFlags{0}
                             : static_cast<CharacterFlags>(word.flags & (kLetter | kPunctuation));
}

}  // namespace

size_t next_of_deepseek_v3(std::string_view text, size_t begin) {
  const Piece piece = piece_of(character_at(text, begin));
  const OnePiece source{text, piece};
  if (piece == Piece::number) return skip_numbers(source, begin, 3);
  size_t end = match_in_piece(source, begin);
  if (end > begin) return end;
  // What no alternative takes (controls, say) is one word up to the next match.
  do end += source.at(end).length;
  while (source.at(end).length != 0 && match_in_piece(source, end) == end);
  return end;
}

size_t next_of_deepseek_coder(std::string_view text, size_t begin) {
  const Character first = character_at(text, begin);
  if (first.is_line_end() || first.is(kNumber)) return begin + first.length;
  // The piece after the first three patterns: a run of letters or punctuation with a space before
  // it, or what lies between such matches. The last two cut it where the wide range begins or
  // ends and around numbers.
  const CharacterFlags match = kind_of_match(text, begin);
  const CharacterFlags run = (match & kLetter) != 0 ? kLetter : match;
  const bool wide = in_wide_range(first);
  size_t end = begin + first.length;
  for (;;) {
    const Character c = character_at(text, end);
    if (c.length == 0 || in_wide_range(c) != wide || c.is(kNumber)) return end;
    if (match != 0 ? !c.is(run) : c.is_line_end() || kind_of_match(text, end) != 0) return end;
    end += c.length;
  }
}

}  // namespace engramd::engine::tokenizer
