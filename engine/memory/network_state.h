// engine/memory/network_state.h - the state of all blocks of one session, and its checkpoints.
//
// NetworkState moves the blocks' states together. Checkpoints keep tails (what cannot be cut) at
// some lengths of the present timeline, so that a session finds the longest shared prefix again
// even when the network has windows or recurrent state; when they take too much memory, the one
// whose neighbours are closest goes. One thread.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/memory/block_state.h"
#include "engine/memory/budget.h"

namespace engramd::engine::memory {

class NetworkState {
 public:
  // One per block, in the network's order; null for blocks without memory.
  explicit NetworkState(std::vector<std::unique_ptr<BlockState>> blocks)
      : blocks_(std::move(blocks)) {}

  BlockState* of_block(size_t index) const { return blocks_[index].get(); }
  Status reserve(size_t n_tokens);
  void commit(size_t n_tokens);
  size_t reach() const;
  size_t earliest(size_t n_tokens) const;
  void truncate(size_t n_tokens);
  std::string save(size_t n_tokens, Saved what) const;
  // On an error the state is that of an empty timeline.
  Status load(size_t n_tokens, Saved what, std::string_view bytes);
  uint64_t memory_bytes() const;

 private:
  std::vector<std::unique_ptr<BlockState>> blocks_;
};

class Checkpoints {
 public:
  // max_bytes of tails at most, taken from the budget; at most kMost of them.
  static constexpr size_t kMost = 64;
  Checkpoints(uint64_t max_bytes, std::shared_ptr<Budget> budget)
      : max_bytes_(max_bytes), budget_(std::move(budget)) {}
  ~Checkpoints() { cut(0); }
  Checkpoints(const Checkpoints&) = delete;
  Checkpoints& operator=(const Checkpoints&) = delete;

  // Keeps the tail of a timeline of n tokens and, when they are at hand, the logits after it.
  // Silently not when it does not fit at all.
  void add(size_t n_tokens, std::string tail, std::vector<float> logits);
  // Those of more than n tokens belong to another timeline now.
  void cut(size_t n_tokens);
  // The longest of at most n tokens.
  struct Found {
    size_t n_tokens = 0;
    std::string_view tail;
    std::span<const float> logits;  // empty when unknown
  };
  std::optional<Found> last_within(size_t n_tokens) const;
  // There is one of exactly n tokens that knows its logits.
  bool has_logits(size_t n_tokens) const;
  uint64_t memory_bytes() const { return bytes_; }
  size_t size() const { return kept_.size(); }

 private:
  struct Kept {
    size_t n_tokens;
    std::string tail;
    std::vector<float> logits;
    uint64_t n_bytes() const { return tail.size() + logits.size() * sizeof(float); }
  };
  void drop(size_t index);
  // The one whose absence costs least: the smallest gap between its neighbours. Not the last.
  size_t least_useful() const;

  const uint64_t max_bytes_;
  std::shared_ptr<Budget> budget_;
  std::vector<Kept> kept_;  // by n_tokens
  uint64_t bytes_ = 0;
};

}  // namespace engramd::engine::memory
