#include "engine/memory/kv_cache.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <new>
#include <string>

namespace engramd::engine::memory {

bool Budget::take(uint64_t bytes) {
  uint64_t left = left_.load(std::memory_order_relaxed);
  do {
    if (bytes > left) return false;
  } while (!left_.compare_exchange_weak(left, left - bytes, std::memory_order_relaxed));
  return true;
}

uint64_t available_memory_bytes() {
  uint64_t available = std::numeric_limits<uint64_t>::max();
  std::ifstream meminfo("/proc/meminfo");
  for (std::string line; std::getline(meminfo, line);) {
    unsigned long long kib = 0;
    if (std::sscanf(line.c_str(), "MemAvailable: %llu", &kib) == 1) available = kib * 1024;
  }
  // Only the limit of our own root is visible from inside a container, which is the one that
  // counts.
  std::ifstream limit_file("/sys/fs/cgroup/memory.max"), used_file("/sys/fs/cgroup/memory.current");
  uint64_t limit = 0, used = 0;
  if (limit_file >> limit && used_file >> used && limit > used)
    available = std::min(available, limit - used);
  return available;
}

void KvCache::Free::operator()(std::byte* p) const {
  std::free(p);
}

KvCache::KvCache(const KvShape& shape, std::shared_ptr<Budget> budget)
    : shape_(shape),
      row_bytes_(shape.head_dim * (shape.type == cpu::KvType::f16 ? 2 : 4)),
      page_bytes_(shape.n_layers * 2 * shape.n_heads * kPageTokens * row_bytes_),
      budget_(std::move(budget)) {}

KvCache::~KvCache() {
  budget_->give_back(memory_bytes());
}

Status KvCache::resize(size_t n_tokens) {
  const size_t n_pages = (n_tokens + kPageTokens - 1) / kPageTokens;
  while (pages_.size() > n_pages) {
    pages_.pop_back();
    budget_->give_back(page_bytes_);
  }
  while (pages_.size() < n_pages) {
    if (!budget_->take(page_bytes_))
      return fail(ErrorCode::exhausted,
                  "the key-value cache of " + std::to_string(n_tokens) + " tokens needs " +
                      std::to_string(n_pages * page_bytes_ >> 20) + " MiB, " +
                      std::to_string((budget_->left() + memory_bytes()) >> 20) +
                      " MiB are left of the memory budget");
    // Zeroed by the system page by page as it is touched.
    auto* page = static_cast<std::byte*>(std::calloc(1, page_bytes_));
    if (page == nullptr) {
      budget_->give_back(page_bytes_);
      return fail(ErrorCode::exhausted, "the system has no " + std::to_string(page_bytes_) +
                                            " bytes left for the key-value cache");
    }
    pages_.emplace_back(page);
  }
  return {};
}

std::byte* KvCache::k_row(size_t layer, size_t head, size_t token) {
  return pages_[token / kPageTokens].get() + run_offset(layer, head, false) +
         token % kPageTokens * row_bytes_;
}

std::byte* KvCache::v_row(size_t layer, size_t head, size_t token) {
  return pages_[token / kPageTokens].get() + run_offset(layer, head, true) +
         token % kPageTokens * row_bytes_;
}

void KvCache::k_pages(size_t layer, size_t head, size_t n_pages, const std::byte** out) const {
  for (size_t i = 0; i < n_pages; ++i) out[i] = pages_[i].get() + run_offset(layer, head, false);
}

void KvCache::v_pages(size_t layer, size_t head, size_t n_pages, const std::byte** out) const {
  for (size_t i = 0; i < n_pages; ++i) out[i] = pages_[i].get() + run_offset(layer, head, true);
}

}  // namespace engramd::engine::memory
