// Generation under a constraint: whatever the weights say, the text is one that it allows.
#include <catch2/catch.hpp>
#include <regex>

#include "engine/api/speculation.h"
#include "tests/engine/grammar_support.h"
#include "tests/engine/model_writer.h"
#include "tests/engine/schema_check.h"

using namespace engramd;
using namespace engramd::engine;
using nlohmann::json;

namespace {

constexpr const char* kSchemas[] = {
    R"({"type": "object", "properties": {"path": {"type": "string"}, "line": {"type": "integer"}},
        "required": ["path"], "additionalProperties": false})",
    R"({"type": "string"})",
    R"({"type": "string", "minLength": 3, "maxLength": 9})",
    R"({"type": "integer", "minimum": -50, "maximum": 1999})",
    R"({"type": "number"})",
    R"({"type": "number", "minimum": -1, "exclusiveMaximum": 3})",
    R"({"type": ["boolean", "null", "integer"]})",
    R"({"enum": ["a", "ab", 3, {"k": [1, 2]}, null]})",
    R"({"type": "array", "items": {"type": "string", "maxLength": 4}, "minItems": 1, "maxItems": 5})",
    R"({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "boolean"}],
        "items": {"type": "null"}})",
    R"({"type": "object", "properties": {"a": {"type": "boolean"}, "b": {"enum": [1, 2]},
        "c": {"type": "null"}, "d": {"const": "x"}}, "required": ["b", "d"]})",
    R"({"type": "object", "properties": {"ab": {"type": "integer"}},
        "additionalProperties": {"type": "boolean"}})",
    R"({"type": "object"})",
    R"({})",
    R"({"anyOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#"}, "maxItems": 2}]})",
    R"({"$defs": {"node": {"type": "object", "properties": {"v": {"type": "integer"},
        "left": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/node"}]}}, "required": ["v"]}},
        "$ref": "#/$defs/node"})",
    R"({"allOf": [{"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}},
        "required": ["n"]}, {"properties": {"n": {"maximum": 99}, "s": {"type": "string"}}}]})",
    R"({"type": "string", "format": "date-time"})",
    R"({"type": "string", "pattern": "^[a-f]+(-\\d{2,3})*$"})",
    R"({"type": "object", "properties": {"edits": {"type": "array", "minItems": 1, "items": {
        "type": "object", "properties": {"old": {"type": "string"}, "new": {"type": "string"},
        "all": {"type": "boolean"}}, "required": ["old", "new"]}}}, "required": ["edits"]})"};

grammar::SharedConstraint constraint(const char* schema,
                                     const std::shared_ptr<const grammar::TokenTrie>& trie) {
  auto made = grammar::constraint_from_schema(schema, grammar::JsonLayout::lines, trie);
  if (!made) FAIL(schema << "\n" << made.error().message);
  return *made;
}

// True when the text is complete; then it must be what the schema says.
bool check_answer(const GenerateResult& result, const char* schema,
                  const engramd::test::SharedAutomaton& automaton) {
  INFO(schema << "\n" << result.text << "\n" << result.stop_reason);
  if (result.stop_reason == "length") {
    auto matcher = grammar::Matcher::start(automaton);
    CHECK(*matcher->take(result.text));
    return false;
  }
  CHECK((result.stop_reason == "grammar" || result.stop_reason == "eos"));
  const json value = json::parse(result.text, nullptr, false);
  REQUIRE_FALSE(value.is_discarded());
  const json parsed = json::parse(schema);
  CHECK(engramd::test::satisfies(value, parsed, parsed));
  if (value.is_string() && parsed.contains("pattern"))
    CHECK(std::regex_match(value.get<std::string>(), std::regex("[a-f]+(-[0-9]{2,3})*")));
  return true;
}

GenerateOptions hot(const grammar::SharedConstraint& constraint, uint64_t seed, size_t max_tokens) {
  GenerateOptions options;
  options.constraint = constraint;
  options.max_tokens = max_tokens;
  options.sample.temperature = 2;
  options.sample.seed = seed;
  return options;
}

std::string answer(const engramd::test::BareModel& model, const GenerateOptions& options,
                   uint64_t seed) {
  engramd::test::RandomSession session(model.tokenizer(), seed);
  const auto result = decode::generate(session, model, model.tokenizer().encode("p"), options);
  return result ? result->text + " (" + result->stop_reason + ")" : result.error().message;
}

}  // namespace

TEST_CASE("two hundred texts under each of twenty schemas, from noise") {
  const engramd::test::BareModel model;
  size_t n_complete = 0;
  for (const char* schema : kSchemas) {
    const auto allowed = constraint(schema, model.trie);
    for (uint64_t seed = 1; seed <= 200; ++seed) {
      engramd::test::RandomSession session(model.tokenizer(), seed);
      // Noise alone hardly ever closes a string or a list.
      session.favoured = "\"}]";
      session.after = seed % 40;
      session.by = 6;
      const auto result =
          decode::generate(session, model, model.tokenizer().encode("p"), hot(allowed, seed, 300));
      if (!result) FAIL(schema << "\n" << result.error().message);
      n_complete += check_answer(*result, schema, allowed->automaton());
    }
  }
  CHECK(n_complete > 3600);
}

