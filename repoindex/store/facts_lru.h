// repoindex/store/facts_lru.h - the decoded facts that were asked for last, within a byte budget.
//
// Shared by all snapshots of an index. Facts that fell out live on with whoever holds them. Any
// thread; decoding happens outside the lock.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <unordered_map>

#include "repoindex/store/segment.h"

namespace engramd::repoindex {

class FactsLru {
 public:
  static constexpr size_t kDefaultBytes = 32u << 20;

  explicit FactsLru(size_t max_bytes = kDefaultBytes) : max_bytes_(max_bytes) {}
  // Null when the record is damaged.
  FileFactsPtr get(const Segment& segment, uint32_t doc);

 private:
  struct Key {
    uint64_t segment;
    uint32_t doc;
    bool operator==(const Key& other) const { return segment == other.segment && doc == other.doc; }
  };
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return (key.segment << 32 ^ key.doc) * 0x9E3779B97F4A7C15u >> 16;
    }
  };
  struct Entry {
    Key key;
    FileFactsPtr facts;
    size_t n_bytes;
  };

  const size_t max_bytes_;
  std::mutex mutex_;          // guards what follows; held for a few instructions
  std::list<Entry> entries_;  // last used first
  std::unordered_map<Key, std::list<Entry>::iterator, KeyHash> by_key_;
  size_t n_bytes_ = 0;
};

}  // namespace engramd::repoindex
