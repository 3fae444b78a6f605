#include "repoindex/store/segment_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <thread>

#include "base/hash.h"
#include "repoindex/store/segment_writer.h"

namespace fs = std::filesystem;

namespace engramd::repoindex {

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr uint16_t kKeepDays = 14;    // a blob that nobody has used for longer is not merged on
constexpr uint16_t kForgetDays = 60;  // tables of roots, segments of other versions
constexpr size_t kMaxSegments = 4;    // in use; more are merged
constexpr size_t kMergeAtOnce = 4;    // equally big segments in memory become one
constexpr uint64_t kMaxMergedBytes = 512u << 20;
constexpr uint64_t kMaxRootBytes = 256u << 20;

struct FileInfo {
  fs::path path;
  uint64_t n_bytes = 0;
  int64_t used_ns = 0;
};

std::vector<FileInfo> files_in(const fs::path& folder, std::string_view extension) {
  std::vector<FileInfo> out;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    struct stat info {};
    if (it->path().extension() != extension || ::stat(it->path().c_str(), &info) != 0) continue;
    out.push_back({it->path(), static_cast<uint64_t>(info.st_size),
                   info.st_mtim.tv_sec * kSecond + info.st_mtim.tv_nsec});
  }
  return out;
}

bool older_than(std::time_t used, uint16_t days) {
  return used < std::time(nullptr) - std::time_t{days} * 86400;
}

// Modification time is the time of last use: eviction goes by it. Once a day is enough.
void touch(const fs::path& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) == 0 && older_than(info.st_mtim.tv_sec, 1)) {
    ::utimensat(AT_FDCWD, file.c_str(), nullptr, 0);
  }
}

int size_class(const Segment& segment) {
  int c = 0;
  for (uint32_t n = segment.n_docs(); n >= kMergeAtOnce; n /= kMergeAtOnce) ++c;
  return c;
}

std::string blob_name(std::string_view blob_id, std::string_view language) {
  std::string out(blob_id);
  out += ':';
  out += language;
  return out;
}

}  // namespace

SegmentStore::SegmentStore(fs::path folder, uint64_t max_bytes)
    : folder_(std::move(folder)), max_bytes_(max_bytes) {
  if (folder_.empty()) return;
  if (auto made = make_directories(folder_, 0700); !made) {
    notes_.push_back("cache not writable (" + made.error().message +
                     "): every start parses all files again");
    folder_.clear();
    return;
  }
  rescan();
}

SegmentStore::~SegmentStore() {
  flush();
}

void SegmentStore::note(std::string text) {
  std::lock_guard lock(mutex_);
  if (std::find(notes_.begin(), notes_.end(), text) == notes_.end()) {
    notes_.push_back(std::move(text));
  }
}

std::vector<std::string> SegmentStore::take_notes() {
  std::lock_guard lock(mutex_);
  return std::exchange(notes_, {});
}

std::vector<SegmentPtr> SegmentStore::segments() const {
  std::lock_guard lock(mutex_);
  std::vector<SegmentPtr> all = disk_;
  all.insert(all.end(), memory_.begin(), memory_.end());
  return all;
}

BlobPlace SegmentStore::find(std::string_view blob_id, std::string_view language) const {
  std::lock_guard lock(mutex_);
  for (const auto* list : {&memory_, &disk_}) {
    for (auto it = list->rbegin(); it != list->rend(); ++it) {
      if ((*it)->damaged()) continue;
      uint32_t doc = (*it)->find_doc(blob_id, language);
      if (doc != kNone) return {*it, doc};
    }
  }
  return {};
}

SegmentPtr SegmentStore::segment_of(const std::vector<EncodedBlob>& blobs) {
  if (blobs.empty()) return nullptr;
  auto bytes = build_segment(blobs);
  if (!bytes) {
    note("cache: " + bytes.error().message);
    return nullptr;
  }
  auto segment = Segment::from_bytes(std::move(*bytes));
  if (!segment) note("cache: " + segment.error().message);
  return segment ? *segment : nullptr;
}

bool SegmentStore::is_pending(std::string_view blob_id, std::string_view language) const {
  std::lock_guard lock(mutex_);
  return pending_names_.count(blob_name(blob_id, language)) != 0;
}

