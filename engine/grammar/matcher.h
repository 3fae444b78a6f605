// engine/grammar/matcher.h - one text being checked against a grammar, byte by byte.
//
// A value: copies are independent. One thread each.
#pragma once

#include <memory>
#include <string_view>

#include "engine/grammar/stacks.h"

namespace engramd::engine::grammar {

class Matcher {
 public:
  static Result<Matcher> start(std::shared_ptr<const Automaton> automaton);
  // Whether the text so far with these bytes is the beginning of something that matches. When it is
  // not, or on an error, nothing has changed. Markers are written as marker_bytes() says.
  Result<bool> take(std::string_view bytes);
  bool may_end() const { return threads_.may_end; }
  // It may end and nothing can follow.
  bool is_complete() const { return threads_.may_end && threads_.list.empty(); }

  const Threads& threads() const { return threads_; }
  const Automaton& automaton() const { return *automaton_; }
  // Frames that a caller pushes are only in its way: take() clears out.
  StackPool& pool() { return pool_; }

 private:
  explicit Matcher(std::shared_ptr<const Automaton> automaton) : automaton_(std::move(automaton)) {}
  void keep_frames_of(std::initializer_list<Threads*> used);

  std::shared_ptr<const Automaton> automaton_;
  StackPool pool_;
  Threads threads_;
};

// The whole text, from its start to an end.
Result<bool> matches(const std::shared_ptr<const Automaton>& automaton, std::string_view text);

}  // namespace engramd::engine::grammar
