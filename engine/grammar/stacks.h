// engine/grammar/stacks.h - where an automaton stands: a set of threads, each a node and a stack.
//
// Stacks are chains of frames with shared tails, and equal ones are one number (hash-consed), so a
// set of threads is a sorted list of pairs. A frame is a call node, which says where to go on, or a
// repeat node with the repetitions that are complete. Stack 0 is the bottom: the end of a rule
// there ends the whole.
//
// Bounded: a closure of more than kMaxThreads threads or kMaxWork moves is an error, a stack of
// more than kMaxDepth frames a dead thread. One thread.
#pragma once

#include <compare>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/grammar/automaton.h"

namespace engramd::engine::grammar {

inline constexpr size_t kMaxThreads = 8192;
inline constexpr size_t kMaxWork = 1u << 17;
inline constexpr uint32_t kMaxDepth = 512;

struct Frame {
  uint32_t node = 0, count = 0, parent = 0, depth = 0;
};

class StackPool {
 public:
  StackPool() : frames_(1) {}
  const Frame& frame(uint32_t stack) const { return frames_[stack]; }
  uint32_t push(uint32_t node, uint32_t count, uint32_t parent);
  size_t size() const { return frames_.size(); }

 private:
  struct Key {
    uint32_t node, count, parent;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    size_t operator()(const Key& key) const {
      uint64_t h = (uint64_t{key.node} << 32 | key.parent) * 0x9E3779B97F4A7C15u;
      h = (h ^ h >> 29 ^ key.count) * 0xBF58476D1CE4E5B9u;
      return static_cast<size_t>(h ^ h >> 32);
    }
  };
  std::vector<Frame> frames_;
  std::unordered_map<Key, uint32_t, Hash> known_;
};

struct Thread {
  uint32_t node = 0, stack = 0;
  auto operator<=>(const Thread&) const = default;
};

// Threads that wait for a byte, sorted, and whether the whole may end here.
struct Threads {
  std::vector<Thread> list;
  bool may_end = false;
  bool operator==(const Threads&) const = default;
};

// Moves of an automaton over a pool. Keeps its work space between calls.
class Stepper {
 public:
  explicit Stepper(const Automaton& automaton) : automaton_(automaton) {}
  // From these nodes to all that can be reached without a byte.
  Status close(StackPool& pool, std::vector<Thread> from, Threads& out);
  Status step(StackPool& pool, const Threads& from, uint8_t byte, Threads& out);

 private:
  Status close(StackPool& pool, Threads& out);
  void end_repeat(StackPool& pool, const Thread& thread, uint32_t repeat);

  const Automaton& automaton_;
  std::vector<Thread> work_;
  std::unordered_set<uint64_t> seen_;
};

}  // namespace engramd::engine::grammar
