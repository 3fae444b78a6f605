// engine/memory/kv_cache.h - keys and values of one session, in pages of 64 tokens.
//
// A page holds every layer's keys and values for its tokens, so memory grows with the timeline and
// goes back when it shrinks. Within a page each (layer, K or V, head) is one contiguous run:
//
//   page: | layer 0: K head 0 [64][head_dim], K head 1, ..., V head 0, ... | layer 1: ... |
//
// Bytes are taken from a budget that all sessions of a model share. One thread, except that
// several may write and read different rows while the session runs a step.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/cpu/kernels.h"

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

struct KvShape {
  size_t n_layers = 0, n_heads = 0, head_dim = 0;
  cpu::KvType type = cpu::KvType::f16;
};

class KvCache {
 public:
  static constexpr size_t kPageTokens = 64;

  KvCache(const KvShape& shape, std::shared_ptr<Budget> budget);
  ~KvCache();
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;

  // Room for n tokens: grows or shrinks to the pages that takes. Error exhausted over the budget.
  Status resize(size_t n_tokens);
  size_t n_tokens() const { return pages_.size() * kPageTokens; }  // there is room for
  size_t memory_bytes() const { return pages_.size() * page_bytes_; }
  size_t row_bytes() const { return row_bytes_; }

  std::byte* k_row(size_t layer, size_t head, size_t token);
  std::byte* v_row(size_t layer, size_t head, size_t token);
  // Where each page's run of this layer and head begins.
  void k_pages(size_t layer, size_t head, size_t n_pages, const std::byte** out) const;
  void v_pages(size_t layer, size_t head, size_t n_pages, const std::byte** out) const;

 private:
  size_t run_offset(size_t layer, size_t head, bool value) const {
    return ((layer * 2 + (value ? 1 : 0)) * shape_.n_heads + head) * kPageTokens * row_bytes_;
  }

  struct Free {
    void operator()(std::byte* p) const;
  };
  const KvShape shape_;
  const size_t row_bytes_, page_bytes_;
  std::shared_ptr<Budget> budget_;
  std::vector<std::unique_ptr<std::byte, Free>> pages_;
};

}  // namespace engramd::engine::memory
