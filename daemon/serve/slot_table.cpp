#include "daemon/serve/slot_table.h"

#include <algorithm>

namespace engramd::daemon::serve {
namespace {

// A conversation that goes on loses at most the layout around its last answer; one that loses more
// than this is another one, or an earlier state of it.
constexpr size_t kMayLoseTokens = 64;
// A fork copies the whole state: not worth it for less, and not above so much memory.
constexpr size_t kForkTokens = 128;
constexpr size_t kMaxForkBytes = size_t{1} << 30;

}  // namespace

size_t common_prefix(std::span<const engine::TokenId> a, std::span<const engine::TokenId> b) {
  return size_t(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

SlotTable::SlotTable(std::shared_ptr<const engine::Model> model, size_t n_slots, size_t max_tokens)
    : model_(std::move(model)), max_tokens_(max_tokens), slots_(std::max<size_t>(1, n_slots)) {}

SlotTable::Choice SlotTable::choose(std::span<const engine::TokenId> prompt) {
  Slot* best = nullptr;
  size_t best_common = 0;
  for (Slot& slot : slots_) {
    if (slot.lent || !slot.session) continue;
    const size_t common = common_prefix(slot.tokens, prompt);
    if (best != nullptr && common <= best_common) continue;
    best = &slot;
    best_common = common;
  }
  if (best != nullptr && best_common > 0 && best->tokens.size() - best_common <= kMayLoseTokens)
    return {best, nullptr};
  Slot* other = nullptr;  // an empty one, else the one that was used the longest ago
  for (Slot& slot : slots_) {
    if (slot.lent) continue;
    if (other == nullptr || (!slot.session && other->session) ||
        (bool(slot.session) == bool(other->session) && slot.used < other->used))
      other = &slot;
  }
  const bool fork =
      other != best && best_common >= kForkTokens && best->session->memory_bytes() <= kMaxForkBytes;
  return {other, fork ? best : nullptr};
}

Result<Slot*> SlotTable::lend(std::span<const engine::TokenId> prompt) {
  Choice choice;
  {
    std::lock_guard lock(mutex_);
    choice = choose(prompt);
    if (choice.slot == nullptr) return fail(ErrorCode::exhausted, "every session is in use");
    choice.slot->lent = true;
    choice.slot->used = ++clock_;
    if (choice.forked_from != nullptr) choice.forked_from->lent = true;
  }
  if (choice.forked_from != nullptr) {
    choice.slot->session.reset();  // first, so that its memory is there for the copy
    auto forked = choice.forked_from->session->fork();
    if (forked) {
      choice.slot->session = *std::move(forked);
      choice.slot->tokens = choice.forked_from->tokens;
    }
    give_back(choice.forked_from);
  }
  if (!choice.slot->session) {
    choice.slot->tokens.clear();
    auto session = model_->open_session(max_tokens_);
    if (!session) {
      give_back(choice.slot);
      return fail(std::move(session).error());
    }
    choice.slot->session = *std::move(session);
  }
  return choice.slot;
}

void SlotTable::give_back(Slot* slot) {
  std::lock_guard lock(mutex_);
  slot->lent = false;
}

size_t SlotTable::drop_idle() {
  size_t bytes = 0;
  std::lock_guard lock(mutex_);
  for (Slot& slot : slots_) {
    if (slot.lent || !slot.session) continue;
    bytes += slot.session->memory_bytes();
    slot.session.reset();
    slot.tokens.clear();
  }
  return bytes;
}

SlotTable::Figures SlotTable::figures() const {
  std::lock_guard lock(mutex_);
  Figures figures;
  figures.n_slots = slots_.size();
  for (const Slot& slot : slots_) {
    if (slot.lent) {
      ++figures.n_lent;
    } else if (slot.session) {
      ++figures.n_kept;
      figures.kept_tokens += slot.session->n_tokens();
      figures.kept_bytes += slot.session->memory_bytes();
    }
  }
  return figures;
}

}  // namespace engramd::daemon::serve
