// agent/model/memory_drafts.h - guesses for lossless speculation out of a repository memory and the
// text itself: what a model writes next often stands somewhere already, in the code that it was
// shown or in the repository.
//
// A guess is what followed the longest context that is known, with the probability the memory gives
// it. Works with any tokenizer that the memory was built for. One text each, one thread.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/api/session.h"
#include "repoindex/memory/memory.h"

namespace engramd::agent {

class MemoryDrafts final : public engine::DraftSource {
 public:
  // repository: null for the text alone. Built for the tokenizer of the timeline.
  explicit MemoryDrafts(std::shared_ptr<const repoindex::RepositoryMemory> repository = nullptr);
  // learn_timeline false: the memory knows the text already (with_recent).
  MemoryDrafts(const repoindex::RepositoryMemory& memory, bool learn_timeline);

  std::vector<engine::DraftToken> draft(std::span<const engine::TokenId> timeline,
                                        size_t most) override;

 private:
  std::shared_ptr<const repoindex::RepositoryMemory> repository_;
  std::shared_ptr<const repoindex::RepositoryMemory> with_text_;
  const repoindex::RepositoryMemory* memory_ = nullptr;
  bool learns_ = true;
  size_t n_learnt_ = 0;  // tokens of the timeline
};

}  // namespace engramd::agent
