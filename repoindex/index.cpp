#include "repoindex/index.h"

#include <algorithm>
#include <atomic>
#include <ctime>
#include <map>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "base/environment.h"
#include "base/file.h"
#include "base/thread_pool.h"
#include "repoindex/git/work_tree.h"
#include "repoindex/parse/extract.h"
#include "repoindex/snapshot.h"
#include "repoindex/store/cache.h"

namespace fs = std::filesystem;

namespace engramd::repoindex {

namespace {

constexpr size_t kBinaryProbe = 8000;          // as git does: a zero byte in here means binary
constexpr uint64_t kMaxScanBytes = 32u << 20;  // a larger file is listed, whatever its language
constexpr size_t kFlushFacts = 2000;           // facts kept in memory until they are written
constexpr int64_t kRacy_ns = 2'000'000'000;    // a file written this recently may change unnoticed

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

int64_t wall_ns() {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

struct Outcome {
  FileEntry entry;
  FileFactsPtr facts;
  FileStamp stamp;
  bool binary = false, large = false, unreadable = false, parsed = false, racy = false;
  std::string key;
};

class RepoIndexImpl : public RepoIndex {
 public:
  RepoIndexImpl(fs::path root, IndexOptions options)
      : root_(std::move(root)), options_(std::move(options)) {
    if (options_.n_threads == 0) options_.n_threads = hardware_threads();
    if (options_.cache_folder.empty()) options_.cache_folder = cache_folder() / "index";
    tree_ = WorkTree::open(root_, options_.include, options_.exclude);
    snapshot_ = Snapshot::build(root_, {});
  }

  const fs::path& root() const override { return root_; }

  SnapshotPtr snapshot() const override {
    std::lock_guard lock(publish_mutex_);
    return snapshot_;
  }

  Result<IndexStats> refresh(const ProgressFn& progress, const CancelToken& cancel) override {
    std::lock_guard lock(work_mutex_);
    auto begin = Clock::now();
    double cpu_begin = cpu_seconds();
    ENGRAMD_TRY(Listing listing, tree_->list(cancel));
    IndexStats stats;
    stats.notes = std::move(listing.notes);
    stats.is_git = listing.is_git;
    stats.n_unreadable = listing.n_unreadable;
    stats.n_files = listing.files.size();
    if (options_.use_cache && cache_ == nullptr) cache_ = FactsCache::open(options_.cache_folder);
    load_stamps();

    SnapshotPtr before = snapshot();
    std::vector<Outcome> outcomes(listing.files.size());
    std::atomic<size_t> done{0};
    std::mutex progress_mutex;  // one call of progress at a time
    // Chunks bound what is lost by a kill, and the memory for facts that wait to be written.
    for (size_t first = 0; first < outcomes.size(); first += kFlushFacts) {
      size_t n = std::min(kFlushFacts, outcomes.size() - first);
      size_t n_workers = std::min(options_.n_threads, std::max<size_t>(1, n / 8));
      std::atomic<size_t> next{0};
      ThreadPool::parallel_for(n_workers, n_workers, [&](size_t) {
        Extractor extractor;
        for (size_t i = next++; i < n; i = next++) {
          if (cancel.cancelled()) return;
          outcomes[first + i] = look_at(listing.files[first + i], *before, extractor, cancel);
          size_t now_done = ++done;
          if (progress && (now_done % 64 == 0 || now_done == outcomes.size())) {
            std::lock_guard progress_lock(progress_mutex);
            progress({now_done, outcomes.size()});
          }
        }
      });
      std::vector<std::pair<std::string, FileFactsPtr>> fresh;
      for (size_t i = first; i < first + n; ++i) {
        Outcome& o = outcomes[i];
        if (o.parsed && o.facts != nullptr) fresh.emplace_back(o.key, o.facts);
      }
      if (cache_ != nullptr) cache_->put(fresh);
      ENGRAMD_CHECK(cancel.check());  // after the flush: what was parsed is not lost
    }

    bool stamps_changed = stamps_.size() != outcomes.size();
    std::unordered_map<std::string, FileStamp> stamps;
    std::vector<IndexedFile> files;
    files.reserve(outcomes.size());
    std::map<std::string, size_t> by_language;
    bool same = before->n_files() == outcomes.size();
    for (Outcome& o : outcomes) {
      if (o.unreadable) {
        ++stats.n_unreadable;
        same = false;
        continue;
      }
      stats.n_skipped_binary += o.binary ? 1 : 0;
      stats.n_skipped_large += o.large ? 1 : 0;
      stats.n_parsed += o.parsed ? 1 : 0;
      if (const FileFactsPtr& facts = o.facts; facts != nullptr) {
        ++stats.n_indexed;
        stats.n_bytes += facts->n_bytes;
        stats.n_lines += facts->n_lines;
        stats.n_symbols += facts->symbols.size();
        stats.n_occurrences += facts->occurrences.size();
        if (!facts->language.empty()) ++by_language[facts->language];
      }
      const FileEntry* old = before->find(o.entry.path);
      same = same && old != nullptr && old->blob_id == o.entry.blob_id &&
             before->facts(*old) == o.facts && old->n_bytes == o.entry.n_bytes &&
             old->origin == o.entry.origin;
      if (!o.racy) {
        auto known = stamps_.find(o.stamp.path);
        stamps_changed = stamps_changed || known == stamps_.end() ||
                         known->second.mtime_ns != o.stamp.mtime_ns ||
                         known->second.blob_id != o.stamp.blob_id ||
                         known->second.inode != o.stamp.inode;
        stamps.emplace(o.stamp.path, std::move(o.stamp));
      }
      files.push_back({std::move(o.entry), std::move(o.facts)});
    }
    stats.files_by_language.assign(by_language.begin(), by_language.end());
    std::stable_sort(stats.files_by_language.begin(), stats.files_by_language.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    stamps_ = std::move(stamps);
    if (cache_ != nullptr) {
      if (stamps_changed) save_stamps();
      for (std::string& note : cache_->take_notes()) stats.notes.push_back(std::move(note));
      stats.cache_bytes = cache_->bytes_on_disk();
    }
    if (!same) publish(Snapshot::build(root_, std::move(files)));
    stats.wall_s = std::chrono::duration<double>(Clock::now() - begin).count();
    stats.cpu_s = cpu_seconds() - cpu_begin;
    return stats;
  }

  Status refresh_paths(const std::vector<std::string>& paths) override {
    bool whole = false;
    {
      std::lock_guard lock(work_mutex_);
      SnapshotPtr before = snapshot();
      std::vector<IndexedFile> changed;
      std::vector<std::string> removed;
      std::vector<std::pair<std::string, FileFactsPtr>> fresh;
      Extractor extractor;
      for (const std::string& path : paths) {
        std::error_code error;
        if (path.empty() || path == "." || fs::is_directory(root_ / path, error) ||
            fs::path(path).filename() == ".gitignore" ||
            fs::path(path).filename() == ".gitattributes" || path == ".engramdignore") {
          whole = true;
          break;
        }
        ListedFile file;
        if (!tree_->look_at(path, &file)) {
          if (before->find(path) != nullptr) removed.push_back(path);
          // A folder that is gone takes its files along.
          before->for_each_file([&](const FileEntry& entry) {
            if (entry.path.size() > path.size() && entry.path[path.size()] == '/' &&
                entry.path.compare(0, path.size(), path) == 0) {
              removed.push_back(entry.path);
            }
          });
          stamps_.erase(path);
          continue;
        }
        Outcome o = look_at(file, *before, extractor, {});
        if (o.unreadable) {
          removed.push_back(path);
          continue;
        }
        if (o.parsed && o.facts != nullptr) fresh.emplace_back(o.key, o.facts);
        if (!o.racy) stamps_[path] = o.stamp;
        changed.push_back({std::move(o.entry), std::move(o.facts)});
      }
      if (!whole) {
        if (cache_ != nullptr) cache_->put(fresh);
        if (!changed.empty() || !removed.empty()) {
          // The last word on a path counts when it was named twice.
          std::map<std::string, IndexedFile> last;
          for (IndexedFile& file : changed) {
            std::string path = file.entry.path;
            last[path] = std::move(file);
          }
          changed.clear();
          for (auto& [path, file] : last) changed.push_back(std::move(file));
          publish(before->with_changes(std::move(changed), std::move(removed)));
        }
      }
    }
    if (!whole) return {};
    ENGRAMD_CHECK(refresh({}, {}));
    return {};
  }

 private:
  void publish(SnapshotPtr next) {
    std::lock_guard lock(publish_mutex_);
    snapshot_ = std::move(next);
  }

  std::string stamps_key() const {
    return root_.string() + "\n" + std::to_string(options_.max_parse_bytes);
  }

  void load_stamps() {
    if (stamps_loaded_ || cache_ == nullptr) return;
    stamps_loaded_ = true;
    for (FileStamp& stamp : cache_->stamps(stamps_key())) {
      std::string path = stamp.path;
      stamps_.emplace(std::move(path), std::move(stamp));
    }
  }

  void save_stamps() {
    std::vector<FileStamp> all;
    all.reserve(stamps_.size());
    for (const auto& [path, stamp] : stamps_) all.push_back(stamp);
    std::sort(all.begin(), all.end(),
              [](const FileStamp& a, const FileStamp& b) { return a.path < b.path; });
    cache_->put_stamps(stamps_key(), all);
  }

  // Any thread: reads stamps_ and the old snapshot, writes nothing.
  Outcome look_at(const ListedFile& file, const Snapshot& before, Extractor& extractor,
                  const CancelToken& cancel) const {
    Outcome o = facts_of(file, before, extractor, cancel);
    o.entry.origin = origin_of(file.origin, o.facts.get());
    return o;
  }

  Outcome facts_of(const ListedFile& file, const Snapshot& before, Extractor& extractor,
                   const CancelToken& cancel) const {
    Outcome o;
    o.entry.path = file.path;
    o.entry.n_bytes = file.n_bytes;
    o.stamp = {file.path, file.n_bytes, file.mtime_ns, file.inode, {}, false};
    o.racy = wall_ns() - file.mtime_ns < kRacy_ns;
    bool oversized = file.n_bytes > options_.max_parse_bytes;
    if (oversized && (file.n_bytes > kMaxScanBytes || language_for_path(file.path) == nullptr)) {
      o.large = true;
      return o;
    }
    std::string text;
    auto known = stamps_.find(file.path);
    bool trusted = known != stamps_.end() && known->second.n_bytes == file.n_bytes &&
                   known->second.mtime_ns == file.mtime_ns && known->second.inode == file.inode;
    if (trusted) {
      o.stamp = known->second;
      if (o.stamp.is_binary) {
        o.binary = true;
        return o;
      }
    } else if (from_known_blob(file, &o)) {
      return o;
    } else if (!read_bytes(file, &text, &o)) {
      return o;
    }
    o.entry.blob_id = o.stamp.blob_id;
    const FileEntry* old = before.find(file.path);
    if (old != nullptr && old->indexed && old->blob_id == o.entry.blob_id) {
      o.facts = before.facts(*old);
      return o;
    }
    // A script without an extension needs its first line; the row is then part of the key.
    const Language* language = language_for_path(file.path, text);
    bool by_content = language == nullptr && fs::path(file.path).extension().empty();
    if (by_content && trusted && text.empty()) {
      if (!read_bytes(file, &text, &o)) return o;
      language = language_for_path(file.path, text);
    }
    const std::string asked = std::move(o.key);  // and not found
    o.key = facts_key(o.entry.blob_id, language != nullptr ? language->name : "text");
    if (cache_ != nullptr && o.key != asked) {
      o.facts = cache_->get(o.key);
      if (o.facts != nullptr) return o;
    }
    if (trusted && text.empty() && file.n_bytes > 0) {
      if (!read_bytes(file, &text, &o)) return o;
      o.entry.blob_id = o.stamp.blob_id;
      o.key = facts_key(o.entry.blob_id, language != nullptr ? language->name : "text");
    }
    ExtractLimits limits;
    limits.max_bytes = options_.max_parse_bytes;
    o.facts = extractor.extract(language, text, cancel, limits);
    o.parsed = o.facts != nullptr;
    return o;
  }

  // When git vouches for the blob and the cache has its facts, the bytes need not be read.
  bool from_known_blob(const ListedFile& file, Outcome* o) const {
    if (cache_ == nullptr || file.index_blob_id.empty()) return false;
    const Language* language = language_for_path(file.path, {});
    if (language == nullptr) return false;
    const std::string id = tree_->direct_blob_id(file);
    if (id.empty()) return false;
    o->key = facts_key(id, language->name);
    o->facts = cache_->get(o->key);
    if (o->facts != nullptr) o->entry.blob_id = o->stamp.blob_id = id;
    return o->facts != nullptr;
  }

  bool read_bytes(const ListedFile& file, std::string* text, Outcome* o) const {
    auto bytes = read_file(root_ / file.path, std::max(options_.max_parse_bytes, kMaxScanBytes));
    if (!bytes) {
      o->large = bytes.error().code == ErrorCode::exhausted;
      o->unreadable = !o->large;
      return false;
    }
    *text = std::move(*bytes);
    o->entry.n_bytes = text->size();
    if (text->size() != o->stamp.n_bytes) o->racy = true;  // it changed since it was listed
    if (std::string_view(*text).substr(0, kBinaryProbe).find('\0') != std::string_view::npos) {
      o->binary = o->stamp.is_binary = true;
      return false;
    }
    o->stamp.blob_id = git_blob_id(*text);
    return true;
  }

  const fs::path root_;
  IndexOptions options_;
  std::mutex work_mutex_;  // one refresh at a time; guards what follows
  std::unique_ptr<WorkTree> tree_;
  std::unique_ptr<FactsCache> cache_;
  std::unordered_map<std::string, FileStamp> stamps_;
  bool stamps_loaded_ = false;
  mutable std::mutex publish_mutex_;  // guards snapshot_ only: snapshot() must not wait for work
  SnapshotPtr snapshot_;
};

}  // namespace

Result<std::unique_ptr<RepoIndex>> RepoIndex::open(const fs::path& root, IndexOptions options) {
  std::error_code error;
  if (!fs::exists(root, error)) {
    return fail(ErrorCode::not_found, "the folder " + root.string() + " does not exist");
  }
  if (!fs::is_directory(root, error)) {
    return fail(ErrorCode::invalid_input, root.string() + " is not a folder");
  }
  fs::path canonical = fs::canonical(root, error);
  if (error) return fail(ErrorCode::io, "cannot resolve " + root.string() + ": " + error.message());
  return std::unique_ptr<RepoIndex>(
      std::make_unique<RepoIndexImpl>(std::move(canonical), std::move(options)));
}

}  // namespace engramd::repoindex
