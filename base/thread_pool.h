// base/thread_pool.h - a fixed set of worker threads over one bounded queue.
//
// submit from any thread; a job must not wait for another job of the same pool. An exception in a
// job is logged and ends that job only. The destructor runs what is queued, then joins.
#pragma once

#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

#include "base/queue.h"

namespace engramd {

class ThreadPool {
 public:
  explicit ThreadPool(size_t n_threads, size_t queue_capacity = 1024);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;

  // Waits while the queue is full.
  void submit(std::function<void()> job);
  // False, and the job is dropped, when the queue is full.
  bool try_submit(std::function<void()> job);

  // Runs body(0) ... body(n-1), each once, on at most n_threads fresh threads; returns when all
  // are done. An exception from a body is rethrown here after the others have ended.
  static void parallel_for(size_t n, size_t n_threads, const std::function<void(size_t)>& body);

 private:
  BoundedQueue<std::function<void()>> queue_;
  std::vector<std::thread> threads_;
};

// Hardware threads, at least 1.
size_t hardware_threads();

}  // namespace engramd
