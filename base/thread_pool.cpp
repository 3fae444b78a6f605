#include "base/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <string>

#include "base/log.h"

namespace engramd {

ThreadPool::ThreadPool(size_t n_threads, size_t queue_capacity) : queue_(queue_capacity) {
  for (size_t i = 0; i < std::max<size_t>(1, n_threads); ++i) {
    threads_.emplace_back([this] {
      while (auto job = queue_.pop()) {
        try {
          (*job)();
        } catch (const std::exception& error) {
          log_error(std::string("a background job failed: ") + error.what());
        }
      }
    });
  }
}

ThreadPool::~ThreadPool() {
  queue_.close();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::submit(std::function<void()> job) {
  queue_.push(std::move(job));
}

bool ThreadPool::try_submit(std::function<void()> job) {
  return queue_.try_push(std::move(job));
}

void ThreadPool::parallel_for(size_t n, size_t n_threads, const std::function<void(size_t)>& body) {
  std::atomic<size_t> next{0};
  std::mutex mutex;  // guards first_error
  std::exception_ptr first_error;
  const auto work = [&] {
    for (size_t i = next++; i < n; i = next++) {
      try {
        body(i);
      } catch (...) {
        std::lock_guard lock(mutex);
        if (!first_error) first_error = std::current_exception();
      }
    }
  };
  const size_t extra = std::min(n, std::max<size_t>(1, n_threads)) - (n > 0 ? 1 : 0);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < extra; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  if (first_error) std::rethrow_exception(first_error);
}

size_t hardware_threads() {
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace engramd
