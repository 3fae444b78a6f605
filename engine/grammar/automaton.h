// engine/grammar/automaton.h - a grammar ready to be matched: nodes that read bytes, call rules and
// count repetitions. Immutable: any thread.
//
// Nothing in it leads nowhere: choices from which no end can be reached are left out, so every text
// that is a beginning of something is a beginning of something complete. The exception is nesting:
// behind kMaxDepth open rules nothing opens any more.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/grammar/rules.h"

namespace engramd::engine::grammar {

inline constexpr uint32_t kNoNode = std::numeric_limits<uint32_t>::max();

struct AutomatonNode {
  enum class Kind : uint8_t {
    bytes,       // a byte of sets[arg], then next
    split,       // any of `count` targets from arg
    call,        // rule arg, then next; kNoNode: the rule's end is this rule's end
    repeat,      // body arg between min and max times, then next
    repeat_end,  // of the repeat node arg
    rule_end,
  };
  Kind kind = Kind::rule_end;
  uint32_t arg = 0, count = 0, next = kNoNode, min = 0, max = 0;
};

struct Automaton {
  std::vector<AutomatonNode> nodes;
  std::vector<ByteSet> sets;
  std::vector<uint32_t> targets;
  std::vector<uint32_t> rule_start;
  uint32_t start = 0;  // the root's
};

// Fails when the root can never end, when a rule refers to itself before any byte, when a large
// repetition is of something that may be empty, or when it comes to more than kMaxNodes.
inline constexpr size_t kMaxNodes = 1u << 20;
Result<std::shared_ptr<const Automaton>> compile(const Rules& rules, Rule root);

}  // namespace engramd::engine::grammar
