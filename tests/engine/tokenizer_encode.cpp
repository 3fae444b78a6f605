#include <catch2/catch.hpp>
#include <random>

#include "tests/engine/tokenizer_data.h"

using namespace engramd;
using engine::TokenId;
using engine::tokenizer::make_tokenizer;
using engine::tokenizer::TokenizerData;
using test::small_vocabulary;

namespace {

std::unique_ptr<engine::Tokenizer> made(TokenizerData data) {
  auto tokenizer = make_tokenizer(std::move(data));
  if (!tokenizer) FAIL(tokenizer.error().message);
  return *std::move(tokenizer);
}

void check_pieces(const engine::Tokenizer& tokenizer, std::string_view text,
                  const std::vector<std::string>& expected) {
  std::vector<std::string> pieces;
  for (const TokenId token : tokenizer.encode(text)) pieces.emplace_back(tokenizer.bytes(token));
  CHECK(pieces == expected);
}

void check_refused(TokenizerData data, std::string_view expected_message) {
  const auto tokenizer = make_tokenizer(std::move(data));
  REQUIRE_FALSE(tokenizer.has_value());
  CHECK_THAT(tokenizer.error().message, Catch::Contains(std::string(expected_message)));
}

std::string random_text(std::mt19937& random, size_t max_bytes) {
  // Half of the pieces are raw bytes; the rest are what real text is made of.
  static constexpr std::string_view kPieces[] = {"return ",
                                                 "self",
                                                 "\n    ",
                                                 "\r\n",
                                                 "'ll",
                                                 "  ",
                                                 "\t",
                                                 "12345",
                                                 "()",
                                                 "\xC3\xA9",
                                                 "\xE4\xB8\xAD\xE6\x96\x87",
                                                 "\xF0\x9F\x98\x80",
                                                 "\xE2\x80\x89",
                                                 "aaaa",
                                                 "<|endoftext|>"};
  std::string text;
  const size_t wanted = random() % max_bytes;
  while (text.size() < wanted) {
    if (random() % 2 == 0)
      text += static_cast<char>(random() % 256);
    else
      text += kPieces[random() % std::size(kPieces)];
  }
  return text;
}

}  // namespace

TEST_CASE("merges apply in order of rank, leftmost first") {
  // "ab" outranks "bc", so "abc" is ab|c; "aaa" merges its left pair.
  const auto tokenizer = made(small_vocabulary({"a b", "b c", "a a", "aa aa"}));
  check_pieces(*tokenizer, "abc", {"ab", "c"});
  check_pieces(*tokenizer, "bca", {"bc", "a"});
  check_pieces(*tokenizer, "aaa", {"aa", "a"});
  check_pieces(*tokenizer, "aaaaa", {"aaaa", "a"});
}

TEST_CASE("merges do not cross words") {
  const auto tokenizer =
      made(small_vocabulary({"a \xC4\xA0", "\xC4\xA0 a", "1 1", "\xC4\xA0 \xC4\xA0"}));
  check_pieces(*tokenizer, "a a", {"a", " a"});
  check_pieces(*tokenizer, "11", {"1", "1"});
  check_pieces(*tokenizer, "   a", {"  ", " a"});
}

TEST_CASE("a long word merges like a short one") {
  const auto tokenizer = made(small_vocabulary({"a b", "ab ab", "abab abab", "b a", "c a"}));
  // The same word below and above the length where the heap takes over, checked by its parts.
  for (const size_t repeats : {3u, 8u, 12u, 13u, 40u, 1000u}) {
    std::string word;
    for (size_t i = 0; i < repeats; ++i) word += "ab";
    std::vector<std::string> expected(repeats / 4, "abababab");
    if (repeats % 4 >= 2) expected.emplace_back("abab");
    if (repeats % 2 == 1) expected.emplace_back("ab");
    check_pieces(*tokenizer, word, expected);
  }
}

TEST_CASE("the two ways of merging agree on random words") {
  const auto tokenizer = made(small_vocabulary(
      {"a b", "b a", "a a", "ab a", "c c", "aa b", "cc ab", "b b", "ba ba", "c a"}));
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::string word;
    const size_t length = 2 + random() % 40;  // scanned for the lowest rank
    for (size_t i = 0; i < length; ++i) word += static_cast<char>('a' + random() % 3);
    const auto alone = tokenizer->encode(word);
    // The z's have no merges, so they only push the word over the limit.
    auto padded = tokenizer->encode(word + std::string(80, 'z'));
    padded.resize(padded.size() - 80);
    REQUIRE(padded == alone);
  }
}

TEST_CASE("a megabyte of one letter is encoded without quadratic time") {
  const auto tokenizer = made(small_vocabulary({"a a", "aa aa"}));
  CHECK(tokenizer->encode(std::string(1u << 20, 'a')).size() == (1u << 18));
}

TEST_CASE("any bytes come back unchanged") {
  const auto tokenizer =
      made(small_vocabulary({"r e", "re t", "\xC4\xA0 \xC4\xA0", "\xC3\x83 \xC2\xA9", "s e"}));
  std::mt19937 random(20261123);
  for (int round = 0; round < 2000; ++round) {
    const std::string text = random_text(random, 300);
    REQUIRE(tokenizer->decode(tokenizer->encode(text)) == text);
  }
  CHECK(tokenizer->encode("").empty());
}

