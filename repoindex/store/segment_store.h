// repoindex/store/segment_store.h - the segments of one cache folder: find a blob, add blobs,
// keep the folder tidy.
//
// A cache, not state: safe to delete at any time, bounded in size (least recently used goes
// first). Segments are shared by all roots and processes: readers need no lock, whoever writes,
// merges or deletes holds the folder's flock. New blobs are gathered in memory and become a
// segment there (freeze) or on disk (flush). When the folder cannot be used, all stays in memory
// and take_notes() says so. A damaged file is set aside. find() and add() from any thread; the rest
// from one at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/file.h"
#include "repoindex/store/encoded_blob.h"
#include "repoindex/store/root_table.h"
#include "repoindex/store/segment.h"

namespace engramd::repoindex {

// Where a blob's facts lie; no segment: nowhere.
struct BlobPlace {
  SegmentPtr segment;
  uint32_t doc = 0;
};

class SegmentStore {
 public:
  static constexpr uint64_t kDefaultMaxBytes = 1u << 30;
  static constexpr size_t kFreezeBlobs = 2000;
  static constexpr size_t kFreezeBytes = 32u << 20;

  // An empty folder: in memory only.
  explicit SegmentStore(std::filesystem::path folder, uint64_t max_bytes = kDefaultMaxBytes);
  ~SegmentStore();  // flushes

  BlobPlace find(std::string_view blob_id, std::string_view language) const;

  // Added, and not yet found.
  bool is_pending(std::string_view blob_id, std::string_view language) const;
  // Returns true when enough came together and a segment was made of it.
  bool add(EncodedBlob blob);
  // What was added is found from now on.
  void freeze();
  // And is on disk.
  void flush();
  // Takes over a finished segment: see exchange.h.
  void adopt(std::string segment_bytes);

  // Sees what other processes wrote or took away.
  void rescan();
  // After a refresh: merges small segments among those in use, drops blobs that nobody has used for
  // a while, evicts. Returns whether places changed.
  bool tidy(const std::vector<BlobPlace>& live);

  std::vector<RootRow> load_root(const std::string& key);
  void save_root(const std::string& key, const std::vector<RootRow>& rows);

  std::vector<SegmentPtr> segments() const;
  uint64_t root_bytes(const std::string& key) const;
  uint64_t bytes_on_disk() const;
  // Stated fallbacks since the last call, one line each.
  std::vector<std::string> take_notes();

 private:
  void note(std::string text);
  bool on_disk() const { return !folder_.empty(); }
  std::filesystem::path root_file(const std::string& key) const;
  Result<FileLock> lock_folder() const;
  // Both with the folder's lock held.
  SegmentPtr write(std::string bytes);
  void evict(const std::filesystem::path& fresh);  // all but this may go
  void set_aside(const std::filesystem::path& file);
  void keep_in_memory(SegmentPtr segment);
  SegmentPtr segment_of(const std::vector<EncodedBlob>& blobs);
  std::unordered_set<std::string> blobs_of_roots() const;

  std::filesystem::path folder_;
  const uint64_t max_bytes_;
  mutable std::mutex mutex_;  // guards what follows; held for longer only to merge small segments
  std::vector<SegmentPtr> disk_, memory_;  // oldest first
  std::vector<EncodedBlob> pending_;
  std::unordered_set<std::string> pending_names_;
  size_t pending_bytes_ = 0;
  std::unordered_set<std::string> not_ours_;  // files of other versions
  std::vector<std::string> notes_;
};

}  // namespace engramd::repoindex
