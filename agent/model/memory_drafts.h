// agent/model/memory_drafts.h - guesses for lossless speculation out of a repository memory and the
// text itself: what a model writes next often stands somewhere already, in the code that it was
// shown or in the repository.
//
// A guess is what followed the longest context that is known, with the probability the memory gives
// it. A memory must have been built for the tokenizer of the timeline. One text each, one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/api/session.h"
#include "repoindex/memory/memory.h"

namespace engramd::agent {

// Networks with fewer parameters in use take less time for a token than a memory for a guess: with
// the one that ships, guesses cost 5 % (tests/bench/speculation_bench).
constexpr uint64_t kWorthGuessing = 100'000'000;

class MemoryDrafts final : public engine::DraftSource {
 public:
  // Of the text, and of a memory of the repository where there is one.
  explicit MemoryDrafts(std::shared_ptr<const repoindex::RepositoryMemory> repository = nullptr);
  // Of a memory that knows the text already (with_recent); it outlives this.
  explicit MemoryDrafts(const repoindex::RepositoryMemory& memory) : memory_(&memory) {}

  std::vector<engine::DraftToken> draft(std::span<const engine::TokenId> timeline,
                                        size_t most) override;

 private:
  std::shared_ptr<const repoindex::RepositoryMemory> base_, text_;
  const repoindex::RepositoryMemory* memory_;
  size_t n_learnt_ = 0;  // tokens of the timeline
};

}  // namespace engramd::agent
