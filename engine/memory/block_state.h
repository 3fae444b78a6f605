// engine/memory/block_state.h - what one block remembers of a session's timeline.
//
// Three kinds live behind it: rows that are appended and can be cut anywhere (keys and values),
// rows of which only a window is kept, and recurrent state that cannot go back at all. A session
// asks each how far back it can go (earliest), saves what cannot be cut (the tail: window rows,
// open groups, recurrent state) at checkpoints, and so reaches any shared prefix again.
//
// A step that is cancelled half way must leave the state of the tokens before it intact: rows are
// written by position and simply written again; recurrent state is written beside and becomes the
// state in commit().
// One thread per session; rows of different tokens may be written by several while a step runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace engramd::engine::memory {

// How much of a state save() writes: what truncate() cannot bring back, or everything.
enum class Saved { tail, all };

class BlockState {
 public:
  virtual ~BlockState() = default;
  // Room for a timeline of n tokens. Error exhausted over the budget.
  virtual Status reserve(size_t n_tokens) = 0;
  // The step that ends after n tokens is complete.
  virtual void commit(size_t n_tokens) = 0;
  // How many tokens truncate() can go back at least: SIZE_MAX for rows that are all kept, 0 for
  // recurrent state.
  virtual size_t reach() const = 0;
  // The shortest timeline that truncate() can go back to from one of n tokens; 0 always can.
  virtual size_t earliest(size_t n_tokens) const = 0;
  // n is 0 or at least earliest(); gives back the memory of the tokens behind it.
  virtual void truncate(size_t n_tokens) = 0;
  // The state after n tokens (which it is at now), appended to `out`.
  virtual void save(size_t n_tokens, Saved what, std::string& out) const = 0;
  // And back, reading from the front of `in`. Of a tail, rows before it must still be here.
  virtual Status load(size_t n_tokens, Saved what, std::string_view& in) = 0;
  virtual uint64_t memory_bytes() const = 0;
};

}  // namespace engramd::engine::memory
