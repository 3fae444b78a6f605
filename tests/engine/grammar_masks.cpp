// Token masks against the plain question, asked for every token; and texts generated under them.
#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <thread>

#include "tests/engine/grammar_support.h"

using namespace engramd;
using engine::TokenId;
using engine::grammar::Masks;
using engine::grammar::Matcher;
using engine::grammar::TokenSet;

namespace {

std::string spelled(const std::string& text) {
  return engine::tokenizer::spelling_of_bytes(text);
}

// Walks at random, and asks at each step for every token. The names of what was wrong, if anything.
void check_masks(const test::SharedAutomaton& automaton, const test::BareModel& model,
                 uint64_t seed, size_t n_walks = 6, size_t n_steps = 30) {
  const Masks masks(automaton, model.trie);
  std::mt19937_64 random(seed);
  TokenSet allowed;
  for (size_t walk = 0; walk < n_walks; ++walk) {
    auto matcher = Matcher::start(automaton);
    REQUIRE(matcher);
    std::string text;
    for (size_t step = 0; step < n_steps; ++step) {
      REQUIRE(masks.allowed(*matcher, allowed));
      std::vector<TokenId> choices;
      for (size_t i = 0; i < model.trie->n_vocab(); ++i) {
        const auto token = static_cast<TokenId>(i);
        const std::string bytes = model.trie->text(token);
        Matcher copy = *matcher;
        const bool taken = !bytes.empty() && *copy.take(bytes);
        if (taken != allowed.has(token)) {
          INFO("after " << spelled(text) << " token " << spelled(bytes));
          CHECK(taken == allowed.has(token));
        }
        if (taken) choices.push_back(token);
      }
      INFO("after " << spelled(text));
      REQUIRE((!choices.empty() || matcher->may_end()));
      if (choices.empty()) break;
      // Long tokens and ends more often than their share.
      TokenId token = choices[random() % choices.size()];
      for (int again = 0; again < 2; ++again) {
        const TokenId other = choices[random() % choices.size()];
        if (model.trie->text(other).size() > model.trie->text(token).size()) token = other;
      }
      REQUIRE(*matcher->take(model.trie->text(token)));
      text += model.trie->text(token);
    }
  }
}

}  // namespace

TEST_CASE("a mask has exactly the tokens that the grammar takes") {
  const test::BareModel model(test::json_vocabulary({"<|call|>"}));
  for (const char* grammar :
       {"root ::= \"abab\" root | \"ab\"{3} | \"{\\\"\" [^\\\"]{0,5} \"\\\"}\"",
        "root ::= [a-z\\u4e00-\\u9fff]{3,9} (\"1212\"{1,100} \"x\")?",
        "root ::= \"{\" (item (\", \" item){0,70})? \"}\"\nitem ::= \"\\\"\" [^\"]{2,80} \"\\\"\" "
        "| root",
        "root ::= ([a-b]{70,} | \"abab\"{65,200}) \"true\"",
        "root ::= \"12\" | root2\nroot2 ::= \"1\" \"21\" \"2\"{2,}"}) {
    INFO(grammar);
    const auto automaton = test::automaton_of_text(grammar);
    if (!automaton) FAIL(automaton.error().message);
    check_masks(*automaton, model, 7);
  }
  for (const char* schema :
       {"{}", R"({"type": "string"})", R"({"type": "string", "maxLength": 7})",
        R"({"type": "string", "minLength": 300, "maxLength": 310})",
        R"({"items": {"type": "string", "minLength": 1, "maxLength": 100}, "maxItems": 70})",
        R"({"properties": {"a": {"type": "string"}, "ab": {"type": "number"}, "b": {"items": {}}},
            "additionalProperties": true})",
        R"({"enum": ["a", "ab", "abab", "{\"", "é"]})",
        R"({"$defs": {"t": {"properties": {"a": {"$ref": "#/$defs/t"}}}}, "$ref": "#/$defs/t"})",
        R"({"pattern": "^(ab|a|é|[^a]){1,90}$"})",
        R"({"type": ["integer", "null"], "minimum": -12, "maximum": 1212})"}) {
    INFO(schema);
    const auto automaton = test::automaton_of_schema(schema, engine::grammar::JsonLayout::lines);
    if (!automaton) FAIL(automaton.error().message);
    check_masks(*automaton, model, 11);
  }
}

