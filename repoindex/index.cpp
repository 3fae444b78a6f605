#include "repoindex/index.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <map>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "base/environment.h"
#include "base/thread_pool.h"
#include "repoindex/blob_maker.h"
#include "repoindex/file_look.h"
#include "repoindex/git/commit_tree.h"
#include "repoindex/git/work_tree.h"
#include "repoindex/parse_hosts.h"
#include "repoindex/query/imported.h"
#include "repoindex/snapshot.h"
#include "repoindex/store/exchange.h"
#include "repoindex/store/facts_lru.h"
#include "repoindex/store/file_table.h"
#include "repoindex/store/segment_store.h"
#include "repoindex/store/work_queue.h"

namespace fs = std::filesystem;

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxFileNotes = 20;
// The first refresh shows what it has after this long, then after twice as long, and so on.
constexpr auto kFirstShown = std::chrono::milliseconds(600);

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

// git's own folder of a work tree is none: it is named by mistake.
bool is_bare_repository(const fs::path& root) {
  return root.filename() != ".git" && find_git_place(root).kind == GitPlace::Kind::bare;
}

bool same_row(const RootRow& a, const RootRow& b) {
  return a.n_bytes == b.n_bytes && a.mtime_ns == b.mtime_ns && a.inode == b.inode &&
         a.blob_id == b.blob_id && a.language == b.language && a.is_binary == b.is_binary;
}

class RepoIndexImpl : public RepoIndex {
 public:
  RepoIndexImpl(fs::path root, IndexOptions options)
      : root_(std::move(root)),
        options_(std::move(options)),
        facts_(std::make_shared<FactsLru>(options_.max_facts_bytes)) {
    if (options_.n_threads == 0) options_.n_threads = hardware_threads();
    if (options_.cache_folder.empty()) options_.cache_folder = cache_folder() / "index";
    if (options_.revision.empty() && is_bare_repository(root_)) options_.revision = "HEAD";
    tree_ = options_.revision.empty()
                ? WorkTree::open(root_, options_.include, options_.exclude)
                : open_commit_tree(root_, options_.include, options_.exclude, options_.revision);
    snapshot_ = Snapshot::build(root_, {}, facts_);
  }
  ~RepoIndexImpl() override {
    if (store_ != nullptr && rows_changed_) save_rows();
  }

  const fs::path& root() const override { return root_; }

  SnapshotPtr snapshot() const override {
    std::lock_guard lock(publish_mutex_);
    return snapshot_;
  }

  void hurry(const std::vector<std::string>& paths) override {
    std::lock_guard lock(urgent_mutex_);
    urgent_.insert(urgent_.end(), paths.begin(), paths.end());
    if (urgent_.size() > 1000) urgent_.resize(1000);
    has_urgent_ = true;
  }

  Result<IndexStats> refresh(const ProgressFn& progress, const CancelToken& cancel) override {
    std::lock_guard lock(work_mutex_);
    auto begin = Clock::now();
    double cpu_begin = all_cpu_seconds();
    ENGRAMD_TRY(Listing listing, tree_->list(cancel));
    IndexStats stats;
    stats.status_wall_s = std::chrono::duration<double>(Clock::now() - begin).count();
    stats.notes = std::move(listing.notes);
    stats.is_git = listing.is_git;
    stats.n_unreadable = listing.n_unreadable;
    stats.n_files = listing.files.size();
    open_store();
    store_->rescan();

    std::vector<Outcome> outcomes(listing.files.size());
    SnapshotPtr before = snapshot();
    std::vector<size_t> todo = look_at_states(listing.files, *before, outcomes);
    if (progress && !outcomes.empty()) progress({outcomes.size() - todo.size(), outcomes.size()});
    if (!todo.empty()) {
      Status worked = work(listing.files, todo, outcomes, *before, progress, cancel);
      store_->flush();  // after a cancel too: what was parsed is not lost
      ENGRAMD_CHECK(worked);
      ::malloc_trim(0);  // trees of big files leave holes
    }
    settle(outcomes);
    keep_rows(outcomes);
    publish_outcomes(outcomes, *before, stats);
    for (std::string& note : store_->take_notes()) stats.notes.push_back(std::move(note));
    stats.wall_s = std::chrono::duration<double>(Clock::now() - begin).count();
    add_host_notes(outcomes, stats);
    stats.cpu_s = all_cpu_seconds() - cpu_begin;
    return stats;
  }

