// repoindex/store/facts_lru.h - what was decoded last, within byte budgets: facts of files, where
// the names in them stand, and what they import.
//
// Shared by all snapshots of an index. What fell out lives on with whoever holds it. Any thread;
// decoding happens outside the lock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <mutex>
#include <unordered_map>

#include "repoindex/store/segment.h"

namespace engramd::repoindex {

using PlacesPtr = std::shared_ptr<const std::string>;  // Segment::places()

class FactsLru {
 public:
  static constexpr size_t kDefaultBytes = 32u << 20;
  // Places take 4 bytes a name: enough for those of a repository of 100 MB.
  static constexpr size_t kPlacesBytes = 16u << 20;
  // Some 150 bytes an import.
  static constexpr size_t kImportsBytes = 8u << 20;

  explicit FactsLru(size_t max_bytes = kDefaultBytes)
      : facts_(max_bytes),
        places_(std::min(max_bytes, kPlacesBytes)),
        imports_(std::min(max_bytes, kImportsBytes)) {}
  // Null when the record is damaged.
  FileFactsPtr get(const Segment& segment, uint32_t doc);
  PlacesPtr places(const Segment& segment, uint32_t doc);
  FileFactsPtr imports(const Segment& segment, uint32_t doc);  // facts of imports only

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

  template <class Value>
  class Lru {
   public:
    explicit Lru(size_t max_bytes) : max_bytes_(max_bytes) {}
    Value find(const Key& key) {
      std::lock_guard lock(mutex_);
      auto it = by_key_.find(key);
      if (it == by_key_.end()) return nullptr;
      entries_.splice(entries_.begin(), entries_, it->second);
      return it->second->value;
    }
    // The value that is kept: another thread may have been faster.
    Value add(const Key& key, Value value, size_t n_bytes) {
      std::lock_guard lock(mutex_);
      if (auto it = by_key_.find(key); it != by_key_.end()) return it->second->value;
      entries_.push_front({key, value, n_bytes});
      by_key_[key] = entries_.begin();
      n_bytes_ += n_bytes;
      while (n_bytes_ > max_bytes_ && entries_.size() > 1) {
        n_bytes_ -= entries_.back().n_bytes;
        by_key_.erase(entries_.back().key);
        entries_.pop_back();
      }
      return value;
    }

   private:
    struct Entry {
      Key key;
      Value value;
      size_t n_bytes;
    };
    const size_t max_bytes_;
    std::mutex mutex_;          // guards what follows; held for a few instructions
    std::list<Entry> entries_;  // last used first
    std::unordered_map<Key, typename std::list<Entry>::iterator, KeyHash> by_key_;
    size_t n_bytes_ = 0;
  };

  Lru<FileFactsPtr> facts_;
  Lru<PlacesPtr> places_;
  Lru<FileFactsPtr> imports_;
};

}  // namespace engramd::repoindex
