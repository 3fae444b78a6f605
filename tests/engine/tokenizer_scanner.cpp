// The hand-written pre-tokenizers against a slow reading of the patterns they stand for.
#include <catch2/catch.hpp>
#include <functional>
#include <random>

#include "base/file.h"
#include "base/text.h"
#include "engine/tokenizer/character_classes.h"
#include "engine/tokenizer/pre_tokenizer.h"

using namespace engramd;
using namespace engramd::engine::tokenizer;

namespace {

const std::string kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const std::string kLlama =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const std::string kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// A backtracking matcher for the regular expressions above: alternation, (?i:...), (?!...), sets,
// \p{L} \p{N} \s \S \r \n, and the quantifiers ? * + {m,n}. Obvious and slow, on purpose.
class Pattern {
 public:
  explicit Pattern(std::string pattern) : pattern_(std::move(pattern)) {}

  // End of the match at `begin`, or npos.
  size_t match(std::u32string_view text, size_t begin) const {
    size_t end = std::u32string_view::npos;
    alternatives(0, pattern_.size(), false, text, begin, [&](size_t at) {
      end = at;
      return true;
    });
    return end;
  }

 private:
  using Then = std::function<bool(size_t)>;

  size_t group_end(size_t open) const {
    int depth = 0;
    for (size_t i = open;; ++i) {
      if (pattern_[i] == '(') ++depth;
      if (pattern_[i] == ')' && --depth == 0) return i;
    }
  }

  bool alternatives(size_t from, size_t to, bool fold, std::u32string_view text, size_t at,
                    const Then& then) const {
    size_t begin = from;
    int depth = 0;
    for (size_t i = from; i <= to; ++i) {
      if (i < to && pattern_[i] == '(') ++depth;
      if (i < to && pattern_[i] == ')') --depth;
      if (i < to && (pattern_[i] != '|' || depth > 0)) continue;
      if (sequence(begin, i, fold, text, at, then)) return true;
      begin = i + 1;
    }
    return false;
  }

  bool sequence(size_t from, size_t to, bool fold, std::u32string_view text, size_t at,
                const Then& then) const {
    if (from == to) return then(at);
    if (pattern_[from] == '(') {
      const size_t close = group_end(from);
      if (pattern_.compare(from, 3, "(?!") == 0) {
        if (alternatives(from + 3, close, fold, text, at, [](size_t) { return true; }))
          return false;
        return sequence(close + 1, to, fold, text, at, then);
      }
      REQUIRE(pattern_.compare(from, 4, "(?i:") == 0);
      return alternatives(from + 4, close, true, text, at, [&](size_t next) {
        return sequence(close + 1, to, fold, text, next, then);
      });
    }
    size_t atom_end = from + 1;
    if (pattern_[from] == '[') atom_end = pattern_.find(']', from) + 1;
    if (pattern_[from] == '\\') atom_end = from + (pattern_[from + 1] == 'p' ? 5 : 2);
    size_t least = 1, most = 1, next = atom_end;
    if (next < to && pattern_[next] == '?')
      least = 0, ++next;
    else if (next < to && pattern_[next] == '*')
      least = 0, most = text.size(), ++next;
    else if (next < to && pattern_[next] == '+')
      most = text.size(), ++next;
    else if (next < to && pattern_[next] == '{') {
      least = static_cast<size_t>(pattern_[next + 1] - '0');
      most = static_cast<size_t>(pattern_[next + 3] - '0');
      next += 5;
    }
    size_t n = 0;
    while (n < most && at + n < text.size() && one(from, atom_end, fold, text[at + n])) ++n;
    for (;; --n) {  // greedy, then giving back
      if (n < least) return false;
      if (sequence(next, to, fold, text, at + n, then)) return true;
      if (n == 0) return false;
    }
  }

  bool one(size_t from, size_t to, bool fold, char32_t c) const {
    if (pattern_[from] == '[') {
      const bool negated = pattern_[from + 1] == '^';
      bool found = false;
      for (size_t i = from + (negated ? 2 : 1); i + 1 < to;) {
        const size_t length = pattern_[i] != '\\' ? 1 : pattern_[i + 1] == 'p' ? 5 : 2;
        found = found || one(i, i + length, fold, c);
        i += length;
      }
      return found != negated;
    }
    if (pattern_[from] == '\\') {
      const CharacterClass kind = character_class(c);
      switch (pattern_[from + 1]) {
        case 'p':
          return kind ==
                 (pattern_[from + 3] == 'L' ? CharacterClass::letter : CharacterClass::number);
        case 's':
          return kind == CharacterClass::space;
        case 'S':
          return kind != CharacterClass::space;
        case 'r':
          return c == '\r';
        case 'n':
          return c == '\n';
        default:
          FAIL("unknown escape");
          return false;
      }
    }
    const auto wanted = static_cast<char32_t>(pattern_[from]);
    if (c == wanted) return true;
    return fold && ((c < 128 && (c | 0x20) == wanted && wanted >= 'a' && wanted <= 'z') ||
                    (c == 0x17F && wanted == 's'));
  }