  Status refresh_paths(const std::vector<std::string>& paths) override {
    {
      std::lock_guard lock(work_mutex_);
      open_store();
      bool whole = !options_.revision.empty() ||
                   std::any_of(paths.begin(), paths.end(), [&](const std::string& path) {
                     std::error_code error;
                     return path.empty() || path == "." || path == ".engramdignore" ||
                            fs::path(path).filename() == ".gitignore" ||
                            fs::path(path).filename() == ".gitattributes" ||
                            fs::is_directory(root_ / path, error);
                   });
      if (!whole) {
        refresh_files(paths);
        return {};
      }
    }
    ENGRAMD_CHECK(refresh({}, {}));
    return {};
  }

  Result<size_t> export_facts(const fs::path& file, const CancelToken& cancel) override {
    std::vector<BlobPlace> blobs;
    snapshot()->for_each_placed([&](const FileEntry&, const SegmentPtr& segment, uint32_t doc) {
      if (segment != nullptr) blobs.push_back({segment, doc});
    });
    return export_blobs(blobs, file, cancel);
  }

  Result<size_t> import_facts(const fs::path& file, const CancelToken& cancel) override {
    ENGRAMD_TRY(ImportedBlobs imported, import_blobs(file, options_.n_threads, cancel));
    std::lock_guard lock(work_mutex_);
    open_store();
    for (std::string& bytes : imported.segments) store_->adopt(std::move(bytes));
    store_->flush();
    return imported.n_blobs;
  }

 private:
  void publish(SnapshotPtr next) {
    std::lock_guard lock(publish_mutex_);
    snapshot_ = std::move(next);
  }

  double all_cpu_seconds() const {
    return cpu_seconds() + (options_.parse_hosts ? options_.parse_hosts->state().cpu_s : 0);
  }

  // What the hosts fell back to, and which files of this root they could not parse.
  void add_host_notes(const std::vector<Outcome>& outcomes, IndexStats& stats) const {
    if (options_.parse_hosts == nullptr) return;
    for (std::string& note : options_.parse_hosts->notes()) stats.notes.push_back(std::move(note));
    if (options_.parse_hosts->state().n_quarantined == 0) return;
    size_t n = 0;
    for (const Outcome& o : outcomes) {
      if (o.row.language.empty() || o.row.blob_id.empty()) continue;
      auto what = options_.parse_hosts->quarantined(o.row.blob_id, o.row.language);
      if (!what || ++n > kMaxFileNotes) continue;
      stats.notes.push_back(o.row.path + ": the " + o.row.language + " parser " + *what +
                            ", twice; names only");
    }
    if (n > kMaxFileNotes) {
      stats.notes.push_back("and " + std::to_string(n - kMaxFileNotes) + " other files like these");
    }
  }

  std::string rows_key() const {
    // Commits share one table, that of the last one asked for: a row is known by its blob.
    return root_.string() + (options_.revision.empty() ? "\n" : "\ncommits\n") +
           std::to_string(options_.max_parse_bytes);
  }

  void open_store() {
    if (store_ != nullptr) return;
    store_ =
        std::make_unique<SegmentStore>(options_.use_cache ? options_.cache_folder : fs::path());
    for (RootRow& row : store_->load_root(rows_key())) {
      std::string path = row.path;
      rows_.emplace_hint(rows_.end(), std::move(path), std::move(row));
    }
  }

  void save_rows() {
    std::vector<RootRow> all;
    all.reserve(rows_.size());
    for (const auto& [path, row] : rows_) all.push_back(row);
    store_->save_root(rows_key(), all);
    rows_changed_ = false;
  }

  FileLook look() const { return {root_, options_, *tree_, *store_}; }

