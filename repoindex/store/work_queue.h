// repoindex/store/work_queue.h - the files of a refresh that wait for a worker, urgent ones first.
//
// Any thread.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <vector>

namespace engramd::repoindex {

class WorkQueue {
 public:
  struct Item {
    size_t index = 0;
    bool urgent = false;
  };

  WorkQueue(size_t n_files, std::vector<size_t> order)
      : order_(std::move(order)), state_(n_files, kNotOurs) {
    for (size_t i : order_) state_[i] = kWaiting;
  }
  std::optional<Item> take() {
    std::lock_guard lock(mutex_);
    while (!urgent_.empty()) {
      size_t i = urgent_.back();
      urgent_.pop_back();
      if (state_[i] != kUrgent) continue;
      state_[i] = kTaken;
      return Item{i, true};
    }
    while (next_ < order_.size()) {
      size_t i = order_[next_++];
      if (state_[i] != kWaiting) continue;
      state_[i] = kTaken;
      return Item{i, false};
    }
    return std::nullopt;
  }
  // Nothing happens for a file that is done, taken, or was never waiting.
  void hurry(size_t index) {
    std::lock_guard lock(mutex_);
    if (state_[index] != kWaiting) return;
    state_[index] = kUrgent;
    urgent_.push_back(index);
    ++n_urgent_;
  }
  // Returns true for the last of the urgent ones.
  bool finished(const Item& item) {
    std::lock_guard lock(mutex_);
    return item.urgent && --n_urgent_ == 0;
  }

 private:
  enum State : char { kNotOurs, kWaiting, kUrgent, kTaken };
  std::mutex mutex_;  // guards what follows
  std::vector<size_t> order_, urgent_;
  size_t next_ = 0, n_urgent_ = 0;
  std::vector<State> state_;  // by file
};

}  // namespace engramd::repoindex
