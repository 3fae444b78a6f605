#include "repoindex/store/facts_lru.h"

namespace engramd::repoindex {

namespace {
// What the facts take in memory, near enough.
size_t bytes_of(const FileFacts& facts) {
  size_t n = sizeof facts + facts.names.size() * (sizeof(std::string) + 8) +
             facts.occurrences.size() * sizeof(Occurrence) +
             facts.imports.size() * (sizeof(Import) + 32) +
             facts.lines.n_lines() * sizeof(LineMap::Line);
  for (const Symbol& s : facts.symbols) n += sizeof s + s.signature.size() + s.doc.size() + 16;
  return n;
}
}  // namespace

FileFactsPtr FactsLru::get(const Segment& segment, uint32_t doc) {
  const Key key{segment.serial(), doc};
  {
    std::lock_guard lock(mutex_);
    if (auto it = by_key_.find(key); it != by_key_.end()) {
      entries_.splice(entries_.begin(), entries_, it->second);
      return it->second->facts;
    }
  }
  auto decoded = segment.facts(doc);
  if (!decoded) return nullptr;
  size_t n = bytes_of(**decoded);
  std::lock_guard lock(mutex_);
  if (auto it = by_key_.find(key); it != by_key_.end()) return it->second->facts;
  entries_.push_front({key, *decoded, n});
  by_key_[key] = entries_.begin();
  n_bytes_ += n;
  while (n_bytes_ > max_bytes_ && entries_.size() > 1) {
    n_bytes_ -= entries_.back().n_bytes;
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
  return *decoded;
}

}  // namespace engramd::repoindex