TEST_CASE("control tokens are recognised only when asked for") {
  const auto tokenizer = made(small_vocabulary());
  const std::string text = "a<|endoftext|><tool>b<|endoftext";
  const TokenId end = tokenizer->specials().eos;
  REQUIRE(end >= 256);
  for (const TokenId token : tokenizer->encode(text)) CHECK(token < 256);

  const auto tokens = tokenizer->encode_with_specials(text);
  REQUIRE(tokens.size() > 4);
  CHECK(tokens[1] == end);
  CHECK(tokenizer->is_special(tokens[1]));
  CHECK(tokenizer->bytes(tokens[1]).empty());
  // A user-defined token is text that happens to be one token.
  CHECK_FALSE(tokenizer->is_special(tokens[2]));
  CHECK(tokenizer->bytes(tokens[2]) == "<tool>");
  CHECK(tokenizer->decode(tokens) == "a<tool>b<|endoftext");
}

TEST_CASE("fill-in-the-middle tokens are found by their spelling when the file names none") {
  const auto tokenizer = made(small_vocabulary());
  CHECK(tokenizer->bytes(tokenizer->specials().fim_prefix).empty());
  CHECK(tokenizer->specials().fim_prefix == 257);
  CHECK(tokenizer->specials().fim_middle == -1);

  TokenizerData ordinary = small_vocabulary();
  ordinary.types[257] = 1;  // the same spelling as an ordinary token is text
  ordinary.tokens[257] = "<|fim_prefix|>";
  CHECK(made(std::move(ordinary))->specials().fim_prefix == -1);
}

TEST_CASE("a vocabulary may lack the bytes that no UTF-8 has") {
  TokenizerData data = small_vocabulary();
  for (const int byte : {0xC0, 0xC1, 0xF5, 0xFF})
    data.tokens[static_cast<size_t>(byte)] = "<gone" + std::to_string(byte) + ">";
  for (const int byte : {0xC0, 0xC1, 0xF5, 0xFF}) data.types[static_cast<size_t>(byte)] = 5;
  const auto tokenizer = made(data);
  const std::string text = "a\xC3\xA9\xFF\xC0z";
  CHECK(tokenizer->decode(tokenizer->encode(text)) == "a\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBDz");
  data.tokens[0xE4] = "<gone>";
  data.types[0xE4] = 5;
  check_refused(std::move(data), "no token for byte 0xe4");
}

TEST_CASE("a vocabulary of ranks needs no merges") {
  // "abc" is ab|c or a|bc; "xyzt" has no cut into two tokens, so merging never gives it.
  TokenizerData data = small_vocabulary();
  for (const auto* token : {"bc", "ab", "abc", "xyzt"}) {
    data.tokens.insert(data.tokens.end() - 3, token);
    data.types.insert(data.types.end() - 3, 1);
  }
  data.pre = "kimi-k2";
  data.whole_words_first = false;
  const auto tokenizer = made(data);
  check_pieces(*tokenizer, "bcab", {"bc", "ab"});
  check_pieces(*tokenizer, "abc", {"abc"});
  check_pieces(*tokenizer, "abcb", {"abc", "b"});
  check_pieces(*tokenizer, "xyzt", {"x", "y", "z", "t"});
  data.whole_words_first = std::nullopt;
  check_pieces(*made(std::move(data)), "xyzt", {"xyzt"});
}

TEST_CASE("ids outside the vocabulary have no bytes") {
  const auto tokenizer = made(small_vocabulary());
  CHECK(tokenizer->bytes(-1).empty());
  CHECK(tokenizer->bytes(1 << 30).empty());
  CHECK_FALSE(tokenizer->is_special(-5));
}

TEST_CASE("a hostile vocabulary is one clear error") {
  TokenizerData data = small_vocabulary();
  data.model = "llama";
  check_refused(data, "tokenizer model is \"llama\", expected \"gpt2\"");

  data = small_vocabulary();
  data.pre = "klingon";
  check_refused(data, "pre-tokenizer is \"klingon\", expected one of qwen2");

  data = small_vocabulary();
  data.tokens.clear();
  check_refused(data, "the vocabulary is empty");

  data = small_vocabulary();
  data.types.pop_back();
  check_refused(data, "259 tokens and 258 token types");

  data = small_vocabulary();
  data.types[3] = 17;
  check_refused(data, "token 3 has type 17");

  data = small_vocabulary();
  data.tokens[10] = "";
  check_refused(data, "token 10 has 0 bytes");

  data = small_vocabulary();
  data.tokens[200] = data.tokens[65];
  check_refused(data, "tokens 65 and 200 are both \"A\"");

  data = small_vocabulary();
  data.tokens[65] = "AA";
  check_refused(data, "no token for byte 0x41");

  data = small_vocabulary();
  data.tokens[65] = "A b";  // a space is not in the byte alphabet
  check_refused(data, "token 65 is \"A b\", which is not in the printable byte alphabet");

  data = small_vocabulary({"a b"});
  data.merges[0] = "a q\x01";
  check_refused(data, "\"q\\x01\" is not an ordinary token");

  data = small_vocabulary({"a b"});
  data.merges.emplace_back("a c");
  check_refused(data, "merge 1 is \"a c\", but \"ac\" is not an ordinary token");

  data = small_vocabulary({"a b"});
  data.merges.emplace_back("a b");
  check_refused(data, "merge 1 is \"a b\", which an earlier merge has already");

  for (const auto* merge : {"ab", " ab", "a ", "a b c", ""}) {
    data = small_vocabulary();
    data.merges.emplace_back(merge);
    check_refused(data, "expected two tokens with a space between");
  }

  data = small_vocabulary();
  data.merges.emplace_back("<|endoftext|> a");
  check_refused(data, "is not an ordinary token");

  data = small_vocabulary();
  data.specials.eos = 100000;
  check_refused(data, "the eos token is 100000, but the vocabulary has 259 tokens");

  data = small_vocabulary();
  data.specials.fim_middle = -7;
  check_refused(data, "the fim_middle token is -7");
}
