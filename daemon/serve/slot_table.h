// daemon/serve/slot_table.h - sessions kept between requests, found again by what they have read.
//
// A slot is a session and the tokens it stands for. A prompt gets the slot that shares the longest
// prefix with it; where that would throw away much of another conversation, a fork of it in another
// slot, so that conversations with the same instructions do not push each other out. Slots that are
// lent are left alone. Any thread.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "engine/api/session.h"
#include "engine/api/speculation.h"

namespace engramd::daemon::serve {

size_t common_prefix(std::span<const engine::TokenId> a, std::span<const engine::TokenId> b);

struct Slot {
  std::unique_ptr<engine::Session> session;  // null: empty
  std::vector<engine::TokenId> tokens;
  engine::DraftControl draft_control;
  uint64_t used = 0;  // a clock of requests: the smallest is the longest ago
  bool lent = false;
};

class SlotTable {
 public:
  SlotTable(std::shared_ptr<const engine::Model> model, size_t n_slots, size_t max_tokens);

  // Lends the best slot, with a session in it. There must be a free one: as many threads as slots.
  Result<Slot*> lend(std::span<const engine::TokenId> prompt);
  void give_back(Slot* slot);
  // Drops the sessions of all slots that are not lent; the bytes they held.
  size_t drop_idle();

  struct Figures {
    size_t n_slots = 0, n_lent = 0, n_kept = 0;  // kept: not lent, with a session
    size_t kept_tokens = 0, kept_bytes = 0;
  };
  Figures figures() const;

 private:
  struct Choice {
    Slot* slot = nullptr;
    Slot* forked_from = nullptr;
  };
  Choice choose(std::span<const engine::TokenId> prompt);

  const std::shared_ptr<const engine::Model> model_;
  const size_t max_tokens_;
  mutable std::mutex mutex_;  // guards the two below: requests of several threads look for slots
  std::vector<Slot> slots_;
  uint64_t clock_ = 0;
};

}  // namespace engramd::daemon::serve
