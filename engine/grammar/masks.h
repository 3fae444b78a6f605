// engine/grammar/masks.h - which tokens may come next.
//
// The vocabulary's tree and the grammar are walked together. The part of a stack down to the
// innermost open rule (the "local" threads) is walked as an automaton that is made deterministic as
// far as it is needed; its result depends on nothing below, so a string is walked once for all the
// places where the grammar has a string. Where a token leaves the rule, the walk goes on below that
// node of the tree with the rule that had called it. Counters of repetitions that no token can
// exhaust are taken as one.
//
// Both the walks' results (kMaxResults, the least recently used goes) and the deterministic states
// (kMaxStates; all go) are kept and bounded. Any thread: one asks at a time.
#pragma once

#include <algorithm>
#include <array>
#include <list>
#include <map>
#include <mutex>

#include "engine/grammar/matcher.h"
#include "engine/grammar/token_trie.h"

namespace engramd::engine::grammar {

class TokenSet {
 public:
  explicit TokenSet(size_t n_vocab = 0) : words_((n_vocab + 63) / 64) {}
  void clear() { std::fill(words_.begin(), words_.end(), 0); }
  void add(TokenId token) {
    words_[static_cast<size_t>(token) / 64] |= uint64_t{1} << (static_cast<size_t>(token) % 64);
  }
  void add(const TokenSet& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  }
  bool has(TokenId token) const {
    const auto i = static_cast<size_t>(token);
    return i / 64 < words_.size() && (words_[i / 64] >> (i % 64) & 1) != 0;
  }
  std::span<const uint64_t> words() const { return words_; }
  size_t size() const;
  bool operator==(const TokenSet&) const = default;

 private:
  std::vector<uint64_t> words_;
};

class Masks {
 public:
  Masks(std::shared_ptr<const Automaton> automaton, std::shared_ptr<const TokenTrie> trie);
  const TokenTrie& trie() const { return *trie_; }
  // The tokens that matcher.take() would take. The matcher only gets frames in its pool.
  Status allowed(Matcher& matcher, TokenSet& out) const;

 private:
  static constexpr size_t kMaxStates = 1u << 13, kMaxStatesOfAWalk = 1u << 16;
  static constexpr size_t kMaxThreadsKept = 1u << 21;
  static constexpr size_t kMaxResults = 256;
  // Of a state and a byte: 2 * the next state + 1 when a thread left the rule; state 0 has none.
  static constexpr int32_t kUnknown = -1;

  struct State {
    std::vector<Thread> threads;
    std::array<int32_t, 256> next;
  };
  struct Walked {
    TokenSet tokens;
    std::vector<uint32_t> exits;  // nodes of the tree, where there is more below
  };
  using Group = std::pair<uint32_t, std::vector<Thread>>;  // the frame below, local threads

  std::vector<Group> groups(const StackPool& pool, const std::vector<Thread>& threads) const;
  uint32_t local_count(const AutomatonNode& repeat, uint32_t count) const;
  Result<int32_t> state_of(std::vector<Thread> threads) const;
  Result<int32_t> next_of(int32_t state, uint8_t byte) const;
  // Nodes first..last of the tree, whole branches, from a state that holds before their bytes.
  Status walk(uint32_t first, uint32_t last, int32_t state, TokenSet& tokens,
              std::vector<uint32_t>& exits) const;
  Status walk_exits(Matcher& matcher, uint32_t frame, const std::vector<uint32_t>& exits,
                    TokenSet& out) const;
  void forget() const;

  const std::shared_ptr<const Automaton> automaton_;
  const std::shared_ptr<const TokenTrie> trie_;

  // Guards all below: sessions that share a grammar share what was found out about it, and a
  // message to another thread would cost more than most answers.
  mutable std::mutex mutex_;
  mutable Stepper stepper_;
  mutable StackPool pool_;
  mutable std::vector<State> states_;
  mutable std::map<std::vector<Thread>, int32_t> known_;
  mutable size_t n_threads_ = 0;
  mutable std::list<std::pair<int32_t, Walked>> results_;  // the last used first
  mutable std::array<int32_t, kMaxTokenBytes + 1> path_{};
};

}  // namespace engramd::engine::grammar