  std::string pattern_;
};

void check_words(const char* name, const Pattern& pattern, const std::string& text) {
  std::u32string code_points;
  std::vector<size_t> offsets;
  for (size_t i = 0; i < text.size(); i += utf8_length_at(text, i)) {
    code_points += utf8_decode_at(text, i);
    offsets.push_back(i);
  }
  offsets.push_back(text.size());
  const NextWord next_word = find_pre_tokenizer(name);
  REQUIRE(next_word != nullptr);
  size_t at = 0, begin = 0;
  while (at < code_points.size()) {
    const size_t expected = pattern.match(code_points, at);
    REQUIRE(expected != std::u32string_view::npos);
    const size_t end = next_word(text, begin);
    INFO(name << " at byte " << begin << " of: " << text);
    REQUIRE(end == offsets[expected]);
    at = expected;
    begin = end;
  }
}

void check_all_patterns(const std::string& text) {
  static const Pattern qwen2(kQwen2), llama(kLlama), gpt2(kGpt2);
  check_words("qwen2", qwen2, text);
  check_words("llama-bpe", llama, text);
  check_words("gpt-2", gpt2, text);
}

}  // namespace

TEST_CASE("the scanners cut chosen texts as their patterns do") {
  for (const std::string text : {"I'll don't WE'RE 'Twas 'x ''s 's",
                                 "a  b",
                                 "a   \n\n  b",
                                 "  \t x",
                                 "x\r\n\r\ny",
                                 " \n",
                                 "foo(bar) = 12345;\n\tif (!x) {\n",
                                 "a\xC2\xA0"
                                 "b",
                                 "\xE4\xB8\xAD\xE6\x96\x87 1\xC2\xBD",
                                 "\xF0\x9F\x98\x80\xF0\x9F\x98\x80 ok",
                                 "'\xC5\xBFx",
                                 "trailing   ",
                                 "\xFF\xFE x\x80y",
                                 "_name __init__",
                                 "#!/bin/sh\n",
                                 "...\n\n\n",
                                 " ...\r\n x",
                                 "\t\tx",
                                 "\t\t1",
                                 " 1",
                                 "  1",
                                 "-\n-",
                                 "\xC2\x85 x",
                                 "\xEF\xBB\xBF"
                                 "x",
                                 "'",
                                 "'r",
                                 "'L",
                                 "e\xCC\x81"})
    check_all_patterns(text);
}

TEST_CASE("the scanners cut random texts as their patterns do") {
  static constexpr std::string_view kPieces[] = {" ",
                                                 " ",
                                                 "\n",
                                                 "\r",
                                                 "\t",
                                                 "a",
                                                 "Z",
                                                 "s",
                                                 "'",
                                                 "'",
                                                 "7",
                                                 "(",
                                                 ".",
                                                 "_",
                                                 "l",
                                                 "re",
                                                 "\xC3\xA9",
                                                 "\xC2\xBD",
                                                 "\xC2\xA0",
                                                 "\xE3\x80\x80",
                                                 "\xE4\xB8\xAD",
                                                 "\xF0\x9F\x98\x80",
                                                 "\xCC\x81",
                                                 "\xC5\xBF",
                                                 "\xFF",
                                                 "\xE2\x82",
                                                 "\xF0\x9D\x9F\x98",
                                                 "\xF0\xA0\x80\x80"};
  std::mt19937 random(1123);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    const size_t n = 1 + random() % 24;
    for (size_t i = 0; i < n; ++i) text += kPieces[random() % std::size(kPieces)];
    check_all_patterns(text);
  }
}

TEST_CASE("the scanners cut real source files as their patterns do") {
  for (const auto* path : {"/base/process.cpp", "/scripts/cmake/modules.cmake",
                           "/engine/tokenizer/generate_character_classes.py"}) {
    const auto text = read_file(std::string(ENGRAMD_SOURCE_DIR) + path);
    REQUIRE(text.has_value());
    // By line groups: the slow matcher recurses once a character.
    for (size_t begin = 0; begin < text->size(); begin += 2000)
      check_all_patterns(text->substr(begin, 2000));
  }
}

TEST_CASE("character classes at their edges") {
  CHECK(character_class('a') == CharacterClass::letter);
  CHECK(character_class('_') == CharacterClass::other);
  CHECK(character_class(0x1F) == CharacterClass::other);
  CHECK(character_class(0x0B) == CharacterClass::space);
  CHECK(character_class(0x85) == CharacterClass::space);
  CHECK(character_class(0x180E) == CharacterClass::other);  // no longer white space
  CHECK(character_class(0xFEFF) == CharacterClass::other);
  CHECK(character_class(0x4E00) == CharacterClass::letter);
  CHECK(character_class(0x2160) == CharacterClass::number);  // ROMAN NUMERAL ONE
  CHECK(character_class(0x2A6DF) == CharacterClass::letter);
  CHECK(character_class(0x10FFFF) == CharacterClass::other);
  CHECK(character_class(0xE0100) == CharacterClass::other);
}
