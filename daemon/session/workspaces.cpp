#include "daemon/session/workspaces.h"

#include <system_error>

#include "base/log.h"

namespace engramd::daemon {
namespace {

namespace fs = std::filesystem;

// Beyond this many, one walk over the tree is cheaper than looking at each path.
constexpr size_t kMaxPendingPaths = 2000;

}  // namespace

SharedIndex::SharedIndex(std::unique_ptr<repoindex::RepoIndex> index, ThreadPool& pool,
                         repoindex::WatchOptions watch)
    : index_(std::move(index)), pool_(pool), watch_options_(std::move(watch)) {
  state_.root = index_->root();
}

SharedIndex::~SharedIndex() = default;

repoindex::UncommittedPtr SharedIndex::uncommitted() const {
  std::lock_guard lock(mutex_);
  return uncommitted_;
}

void SharedIndex::look_for_uncommitted() {
  auto found = repoindex::find_uncommitted(*snapshot());
  if (!found) return;
  std::lock_guard lock(mutex_);
  uncommitted_ = std::move(*found);
}

SharedIndex::State SharedIndex::state() const {
  std::lock_guard lock(mutex_);
  State state = state_;
  state.working = job_queued_;
  state.n_pending_paths = pending_paths_.size();
  if (watcher_ != nullptr) state.n_watched_folders = watcher_->n_watches();
  return state;
}

std::optional<repoindex::IndexProgress> SharedIndex::filling() const {
  std::lock_guard lock(mutex_);
  return state_.complete ? std::nullopt : std::optional(state_.progress);
}

std::function<void()> SharedIndex::refresh(RefreshListener listener) {
  std::lock_guard lock(mutex_);
  if (stopped_) return [] {};
  const uint64_t id = next_listener_++;
  listeners_[id] = std::move(listener);
  // A refresh that already runs may have passed a file that changed since; it is young enough for
  // a listener who wants "the repository is known", and changes come as paths.
  if (!running_refresh_) want_refresh_ = true;
  start_job_locked();
  return [weak = weak_from_this(), id] {
    const auto self = weak.lock();
    if (!self) return;
    std::lock_guard inner(self->mutex_);
    if (self->listeners_.erase(id) == 0 || !self->listeners_.empty()) return;
    if (self->running_refresh_) self->running_refresh_->cancel();
  };
}

void SharedIndex::watch() {
  std::lock_guard lock(mutex_);
  if (stopped_ || watcher_ != nullptr) return;
  // The watcher is ours, so its callbacks must not keep us alive.
  repoindex::WatchEvents events;
  events.changed = [weak = weak_from_this()](const std::vector<std::string>& paths) {
    if (const auto self = weak.lock()) self->changed(paths);
  };
  events.rescan = [weak = weak_from_this()](const std::string& why) {
    const auto self = weak.lock();
    if (!self) return;
    log_debug(self->root().string() + ": " + why);
    std::lock_guard inner(self->mutex_);
    if (self->stopped_) return;
    self->want_refresh_ = true;
    self->start_job_locked();
  };
  events.note = [weak = weak_from_this()](const std::string& note) {
    const auto self = weak.lock();
    if (!self) return;
    log_warning(self->root().string() + ": " + note);
    std::lock_guard inner(self->mutex_);
    self->state_.watch_note = note;
  };
  events.has = [weak = weak_from_this()](const std::string& path) {
    const auto self = weak.lock();
    return self && repoindex::View{self->snapshot(), nullptr}.contains(path);
  };
  watcher_ = repoindex::Watcher::start(root(), watch_options_, std::move(events));
}

// Tracked files may lie in folders that a rule ignores: those are watched too.
void SharedIndex::tell_watcher(const std::shared_ptr<repoindex::Watcher>& watcher) {
  std::vector<std::string> folders;
  for (const std::string& path : repoindex::View{snapshot(), nullptr}.paths()) {
    const size_t slash = path.rfind('/');
    std::string folder = slash == std::string::npos ? std::string() : path.substr(0, slash);
    if (folders.empty() || folders.back() != folder) folders.push_back(std::move(folder));
  }
  watcher->also_watch(std::move(folders));
}

void SharedIndex::refresh_if_older(std::chrono::milliseconds max_age) {
  std::lock_guard lock(mutex_);
  if (watcher_ != nullptr && !watcher_->degraded()) return;
  if (stopped_ || job_queued_ || !state_.refreshed) return;
  if (std::chrono::steady_clock::now() - *state_.refreshed < max_age) return;
  want_refresh_ = true;
  start_job_locked();
}

void SharedIndex::changed(const std::vector<std::string>& paths) {
  std::lock_guard lock(mutex_);
  if (stopped_ || paths.empty()) return;
  pending_paths_.insert(paths.begin(), paths.end());
  if (pending_paths_.size() > kMaxPendingPaths) {
    pending_paths_.clear();
    want_refresh_ = true;
  }
  start_job_locked();
}

void SharedIndex::stop() {
  std::shared_ptr<repoindex::Watcher> watcher;  // ended outside the lock: its callbacks take it
  std::lock_guard lock(mutex_);
  watcher.swap(watcher_);
  stopped_ = true;
  want_refresh_ = false;
  pending_paths_.clear();
  if (running_refresh_) running_refresh_->cancel();
}

void SharedIndex::start_job_locked() {
  if (job_queued_) return;
  job_queued_ = pool_.try_submit([self = shared_from_this()] { self->work(); });
  if (!job_queued_)
    log_warning("the index queue is full, " + root().string() + " is refreshed at the next change");
}

void SharedIndex::work() {
  bool looked = true;
  for (;;) {
    std::vector<std::string> paths;
    CancelToken token;
    bool full = false;
    {
      std::unique_lock lock(mutex_);
      full = want_refresh_ && !stopped_;
      if (!full && pending_paths_.empty() && !looked && !stopped_) {
        looked = true;
        lock.unlock();
        look_for_uncommitted();
        continue;
      }
      if (!full && pending_paths_.empty()) {
        job_queued_ = false;
        return;
      }
      want_refresh_ = false;
      // A full refresh looks at every file, the changed ones too.
      if (!full) paths.assign(pending_paths_.begin(), pending_paths_.end());
      pending_paths_.clear();
      if (full) {
        running_refresh_.emplace();
        token = running_refresh_->token();
      }
    }
    looked = false;
    if (!full) {
      if (Status done = index_->refresh_paths(paths); !done)
        log_warning("cannot refresh " + paths.front() + ": " + done.error().message);
      continue;
    }
    const auto on_progress = [this](const repoindex::IndexProgress& progress) {
      std::map<uint64_t, RefreshListener> listeners;
      {
        std::lock_guard lock(mutex_);
        state_.progress = progress;
        listeners = listeners_;
      }
      for (const auto& [id, listener] : listeners)
        if (listener.on_progress) listener.on_progress(progress);
    };
    Result<repoindex::IndexStats> stats = fail(ErrorCode::internal, "the refresh threw");
    try {
      stats = index_->refresh(on_progress, token);
    } catch (const std::exception& error) {
      stats = fail(ErrorCode::internal, std::string("the refresh threw: ") + error.what());
    }
    std::map<uint64_t, RefreshListener> listeners;
    std::shared_ptr<repoindex::Watcher> watcher;
    {
      std::lock_guard lock(mutex_);
      watcher = watcher_;
      running_refresh_.reset();
      listeners.swap(listeners_);
      if (stats) {
        state_.complete = true;
        state_.stats = *stats;
        state_.refreshed = std::chrono::steady_clock::now();
        state_.last_error.clear();
      } else {
        state_.last_error = stats.error().message;
      }
    }
    if (!stats && stats.error().code != ErrorCode::cancelled)
      log_warning("cannot index " + root().string() + ": " + stats.error().message);
    if (watcher != nullptr && stats) tell_watcher(watcher);
    watcher.reset();
    for (const auto& [id, listener] : listeners)
      if (listener.on_end) listener.on_end(stats);
  }
}

Result<std::shared_ptr<SharedIndex>> WorkspaceRegistry::open(const fs::path& root) {
  return open_in(root, false);
}

Result<std::shared_ptr<SharedIndex>> WorkspaceRegistry::open_loose(const fs::path& folder) {
  return open_in(folder, true);
}

Result<std::shared_ptr<SharedIndex>> WorkspaceRegistry::open_in(const fs::path& root, bool loose) {
  std::error_code error;
  const fs::path canonical = fs::weakly_canonical(root, error);
  if (error)
    return fail(ErrorCode::not_found, "cannot resolve " + root.string() + ": " + error.message());
  const std::string key = (loose ? "loose:" : "") + canonical.string();
  std::lock_guard lock(mutex_);
  if (stopped_) return fail(ErrorCode::unavailable, "the daemon is stopping");
  if (const auto at = indexes_.find(key); at != indexes_.end())
    if (auto shared = at->second.lock()) return shared;
  repoindex::IndexOptions options = options_;
  if (loose) options.use_cache = false;
  ENGRAMD_TRY(auto index, repoindex::RepoIndex::open(canonical, options));
  repoindex::WatchOptions watch;
  watch.include = options.include;
  watch.exclude = options.exclude;
  auto shared = std::make_shared<SharedIndex>(std::move(index), pool_, std::move(watch));
  std::erase_if(indexes_, [](const auto& entry) { return entry.second.expired(); });
  indexes_[key] = shared;
  return shared;
}

std::vector<SharedIndex::State> WorkspaceRegistry::states() const {
  std::vector<std::shared_ptr<SharedIndex>> alive;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [key, weak] : indexes_)
      if (auto shared = weak.lock(); shared && key.rfind("loose:", 0) != 0)
        alive.push_back(std::move(shared));
  }
  std::vector<SharedIndex::State> states;
  for (const auto& shared : alive) states.push_back(shared->state());
  return states;
}

void WorkspaceRegistry::stop() {
  std::vector<std::shared_ptr<SharedIndex>> alive;
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    for (const auto& [key, weak] : indexes_)
      if (auto shared = weak.lock()) alive.push_back(std::move(shared));
  }
  for (const auto& shared : alive) shared->stop();
}

}  // namespace engramd::daemon
