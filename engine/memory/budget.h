// engine/memory/budget.h - how many bytes the sessions of one model may still take.
#pragma once

#include <atomic>
#include <cstdint>

namespace engramd::engine::memory {

// Bytes that may still be taken. Any thread.
class Budget {
 public:
  explicit Budget(uint64_t bytes) : total_(bytes), left_(bytes) {}
  bool take(uint64_t bytes);
  void give_back(uint64_t bytes) { left_.fetch_add(bytes, std::memory_order_relaxed); }
  uint64_t total() const { return total_; }
  uint64_t left() const { return left_.load(std::memory_order_relaxed); }

 private:
  const uint64_t total_;
  std::atomic<uint64_t> left_;
};

// What the machine can give now: MemAvailable, capped by the control group's limit.
uint64_t available_memory_bytes();

}  // namespace engramd::engine::memory
