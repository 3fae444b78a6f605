// The hand-written pre-tokenizers against PCRE2's reading of the patterns they stand for.
#include <catch2/catch.hpp>
#include <random>

#include "base/file.h"
#include "base/text.h"
#include "engine/tokenizer/character_classes.h"
#include "engine/tokenizer/pre_tokenizer.h"
#include "tests/engine/tokenizer_patterns.h"

using namespace engramd;
using namespace engramd::engine::tokenizer;

namespace {

void check_words(const PreTokenizer& row, std::string_view text) {
  size_t begin = 0;
  for (const size_t expected : test::words_by_patterns(row, text)) {
    const size_t end = row.next(text, begin);
    if (end != expected) {
      INFO(row.name << " at byte " << begin << " of: " << text);
      REQUIRE(end == expected);
    }
    begin = end;
  }
  REQUIRE(begin == text.size());
}

void check_all_patterns(std::string_view text) {
  for (const PreTokenizer& row : pre_tokenizers()) check_words(row, text);
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
  static constexpr std::string_view kPieces[] = {
      " ",
      " ",
      " ",
      "\n",
      "\r",
      "\t",
      "a",
      "Z",
      "s",
      "'",
      "'",
      "'s",
      "'LL",
      "7",
      "42",
      "(",
      ".",
      "_",
      "/",
      "+",
      "$",
      "l",
      "re",
      "ab",
      "AB",
      "Ab",
      "aB",
      "\x01",
      "\x7F",
      "\xC3\xA9",                  // e acute
      "\xC3\x89",                  // E acute
      "\xC7\x85",                  // Dz caron: Lt
      "\xCA\xB0",                  // modifier h: Lm
      "\xC2\xAA",                  // feminine ordinal: Lo, not Han
      "\xC2\xBD",                  // one half: No
      "\xC2\xA0",                  // no-break space
      "\xC2\x85",                  // next line: white space that is a control
      "\xC2\xAD",                  // soft hyphen: Cf
      "\xC2\xA3",                  // pound: Sc
      "\xC2\xBF",                  // inverted question mark: Po
      "\xE3\x80\x80",              // ideographic space
      "\xE4\xB8\xAD",              // Han
      "\xE9\xBE\xA6",              // Han just above deepseek-v3's range
      "\xE3\x80\x85",              // iteration mark: Lm and Han
      "\xE3\x80\x87",              // zero: Nl and Han
      "\xE2\xBA\x80",              // radical: So and Han
      "\xE3\x81\x82",              // hiragana
      "\xE3\x83\xBB",              // katakana middle dot: Po
      "\xE3\x82\x99",              // combining voiced mark, in the kana block
      "\xE3\x82\x9B",              // voiced mark, Sk
      "\xEA\xB0\x80",              // hangul
      "\xE0\xA4\xB9\xE0\xA4\xBF",  // devanagari letter and mark
      "\xE0\xA5\xA7",              // devanagari digit
      "\xCC\x81",                  // combining acute
      "\xE2\x83\x9D",              // enclosing circle: Me
      "\xC5\xBF",                  // long s, which folds to s
      "\xF0\x9F\x98\x80",          // emoji
      "\xE2\x80\x8D",              // joiner: Cf
      "\xEF\xB8\x8F",              // variation selector: Mn
      "\xEF\xBB\xBF",              // byte order mark
      "\xE2\x80\xA8",              // line separator
      "\xFF",
      "\xE2\x82",
      "\xED\xA0\x80",
      "\xF0\x9D\x9F\x98",  // mathematical digit
      "\xF0\x9D\x95\xB3",  // mathematical capital
      "\xF0\xA0\x80\x80",  // Han, plane 2
      "\xF0\xB0\x80\x80",  // Han, plane 3
      "\xF3\xA0\x84\x80",  // variation selector, plane 14
      "\xF4\x8F\xBF\xBF"};
  std::mt19937 random(1123);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    const size_t n = 1 + random() % 24;
    for (size_t i = 0; i < n; ++i) text += kPieces[random() % std::size(kPieces)];
    check_all_patterns(text);
  }
}

