// repoindex/store/cache.h - blob facts on disk, one SQLite file per cache folder.
//
// A cache, not state: safe to delete at any time, bounded in size (oldest use goes first). When it
// cannot be opened or written, everything still works and notes() says why it is slower. A damaged
// database is set aside and begun anew; a damaged record is a miss. Writers take a flock, so that
// there is one at a time; readers need nothing. get() from any thread; the rest from one at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "repoindex/facts.h"
#include "repoindex/store/record.h"

namespace engramd::repoindex {

class FactsCache {
 public:
  static constexpr uint64_t kDefaultMaxBytes = 1u << 30;

  static std::unique_ptr<FactsCache> open(const std::filesystem::path& folder,
                                          uint64_t max_bytes = kDefaultMaxBytes);
  virtual ~FactsCache() = default;

  // Null on a miss. The key names blob, language, grammar and extractor: see facts_key().
  virtual FileFactsPtr get(const std::string& key) = 0;
  // Writes all or nothing, then evicts when too big.
  virtual void put(const std::vector<std::pair<std::string, FileFactsPtr>>& facts) = 0;

  virtual std::vector<FileStamp> stamps(const std::string& root) = 0;
  virtual void put_stamps(const std::string& root, const std::vector<FileStamp>& stamps) = 0;

  virtual uint64_t bytes_on_disk() const = 0;
  // Stated fallbacks since the last call, one line each.
  virtual std::vector<std::string> take_notes() = 0;
};

std::string facts_key(const std::string& blob_id, const std::string& language);

}  // namespace engramd::repoindex
