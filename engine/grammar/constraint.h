// engine/grammar/constraint.h - a compiled grammar with the masks of one vocabulary.
//
// Immutable but for what the masks remember: any thread.
#pragma once

#include "engine/api/grammar.h"
#include "engine/grammar/masks.h"

namespace engramd::engine::grammar {

class Constraint {
 public:
  Constraint(std::shared_ptr<const Automaton> automaton, std::shared_ptr<const TokenTrie> trie)
      : automaton_(automaton), masks_(std::move(automaton), std::move(trie)) {}
  const std::shared_ptr<const Automaton>& automaton() const { return automaton_; }
  const Masks& masks() const { return masks_; }

 private:
  std::shared_ptr<const Automaton> automaton_;
  Masks masks_;
};

}  // namespace engramd::engine::grammar
