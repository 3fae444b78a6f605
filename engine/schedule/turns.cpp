#include "engine/schedule/turns.h"

namespace engramd::engine::schedule {

Turns::Foreground::Foreground(Turns& turns) : turns_(turns) {
  turns_.n_foreground_.fetch_add(1, std::memory_order_acq_rel);
}

Turns::Foreground::~Foreground() {
  if (turns_.n_foreground_.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  // The lock orders this with a thread that has looked and is about to sleep.
  { const std::lock_guard lock(turns_.mutex_); }
  turns_.free_.notify_all();
}

void Turns::wait(const CancelToken& cancel) {
  // A cancelled session is woken by the slice's end, not by the cancel: tokens wake nobody.
  constexpr auto kSlice = std::chrono::milliseconds(2);
  const auto until = Clock::now() + kMostWait;
  std::unique_lock lock(mutex_);
  while (n_foreground_.load(std::memory_order_acquire) > 0 && !cancel.cancelled() &&
         Clock::now() < until)
    free_.wait_for(lock, kSlice);
}

}  // namespace engramd::engine::schedule
