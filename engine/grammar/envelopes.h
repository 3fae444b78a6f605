// engine/grammar/envelopes.h - how each dialect writes tool calls, as rules. Pure: any thread.
#pragma once

#include "engine/api/grammar.h"
#include "engine/grammar/rules.h"
#include "engine/grammar/token_trie.h"

namespace engramd::engine::grammar {

// The rule of a whole answer. An error names the tool.
Result<Rule> tool_call_rules(Rules& rules, std::span<const CallableTool> tools,
                             const ToolCallOptions& options, const TokenTrie& trie);

}  // namespace engramd::engine::grammar
