#include "daemon/session/delayed_jobs.h"

#include <algorithm>

namespace engramd::daemon {

DelayedJobs::~DelayedJobs() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    jobs_.clear();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void DelayedJobs::after(const std::string& key, std::chrono::milliseconds delay,
                        std::function<void()> job) {
  std::lock_guard lock(mutex_);
  if (stopping_) return;
  jobs_[key] = {std::chrono::steady_clock::now() + delay, std::move(job)};
  if (!thread_.joinable()) thread_ = std::thread([this] { loop(); });
  changed_.notify_all();
}

void DelayedJobs::cancel(const std::string& key) {
  std::lock_guard lock(mutex_);
  jobs_.erase(key);
}

void DelayedJobs::loop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto next =
        std::min_element(jobs_.begin(), jobs_.end(),
                         [](const auto& a, const auto& b) { return a.second.due < b.second.due; });
    if (next == jobs_.end()) {
      changed_.wait(lock);
      continue;
    }
    if (next->second.due > std::chrono::steady_clock::now()) {
      const auto due = next->second.due;
      changed_.wait_until(lock, due);
      continue;
    }
    const std::function<void()> run = std::move(next->second.run);
    jobs_.erase(next);
    lock.unlock();
    run();
    lock.lock();
  }
}

}  // namespace engramd::daemon
