#include "engine/memory/network_state.h"

#include <algorithm>

namespace engramd::engine::memory {

Status NetworkState::reserve(size_t n_tokens) {
  for (const auto& block : blocks_)
    if (block != nullptr) ENGRAMD_CHECK(block->reserve(n_tokens));
  return {};
}

void NetworkState::commit(size_t n_tokens) {
  for (const auto& block : blocks_)
    if (block != nullptr) block->commit(n_tokens);
}

size_t NetworkState::reach() const {
  size_t reach = SIZE_MAX;
  for (const auto& block : blocks_)
    if (block != nullptr) reach = std::min(reach, block->reach());
  return reach;
}

size_t NetworkState::earliest(size_t n_tokens) const {
  size_t earliest = 0;
  for (const auto& block : blocks_)
    if (block != nullptr) earliest = std::max(earliest, block->earliest(n_tokens));
  return earliest;
}

void NetworkState::truncate(size_t n_tokens) {
  for (const auto& block : blocks_)
    if (block != nullptr) block->truncate(n_tokens);
}

std::string NetworkState::save(size_t n_tokens, Saved what) const {
  std::string out;
  for (const auto& block : blocks_)
    if (block != nullptr) block->save(n_tokens, what, out);
  return out;
}

Status NetworkState::load(size_t n_tokens, Saved what, std::string_view bytes) {
  Status status;
  for (const auto& block : blocks_)
    if (block != nullptr && status) status = block->load(n_tokens, what, bytes);
  if (status && !bytes.empty())
    status = fail(ErrorCode::corrupt, "a saved state is longer than this network's");
  if (!status) truncate(0);
  return status;
}

uint64_t NetworkState::memory_bytes() const {
  uint64_t sum = 0;
  for (const auto& block : blocks_)
    if (block != nullptr) sum += block->memory_bytes();
  return sum;
}

void Checkpoints::add(size_t n_tokens, std::string tail, std::vector<float> logits) {
  cut(n_tokens);
  if (!kept_.empty() && kept_.back().n_tokens == n_tokens) {
    if (logits.empty() || !kept_.back().logits.empty()) return;
    drop(kept_.size() - 1);
  }
  Kept added{n_tokens, std::move(tail), std::move(logits)};
  const uint64_t bytes = added.n_bytes();
  if (bytes > max_bytes_) return;
  while (kept_.size() >= kMost || bytes_ + bytes > max_bytes_ || !budget_->take(bytes)) {
    if (kept_.empty()) return;
    drop(least_useful());
  }
  bytes_ += bytes;
  kept_.push_back(std::move(added));
}

void Checkpoints::cut(size_t n_tokens) {
  while (!kept_.empty() && kept_.back().n_tokens > n_tokens) drop(kept_.size() - 1);
}

std::optional<Checkpoints::Found> Checkpoints::last_within(size_t n_tokens) const {
  for (auto kept = kept_.rbegin(); kept != kept_.rend(); ++kept)
    if (kept->n_tokens <= n_tokens) return Found{kept->n_tokens, kept->tail, kept->logits};
  return std::nullopt;
}

bool Checkpoints::has_logits(size_t n_tokens) const {
  const auto found = last_within(n_tokens);
  return found && found->n_tokens == n_tokens && !found->logits.empty();
}

void Checkpoints::drop(size_t index) {
  bytes_ -= kept_[index].n_bytes();
  budget_->give_back(kept_[index].n_bytes());
  kept_.erase(kept_.begin() + std::ptrdiff_t(index));
}

size_t Checkpoints::least_useful() const {
  size_t best = 0, smallest = SIZE_MAX;
  for (size_t i = 0; i + 1 < kept_.size(); ++i) {
    const size_t before = i == 0 ? 0 : kept_[i - 1].n_tokens;
    const size_t gap = kept_[i + 1].n_tokens - before;
    if (gap < smallest) {
      smallest = gap;
      best = i;
    }
  }
  return best;
}

}  // namespace engramd::engine::memory