  // One quick pass without reading a file. Returns those that must be read.
  std::vector<size_t> look_at_states(const std::vector<ListedFile>& files, const Snapshot& before,
                                     std::vector<Outcome>& outcomes) const {
    struct Old {
      const FileEntry* entry;
      BlobPlace place;
    };
    std::vector<Old> old;
    old.reserve(before.n_files());
    before.for_each_placed([&](const FileEntry& entry, const SegmentPtr& segment, uint32_t doc) {
      old.push_back({&entry, {segment, doc}});
    });
    const FileLook look = this->look();
    std::vector<size_t> todo;
    auto known = rows_.begin();
    auto older = old.begin();
    for (size_t i = 0; i < files.size(); ++i) {
      const ListedFile& file = files[i];
      while (known != rows_.end() && known->first < file.path) ++known;
      while (older != old.end() && older->entry->path < file.path) ++older;
      bool has_row = known != rows_.end() && known->first == file.path;
      bool is_old = older != old.end() && older->entry->path == file.path;
      if (!look.at_state(file, has_row ? &known->second : nullptr, is_old ? older->entry : nullptr,
                         is_old ? older->place : BlobPlace{}, outcomes[i])) {
        todo.push_back(i);
      }
    }
    return todo;
  }

  Status work(const std::vector<ListedFile>& files, const std::vector<size_t>& todo,
              std::vector<Outcome>& outcomes, const Snapshot& before, const ProgressFn& progress,
              const CancelToken& cancel) {
    WorkQueue queue(files.size(), todo);
    // Set after an outcome is complete: a partial snapshot reads only those.
    std::unique_ptr<std::atomic<bool>[]> ready(new std::atomic<bool>[files.size()]);
    for (size_t i = 0; i < files.size(); ++i) ready[i] = true;
    for (size_t i : todo) ready[i] = false;
    std::mutex imports_mutex, partial_mutex, progress_mutex;
    auto index_of = [&](const std::string& path) {
      auto it = std::lower_bound(
          files.begin(), files.end(), path,
          [](const ListedFile& file, const std::string& p) { return file.path < p; });
      return it != files.end() && it->path == path ? static_cast<size_t>(it - files.begin())
                                                   : files.size();
    };
    auto hurry_all = [&](const std::vector<std::string>& paths) {
      for (const std::string& path : paths) {
        if (size_t i = index_of(path); i < files.size()) queue.hurry(i);
      }
    };
    std::unordered_set<std::string> asked_for;  // under imports_mutex
    auto take_urgent = [&] {
      if (!has_urgent_.exchange(false)) return;
      std::vector<std::string> paths;
      {
        std::lock_guard lock(urgent_mutex_);
        paths.swap(urgent_);
      }
      std::lock_guard lock(imports_mutex);
      asked_for.insert(paths.begin(), paths.end());
      hurry_all(paths);
    };
    // Only the first refresh shows halves: later ones have a whole snapshot to show meanwhile.
    const bool show_partly = before.n_files() == 0;
    auto show = [&] {
      if (!show_partly) return;
      std::unique_lock lock(partial_mutex, std::try_to_lock);
      if (lock) publish_partly(outcomes, ready.get());
    };
    show();
    take_urgent();
    auto next_shown = Clock::now() + kFirstShown;
    auto interval = kFirstShown;
    std::mutex shown_mutex;
    std::atomic<size_t> done{files.size() - todo.size()};
    size_t n_workers = std::min(options_.n_threads, std::max<size_t>(1, todo.size() / 8));
    const FileLook look = this->look();
    ThreadPool::parallel_for(n_workers, n_workers, [&](size_t) {
      BlobMaker maker(options_.parse_hosts.get());
      while (auto item = queue.take()) {
        if (cancel.cancelled()) return;
        size_t i = item->index;
        bool made_segment = false;
        FileFactsPtr facts =
            look.inside(files[i], maker, cancel, item->urgent, outcomes[i], &made_segment);
        ready[i].store(true, std::memory_order_release);
        take_urgent();
        if (item->urgent && facts != nullptr) {
          std::lock_guard lock(imports_mutex);
          if (asked_for.count(files[i].path) != 0) {
            hurry_all(imported_files({snapshot(), nullptr}, files[i].path, *facts));
          }
        }
        bool due = queue.finished(*item) || made_segment;
        if (show_partly && !due) {
          std::unique_lock lock(shown_mutex, std::try_to_lock);
          if (lock && Clock::now() >= next_shown) {
            due = true;
            interval *= 2;
            next_shown = Clock::now() + interval;
          }
        }
        if (due) show();
        size_t now_done = ++done;
        if (progress && (now_done % 64 == 0 || now_done == files.size())) {
          std::lock_guard lock(progress_mutex);
          progress({now_done, files.size()});
        }
      }
    });
    return cancel.check();
  }