bool SegmentStore::add(EncodedBlob blob) {
  std::vector<EncodedBlob> batch;
  {
    std::lock_guard lock(mutex_);
    pending_bytes_ += blob.memory_bytes();
    pending_names_.insert(blob_name(blob.blob_id, blob.language));
    pending_.push_back(std::move(blob));
    if (pending_.size() < kFreezeBlobs && pending_bytes_ < kFreezeBytes) return false;
    batch.swap(pending_);
    pending_names_.clear();
    pending_bytes_ = 0;
  }
  SegmentPtr segment = segment_of(batch);
  if (segment == nullptr) return false;
  if (on_disk()) {
    if (auto lock = lock_folder(); lock) {
      if (SegmentPtr written = write(std::string(segment->bytes())); written != nullptr) {
        std::lock_guard guard(mutex_);
        disk_.push_back(std::move(written));
        return true;
      }
    }
  }
  keep_in_memory(std::move(segment));
  return true;
}

void SegmentStore::keep_in_memory(SegmentPtr segment) {
  std::unique_lock lock(mutex_);
  memory_.push_back(std::move(segment));
  // Equally big ones are merged, so that there are few and each blob is moved few times.
  while (memory_.size() >= kMergeAtOnce) {
    std::vector<SegmentPtr> last(memory_.end() - kMergeAtOnce, memory_.end());
    bool same = std::all_of(last.begin(), last.end(), [&](const SegmentPtr& s) {
      return size_class(*s) == size_class(*last[0]);
    });
    if (!same || size_class(*last[0]) >= 5) return;
    std::vector<MergeSource> sources;
    for (const SegmentPtr& s : last) {
      std::vector<bool> all(s->n_docs(), true);
      sources.push_back({s, all, all});
    }
    auto bytes = merge_segments(sources);
    auto merged =
        bytes ? Segment::from_bytes(std::move(*bytes)) : Result<SegmentPtr>(fail(bytes.error()));
    if (!merged) return;
    memory_.resize(memory_.size() - kMergeAtOnce);
    memory_.push_back(std::move(*merged));
  }
}

void SegmentStore::freeze() {
  std::vector<EncodedBlob> batch;
  {
    std::lock_guard lock(mutex_);
    batch.swap(pending_);
    pending_names_.clear();
    pending_bytes_ = 0;
  }
  if (SegmentPtr segment = segment_of(batch); segment != nullptr) {
    keep_in_memory(std::move(segment));
  }
}

void SegmentStore::flush() {
  freeze();
  std::vector<SegmentPtr> fresh;
  {
    std::lock_guard lock(mutex_);
    if (!on_disk() || memory_.empty()) return;
    fresh = memory_;
  }
  auto lock = lock_folder();
  if (!lock) {
    note("cache: new facts not kept (" + lock.error().message + ")");
    return;
  }
  std::string bytes;
  if (fresh.size() == 1) {
    bytes = fresh[0]->bytes();
  } else {
    std::vector<MergeSource> sources;
    for (const SegmentPtr& s : fresh) {
      std::vector<bool> all(s->n_docs(), true);
      sources.push_back({s, all, all});
    }
    auto merged = merge_segments(sources);
    if (!merged) {
      note("cache: new facts not kept (" + merged.error().message + ")");
      return;
    }
    bytes = std::move(*merged);
  }
  SegmentPtr written = write(std::move(bytes));
  if (written == nullptr) return;
  std::lock_guard guard(mutex_);
  memory_.erase(memory_.begin(), memory_.begin() + static_cast<std::ptrdiff_t>(fresh.size()));
  disk_.push_back(std::move(written));
}

void SegmentStore::adopt(std::string segment_bytes) {
  auto segment = Segment::from_bytes(std::move(segment_bytes));
  if (!segment) {
    note("cache: " + segment.error().message);
    return;
  }
  keep_in_memory(std::move(*segment));
}

Result<FileLock> SegmentStore::lock_folder() const {
  auto lock = FileLock::try_acquire(folder_ / "writer.lock");
  for (int i = 0; !lock && lock.error().code == ErrorCode::unavailable && i < 20; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    lock = FileLock::try_acquire(folder_ / "writer.lock");
  }
  if (lock) {
    // Temporary files of writers that were killed: nobody else can be writing now.
    std::error_code error;
    for (fs::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
      std::string name = it->path().filename().string();
      if (name[0] == '.' && name.find(".seg.") != std::string::npos) {
        fs::remove(it->path(), error);
      }
    }
  }
  return lock;
}

SegmentPtr SegmentStore::write(std::string bytes) {
  // The header's checksum covers those of the sections: equal names have equal content.
  fs::path file = folder_ / (to_hex(std::string_view(bytes).substr(48, 8)) + ".seg");
  if (auto written = write_file_atomic(file, bytes, 0600, true); !written) {
    note("cache: new facts not kept (" + written.error().message + ")");
    return nullptr;
  }
  auto segment = Segment::open(file);
  if (!segment) {
    note("cache: " + segment.error().message);
    return nullptr;
  }
  evict(file);
  return *segment;
}

