// tokenizer.json files, whole and hostile.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "engine/api/tokenizer_file.h"
#include "engine/tokenizer/hf_json.h"
#include "engine/tokenizer/pre_tokenizer.h"
#include "tests/engine/tokenizer_data.h"

using namespace engramd;
using engine::tokenizer::read_tokenizer_json;
using nlohmann::json;

namespace {

// The small vocabulary as Hugging Face would write it.
json small_file(const std::vector<std::string>& merges = {"a b", "ab c"}) {
  const auto data = test::small_vocabulary(merges);
  json file;
  file["added_tokens"] = json::array();
  file["normalizer"] = nullptr;
  json& model = file["model"];
  model["type"] = "BPE";
  for (size_t id = 0; id < data.tokens.size(); ++id) {
    if (data.types[id] == 1)
      model["vocab"][data.tokens[id]] = id;
    else
      file["added_tokens"].push_back(
          {{"id", id}, {"content", data.tokens[id]}, {"special", data.types[id] == 3}});
  }
  model["merges"] = merges;
  const auto* row = engine::tokenizer::find_pre_tokenizer("deepseek-v3");
  json& parts = file["pre_tokenizer"]["pretokenizers"];
  file["pre_tokenizer"]["type"] = "Sequence";
  for (const std::string_view pattern : row->patterns)
    parts.push_back({{"type", "Split"},
                     {"pattern", {{"Regex", std::string(pattern)}}},
                     {"behavior", "Isolated"},
                     {"invert", false}});
  parts.push_back({{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}});
  return file;
}

void check_refused(const json& file, const std::string& expected) {
  const auto data = read_tokenizer_json(file.dump());
  REQUIRE_FALSE(data.has_value());
  CHECK_THAT(data.error().message, Catch::StartsWith("tokenizer.json: "));
  CHECK_THAT(data.error().message, Catch::Contains(expected));
}

}  // namespace

TEST_CASE("a tokenizer.json becomes the tokenizer that it describes") {
  const auto data = read_tokenizer_json(small_file().dump());
  if (!data) FAIL(data.error().message);
  CHECK(data->pre == "deepseek-v3");
  CHECK(data->merges == std::vector<std::string>{"a b", "ab c"});
  const auto made = engine::tokenizer::make_tokenizer(*data);
  if (!made) FAIL(made.error().message);
  const auto tokens = (*made)->encode_with_specials("abc<tool><|endoftext|>ab");
  REQUIRE(tokens.size() == 4);
  CHECK((*made)->bytes(tokens[0]) == "abc");
  CHECK((*made)->bytes(tokens[1]) == "<tool>");
  CHECK((*made)->is_special(tokens[2]));
  CHECK((*made)->spelling(tokens[2]) == "<|endoftext|>");
  CHECK((*made)->find_added("<|endoftext|>") == tokens[2]);
  CHECK((*made)->find_added("<|endoftext|") == -1);
}

TEST_CASE("merges may be pairs, and line ends in a pattern may be written as they are") {
  json file = small_file();
  file["model"]["merges"] = json::array({json::array({"a", "b"}), json::array({"ab", "c"})});
  std::string pattern = file["pre_tokenizer"]["pretokenizers"][2]["pattern"]["Regex"];
  for (size_t at = 0; (at = pattern.find("\\r\\n", at)) != std::string::npos;)
    pattern.replace(at, 4, "\r\n");
  file["pre_tokenizer"]["pretokenizers"][2]["pattern"]["Regex"] = pattern;
  const auto data = read_tokenizer_json(file.dump());
  if (!data) FAIL(data.error().message);
  CHECK(data->pre == "deepseek-v3");
  CHECK(data->merges == std::vector<std::string>{"a b", "ab c"});
}

TEST_CASE("with ignore_merges a word that is a token needs no merges") {
  json file = small_file({"a b"});
  const auto next = file["model"]["vocab"].size() + file["added_tokens"].size();
  file["model"]["vocab"]["xyz"] = next;
  file["model"]["vocab"]["averyveryverylongword"] = next + 1;
  for (const bool ignore : {true, false}) {
    file["model"]["ignore_merges"] = ignore;
    auto made = engine::tokenizer::make_tokenizer(*read_tokenizer_json(file.dump()));
    REQUIRE(made.has_value());
    CHECK((*made)->encode("xyz").size() == (ignore ? 1 : 3));
    CHECK((*made)->encode("averyveryverylongword").size() == (ignore ? 1 : 21));
    CHECK((*made)->encode("ab").size() == 1);
  }
}

TEST_CASE("gaps in the numbers of a vocabulary are tokens that no text gives") {
  json file = small_file();
  file["added_tokens"].push_back({{"id", 400}, {"content", "<far>"}, {"special", true}});
  const auto made = engine::tokenizer::make_tokenizer(*read_tokenizer_json(file.dump()));
  if (!made) FAIL(made.error().message);
  CHECK((*made)->n_vocab() == 401);
  CHECK((*made)->encode_with_specials("<far>") == std::vector<engine::TokenId>{400});
}

