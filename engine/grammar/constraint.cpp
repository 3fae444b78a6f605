#include "engine/grammar/constraint.h"

#include "engine/grammar/envelopes.h"
#include "engine/grammar/json_schema.h"
#include "engine/grammar/text_grammar.h"

namespace engramd::engine::grammar {
namespace {

Result<SharedConstraint> finished(const Rules& rules, Rule root,
                                  std::shared_ptr<const TokenTrie> trie) {
  ENGRAMD_TRY(auto automaton, compile(rules, root));
  return std::make_shared<const Constraint>(std::move(automaton), std::move(trie));
}

}  // namespace

std::shared_ptr<const TokenTrie> make_token_trie(const Tokenizer& tokenizer) {
  return std::make_shared<const TokenTrie>(tokenizer);
}

Result<SharedConstraint> constraint_from_text(std::string_view grammar,
                                              std::shared_ptr<const TokenTrie> trie) {
  Rules rules;
  ENGRAMD_TRY(const Rule root, read_text_grammar(rules, grammar));
  return finished(rules, root, std::move(trie));
}

Result<SharedConstraint> constraint_from_schema(std::string_view schema, JsonLayout layout,
                                                std::shared_ptr<const TokenTrie> trie) {
  Rules rules;
  JsonText json(rules, layout);
  ENGRAMD_TRY(JsonSchema reader, JsonSchema::parse(json, schema));
  ENGRAMD_TRY(const Expr value, reader.value());
  const Rule root = rules.declare("the schema");
  rules.define(root, value);
  return finished(rules, root, std::move(trie));
}

Result<SharedConstraint> constraint_from_tools(std::span<const CallableTool> tools,
                                               const ToolCallOptions& options,
                                               std::shared_ptr<const TokenTrie> trie) {
  Rules rules;
  ENGRAMD_TRY(const Rule root, tool_call_rules(rules, tools, options, *trie));
  return finished(rules, root, std::move(trie));
}

}  // namespace engramd::engine::grammar
