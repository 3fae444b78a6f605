// Encodes texts with a vocabulary from a plain file: what tests/clients/tokenizer runs to compare
// with a published tokenizer. A hidden case, not a test by itself: test_engine "[tokenizer-driver]"
// with the three file names in ENGRAMD_TOKENIZER_VOCABULARY, _TEXTS and _IDS.
//
// Every file is a row of strings, each a little-endian u32 length and its bytes. Vocabulary: the
// pre-tokenizer's name, the number of tokens in decimal, that many pairs (spelling, type in
// decimal), then the merges. Ids: for each text "encode" ids, then "encode_with_specials" ids,
// separated by spaces.
#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <iostream>

#include "base/environment.h"
#include "base/file.h"
#include "engine/tokenizer/make_tokenizer.h"

using namespace engramd;

namespace {

std::vector<std::string> read_strings(const char* variable) {
  const auto bytes = read_file(environment(variable).value_or(""));
  if (!bytes) FAIL(variable << ": " << bytes.error().message);
  std::vector<std::string> strings;
  for (size_t at = 0; at < bytes->size();) {
    uint32_t length = 0;
    REQUIRE(at + sizeof length <= bytes->size());
    std::memcpy(&length, bytes->data() + at, sizeof length);
    REQUIRE(length <= bytes->size() - at - sizeof length);
    strings.push_back(bytes->substr(at + sizeof length, length));
    at += sizeof length + length;
  }
  return strings;
}

void append_ids(std::string& out, const std::vector<engine::TokenId>& ids) {
  std::string text;
  for (const engine::TokenId id : ids) text += (text.empty() ? "" : " ") + std::to_string(id);
  const auto length = static_cast<uint32_t>(text.size());
  out.append(reinterpret_cast<const char*>(&length), sizeof length);
  out += text;
}

}  // namespace

TEST_CASE("tokenizer driver", "[.][tokenizer-driver]") {
  const auto rows = read_strings("ENGRAMD_TOKENIZER_VOCABULARY");
  REQUIRE(rows.size() >= 2);
  engine::tokenizer::TokenizerData data;
  data.model = "gpt2";
  data.pre = rows[0];
  const size_t n_tokens = std::stoul(rows[1]);
  REQUIRE(rows.size() >= 2 + 2 * n_tokens);
  for (size_t i = 0; i < n_tokens; ++i) {
    data.tokens.push_back(rows[2 + 2 * i]);
    data.types.push_back(std::stoi(rows[3 + 2 * i]));
  }
  data.merges.assign(rows.begin() + static_cast<std::ptrdiff_t>(2 + 2 * n_tokens), rows.end());

  const auto load_start = std::chrono::steady_clock::now();
  const auto tokenizer = engine::tokenizer::make_tokenizer(std::move(data));
  if (!tokenizer) FAIL(tokenizer.error().message);
  const auto encode_start = std::chrono::steady_clock::now();

  std::string out;
  size_t n_bytes = 0, n_ids = 0;
  double seconds = 0;
  for (const std::string& text : read_strings("ENGRAMD_TOKENIZER_TEXTS")) {
    const auto start = std::chrono::steady_clock::now();
    const auto ids = (*tokenizer)->encode(text);
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    n_bytes += text.size();
    n_ids += ids.size();
    CHECK((*tokenizer)->decode(ids) == text);
    append_ids(out, ids);
    append_ids(out, (*tokenizer)->encode_with_specials(text));
  }
  CHECK(write_file_atomic(environment("ENGRAMD_TOKENIZER_IDS").value_or(""), out).has_value());
  std::cout << n_bytes << " bytes, " << n_ids << " ids, "
            << static_cast<double>(n_bytes) / 1e6 / seconds << " MB/s, vocabulary in "
            << std::chrono::duration<double>(encode_start - load_start).count() << " s\n";
}
