#include "agent/model/memory_drafts.h"

#include <algorithm>

namespace engramd::agent {
namespace {

constexpr size_t kContext = 64;            // the longest that a memory looks at
constexpr size_t kShortest = 3;            // tokens that must be known: shorter ones guess blindly
constexpr double kHopeless = 0.15;         // that all guesses so far come true
constexpr size_t kLearnAgain = 256;        // new tokens
constexpr size_t kTextTokens = 64u << 10;  // of a text so many, the last ones, are learnt

}  // namespace

MemoryDrafts::MemoryDrafts(std::shared_ptr<const repoindex::RepositoryMemory> repository)
    : base_(std::move(repository)) {
  if (base_ == nullptr) base_ = repoindex::RepositoryMemory::from_documents({}).value_or(nullptr);
  memory_ = base_.get();
}

std::vector<engine::DraftToken> MemoryDrafts::draft(std::span<const engine::TokenId> timeline,
                                                    size_t most) {
  std::vector<engine::DraftToken> drafts;
  if (memory_ == nullptr || most == 0) return drafts;
  if (base_ != nullptr && (n_learnt_ == 0 || timeline.size() < n_learnt_ ||
                           timeline.size() >= n_learnt_ + kLearnAgain)) {
    const auto text = timeline.last(std::min(timeline.size(), kTextTokens));
    text_ = base_->with_recent({{text.begin(), text.end()}});
    memory_ = text_.get();
    n_learnt_ = timeline.size();
  }
  const auto tail = timeline.last(std::min(timeline.size(), kContext));
  std::vector<engine::TokenId> context(tail.begin(), tail.end());
  double product = 1;
  while (drafts.size() < most) {
    const auto answer = memory_->next(
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
