// engine/api/grammar.h - what a generated text must look like: grammars, JSON schemas, tool calls.
//
// A Constraint goes into GenerateOptions: every token that would leave it has probability zero, so
// the text cannot be malformed, whatever the weights say. Where a maximum of tokens or a cancel
// ends the text first, it is a beginning of something well formed.
//
// Constraints and vocabularies are immutable and shared: any thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/api/model.h"

namespace engramd::engine::grammar {

// The tokenizer's tokens, prepared once (about 0.1 s for 150,000 of them) for all constraints.
class TokenTrie;
std::shared_ptr<const TokenTrie> make_token_trie(const Tokenizer& tokenizer);

class Constraint;
using SharedConstraint = std::shared_ptr<const Constraint>;

// White space in JSON: `compact` may have one blank after a comma or colon; `lines` may also have a
// line end with up to 32 blanks wherever JSON written over lines has one.
enum class JsonLayout { compact, lines };

// The notation is in engine/grammar/text_grammar.h.
Result<SharedConstraint> constraint_from_text(std::string_view grammar,
                                              std::shared_ptr<const TokenTrie> trie);
// One JSON value that the schema accepts. docs/decisions/0008-grammars.md says which schemas; a
// keyword that restricts and is not supported is an error that names it.
Result<SharedConstraint> constraint_from_schema(std::string_view schema, JsonLayout layout,
                                                std::shared_ptr<const TokenTrie> trie);

// How a dialect (engine/api/chat.h) writes tool calls.
enum class Envelope { hermes, qwen_xml, dsml, dsml_41, glm, harmony, kimi, llama3 };
// By chat::Dialect::name(); nothing for a name that is no dialect's.
std::optional<Envelope> envelope_of(std::string_view dialect);

struct CallableTool {
  std::string name;
  std::string parameters;  // a JSON schema of an object as text; empty: no parameters
};
struct ToolCallOptions {
  Envelope envelope = Envelope::hermes;
  bool required = false;         // the answer does not end before there was a call
  bool several = true;           // more calls may follow
  bool opens_reasoning = false;  // Prompt::opens_reasoning
  // The answer is a call from its first token on; one that opens in reasoning ends that first.
  bool at_once = false;
};
// Free text until the dialect's mark of a tool call; from there a call of one of the tools, with
// arguments that its schema accepts; then free text again.
Result<SharedConstraint> constraint_from_tools(std::span<const CallableTool> tools,
                                               const ToolCallOptions& options,
                                               std::shared_ptr<const TokenTrie> trie);

}  // namespace engramd::engine::grammar
