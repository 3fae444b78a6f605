// Encodes texts with a tokenizer.json: what tests/clients/tokenizer runs to compare with a
// published tokenizer. A hidden case, not a test by itself: test_engine "[tokenizer-driver]" with
// the three file names in ENGRAMD_TOKENIZER_JSON, _TEXTS and _IDS.
//
// Texts and ids are rows of strings, each a little-endian u32 length and its bytes. Ids: for each
// text "encode" ids, then "encode_with_specials" ids, separated by spaces.
#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <iostream>

#include "base/environment.h"
#include "base/file.h"
#include "engine/tokenizer/hf_json.h"
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
  const auto json = read_file(environment("ENGRAMD_TOKENIZER_JSON").value_or(""));
  if (!json) FAIL("ENGRAMD_TOKENIZER_JSON: " << json.error().message);
  const auto load_start = std::chrono::steady_clock::now();
  auto data = engine::tokenizer::read_tokenizer_json(*json);
  if (!data) FAIL(data.error().message);
  const auto make_start = std::chrono::steady_clock::now();
  const auto tokenizer = engine::tokenizer::make_tokenizer(*std::move(data));
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
            << static_cast<double>(n_bytes) / 1e6 / seconds << " MB/s, tokenizer.json read in "
            << std::chrono::duration<double>(make_start - load_start).count()
            << " s, tokenizer made in "
            << std::chrono::duration<double>(encode_start - make_start).count() << " s\n";
}
