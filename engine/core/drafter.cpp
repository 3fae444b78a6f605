#include "engine/core/drafter.h"

#include <algorithm>

#include "engine/blocks/rows_state.h"
#include "engine/memory/lagged_state.h"

namespace engramd::engine::core {

void Drafter::add_states(const arch::Network& network,
                         const std::shared_ptr<memory::Budget>& budget,
                         std::vector<std::unique_ptr<memory::BlockState>>& states) {
  // The row behind the last token's is all that is needed, unless the timeline goes back.
  states.push_back(std::make_unique<blocks::RowsState>(
      1, network.n_streams * network.d_model * sizeof(float), 1, budget));
  for (const auto& block : network.drafts->blocks) {
    auto state = block->make_state(budget);
    states.push_back(state == nullptr ? nullptr
                                      : std::make_unique<memory::LaggedState>(std::move(state)));
  }
}

float* Drafter::kept_streams(const blocks::Step& step, size_t position) const {
  auto& kept = static_cast<blocks::RowsState&>(*step.states.of_block(first_state_));
  return reinterpret_cast<float*>(kept.rows.row(0, position));
}

bool Drafter::run_rows(const blocks::Step& like, std::span<const TokenId> behind, size_t first,
                       size_t n, const float* const* hidden, float* logits) {
  h_.resize(n * row_size());
  carry_.resize(n * network_.n_streams);
  like.rope.begin(first, n);
  like.scratch.reset();
  blocks::Step step = like;
  step.timeline = behind.first(first + n);
  step.first_position = first;
  step.n_tokens = n;
  step.h = h_.data();
  step.carry = carry_.data();
  step.state = nullptr;
  if (!blocks::multi_token_input(step, drafts_.input, hidden)) return false;
  for (size_t i = 0; i < drafts_.blocks.size(); ++i) {
    like.scratch.reset();
    auto* lagged = static_cast<memory::LaggedState*>(step.states.of_block(first_state_ + 1 + i));
    step.state = lagged == nullptr ? nullptr : &lagged->inner();
    if (!drafts_.blocks[i]->run(step)) return false;
  }
  like.scratch.reset();
  step.state = nullptr;
  return logits == nullptr || blocks::run_head(step, drafts_.head, 1, logits);
}

bool Drafter::follow(const blocks::Step& step) {
  const size_t first = step.first_position, end = first + step.n_tokens;
  for (size_t t = first; t < end; ++t)
    std::copy_n(step.h + (t - first) * row_size(), row_size(), kept_streams(step, t));
  const size_t from = first == 0 ? 0 : first - 1, n = end - 1 - from;
  if (n == 0) return true;
  std::vector<const float*> hidden(n);
  for (size_t i = 0; i < n; ++i) hidden[i] = kept_streams(step, from + i);
  return run_rows(step, step.timeline.subspan(1), from, n, hidden.data(), nullptr);
}

Result<std::vector<TokenId>> Drafter::draft(const blocks::Step& step, TokenId next, size_t n) {
  const size_t n_tokens = step.timeline.size(), n_vocab = network_.n_vocab;
  for (size_t i = 0; i < drafts_.blocks.size(); ++i)
    if (auto* state = step.states.of_block(first_state_ + 1 + i); state != nullptr)
      ENGRAMD_CHECK(state->reserve(n_tokens + n));
  std::vector<TokenId> behind(step.timeline.begin() + 1, step.timeline.end());
  behind.push_back(next);
  logits_.resize(n * n_vocab);
  std::vector<float> own;
  const float* hidden = kept_streams(step, n_tokens - 1);
  for (size_t i = 0; i < n; ++i) {
    float* row = logits_.data() + i * n_vocab;
    if (!run_rows(step, behind, n_tokens - 1 + i, 1, &hidden, row)) {
      logits_.clear();
      return fail(ErrorCode::cancelled, "cancelled");
    }
    behind.push_back(TokenId(std::max_element(row, row + n_vocab) - row));
    own.assign(h_.begin(), h_.end());
    hidden = own.data();
  }
  return std::vector<TokenId>(behind.end() - std::ptrdiff_t(n), behind.end());
}

}  // namespace engramd::engine::core