TEST_CASE("a random network writes only what a schema allows") {
  const engine::test::TemporaryModel file(engine::test::RandomModel{});
  const auto model = Model::load(file.path());
  if (!model) FAIL(model.error().message);
  const auto session = (*model)->open_session(512);
  REQUIRE(session);
  const auto trie = grammar::make_token_trie((*model)->tokenizer());
  const auto prompt = (*model)->tokenizer().encode("the answer:");
  size_t n_complete = 0;
  for (const char* schema : kSchemas) {
    const auto allowed = constraint(schema, trie);
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      const auto result = (*session)->generate(prompt, hot(allowed, seed, 60));
      if (!result) FAIL(schema << "\n" << result.error().message);
      n_complete += check_answer(*result, schema, allowed->automaton());
    }
  }
  CHECK(n_complete >= 10);
}

TEST_CASE("what a constraint leaves no choice about is computed in one go, and is the same text") {
  const engine::test::TemporaryModel file(engine::test::RandomModel{});
  const auto model = Model::load(file.path());
  if (!model) FAIL(model.error().message);
  const auto session = (*model)->open_session(512), other = (*model)->open_session(512);
  REQUIRE(session);
  REQUIRE(other);
  const auto trie = grammar::make_token_trie((*model)->tokenizer());
  const auto prompt = (*model)->tokenizer().encode("the answer:");
  class NoDrafts final : public DraftSource {
   public:
    std::vector<DraftToken> draft(std::span<const TokenId>, size_t) override { return {}; }
  } nothing_else;
  const auto allowed = constraint(
      R"({"type": "object", "properties": {"a_long_name_that_is_always_there": {"type": "integer"},
          "and_another_one_behind_it": {"enum": ["only this is possible"]}},
          "required": ["a_long_name_that_is_always_there", "and_another_one_behind_it"],
          "additionalProperties": false})",
      trie);
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    GenerateOptions options = hot(allowed, seed, 150);
    const auto plain = (*session)->generate(prompt, options);
    if (!plain) FAIL(plain.error().message);
    DraftControl control(0.1);
    options.drafts = &nothing_else;
    options.draft_control = &control;
    const auto ahead = (*other)->generate(prompt, options);
    if (!ahead) FAIL(ahead.error().message);
    CHECK(ahead->tokens == plain->tokens);
    CHECK(ahead->probabilities == plain->probabilities);
    CHECK(ahead->stop_reason == plain->stop_reason);
    CHECK(ahead->n_accepted > 10);
    CHECK(ahead->n_accepted * 2 > ahead->n_drafted);
  }
}

TEST_CASE("a text ends where the grammar ends, and nowhere before") {
  const engramd::test::BareModel model;
  GenerateOptions options;
  options.constraint = *grammar::constraint_from_text("root ::= \"true\"", model.trie);
  options.max_tokens = 50;
  CHECK(answer(model, options, 3) == "true (grammar)");
  // Where it may go on, an end is a choice; where it may not end, no end is.
  options.constraint = *grammar::constraint_from_text("root ::= [xy]{20,}", model.trie);
  options.sample.temperature = 1;
  for (uint64_t seed = 1; seed < 20; ++seed) {
    const std::string text = answer(model, options, seed);
    CHECK(text.find_first_not_of("xy") >= 20);
  }
  options.constraint = *grammar::constraint_from_text("root ::= \"\"", model.trie);
  CHECK(answer(model, options, 1) == " (grammar)");
  options.constraint = *grammar::constraint_from_text("root ::= \"xyz\"", model.trie);
  options.max_tokens = 1;
  CHECK(answer(model, options, 4) == "x (length)");
}

TEST_CASE("what a constraint allows is found among improbable tokens too") {
  const engramd::test::BareModel model;
  engramd::test::RandomSession session(model.tokenizer(), 5);
  session.favoured = "abcdefghijklmnopqrstuvwxyz";
  session.by = 5000;
  GenerateOptions options;
  options.constraint = *grammar::constraint_from_text("root ::= \"12\"{3}", model.trie);
  const auto result = decode::generate(session, model, model.tokenizer().encode("p"), options);
  REQUIRE(result);
  CHECK(result->text == "121212");
}

TEST_CASE("constraint and forced prefix hold together") {
  const engramd::test::BareModel model;
  GenerateOptions options;
  options.max_tokens = 40;
  options.constraint =
      *grammar::constraint_from_text("root ::= \"ab\" [12]{4} | \"cd\"", model.trie);
  options.forced_prefix = "ab1";
  for (uint64_t seed = 1; seed <= 8; ++seed)
    CHECK_THAT(answer(model, options, seed), Catch::Matches("ab1[12]{3} \\(grammar\\)"));
  options.forced_prefix = "abc";
  CHECK_THAT(answer(model, options, 1), Catch::Contains("the forced prefix is not the beginning"));
}

TEST_CASE("a constraint of another vocabulary is an error") {
  const engramd::test::BareModel model, other(engramd::test::json_vocabulary({"<|more|>"}));
  GenerateOptions options;
  options.constraint = *grammar::constraint_from_text("root ::= \"x\"", other.trie);
  CHECK_THAT(answer(model, options, 1), Catch::Contains("another vocabulary"));
}
