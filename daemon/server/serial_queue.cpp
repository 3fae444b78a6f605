#include "daemon/server/serial_queue.h"

#include <exception>
#include <string>

#include "base/log.h"

namespace engramd::daemon {

void SerialQueue::push(std::function<void()> job) {
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    if (running_) return;
    running_ = true;
  }
  pool_.submit([self = shared_from_this()] { self->drain(); });
}

void SerialQueue::drain() {
  // After some jobs the strand goes to the back of the pool's queue, so that one busy connection
  // does not keep a thread from the others.
  for (int n = 0; n < 16; ++n) {
    std::function<void()> job;
    {
      std::lock_guard lock(mutex_);
      if (jobs_.empty()) {
        running_ = false;
        return;
      }
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    try {
      job();
    } catch (const std::exception& error) {
      log_error(std::string("a strand job failed: ") + error.what());
    }
  }
  if (!pool_.try_submit([self = shared_from_this()] { self->drain(); })) drain();
}

}  // namespace engramd::daemon
