// engine/grammar/characters.h - sets of characters, and how they are spelled in bytes.
//
// A set holds Unicode code points (surrogates never) and markers. A marker is a special token that
// has no bytes of its own, such as the end of a turn: in the matcher's byte strings it is written
// as 0xFF and four bytes 0x80..0xBF with six bits of the token's id each, highest first. No text
// in UTF-8 has a 0xFF, so a marker is never taken for text nor text for a marker.
// Pure functions: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/grammar/rules.h"

namespace engramd::engine::grammar {

inline constexpr uint32_t kMarkerBase = 0x200000;  // + the token's id: the marker of the token
inline constexpr uint32_t kMaxMarkerId = (1u << 24) - 1;
inline constexpr uint8_t kMarkerByte = 0xFF;
std::string marker_bytes(uint32_t token);

class Characters {
 public:
  using Range = std::pair<uint32_t, uint32_t>;  // both ends are in
  Characters() = default;
  Characters(std::initializer_list<Range> ranges);
  static Characters text();     // every code point
  static Characters markers();  // every marker
  void add(uint32_t first, uint32_t last);
  void add(const Characters& other);
  void remove(const Characters& other);
  // All of text() that is not in it.
  Characters other_text() const;
  bool has(uint32_t c) const;
  bool empty() const { return ranges_.empty(); }
  const std::vector<Range>& ranges() const { return ranges_; }  // sorted, apart

 private:
  void normalise();
  std::vector<Range> ranges_;
};

enum class Spelling {
  plain,  // as it is, in UTF-8
  json,   // inside a JSON string: what must be escaped is, in the shortest way
  tag,    // as it is, but never '<': inside a tagged value whose closing tag may not occur
};
// One character of the set.
Expr one_character(Rules& rules, const Characters& set, Spelling spelling);
// One character of any JSON string, in every spelling that JSON has for it: \uXXXX of half a
// character beyond U+FFFF only with its other half.
Expr json_character(Rules& rules);

// The text in UTF-8, with markers, as characters.
Result<std::vector<uint32_t>> to_characters(std::string_view text);
// JSON's spelling of the text, with its quotes.
std::string json_quoted(std::string_view text);

// Characters of the set in which none of the endings occurs, then one of them and what follows it.
// An ending that goes on with never() may not occur at all. Where two endings end together, the
// longer one counts.
struct Ending {
  std::string text;
  Expr then = 0;
};
// at_end: how it goes on where no ending has come: empty() where the text may stop, never() where
// it may not. Declared before, so that `then` may come back to the rule.
Status define_text_until(Rules& rules, Rule rule, const std::vector<Ending>& endings, Expr at_end,
                         const Characters& of);
Result<Expr> text_until(Rules& rules, const std::vector<Ending>& endings, Expr at_end,
                        const Characters& of);

}  // namespace engramd::engine::grammar
