#include "engine/grammar/masks.h"

#include <algorithm>
#include <bit>

namespace engramd::engine::grammar {

size_t TokenSet::size() const {
  size_t n = 0;
  for (const uint64_t word : words_) n += static_cast<size_t>(std::popcount(word));
  return n;
}

Masks::Masks(std::shared_ptr<const Automaton> automaton, std::shared_ptr<const TokenTrie> trie)
    : automaton_(std::move(automaton)), trie_(std::move(trie)), stepper_(*automaton_) {
  forget();
}

void Masks::forget() const {
  states_.clear();
  known_.clear();
  results_.clear();
  pool_ = StackPool();
  n_threads_ = 0;
  states_.emplace_back();  // 0: nothing
  states_[0].next.fill(0);
}

// Counts that every token sees alike are one: as far from both ends as the longest token.
uint32_t Masks::local_count(const AutomatonNode& repeat, uint32_t count) const {
  const auto far = static_cast<uint32_t>(trie_->max_bytes() + 1);
  const bool max_is_far = repeat.max == kUnlimited || repeat.max - count >= far;
  if (!max_is_far) return count;
  if (count >= repeat.min) return repeat.min;
  return repeat.min - count >= far ? 0 : count;
}

// Threads by the call that their local part stands on, with that part in our own pool.
std::vector<Masks::Group> Masks::groups(const StackPool& pool,
                                        const std::vector<Thread>& threads) const {
  std::map<uint32_t, std::vector<Thread>> by_frame;
  std::vector<std::pair<uint32_t, uint32_t>> repeats;  // node, count; the innermost first
  for (const Thread& thread : threads) {
    repeats.clear();
    uint32_t stack = thread.stack;
    while (stack != 0) {
      const Frame& frame = pool.frame(stack);
      const AutomatonNode& node = automaton_->nodes[frame.node];
      if (node.kind != AutomatonNode::Kind::repeat) break;
      repeats.emplace_back(frame.node, local_count(node, frame.count));
      stack = frame.parent;
    }
    Thread local{thread.node, 0};
    for (size_t i = repeats.size(); i-- > 0;)
      local.stack = pool_.push(repeats[i].first, repeats[i].second, local.stack);
    by_frame[stack].push_back(local);
  }
  std::vector<Group> out;
  for (auto& [frame, locals] : by_frame) {
    std::sort(locals.begin(), locals.end());
    locals.erase(std::unique(locals.begin(), locals.end()), locals.end());
    out.emplace_back(frame, std::move(locals));
  }
  return out;
}

Result<int32_t> Masks::state_of(std::vector<Thread> threads) const {
  if (threads.empty()) return 0;
  const auto [found, made] =
      known_.try_emplace(std::move(threads), static_cast<int32_t>(states_.size()));
  if (made) {
    n_threads_ += found->first.size();
    if (states_.size() >= kMaxStatesOfAWalk || n_threads_ > 2 * kMaxThreadsKept) {
      forget();
      return fail(ErrorCode::exhausted, "the grammar has too many states at one place");
    }
    states_.emplace_back();
    states_.back().threads = found->first;
    states_.back().next.fill(kUnknown);
  }
  return found->second;
}

Result<int32_t> Masks::next_of(int32_t state, uint8_t byte) const {
  Threads from, to;
  from.list = states_[static_cast<size_t>(state)].threads;
  ENGRAMD_CHECK(stepper_.step(pool_, from, byte, to));
  ENGRAMD_TRY(const int32_t target, state_of(std::move(to.list)));
  const int32_t next = 2 * target + (to.may_end ? 1 : 0);
  return states_[static_cast<size_t>(state)].next[byte] = next;
}

Status Masks::walk(uint32_t first, uint32_t last, int32_t state, TokenSet& tokens,
                   std::vector<uint32_t>& exits) const {
  if (first == last) return {};
  path_[trie_->depth(first) - 1u] = state;
  for (uint32_t node = first; node < last;) {
    const uint16_t depth = trie_->depth(node);
    const int32_t from = path_[depth - 1u];
    int32_t next = states_[static_cast<size_t>(from)].next[trie_->byte(node)];
    if (next == kUnknown) {
      ENGRAMD_TRY(next, next_of(from, trie_->byte(node)));
    }
    if (next == 0) {
      node = trie_->skip(node);
      continue;
    }
    for (const TokenId token : trie_->tokens(node)) tokens.add(token);
    if ((next & 1) != 0 && trie_->skip(node) > node + 1) exits.push_back(node);
    path_[depth] = next >> 1;
    node = next >> 1 == 0 ? trie_->skip(node) : node + 1;
  }
  return {};
}

Status Masks::walk_exits(Matcher& matcher, uint32_t frame, const std::vector<uint32_t>& exits,
                         TokenSet& out) const {
  if (frame == 0 || exits.empty()) return {};  // the end of everything: nothing follows
  const Frame below = matcher.pool().frame(frame);
  Threads threads;
  ENGRAMD_CHECK(stepper_.close(matcher.pool(), {{automaton_->nodes[below.node].next, below.parent}},
                               threads));
  for (auto& [next_frame, locals] : groups(matcher.pool(), threads.list)) {
    ENGRAMD_TRY(const int32_t state, state_of(std::move(locals)));
    std::vector<uint32_t> next_exits;
    for (const uint32_t node : exits)
      ENGRAMD_CHECK(walk(node + 1, trie_->skip(node), state, out, next_exits));
    ENGRAMD_CHECK(walk_exits(matcher, next_frame, next_exits, out));
  }
  return {};
}

Status Masks::allowed(Matcher& matcher, TokenSet& out) const {
  const std::lock_guard lock(mutex_);
  if (states_.size() > kMaxStates || n_threads_ > kMaxThreadsKept) forget();
  out = TokenSet(trie_->n_vocab());
  for (auto& [frame, locals] : groups(matcher.pool(), matcher.threads().list)) {
    ENGRAMD_TRY(const int32_t state, state_of(std::move(locals)));
    auto known = std::find_if(results_.begin(), results_.end(),
                              [&](const auto& entry) { return entry.first == state; });
    if (known == results_.end()) {
      Walked walked{TokenSet(trie_->n_vocab()), {}};
      ENGRAMD_CHECK(
          walk(0, static_cast<uint32_t>(trie_->n_nodes()), state, walked.tokens, walked.exits));
      results_.emplace_front(state, std::move(walked));
      if (results_.size() > kMaxResults) results_.pop_back();
    } else {
      results_.splice(results_.begin(), results_, known);
    }
    out.add(results_.front().second.tokens);
    ENGRAMD_CHECK(walk_exits(matcher, frame, results_.front().second.exits, out));
  }
  return {};
}

}  // namespace engramd::engine::grammar
