// tests/engine/grammar_support.h - grammars, vocabularies and random models for the grammar tests.
#pragma once

#include <catch2/catch.hpp>

#include "engine/decode/generate.h"
#include "engine/grammar/constraint.h"
#include "engine/grammar/json_schema.h"
#include "engine/grammar/text_grammar.h"
#include "tests/engine/tokenizer_data.h"

namespace engramd::test {

using SharedAutomaton = std::shared_ptr<const engine::grammar::Automaton>;

inline Result<SharedAutomaton> automaton_of_text(std::string_view text) {
  engine::grammar::Rules rules;
  ENGRAMD_TRY(const engine::grammar::Rule root, engine::grammar::read_text_grammar(rules, text));
  return engine::grammar::compile(rules, root);
}

inline Result<SharedAutomaton> automaton_of_schema(
    std::string_view schema,
    engine::grammar::JsonLayout layout = engine::grammar::JsonLayout::compact) {
  engine::grammar::Rules rules;
  engine::grammar::JsonText json(rules, layout);
  ENGRAMD_TRY(auto reader, engine::grammar::JsonSchema::parse(json, schema));
  ENGRAMD_TRY(const engine::grammar::Expr value, reader.value());
  const engine::grammar::Rule root = rules.declare("schema");
  rules.define(root, value);
  return engine::grammar::compile(rules, root);
}

inline bool is_match(const SharedAutomaton& automaton, std::string_view text) {
  const auto result = engine::grammar::matches(automaton, text);
  if (!result) FAIL(result.error().message);
  return *result;
}

// Every byte, pieces of JSON, a letter, a piece that ends inside a character, and special tokens.
inline engine::tokenizer::TokenizerData json_vocabulary(std::vector<std::string> control = {}) {
  const std::pair<std::string_view, std::string_view> kPieces[] = {
      {"{", "\""},  {"\"", ":"},  {"\":", " "},     {"\"", ","},      {"\",", " "},
      {"\"", "}"},  {"}", "}"},   {"\"}", "}"},     {"\xC3", "\xA9"}, {"a", "\xE6"},
      {"a", "b"},   {"ab", "ab"}, {"abab", "abab"}, {"1", "2"},       {"12", "12"},
      {",", " "},   {", ", "\""}, {"\n", " "},      {"\\", "\""},     {"t", "r"},
      {"tr", "ue"}, {"u", "e"},   {"]", "}"},       {"\"", "]"},      {"<", "/"},
      {"</", "p"},  {">", "\n"},  {"\xF0", "\x9F"}, {"-", "0"},       {".", "5"}};
  std::vector<std::string> merges;
  for (const auto& [left, right] : kPieces)
    merges.push_back(engine::tokenizer::spelling_of_bytes(left) + " " +
                     engine::tokenizer::spelling_of_bytes(right));
  auto data = small_vocabulary(merges);
  for (std::string& token : control) {
    data.tokens.push_back(std::move(token));
    data.types.push_back(3);
  }
  return data;
}

class BareModel final : public engine::Model {
 public:
  explicit BareModel(engine::tokenizer::TokenizerData data = json_vocabulary()) {
    auto made = engine::tokenizer::make_tokenizer(std::move(data));
    if (!made) FAIL(made.error().message);
    tokenizer_ = *std::move(made);
    trie = engine::grammar::make_token_trie(*tokenizer_);
  }
  const engine::Tokenizer& tokenizer() const override { return *tokenizer_; }
  const engine::ModelInfo& info() const override { return info_; }
  Result<std::unique_ptr<engine::Session>> open_session(size_t) const override {
    return fail(ErrorCode::unsupported, "made by the test");
  }
  std::shared_ptr<const engine::grammar::TokenTrie> trie;

 private:
  std::unique_ptr<engine::Tokenizer> tokenizer_;
  engine::ModelInfo info_;
};

// Logits drawn anew for every token. What a test wants to see happen can be made likelier.
class RandomSession final : public engine::Session {
 public:
  RandomSession(const engine::Tokenizer& tokenizer, uint64_t seed)
      : tokenizer_(tokenizer), state_(seed), logits_(tokenizer.n_vocab()) {}

  // From `after` tokens on, tokens with one of these characters are likelier by `by` nats.
  std::string favoured;
  float by = 0;
  size_t after = 0;

  Result<engine::SyncResult> sync(std::span<const engine::TokenId> tokens,
                                  const CancelToken&) override {
    n_ = 0;
    write_logits();
    return engine::SyncResult{0, tokens.size()};
  }
  std::span<const float> logits() const override { return logits_; }
  Result<std::vector<float>> all_logits(std::span<const engine::TokenId>,
                                        const CancelToken&) override {
    return fail(ErrorCode::unsupported, "random");
  }
  Status append(engine::TokenId, const CancelToken&) override {
    ++n_;
    write_logits();
    return {};
  }
  Result<engine::GenerateResult> generate(std::span<const engine::TokenId>,
                                          const engine::GenerateOptions&,
                                          const CancelToken&) override {
    return fail(ErrorCode::unsupported, "call decode::generate");
  }
  Result<std::vector<double>> score(std::span<const engine::TokenId>,
                                    const std::vector<std::vector<engine::TokenId>>&,
                                    const CancelToken&) override {
    return fail(ErrorCode::unsupported, "random");
  }
  Result<std::string> snapshot() const override { return fail(ErrorCode::unsupported, "random"); }
  Status restore(std::string_view) override { return fail(ErrorCode::unsupported, "random"); }
  Result<std::unique_ptr<engine::Session>> fork() const override {
    return fail(ErrorCode::unsupported, "random");
  }
  size_t n_tokens() const override { return n_; }
  size_t memory_bytes() const override { return 0; }

 private:
  void write_logits() {
    for (size_t i = 0; i < logits_.size(); ++i) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      logits_[i] = static_cast<float>(state_ >> 40) * 0x1p-22f;  // 0..4
      const auto spelling = tokenizer_.spelling(static_cast<engine::TokenId>(i));
      if (n_ >= after && spelling.find_first_of(favoured) != std::string_view::npos)
        logits_[i] += by;
    }
  }
  const engine::Tokenizer& tokenizer_;
  uint64_t state_;
  size_t n_ = 0;
  std::vector<float> logits_;
};

}  // namespace engramd::test
