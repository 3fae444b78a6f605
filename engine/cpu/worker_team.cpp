#include "engine/cpu/worker_team.h"

#include <algorithm>
#include <chrono>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace engramd::engine::cpu {
namespace {

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

// Long enough to bridge the single-threaded steps between two jobs of a decode step.
constexpr auto kSpin = std::chrono::microseconds(50);

// More than any n_items: no item can be taken.
constexpr uint64_t kClosed = 0xffffffff;

// True as soon as done() is; false when that took longer than kSpin.
template <class Done>
bool spin_until(Done done) {
  const auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 64; ++i) {
      if (done()) return true;
      relax();
    }
  } while (std::chrono::steady_clock::now() < end);
  return done();
}

}  // namespace

WorkerTeam::WorkerTeam(size_t n_threads) : n_threads_(std::max<size_t>(n_threads, 1)) {}

WorkerTeam::~WorkerTeam() {
  ending_.store(true);
  wake_.fetch_add(1);
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerTeam::start() {
  threads_.reserve(n_threads_ - 1);
  for (size_t i = 1; i < n_threads_; ++i) threads_.emplace_back([this, i] { work(i); });
}

void WorkerTeam::take_items(uint32_t epoch, size_t thread) {
  uint64_t next = next_.load(std::memory_order_acquire);
  for (;;) {
    if (uint32_t(next >> 32) != epoch) return;
    // These belong to `epoch` if the exchange below succeeds: run_erased closes next_ before it
    // rewrites them, and whoever reads a new value here also sees that.
    const uint32_t n_items = job_.n_items.load(std::memory_order_acquire);
    const Call call = job_.call.load(std::memory_order_acquire);
    void* body = job_.body.load(std::memory_order_acquire);
    const CancelToken* cancel = job_.cancel.load(std::memory_order_acquire);
    const auto item = uint32_t(next);
    if (item >= n_items) return;
    if (gate_) {
      gate_(*cancel);
      next = next_.load(std::memory_order_acquire);
      if (uint32_t(next >> 32) != epoch || uint32_t(next) != item) continue;
    }
    if (!next_.compare_exchange_weak(next, next + 1, std::memory_order_acq_rel,
                                     std::memory_order_acquire))
      continue;
    if (!stopped_.load(std::memory_order_relaxed)) {
      if (cancel->cancelled())
        stopped_.store(true, std::memory_order_relaxed);
      else
        call(body, item, thread);
    }
    if (n_done_.fetch_add(1, std::memory_order_acq_rel) + 1 == n_items) n_done_.notify_one();
    next = next_.load(std::memory_order_acquire);
  }
}

bool WorkerTeam::run_erased(size_t n_items, const CancelToken& cancel, Call call, void* body) {
  if (n_items == 0) return true;
  if (n_items == 1 || n_threads_ == 1) {
    for (size_t item = 0; item < n_items; ++item) {
      if (gate_) gate_(cancel);
      if (cancel.cancelled()) return false;
      call(body, item, 0);
    }
    return true;
  }
  if (threads_.empty()) start();
  const auto epoch = uint32_t(next_.load(std::memory_order_relaxed) >> 32) + 1;
  next_.store(uint64_t(epoch) << 32 | kClosed, std::memory_order_release);
  job_.call.store(call, std::memory_order_release);
  job_.body.store(body, std::memory_order_release);
  job_.cancel.store(&cancel, std::memory_order_release);
  job_.n_items.store(uint32_t(n_items), std::memory_order_release);
  n_done_.store(0, std::memory_order_relaxed);
  stopped_.store(false, std::memory_order_relaxed);
  next_.store(uint64_t(epoch) << 32, std::memory_order_release);
  wake_.store(epoch, std::memory_order_seq_cst);
  wake_.notify_all();  // costs a load when nobody sleeps

  take_items(epoch, 0);
  const auto all_done = [&] { return n_done_.load(std::memory_order_acquire) == n_items; };
  if (!spin_until(all_done)) {
    for (uint32_t done = n_done_.load(std::memory_order_acquire); done != n_items;
         done = n_done_.load(std::memory_order_acquire))
      n_done_.wait(done, std::memory_order_acquire);
  }
  return !stopped_.load(std::memory_order_relaxed);
}

void WorkerTeam::work(size_t thread) {
  uint32_t seen = 0;
  while (!ending_.load(std::memory_order_acquire)) {
    const auto changed = [&] { return wake_.load(std::memory_order_acquire) != seen; };
    if (!spin_until(changed)) {
      wake_.wait(seen, std::memory_order_acquire);
      continue;
    }
    seen = wake_.load(std::memory_order_acquire);
    take_items(seen, thread);
  }
}

}  // namespace engramd::engine::cpu
