// daemon/completion/memory_decode.h - the repository memory as a proposer for engine::Session's own
// decoding, and where it would have the text cut that it continues.
//
// One request each, one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "daemon/completion/calibration.h"
#include "engine/api/session.h"
#include "repoindex/memory/memory.h"

namespace engramd::daemon {

// How much of the mixture the memory gets: calibration's memory_weight, or a trial of it.
using MemoryWeight = std::function<float(size_t match_length, size_t n_seen)>;

// What the memory has to say after a prompt. It reads the text as it stands in the file: the
// markers and other files of a prompt are replaced by `tail`, the tokens left of the cursor.
class MemoryProposer final : public engine::Proposer {
 public:
  MemoryProposer(const engine::Tokenizer& tokenizer,
                 std::shared_ptr<const repoindex::RepositoryMemory> memory,
                 std::vector<engine::TokenId> tail, size_t n_prompt,
                 MemoryWeight weight = memory_weight);
  engine::Proposal propose(std::span<const engine::TokenId> timeline) override;
  // The best candidate of each step so far; -1 where there was none.
  const std::vector<engine::TokenId>& best() const { return best_; }

 private:
  const engine::Tokenizer& tokenizer_;
  std::shared_ptr<const repoindex::RepositoryMemory> memory_;
  std::vector<engine::TokenId> context_;  // tail, then what was generated
  size_t n_tail_, n_prompt_;
  MemoryWeight weight_;
  std::vector<engine::TokenId> best_;
};

// Where to cut the text left of the cursor so that the memory recognises the words there: after
// the tokens of its own most probable way to cover the text from healing_start() on, all but the
// last, which may reach beyond the cursor. The end when it knows no way: the cut word's tokens
// would then be chosen by chance, and it would recognise nothing after them.
size_t heal_with_memory(const engine::Tokenizer& tokenizer,
                        const repoindex::RepositoryMemory& memory, std::string_view before_cursor);

// The last tokens of a text: the context a memory is asked with.
std::vector<engine::TokenId> memory_context(const engine::Tokenizer& tokenizer,
                                            std::string_view text);

}  // namespace engramd::daemon