TEST_CASE("a token may end in the middle of a character") {
  const test::BareModel model;
  const auto automaton = test::automaton_of_schema(R"({"type": "string"})");
  REQUIRE(automaton);
  auto matcher = Matcher::start(*automaton);
  REQUIRE(*matcher->take("\"a\xE6"));
  const Masks masks(*automaton, model.trie);
  TokenSet allowed;
  REQUIRE(masks.allowed(*matcher, allowed));
  CHECK(allowed.size() == 64);  // the continuation bytes, each one token
  CHECK_FALSE(allowed.has(model.tokenizer().encode("\"").at(0)));
}

TEST_CASE("a special token is never text, and text never a special token") {
  const test::BareModel model(test::json_vocabulary({"<|call|>"}));
  const auto& tokenizer = model.tokenizer();
  const TokenId call = tokenizer.find_added("<|call|>");
  REQUIRE(call >= 0);
  CHECK(model.trie->with_markers("a<|call|>b") ==
        "a" + engine::grammar::marker_bytes(static_cast<uint32_t>(call)) + "b");
  CHECK(model.trie->text(call).size() == 5);
  const auto any = test::automaton_of_text("root ::= .*");
  REQUIRE(any);
  const Masks masks(*any, model.trie);
  auto matcher = Matcher::start(*any);
  TokenSet allowed;
  REQUIRE(masks.allowed(*matcher, allowed));
  CHECK_FALSE(allowed.has(call));
  CHECK(allowed.has(tokenizer.find_added("<tool>")));  // has bytes of its own
  // A lone 0xFF is in no text, and could be taken for the start of a marker.
  CHECK(model.trie->text(tokenizer.encode("\xFF").at(0)).empty());
}

TEST_CASE("what masks remember is bounded, and forgotten when it is too much") {
  const test::BareModel model;
  // Every count is a state of its own.
  const auto automaton = test::automaton_of_text("root ::= ([a-z]{1,200} \"-\"){1,200} \"!\"");
  REQUIRE(automaton);
  const Masks masks(*automaton, model.trie);
  auto matcher = Matcher::start(*automaton);
  TokenSet allowed, fresh;
  for (int i = 0; i < 2000; ++i) {
    REQUIRE(masks.allowed(*matcher, allowed));
    if (i % 500 == 499) {
      REQUIRE(Masks(*automaton, model.trie).allowed(*matcher, fresh));
      CHECK(allowed == fresh);
    }
    REQUIRE(*matcher->take(i % 90 == 89 ? "-" : "a"));
  }
}

TEST_CASE("several threads ask one constraint") {
  const test::BareModel model;
  const auto automaton = test::automaton_of_schema(
      R"({"items": {"properties": {"a": {"type": "string", "maxLength": 90}, "b": {}}}})");
  REQUIRE(automaton);
  const Masks shared(*automaton, model.trie);
  std::atomic<size_t> n_different = 0;
  std::vector<std::thread> threads;
  for (uint64_t seed = 1; seed <= 4; ++seed)
    threads.emplace_back([&, seed] {
      const Masks own(*automaton, model.trie);
      std::mt19937_64 random(seed);
      auto matcher = Matcher::start(*automaton);
      TokenSet theirs, ours;
      for (int step = 0; step < 200; ++step) {
        if (!shared.allowed(*matcher, theirs) || !own.allowed(*matcher, ours) || theirs != ours)
          ++n_different;
        std::vector<TokenId> choices;
        for (size_t i = 0; i < model.trie->n_vocab(); ++i)
          if (ours.has(static_cast<TokenId>(i))) choices.push_back(static_cast<TokenId>(i));
        if (choices.empty()) break;
        if (!matcher->take(model.trie->text(choices[random() % choices.size()]))) break;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(n_different == 0);
}