void SegmentStore::set_aside(const fs::path& file) {
  // One is kept, for whoever wants to know what happened to it.
  std::error_code error;
  fs::rename(file, folder_ / "segment.damaged", error);
  if (error) fs::remove(file, error);
  note("cache was damaged: " + file.string() + " is set aside, its files are parsed again");
}

void SegmentStore::rescan() {
  if (!on_disk()) return;
  std::vector<SegmentPtr> known;
  {
    std::lock_guard lock(mutex_);
    known = disk_;
  }
  std::vector<SegmentPtr> now;
  std::vector<FileInfo> files = files_in(folder_, ".seg");
  std::sort(files.begin(), files.end(),
            [](const FileInfo& a, const FileInfo& b) { return a.path < b.path; });
  for (const FileInfo& file : files) {
    auto it = std::find_if(known.begin(), known.end(),
                           [&](const SegmentPtr& s) { return s->path() == file.path; });
    if (it != known.end() && !(*it)->damaged()) {
      now.push_back(*it);
      continue;
    }
    if (it != known.end()) {
      set_aside(file.path);
      continue;
    }
    if (not_ours_.count(file.path.string()) != 0) continue;
    auto segment = Segment::open(file.path);
    if (segment) {
      now.push_back(std::move(*segment));
    } else if (segment.error().code == ErrorCode::corrupt) {
      set_aside(file.path);
    } else {
      not_ours_.insert(file.path.string());
    }
  }
  std::lock_guard lock(mutex_);
  disk_ = std::move(now);
}

void SegmentStore::evict(const fs::path& fresh) {
  std::vector<FileInfo> files = files_in(folder_, ".seg");
  uint64_t total = 0;
  for (const FileInfo& file : files) total += file.n_bytes;
  std::sort(files.begin(), files.end(),
            [](const FileInfo& a, const FileInfo& b) { return a.used_ns < b.used_ns; });
  std::error_code error;
  std::unordered_set<std::string> removed;
  for (const FileInfo& file : files) {
    bool old_version =
        not_ours_.count(file.path.string()) != 0 && older_than(file.used_ns / kSecond, kForgetDays);
    if (total <= max_bytes_ && !old_version) continue;
    if (file.path == fresh) continue;
    fs::remove(file.path, error);
    removed.insert(file.path.string());
    total -= file.n_bytes;
  }
  for (const FileInfo& file : files_in(folder_ / "roots", ".tbl")) {
    if (older_than(file.used_ns / kSecond, kForgetDays)) fs::remove(file.path, error);
  }
  if (removed.empty()) return;
  std::lock_guard lock(mutex_);
  disk_.erase(
      std::remove_if(disk_.begin(), disk_.end(),
                     [&](const SegmentPtr& s) { return removed.count(s->path().string()) != 0; }),
      disk_.end());
}

std::unordered_set<std::string> SegmentStore::blobs_of_roots() const {
  std::unordered_set<std::string> out;
  for (const FileInfo& file : files_in(folder_ / "roots", ".tbl")) {
    auto bytes = read_file(file.path, kMaxRootBytes);
    if (!bytes) continue;
    auto table = decode_root_table(*bytes);
    if (!table) continue;
    for (const RootRow& row : table->rows) {
      if (!row.blob_id.empty()) out.insert(blob_name(row.blob_id, row.language));
    }
  }
  return out;
}

namespace {

// Smallest first. All, when none is much bigger than the rest together: after the first refresh,
// say. Else small ones, once there are many, and a bigger one only when as much joins it.
std::vector<SegmentPtr> worth_merging(const std::vector<SegmentPtr>& by_size) {
  uint64_t total = 0;
  for (const SegmentPtr& s : by_size) total += s->n_bytes();
  if (by_size.size() < 2) return {};
  if (total <= kMaxMergedBytes && by_size.back()->n_bytes() < total / 5 * 3) return by_size;
  std::vector<SegmentPtr> chosen;
  if (by_size.size() <= kMaxSegments) return chosen;
  uint64_t sum = 0;
  for (const SegmentPtr& s : by_size) {
    bool worth = chosen.size() < 2 || s->n_bytes() <= 2 * sum ||
                 by_size.size() - chosen.size() >= kMaxSegments;
    if (!worth || sum + s->n_bytes() > kMaxMergedBytes) break;
    sum += s->n_bytes();
    chosen.push_back(s);
  }
  return chosen;
}

}  // namespace

