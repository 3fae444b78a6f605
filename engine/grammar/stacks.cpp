#include "engine/grammar/stacks.h"

#include <algorithm>

namespace engramd::engine::grammar {

using Kind = AutomatonNode::Kind;

uint32_t StackPool::push(uint32_t node, uint32_t count, uint32_t parent) {
  const auto [found, made] =
      known_.try_emplace({node, count, parent}, static_cast<uint32_t>(frames_.size()));
  if (made) frames_.push_back({node, count, parent, frames_[parent].depth + 1});
  return found->second;
}

Status Stepper::close(StackPool& pool, std::vector<Thread> from, Threads& out) {
  work_ = std::move(from);
  out.list.clear();
  out.may_end = false;
  return close(pool, out);
}

Status Stepper::step(StackPool& pool, const Threads& from, uint8_t byte, Threads& out) {
  work_.clear();
  for (const Thread& thread : from.list) {
    const AutomatonNode& node = automaton_.nodes[thread.node];
    if (automaton_.sets[node.arg].has(byte)) work_.push_back({node.next, thread.stack});
  }
  out.list.clear();
  out.may_end = false;
  return close(pool, out);
}

void Stepper::end_repeat(StackPool& pool, const Thread& thread, uint32_t repeat) {
  const AutomatonNode& node = automaton_.nodes[repeat];
  const Frame frame = pool.frame(thread.stack);
  uint32_t n = frame.count + 1;
  if (node.max == kUnlimited) n = std::min(n, node.min);
  if (n >= node.min) work_.push_back({node.next, frame.parent});
  if (n < node.max) work_.push_back({node.arg, pool.push(repeat, n, frame.parent)});
}

Status Stepper::close(StackPool& pool, Threads& out) {
  seen_.clear();
  for (size_t n_moves = 0; !work_.empty(); ++n_moves) {
    if (n_moves > kMaxWork || out.list.size() > kMaxThreads)
      return fail(ErrorCode::exhausted, "the grammar can be read in more than " +
                                            std::to_string(kMaxThreads) + " ways at one place");
    const Thread thread = work_.back();
    work_.pop_back();
    const AutomatonNode& node = automaton_.nodes[thread.node];
    if (node.kind == Kind::bytes) {
      out.list.push_back(thread);
      continue;
    }
    // Ways part at these and may meet again, or go round without a byte.
    if ((node.kind == Kind::split || node.kind == Kind::repeat || node.kind == Kind::call) &&
        !seen_.insert(uint64_t{thread.node} << 32 | thread.stack).second)
      continue;
    const bool may_push = pool.frame(thread.stack).depth < kMaxDepth;
    switch (node.kind) {
      case Kind::bytes:
        break;
      case Kind::split:
        for (uint32_t i = 0; i < node.count; ++i)
          work_.push_back({automaton_.targets[node.arg + i], thread.stack});
        break;
      case Kind::call: {
        const uint32_t start = automaton_.rule_start[node.arg];
        if (node.next == kNoNode)
          work_.push_back({start, thread.stack});
        else if (may_push)
          work_.push_back({start, pool.push(thread.node, 0, thread.stack)});
        break;
      }
      case Kind::repeat:
        if (node.min == 0) work_.push_back({node.next, thread.stack});
        if (may_push) work_.push_back({node.arg, pool.push(thread.node, 0, thread.stack)});
        break;
      case Kind::repeat_end:
        end_repeat(pool, thread, node.arg);
        break;
      case Kind::rule_end:
        if (thread.stack == 0) {
          out.may_end = true;
        } else {
          const Frame& frame = pool.frame(thread.stack);
          work_.push_back({automaton_.nodes[frame.node].next, frame.parent});
        }
        break;
    }
  }
  std::sort(out.list.begin(), out.list.end());
  out.list.erase(std::unique(out.list.begin(), out.list.end()), out.list.end());
  return {};
}

}  // namespace engramd::engine::grammar
