#include "base/queue.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "base/thread_pool.h"

using namespace engramd;

TEST_CASE("a queue is bounded, and closing it wakes whoever waits") {
  BoundedQueue<int> queue(2);
  CHECK(queue.try_push(1));
  CHECK(queue.try_push(2));
  CHECK_FALSE(queue.try_push(3));
  std::thread waiting([&] { CHECK_FALSE(queue.push(4)); });
  queue.close();
  waiting.join();
  CHECK(queue.pop() == 1);
  CHECK(queue.pop() == 2);
  CHECK(queue.pop() == std::nullopt);
}

TEST_CASE("parallel_for runs each index once and hands an exception on") {
  std::atomic<int> sum{0};
  ThreadPool::parallel_for(100, 4, [&](size_t i) { sum += static_cast<int>(i); });
  CHECK(sum == 4950);
  ThreadPool::parallel_for(0, 4, [](size_t) {});
  CHECK_THROWS_WITH(ThreadPool::parallel_for(10, 4,
                                             [](size_t i) {
                                               if (i == 7) throw std::runtime_error("seven");
                                             }),
                    "seven");
}