TEST_CASE("the scanners cut any code points as their patterns do") {
  std::mt19937 random(51);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (int i = 0; i < 30; ++i) {
      const char32_t planes[] = {0x80, 0x300, 0x3000, 0x10000, 0x20000, 0x110000};
      const char32_t code = random() % planes[random() % std::size(planes)];
      if (code >= 0xD800 && code < 0xE000) continue;
      utf8_append(text, code);
      if (random() % 4 == 0) text += ' ';
    }
    check_all_patterns(text);
  }
}

TEST_CASE("long runs are cut as the patterns do") {
  // PCRE2 gives up on the very long ones; they must still end.
  for (const std::string unit : {"a", "A", " ", "\n", "=", "7", "\xE4\xB8\xAD", "A\xE4\xB8\xAD",
                                 "\xCC\x81", "\xF0\x9F\x98\x80", "\x01", "'s", "a'", " \n"}) {
    std::string text;
    while (text.size() < 1500) text += unit;
    check_all_patterns(text);
    while (text.size() < (1u << 20)) text += text;
    for (const PreTokenizer& row : pre_tokenizers()) {
      size_t at = 0;
      while (at < text.size()) {
        const size_t end = row.next(text, at);
        if (end <= at) FAIL(row.name << " does not get past byte " << at);
        at = end;
      }
    }
  }
}

TEST_CASE("the scanners cut real source files as their patterns do") {
  for (const auto* path : {"/base/process.cpp", "/scripts/cmake/modules.cmake", "/README.md",
                           "/engine/tokenizer/generate_character_classes.py",
                           "/tests/fixtures/languages/swift.swift"}) {
    const auto text = read_file(std::string(ENGRAMD_SOURCE_DIR) + path);
    REQUIRE(text.has_value());
    check_all_patterns(*text);
  }
}

TEST_CASE("every code point has the flags that another Unicode table gives it") {
  std::string text;
  std::vector<char32_t> codes;
  for (char32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    utf8_append(text, code);
    codes.push_back(code);
  }
  const std::pair<const char*, CharacterFlags> rows[] = {{"[\\p{Lu}\\p{Lt}]+", kUpper},
                                                         {"\\p{Ll}+", kLower},
                                                         {"[\\p{Lm}\\p{Lo}]+", kOtherLetter},
                                                         {"\\p{M}+", kMark},
                                                         {"\\p{N}+", kNumber},
                                                         {"\\p{P}+", kPunctuation},
                                                         {"\\p{S}+", kSymbol},
                                                         {"\\s+", kSpace},
                                                         {"\\p{Han}+", kHan}};
  for (const auto& [pattern, flag] : rows) {
    INFO(pattern);
    // The pieces are runs with and without the flag, in turn.
    std::vector<size_t> expected;
    test::Regex(pattern).cut(text, 0, expected);
    std::vector<size_t> ends;
    size_t at = 0;
    for (size_t i = 0; i < codes.size(); ++i) {
      const bool has = (character_flags(codes[i]) & flag) != 0;
      if (i > 0 && has != ((character_flags(codes[i - 1]) & flag) != 0)) ends.push_back(at);
      at += utf8_length_at(text, at);
    }
    ends.push_back(at);
    for (size_t i = 0; i < std::min(ends.size(), expected.size()); ++i)
      if (ends[i] != expected[i]) {
        const size_t differs = std::min(ends[i], expected[i]);
        FAIL("they differ at code point " << std::hex
                                          << static_cast<uint32_t>(utf8_decode_at(text, differs)));
      }
    REQUIRE(ends.size() == expected.size());
  }
}

TEST_CASE("pre-tokenizers are found by every name they go by and by their patterns") {
  CHECK(find_pre_tokenizer("joyai-llm") == find_pre_tokenizer("deepseek-v3"));
  CHECK(find_pre_tokenizer("llama3") == find_pre_tokenizer("llama-bpe"));
  CHECK(find_pre_tokenizer("klingon") == nullptr);
  for (const PreTokenizer& row : pre_tokenizers()) {
    CHECK(find_pre_tokenizer(row.name) == &row);
    const std::vector<std::string> patterns(row.patterns.begin(), row.patterns.end());
    const PreTokenizer* found = find_pre_tokenizer(patterns);
    REQUIRE(found != nullptr);
    CHECK(found->next == row.next);
  }
}