TEST_CASE("what a tokenizer.json asks for and we do not do is an error that names it") {
  json file = small_file();
  file["model"]["type"] = "Unigram";
  check_refused(file, "the model is \"Unigram\", expected BPE");

  file = small_file();
  file["model"]["byte_fallback"] = true;
  check_refused(file, "falls back to byte tokens");

  file = small_file();
  file["normalizer"] = {{"type", "Lowercase"}};
  check_refused(file, "normalised by \"Lowercase\"");

  file = small_file();
  file["pre_tokenizer"]["pretokenizers"][1]["pattern"]["Regex"] = "[a-z]+";
  check_refused(file, "\"[a-z]+\"");
  check_refused(file, "which is none of qwen2");

  file = small_file();
  file["pre_tokenizer"]["pretokenizers"][1]["behavior"] = "MergedWithNext";
  check_refused(file, "behavior \"MergedWithNext\"");

  file = small_file();
  file["pre_tokenizer"] = {{"type", "Metaspace"}};
  check_refused(file, "of type \"Metaspace\"");

  file = small_file();
  file["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", true}};
  check_refused(file, "add_prefix_space");

  file = small_file();
  file["added_tokens"][0]["lstrip"] = true;
  check_refused(file, "\"<|endoftext|>\" has the rule lstrip");
}

TEST_CASE("a damaged tokenizer.json is one clear error") {
  for (const auto* text : {"", "{", "[]", "null", "{\"model\": 3}", "\xFF\xFE", "{}"}) {
    const auto data = read_tokenizer_json(text);
    CHECK_FALSE(data.has_value());
  }
  const std::string deep(100000, '[');
  CHECK_FALSE(read_tokenizer_json(deep).has_value());

  const auto damaged = [](const std::function<void(json&)>& change, const std::string& expected) {
    json file = small_file();
    change(file);
    check_refused(file, expected);
  };
  damaged([](json& f) { f.erase("model"); }, "it has no model");
  damaged([](json& f) { f["model"]["vocab"] = 3; }, "no vocab object");
  damaged([](json& f) { f["model"]["vocab"]["zz"] = -1; }, "token \"zz\" has id -1");
  damaged([](json& f) { f["model"]["vocab"]["zz"] = 1ull << 40; }, "has id 1099511627776");
  damaged([](json& f) { f["model"]["vocab"]["zz"] = 5; }, "both have id 5");
  damaged([](json& f) { f["model"]["vocab"]["zz"] = "7"; }, "has id \"7\"");
  damaged([](json& f) { f["model"].erase("merges"); }, "no merges array");
  damaged([](json& f) { f["model"]["merges"][0] = {"a", "b", "c"}; }, "merge 0 is neither");
  damaged([](json& f) { f["added_tokens"][0]["id"] = 1ull << 40; }, "no id below");
  damaged([](json& f) { f["added_tokens"] = 1; }, "added_tokens is not an array");
  damaged([](json& f) { f.erase("pre_tokenizer"); }, "no pre-tokenizer");
}

TEST_CASE("any cut of a tokenizer.json is an error, not a crash") {
  const std::string whole = small_file().dump();
  for (size_t length = 0; length < whole.size(); length += 37)
    CHECK_FALSE(read_tokenizer_json(whole.substr(0, length)).has_value());
}

TEST_CASE("a checkpoint folder names its special tokens and its chat template") {
  const auto folder = TemporaryFolder::make("tokenizer");
  REQUIRE(folder.has_value());
  const auto write = [&](const char* name, const std::string& text) {
    REQUIRE(write_file_atomic(folder->path() / name, text).has_value());
  };
  CHECK_FALSE(engine::load_tokenizer(folder->path()).has_value());
  write("tokenizer.json", small_file().dump());
  write("tokenizer_config.json",
        json{{"eos_token", {{"content", "<|fim_prefix|>"}}},
             {"bos_token", "<|endoftext|>"},
             {"chat_template", json::array({{{"name", "default"}, {"template", "plain"}},
                                            {{"name", "tool_use"}, {"template", "tools"}}})}}
            .dump());
  auto tokenizer = engine::load_tokenizer(folder->path());
  if (!tokenizer) FAIL(tokenizer.error().message);
  CHECK((*tokenizer)->spelling((*tokenizer)->specials().eos) == "<|fim_prefix|>");
  CHECK((*tokenizer)->spelling((*tokenizer)->specials().bos) == "<|endoftext|>");
  CHECK((*tokenizer)->chat_template() == "tools");

  write("tokenizer_config.json", "{}");
  write("chat_template.jinja", "{{ messages }}");
  tokenizer = engine::load_tokenizer(folder->path() / "tokenizer.json");
  REQUIRE(tokenizer.has_value());
  CHECK((*tokenizer)->chat_template() == "{{ messages }}");

  write("tokenizer_config.json", "[");
  tokenizer = engine::load_tokenizer(folder->path());
  REQUIRE_FALSE(tokenizer.has_value());
  CHECK_THAT(tokenizer.error().message, Catch::Contains("tokenizer_config.json is not a JSON"));
}

TEST_CASE("parts of a text are one text, and only trusted parts hold special tokens") {
  auto data = test::small_vocabulary({"a b", "ab c"});
  const auto made = engine::tokenizer::make_tokenizer(std::move(data));
  REQUIRE(made.has_value());
  const engine::TextPart parts[] = {
      {"<|endoftext|>a", true}, {"b", false}, {"c<|endoftext|>", false}, {"<tool>", true}};
  const auto tokens = (*made)->encode_parts(parts);
  // The word "abc" crosses three parts; the second marker is only text.
  REQUIRE(tokens.size() > 3);
  CHECK((*made)->is_special(tokens.front()));
  CHECK((*made)->bytes(tokens[1]) == "abc");
  CHECK((*made)->bytes(tokens.back()) == "<tool>");
  size_t n_special = 0;
  for (const auto token : tokens) n_special += (*made)->is_special(token) ? 1 : 0;
  CHECK(n_special == 1);
  CHECK((*made)->decode(tokens) == "abc<|endoftext|><tool>");
}
