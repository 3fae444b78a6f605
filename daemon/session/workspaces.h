// daemon/session/workspaces.h - the repository indexes that attachments share.
//
// One SharedIndex per canonical root for all attachments; it goes when the last one lets go. Its
// work (refresh, changed paths) runs as one job at a time on the index pool. Any thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/thread_pool.h"
#include "repoindex/git/uncommitted.h"
#include "repoindex/index.h"
#include "repoindex/watch/watcher.h"

namespace engramd::daemon {

// Somebody who wants to see a refresh; both are called on the index thread.
struct RefreshListener {
  std::function<void(const repoindex::IndexProgress&)> on_progress;
  std::function<void(const Result<repoindex::IndexStats>&)> on_end;
};

class SharedIndex : public std::enable_shared_from_this<SharedIndex> {
 public:
  struct State {
    std::filesystem::path root;
    bool complete = false;  // a refresh has ended since the index was opened
    bool working = false;
    size_t n_pending_paths = 0;
    size_t n_watched_folders = 0;  // by us; 0 when an editor watches
    std::string watch_note;        // why we do not see everything, if so
    repoindex::IndexProgress progress;
    repoindex::IndexStats stats;  // of the last full refresh
    std::optional<std::chrono::steady_clock::time_point> refreshed;
    std::string last_error;
  };

  SharedIndex(std::unique_ptr<repoindex::RepoIndex> index, ThreadPool& pool,
              repoindex::WatchOptions watch = {});
  ~SharedIndex();

  const std::filesystem::path& root() const { return index_->root(); }
  repoindex::SnapshotPtr snapshot() const { return index_->snapshot(); }
  // Never null. A moment behind the snapshot: it is looked for when the index thread is idle.
  repoindex::UncommittedPtr uncommitted() const;
  State state() const;
  // How far the first refresh is; nothing once one has ended.
  std::optional<repoindex::IndexProgress> filling() const;

  // Starts a full refresh or joins the one that waits or runs. The returned function withdraws the
  // listener, and stops the refresh when nobody else listens to it.
  std::function<void()> refresh(RefreshListener listener);
  // From now on we look at the disk ourselves: somebody is attached who reports no changes. An
  // editor's own events are preferred, so this is not called for those.
  void watch();
  // A refresh nobody listens to, unless the last one is younger than max_age or a watcher of ours
  // sees everything.
  void refresh_if_older(std::chrono::milliseconds max_age);
  // These files (relative) were saved, made or deleted. Many of them become a full refresh.
  void changed(const std::vector<std::string>& paths);
  // This file (relative) is open in an editor: it and what it imports come first. Never waits.
  void hurry(const std::string& path) { index_->hurry({path}); }
  void stop();  // cancels what runs, takes no more work

 private:
  void start_job_locked();
  void work();
  void look_for_uncommitted();
  void tell_watcher(const std::shared_ptr<repoindex::Watcher>& watcher);

  const std::unique_ptr<repoindex::RepoIndex> index_;
  ThreadPool& pool_;
  const repoindex::WatchOptions watch_options_;

  mutable std::mutex mutex_;  // guards all below: asked by strands, worked on by the index thread
  std::shared_ptr<repoindex::Watcher> watcher_;
  bool job_queued_ = false;  // or running
  bool stopped_ = false;
  bool want_refresh_ = false;
  std::set<std::string> pending_paths_;
  std::map<uint64_t, RefreshListener> listeners_;  // of the refresh that waits or runs
  uint64_t next_listener_ = 1;
  std::optional<CancelSource> running_refresh_;
  State state_;
  repoindex::UncommittedPtr uncommitted_ = std::make_shared<repoindex::Uncommitted>();
};

class WorkspaceRegistry {
 public:
  explicit WorkspaceRegistry(ThreadPool& index_pool, repoindex::IndexOptions options)
      : pool_(index_pool), options_(std::move(options)) {}

  Result<std::shared_ptr<SharedIndex>> open(const std::filesystem::path& root);
  // An index that is never refreshed: for open files that belong to no workspace folder.
  Result<std::shared_ptr<SharedIndex>> open_loose(const std::filesystem::path& folder);
  std::vector<SharedIndex::State> states() const;
  // May be null.
  const std::shared_ptr<repoindex::ParseHosts>& parse_hosts() const { return options_.parse_hosts; }
  void stop();

 private:
  Result<std::shared_ptr<SharedIndex>> open_in(const std::filesystem::path& root, bool loose);

  ThreadPool& pool_;
  const repoindex::IndexOptions options_;
  mutable std::mutex mutex_;                                   // guards the two below
  std::map<std::string, std::weak_ptr<SharedIndex>> indexes_;  // by canonical root
  bool stopped_ = false;
};

}  // namespace engramd::daemon