  // What the facts add to what path and attributes say.
  static FileOrigin origin_with_facts(FileOrigin listed, const BlobPlace& place) {
    if (place.segment == nullptr) return listed;
    FileSummary summary = place.segment->summary(place.doc);
    FileFacts facts;
    facts.language = summary.language;
    facts.n_bytes = summary.n_bytes;
    facts.n_lines = summary.n_lines;
    facts.marked_generated = summary.marked_generated;
    return origin_of(listed, &facts);
  }

  // Everything is listed, and what is ready has facts.
  void publish_partly(const std::vector<Outcome>& outcomes, const std::atomic<bool>* ready) {
    store_->freeze();
    std::vector<PlacedFile> files;
    files.reserve(outcomes.size());
    for (size_t i = 0; i < outcomes.size(); ++i) {
      const Outcome& o = outcomes[i];
      if (!ready[i].load(std::memory_order_acquire)) {
        // The path and size were set before the workers began.
        files.push_back({{o.row.path, {}, o.row.n_bytes, false, o.listed_origin}, nullptr, 0});
        continue;
      }
      if (o.unreadable) continue;
      BlobPlace place = o.place;
      if (place.segment == nullptr && o.has_facts) {
        place = store_->find(o.row.blob_id, o.row.language);
      }
      files.push_back({o.entry, place.segment, place.doc});
      files.back().entry.origin = origin_with_facts(o.listed_origin, place);
    }
    publish(Snapshot::build(root_, std::move(files), facts_, tree_->source()));
  }

  // Finds where the facts are in the end, after the store has tidied up.
  void settle(std::vector<Outcome>& outcomes) {
    auto find_all = [&](const std::unordered_set<const Segment*>& current) {
      for (Outcome& o : outcomes) {
        if (!o.has_facts || current.count(o.place.segment.get()) != 0) continue;
        if (BlobPlace place = store_->find(o.row.blob_id, o.row.language);
            place.segment != nullptr) {
          o.place = place;
        }
      }
    };
    auto current = [&] {
      std::unordered_set<const Segment*> out;
      for (const SegmentPtr& s : store_->segments()) out.insert(s.get());
      return out;
    };
    find_all(current());
    std::vector<BlobPlace> live;
    live.reserve(outcomes.size());
    for (const Outcome& o : outcomes) {
      if (o.has_facts && o.place.segment != nullptr) live.push_back(o.place);
    }
    if (store_->tidy(live)) find_all(current());
  }

  void keep_rows(std::vector<Outcome>& outcomes) {
    std::map<std::string, RootRow> rows;
    auto known = rows_.begin();
    bool changed = rows_changed_;
    for (Outcome& o : outcomes) {
      if (o.racy || o.unreadable) continue;
      while (known != rows_.end() && known->first < o.row.path) ++known;
      bool same =
          known != rows_.end() && known->first == o.row.path && same_row(known->second, o.row);
      changed = changed || !same;
      rows.emplace_hint(rows.end(), o.row.path, o.row);
    }
    changed = changed || rows.size() != rows_.size();
    rows_ = std::move(rows);
    if (changed) save_rows();
  }