bool SegmentStore::tidy(const std::vector<BlobPlace>& live) {
  std::map<SegmentPtr, std::vector<bool>> used;
  for (const BlobPlace& place : live) {
    if (place.segment == nullptr) continue;
    std::vector<bool>& docs = used[place.segment];
    docs.resize(place.segment->n_docs());
    docs[place.doc] = true;
  }
  std::vector<SegmentPtr> candidates;
  {
    std::lock_guard lock(mutex_);
    for (const auto& list : {disk_, memory_}) {
      for (const SegmentPtr& s : list) {
        // In memory nothing is kept for others.
        if (used.count(s) != 0 || s->path().empty()) candidates.push_back(s);
      }
    }
  }
  for (const auto& [segment, docs] : used) {
    if (!segment->path().empty()) touch(segment->path());
  }
  std::sort(candidates.begin(), candidates.end(),
            [](const SegmentPtr& a, const SegmentPtr& b) { return a->n_bytes() < b->n_bytes(); });
  std::vector<SegmentPtr> chosen = worth_merging(candidates);
  if (chosen.size() < 2) return false;
  std::optional<Result<FileLock>> lock;
  if (on_disk()) {
    lock.emplace(lock_folder());
    if (!*lock) return false;  // another process is at it; the next refresh tries again
  }
  // What no snapshot of ours has may be of another root or branch.
  std::optional<std::unordered_set<std::string>> of_roots;
  std::vector<MergeSource> sources;
  for (const SegmentPtr& s : chosen) {
    MergeSource source{s, {}, used[s]};
    source.used_today.resize(s->n_docs());
    source.keep = source.used_today;
    for (uint32_t d = 0; d < s->n_docs() && on_disk(); ++d) {
      if (source.keep[d]) continue;
      source.keep[d] = s->used_day(d) + kKeepDays >= today();
      if (source.keep[d]) continue;
      if (!of_roots) of_roots = blobs_of_roots();
      source.keep[d] = of_roots->count(blob_name(s->blob_id(d), s->summary(d).language)) != 0;
    }
    sources.push_back(std::move(source));
  }
  auto bytes = merge_segments(sources);
  if (!bytes) {
    note("cache: segments not merged (" + bytes.error().message + ")");
    return false;
  }
  SegmentPtr merged;
  if (on_disk()) {
    merged = write(std::move(*bytes));
  } else if (auto segment = Segment::from_bytes(std::move(*bytes)); segment) {
    merged = *segment;
  }
  if (merged == nullptr) return false;
  std::error_code error;
  for (const SegmentPtr& s : chosen) {
    if (!s->path().empty() && s->path() != merged->path()) fs::remove(s->path(), error);
  }
  std::lock_guard guard(mutex_);
  for (auto* list : {&disk_, &memory_}) {
    list->erase(std::remove_if(list->begin(), list->end(),
                               [&](const SegmentPtr& s) {
                                 return std::find(chosen.begin(), chosen.end(), s) != chosen.end();
                               }),
                list->end());
  }
  (on_disk() ? disk_ : memory_).push_back(std::move(merged));
  return true;
}

fs::path SegmentStore::root_file(const std::string& key) const {
  return folder_ / "roots" / (hash128_hex(key) + ".tbl");
}

std::vector<RootRow> SegmentStore::load_root(const std::string& key) {
  if (!on_disk()) return {};
  auto bytes = read_file(root_file(key), kMaxRootBytes);
  if (!bytes) return {};
  auto table = decode_root_table(*bytes);
  if (!table) {
    note("cache was damaged: " + root_file(key).string() + ", all files are read again");
    return {};
  }
  // Another program version may choose another language for a file.
  if (table->key != key || table->pin != segment_pin()) return {};
  touch(root_file(key));
  return std::move(table->rows);
}

void SegmentStore::save_root(const std::string& key, const std::vector<RootRow>& rows) {
  if (!on_disk()) return;
  auto written =
      write_file_atomic(root_file(key), encode_root_table(key, segment_pin(), rows), 0600, true);
  if (!written) note("cache: the state of the files not kept (" + written.error().message + ")");
}

uint64_t SegmentStore::root_bytes(const std::string& key) const {
  std::error_code error;
  auto n = on_disk() ? fs::file_size(root_file(key), error) : 0;
  return error ? 0 : n;
}

uint64_t SegmentStore::bytes_on_disk() const {
  uint64_t sum = 0;
  if (!on_disk()) return 0;
  for (const FileInfo& file : files_in(folder_, ".seg")) sum += file.n_bytes;
  for (const FileInfo& file : files_in(folder_ / "roots", ".tbl")) sum += file.n_bytes;
  return sum;
}

}  // namespace engramd::repoindex
