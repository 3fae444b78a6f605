// repoindex/parse/host/quarantine.h - texts that ended a parse host twice, by blob and language.
//
// Kept in one small file beside the segments, so that such a text ends no host at the next start;
// docs/formats/index-cache.md draws it. Forgotten with another grammar or extractor version: that
// one may cope. Bounded: the oldest go first. Any thread.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace engramd::repoindex::host {

class Quarantine {
 public:
  static constexpr size_t kMaxEntries = 4096;

  // An empty path: in memory only. What cannot be read counts as empty.
  explicit Quarantine(std::filesystem::path file);

  // What happened to the host; nothing when the text is not here.
  std::optional<std::string> find(std::string_view blob_id, std::string_view language) const;
  void add(std::string blob_id, std::string language, std::string what);
  size_t size() const;

 private:
  struct Entry {
    std::string blob_id, language, what;
  };
  std::vector<Entry> read() const;
  void insert(Entry entry);

  const std::filesystem::path file_;
  mutable std::mutex mutex_;              // guards what follows
  std::vector<Entry> entries_;            // oldest first
  std::unordered_set<std::string> keys_;  // of them: every file of a refresh is looked up
};

}  // namespace engramd::repoindex::host