  void publish_outcomes(std::vector<Outcome>& outcomes, const Snapshot& before, IndexStats& stats) {
    std::vector<PlacedFile> files;
    files.reserve(outcomes.size());
    std::map<std::string, size_t> by_language;
    std::unordered_set<SegmentPtr> segments;
    for (Outcome& o : outcomes) {
      if (o.unreadable) {
        ++stats.n_unreadable;
        continue;
      }
      stats.n_skipped_binary += o.binary ? 1 : 0;
      stats.n_skipped_large += o.large ? 1 : 0;
      stats.n_parsed += o.parsed ? 1 : 0;
      if (o.has_facts && o.place.segment != nullptr) {
        FileSummary summary = o.place.segment->summary(o.place.doc);
        ++stats.n_indexed;
        stats.n_bytes += summary.n_bytes;
        stats.n_lines += summary.n_lines;
        stats.n_symbols += summary.n_symbols;
        stats.n_occurrences += summary.n_occurrences;
        if (!summary.language.empty()) ++by_language[std::string(summary.language)];
        segments.insert(o.place.segment);
      } else {
        o.place = {};
      }
      files.push_back({std::move(o.entry), o.place.segment, o.place.doc});
      files.back().entry.origin = origin_with_facts(o.listed_origin, o.place);
    }
    stats.files_by_language.assign(by_language.begin(), by_language.end());
    std::stable_sort(stats.files_by_language.begin(), stats.files_by_language.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    for (const SegmentPtr& segment : segments) {
      if (!segment->path().empty()) stats.cache_bytes += segment->n_bytes();
    }
    stats.cache_bytes += store_->root_bytes(rows_key());

    bool same = before.n_files() == files.size();
    size_t i = 0;
    before.for_each_placed([&](const FileEntry& entry, const SegmentPtr& segment, uint32_t doc) {
      if (!same) return;
      const PlacedFile& file = files[i++];
      same = entry.path == file.entry.path && entry.blob_id == file.entry.blob_id &&
             entry.n_bytes == file.entry.n_bytes && entry.origin == file.entry.origin &&
             segment == file.segment && doc == file.doc;
    });
    // The first refresh may have shown more or less than this.
    if (!same || snapshot().get() != &before) {
      publish(Snapshot::build(root_, std::move(files), facts_, tree_->source()));
    }
  }

  void refresh_files(const std::vector<std::string>& paths) {
    SnapshotPtr before = snapshot();
    std::map<std::string, Outcome> changed;  // the last word on a path counts
    std::vector<std::string> removed;
    const FileLook look = this->look();
    BlobMaker maker(options_.parse_hosts.get());
    for (const std::string& path : paths) {
      ListedFile file;
      if (!tree_->look_at(path, &file)) {
        changed.erase(path);
        if (before->find(path) != nullptr) removed.push_back(path);
        // A folder that is gone takes its files along.
        before->for_each_file([&](const FileEntry& entry) {
          if (entry.path.size() > path.size() && entry.path[path.size()] == '/' &&
              entry.path.compare(0, path.size(), path) == 0) {
            removed.push_back(entry.path);
          }
        });
        rows_changed_ |= rows_.erase(path) != 0;
        continue;
      }
      auto known = rows_.find(path);
      Outcome o;
      if (!look.at_state(file, known != rows_.end() ? &known->second : nullptr, nullptr, {}, o)) {
        bool made_segment = false;
        look.inside(file, maker, {}, false, o, &made_segment);
      }
      if (o.unreadable) {
        removed.push_back(path);
        continue;
      }
      if (!o.racy) {
        rows_[path] = o.row;
        rows_changed_ = true;
      }
      changed[path] = std::move(o);
    }
    if (changed.empty() && removed.empty()) return;
    store_->freeze();
    std::vector<PlacedFile> files;
    for (auto& [path, o] : changed) {
      BlobPlace place;
      if (o.has_facts) place = store_->find(o.row.blob_id, o.row.language);
      files.push_back({std::move(o.entry), place.segment, place.doc});
      files.back().entry.origin = origin_with_facts(o.listed_origin, place);
    }
    publish(before->with_changes(std::move(files), removed, [&](PlacedFile& file) {
      if (file.segment == nullptr || !file.segment->path().empty()) return;
      // Small segments in memory are merged now and then.
      BlobPlace place = store_->find(file.entry.blob_id, file.segment->summary(file.doc).language);
      if (place.segment != nullptr) {
        file.segment = place.segment;
        file.doc = place.doc;
      }
    }));
  }

  const fs::path root_;
  IndexOptions options_;
  const std::shared_ptr<FactsLru> facts_;
  std::mutex work_mutex_;  // one refresh at a time; guards what follows
  std::unique_ptr<WorkTree> tree_;
  std::unique_ptr<SegmentStore> store_;
  std::map<std::string, RootRow> rows_;
  bool rows_changed_ = false;
  mutable std::mutex publish_mutex_;  // guards snapshot_ only: snapshot() must not wait for work
  SnapshotPtr snapshot_;
  std::mutex urgent_mutex_;  // guards urgent_: asked for while a refresh is running
  std::vector<std::string> urgent_;
  std::atomic<bool> has_urgent_{false};
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
