#include "engine/api/chat_turn.h"

namespace engramd::engine::chat {

std::vector<TokenId> stop_tokens(const Dialect& dialect, const Tokenizer& tokenizer) {
  std::vector<TokenId> tokens;
  for (const std::string_view spelling : dialect.stops())
    if (const TokenId token = tokenizer.find_added(spelling); token >= 0) tokens.push_back(token);
  return tokens;
}

ConstraintCache::Made ConstraintCache::get(const std::string& key,
                                           const std::function<Made()>& make) {
  {
    std::lock_guard lock(mutex_);
    for (auto at = kept_.begin(); at != kept_.end(); ++at) {
      if (at->key != key) continue;
      kept_.splice(kept_.begin(), kept_, at);
      return at->constraint;
    }
  }
  ENGRAMD_TRY(const grammar::SharedConstraint made, make());
  if (key.size() <= kMaxKeyBytes) {
    std::lock_guard lock(mutex_);
    kept_.push_front({key, made});
    if (kept_.size() > kMaxKept) kept_.pop_back();
  }
  return made;
}

ConstraintCache::Made tool_call_constraint(ConstraintCache& cache, const Dialect& dialect,
                                           std::span<const Tool> tools,
                                           grammar::ToolCallOptions options,
                                           const std::shared_ptr<const grammar::TokenTrie>& trie) {
  const auto envelope = grammar::envelope_of(dialect.name());
  if (!envelope)
    return fail(ErrorCode::unsupported,
                "calls of the dialect " + std::string(dialect.name()) + " have no grammar");
  options.envelope = *envelope;
  std::vector<grammar::CallableTool> callable;
  std::string key = "tools " + std::string(dialect.name()) + '\n';
  for (const bool flag :
       {options.required, options.several, options.opens_reasoning, options.at_once})
    key += flag ? '1' : '0';
  for (const Tool& tool : tools) {
    callable.push_back({tool.name, tool.parameters});
    key += '\n' + tool.name + ' ' + tool.parameters;
  }
  return cache.get(key, [&] { return grammar::constraint_from_tools(callable, options, trie); });
}

}  // namespace engramd::engine::chat
