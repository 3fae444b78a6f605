// engine/cpu/worker_team.h - the compute threads of one session.
//
// run() splits work into items that any thread takes, the caller too; a worker that the system
// does not schedule simply takes none, so a busy machine slows us by its share and not by a
// barrier. Workers spin for some tens of microseconds between jobs (a decode step has a job every
// few of them) and then sleep.
// Owned by one thread, which is the only one that may call run().
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/cancel.h"

namespace engramd::engine::cpu {

class WorkerTeam {
 public:
  // n_threads counts the caller; at least 1. Threads start at the first run that can use them.
  explicit WorkerTeam(size_t n_threads);
  ~WorkerTeam();
  WorkerTeam(const WorkerTeam&) = delete;
  WorkerTeam& operator=(const WorkerTeam&) = delete;

  size_t n_threads() const { return n_threads_; }

  // Called by each thread before it takes an item: where others may go first. Between runs only.
  void set_gate(std::function<void(const CancelToken&)> gate) { gate_ = std::move(gate); }

  // body(item, thread) for every item below n_items (at most 2^32 - 2), thread < n_threads.
  // False when `cancel` stopped it: the remaining items were skipped. Bodies must not throw.
  template <class Body>
  bool run(size_t n_items, const CancelToken& cancel, Body&& body) {
    return run_erased(
        n_items, cancel,
        [](void* b, size_t item, size_t thread) {
          (*static_cast<std::remove_reference_t<Body>*>(b))(item, thread);
        },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

 private:
  using Call = void (*)(void* body, size_t item, size_t thread);
  struct Job {
    std::atomic<Call> call{nullptr};
    std::atomic<void*> body{nullptr};
    std::atomic<const CancelToken*> cancel{nullptr};
    std::atomic<uint32_t> n_items{0};
  };

  bool run_erased(size_t n_items, const CancelToken& cancel, Call call, void* body);
  void take_items(uint32_t epoch, size_t thread);
  void work(size_t thread);
  void start();

  const size_t n_threads_;
  std::function<void(const CancelToken&)> gate_;  // empty: nobody goes first
  std::vector<std::thread> threads_;
  Job job_;  // written only while no item is open, see take_items
  // High half: the epoch of the job. Low half: the next item. One word, so that a late worker
  // cannot take an item of a job that it has not seen.
  alignas(64) std::atomic<uint64_t> next_{0};
  alignas(64) std::atomic<uint32_t> n_done_{0};
  std::atomic<bool> stopped_{false};
  alignas(64) std::atomic<uint32_t> wake_{0};  // the epoch, waited on
  std::atomic<bool> ending_{false};
};

}  // namespace engramd::engine::cpu
