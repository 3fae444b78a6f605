#include "agent/model/memory_drafts.h"

#include <algorithm>

namespace engramd::agent {
namespace {

constexpr size_t kContext = 64;            // the longest that a memory looks at
constexpr size_t kShortest = 3;            // tokens that must be known: shorter ones guess blindly
constexpr double kHopeless = 0.15;         // that all guesses so far come true
constexpr size_t kLearnAgain = 256;        // new tokens
constexpr size_t kTextTokens = 64u << 10;  // of a text so many, the last ones, are learnt

std::shared_ptr<const repoindex::RepositoryMemory> empty_memory() {
  auto made = repoindex::RepositoryMemory::from_documents({});
  return made ? *std::move(made) : nullptr;
}

}  // namespace

MemoryDrafts::MemoryDrafts(std::shared_ptr<const repoindex::RepositoryMemory> repository)
    : repository_(repository != nullptr ? std::move(repository) : empty_memory()),
      memory_(repository_.get()) {}

MemoryDrafts::MemoryDrafts(const repoindex::RepositoryMemory& memory, bool learn_timeline)
    : memory_(&memory), learns_(learn_timeline) {}

std::vector<engine::DraftToken> MemoryDrafts::draft(std::span<const engine::TokenId> timeline,
                                                    size_t most) {
  std::vector<engine::DraftToken> drafts;
  if (memory_ == nullptr || most == 0) return drafts;
  const auto& repository = repository_ != nullptr ? *repository_ : *memory_;
  if (learns_ && (n_learnt_ == 0 || timeline.size() < n_learnt_ ||
                  timeline.size() >= n_learnt_ + kLearnAgain)) {
    const auto text = timeline.last(std::min(timeline.size(), kTextTokens));
    with_text_ = repository.with_recent({{text.begin(), text.end()}});
    n_learnt_ = timeline.size();
  }
  const auto& memory = with_text_ != nullptr ? *with_text_ : repository;
  const auto tail = timeline.last(std::min(timeline.size(), kContext));
  std::vector<engine::TokenId> context(tail.begin(), tail.end());
  double product = 1;
  while (drafts.size() < most) {
    const auto answer = memory.next(
        std::span<const engine::TokenId>(context).last(std::min(context.size(), kContext)));
    if (answer.match_length < kShortest || answer.candidates.empty()) break;
    const auto& best = answer.candidates.front();
    product *= best.probability;
    if (product < kHopeless) break;
    drafts.push_back({best.token, best.probability});
    context.push_back(best.token);
  }
  return drafts;
}

}  // namespace engramd::agent
