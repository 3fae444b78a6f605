// engine/schedule/turns.h - two priorities among the sessions of one model: a keystroke beats an
// agent.
//
// A foreground session announces itself for the length of a call; the threads of background
// sessions look between two work items (about a millisecond each) and stand aside while one is
// there. They are not starved: after kMostWait a thread takes one item, which leaves a background
// session some percent of the machine.
// Any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "base/cancel.h"
#include "engine/api/session.h"

namespace engramd::engine::schedule {

class Turns {
 public:
  static constexpr auto kMostWait = std::chrono::milliseconds(20);

  // Announces foreground work while it lives.
  class Foreground {
   public:
    explicit Foreground(Turns& turns);
    ~Foreground();
    Foreground(const Foreground&) = delete;
    Foreground& operator=(const Foreground&) = delete;

   private:
    Turns& turns_;
  };

  // Called by a background thread before it takes a work item.
  void give_way(const CancelToken& cancel) {
    if (n_foreground_.load(std::memory_order_acquire) > 0) wait(cancel);
  }

 private:
  void wait(const CancelToken& cancel);

  std::atomic<int> n_foreground_{0};
  std::mutex mutex_;
  std::condition_variable free_;
};

}  // namespace engramd::engine::schedule
