// daemon/serve/fair_turns.h - one after the other: conversations share the engine token by token.
//
// Their generations run on threads of their own; the one with the turn computes, and gives it up
// where it is a good place to. A long piece of work (reading a prompt) gets a token that is
// cancelled when somebody comes, so that nobody waits for its end. Any thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>

#include "base/cancel.h"

namespace engramd::daemon::serve {

class FairTurns {
 public:
  // Waits for the turn; false when cancelled meanwhile.
  bool take(const CancelToken& cancel);
  void give_back();
  // Whoever waits goes first, in order of arrival. False when cancelled; the turn is gone then.
  bool yield(const CancelToken& cancel);
  // Whether yield() would let somebody else go first.
  bool wanted() const;
  // For the holder's next long piece of work: cancelled as `cancel` is, and when somebody comes.
  CancelToken until_wanted(const CancelToken& cancel);

 private:
  struct Waiter {
    bool chosen = false;
  };
  void choose();  // with mutex_

  mutable std::mutex mutex_;  // guards all below; threads hand the turn to each other
  std::condition_variable changed_;
  std::deque<Waiter*> waiting_;
  bool held_ = false;
  CancelSource wanted_;
};

}  // namespace engramd::daemon::serve
