// daemon/server/serial_queue.h - a strand: jobs run one at a time, in order, on a shared pool.
//
// push may be called from any thread and never waits; the owner bounds what it pushes. One pool
// slot is used per strand, so the pool's queue must hold as many jobs as there are strands.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "base/thread_pool.h"

namespace engramd::daemon {

class SerialQueue : public std::enable_shared_from_this<SerialQueue> {
 public:
  explicit SerialQueue(ThreadPool& pool) : pool_(pool) {}
  void push(std::function<void()> job);

 private:
  void drain();

  ThreadPool& pool_;
  std::mutex mutex_;  // guards the two below
  std::deque<std::function<void()>> jobs_;
  bool running_ = false;
};

}  // namespace engramd::daemon
