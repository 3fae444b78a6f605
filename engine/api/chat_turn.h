// engine/api/chat_turn.h - what everybody needs who lets a model answer in a chat: where the answer
// ends, and the grammar of its tool calls.
//
// Pure functions, and a cache that any thread may use.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "engine/api/chat.h"
#include "engine/api/grammar.h"

namespace engramd::engine::chat {

// The tokens that end an answer, as far as the vocabulary has them.
std::vector<TokenId> stop_tokens(const Dialect& dialect, const Tokenizer& tokenizer);

// The grammars of the last requests: an agent sends the same tools with every turn, and a grammar
// gets faster with use.
class ConstraintCache {
 public:
  static constexpr size_t kMaxKept = 8;
  static constexpr size_t kMaxKeyBytes = 1u << 20;  // larger ones are made each time

  using Made = Result<grammar::SharedConstraint>;
  // key: everything that `make` depends on. Errors are not kept.
  Made get(const std::string& key, const std::function<Made()>& make);

 private:
  struct Kept {
    std::string key;
    grammar::SharedConstraint constraint;
  };
  std::mutex mutex_;      // guards the list, not the making
  std::list<Kept> kept_;  // the last used one first
};

// Calls of these tools as the dialect writes them; options.envelope is filled in here. An error of
// code unsupported where the dialect's calls have no grammar.
ConstraintCache::Made tool_call_constraint(ConstraintCache& cache, const Dialect& dialect,
                                           std::span<const Tool> tools,
                                           grammar::ToolCallOptions options,
                                           const std::shared_ptr<const grammar::TokenTrie>& trie);

}  // namespace engramd::engine::chat
