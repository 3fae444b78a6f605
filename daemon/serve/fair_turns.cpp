#include "daemon/serve/fair_turns.h"

#include <algorithm>

namespace engramd::daemon::serve {
namespace {
constexpr std::chrono::milliseconds kPoll(20);  // how late a cancelled waiter notices
}

bool FairTurns::take(const CancelToken& cancel) {
  std::unique_lock lock(mutex_);
  Waiter self;
  waiting_.push_back(&self);
  choose();
  if (!self.chosen) wanted_.cancel();
  while (!self.chosen && !cancel.cancelled()) changed_.wait_for(lock, kPoll);
  if (!self.chosen) {
    waiting_.erase(std::find(waiting_.begin(), waiting_.end(), &self));
    return false;
  }
  if (!cancel.cancelled()) return true;
  held_ = false;
  choose();
  return false;
}

void FairTurns::give_back() {
  std::lock_guard lock(mutex_);
  held_ = false;
  choose();
}

bool FairTurns::yield(const CancelToken& cancel) {
  {
    std::lock_guard lock(mutex_);
    if (waiting_.empty() && !cancel.cancelled()) return true;
    held_ = false;
    choose();
  }
  return take(cancel);
}

bool FairTurns::wanted() const {
  std::lock_guard lock(mutex_);
  return !waiting_.empty();
}

CancelToken FairTurns::until_wanted(const CancelToken& cancel) {
  std::lock_guard lock(mutex_);
  wanted_ = CancelSource(cancel);
  if (!waiting_.empty()) wanted_.cancel();
  return wanted_.token();
}

void FairTurns::choose() {
  if (held_ || waiting_.empty()) return;
  waiting_.front()->chosen = true;
  waiting_.pop_front();
  held_ = true;
  changed_.notify_all();
}

}  // namespace engramd::daemon::serve
