#include "repoindex/watch/watcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>
#include <unordered_map>

#include "base/log.h"
#include "repoindex/git/backend.h"
#include "repoindex/git/scope.h"

namespace fs = std::filesystem;

namespace engramd::repoindex {

namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kFolderEvents = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                   IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF |
                                   IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK;
constexpr uint32_t kGitEvents =
    IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR;

bool is_rule_file(std::string_view name) {
  return name == ".gitignore" || name == ".gitattributes" || name == ".engramdignore";
}

bool is_below(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path[folder.size()] == '/' && path.starts_with(folder);
}

bool on_disk(const fs::path& path) {
  struct stat s {};
  return ::lstat(path.c_str(), &s) == 0;
}

}  // namespace

struct Watcher::Impl {
  enum class Kind : uint8_t { folder, git, info };
  struct Watch {
    Kind kind = Kind::folder;
    std::string path;
  };

  Impl(fs::path root, WatchOptions given, WatchEvents given_events)
      : options(std::move(given)),
        events(std::move(given_events)),
        scope(std::move(root), options.include, options.exclude) {
    wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    inotify_fd = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    inotify_errno = inotify_fd < 0 ? errno : 0;
  }
  ~Impl() {
    if (inotify_fd >= 0) ::close(inotify_fd);
    if (wake_fd >= 0) ::close(wake_fd);
  }

  // ---- any thread
  const WatchOptions options;
  const WatchEvents events;
  int wake_fd = -1, inotify_fd = -1, inotify_errno = 0;
  std::atomic<bool> stop{false}, is_degraded{false};
  std::atomic<size_t> watch_count{0};
  std::mutex mutex;  // guards the list below, handed over by also_watch
  std::optional<std::vector<std::string>> handed_folders;

  void wake() const {
    const uint64_t one = 1;
    (void)!::write(wake_fd, &one, sizeof one);
  }

  // ---- the thread's own
  Scope scope;
  std::unordered_map<int, Watch> watches;
  std::map<std::string, int> by_path;  // folders only; ordered, so that a subtree is a range
  std::vector<std::string> extra_folders;
  std::set<std::string> pending;
  std::set<std::string> gone_folders;  // of pending: told even when the index has no such file
  std::string rescan_why;              // not empty: a rescan is due
  bool rules_changed = false, index_changed = false, said_degraded = false, locked = false;
  std::optional<uint64_t> tracked_digest;
  Clock::time_point first_event{}, last_event{}, next_periodic{};
  bool anything_due = false;

  void degrade(const std::string& why) {
    is_degraded = true;
    next_periodic = Clock::now() + options.rescan_every;
    if (said_degraded) return;
    said_degraded = true;
    if (events.note)
      events.note(why + ": the folder is looked through every " +
                  std::to_string(options.rescan_every.count() / 1000) + " s instead");
  }

  void touch() {
    last_event = Clock::now();
    if (!anything_due) first_event = last_event;
    anything_due = true;
  }

  void want_rescan(const std::string& why) {
    if (rescan_why.empty()) rescan_why = why;
    pending.clear();
    gone_folders.clear();
    touch();
  }

  void add_path(const std::string& path) {
    touch();
    if (!rescan_why.empty()) return;
    pending.insert(path);
    if (pending.size() > options.max_paths) want_rescan("many files changed");
  }

  // False when there are no more watches to be had.
  bool add_watch(Kind kind, const fs::path& folder, const std::string& path) {
    if (inotify_fd < 0) return false;
    if (kind == Kind::folder && by_path.count(path) != 0) return true;
    if (watches.size() >= options.max_watches) {
      degrade("the limit of " + std::to_string(options.max_watches) +
              " watched folders is reached");
      return false;
    }
    const int wd = ::inotify_add_watch(inotify_fd, folder.c_str(),
                                       kind == Kind::folder ? kFolderEvents : kGitEvents);
    if (wd < 0) {
      if (errno == ENOSPC || errno == ENOMEM) {
        degrade("the system gives no more file watches (fs.inotify.max_user_watches) after " +
                std::to_string(watches.size()));
        return false;
      }
      return true;  // gone again, or not ours to read
    }
    // One folder under two names (a bind mount) has one descriptor: the last name counts.
    if (auto known = watches.find(wd); known != watches.end() && known->second.kind == Kind::folder)
      by_path.erase(known->second.path);
    watches[wd] = {kind, path};
    if (kind == Kind::folder) by_path[path] = wd;
    watch_count = watches.size();
    return true;
  }

  // The folder and what is below it: first the watch, then the look inside, so that nothing that
  // is made in between is missed. Files are told when report is set.
  void add_tree(const std::string& start, bool report) {
    Scope::Visitor visit;
    visit.folder = [&](const std::string& folder) {
      return !stop && add_watch(Kind::folder, scope.root() / folder, folder);
    };
    visit.file = [&](const std::string& path) {
      if (report) add_path(path);
    };
    (void)scope.walk(start, visit);
  }

  void drop_tree(const std::string& folder) {
    const auto drop = [&](std::map<std::string, int>::iterator at) {
      ::inotify_rm_watch(inotify_fd, at->second);
      watches.erase(at->second);
      return by_path.erase(at);
    };
    if (auto at = by_path.find(folder); at != by_path.end()) drop(at);
    auto at = by_path.lower_bound(folder + "/");
    while (at != by_path.end() && is_below(at->first, folder)) at = drop(at);
    watch_count = watches.size();
  }

  // All watches anew, by the rules of now.
  void rebuild() {
    scope.reload();
    std::set<std::string> keep;
    const auto want = [&](const std::string& folder, const Scope::Visitor& visit) {
      (void)scope.walk(folder, visit);
    };
    Scope::Visitor visit;
    visit.folder = [&](const std::string& folder) {
      if (stop || !add_watch(Kind::folder, scope.root() / folder, folder)) return false;
      keep.insert(folder);
      return true;
    };
    want("", visit);
    for (const std::string& folder : extra_folders) {
      if (keep.count(folder) != 0 || !scope.folder_wanted(folder)) continue;
      if (add_watch(Kind::folder, scope.root() / folder, folder)) keep.insert(folder);
    }
    if (!is_degraded) {
      for (auto at = by_path.begin(); at != by_path.end();) {
        if (keep.count(at->first) != 0) {
          ++at;
          continue;
        }
        ::inotify_rm_watch(inotify_fd, at->second);
        watches.erase(at->second);
        at = by_path.erase(at);
      }
    }
    if (scope.in_git()) {
      const GitPlace& place = scope.place();
      add_watch(Kind::git, place.git_folder, {});
      if (place.common_folder != place.git_folder) add_watch(Kind::git, place.common_folder, {});
      add_watch(Kind::info, place.common_folder / "info", {});
      if (place.common_folder != place.git_folder)
        add_watch(Kind::info, place.git_folder / "info", {});
    }
    watch_count = watches.size();
  }

  // Whether the set of tracked paths is another one than when last asked. What became of the files
  // themselves comes as events of their own, so a commit or an add of a known file is nothing.
  bool tracked_set_changed() {
    if (!scope.in_git()) return false;
    auto digest = tracked_paths_digest(scope.place());
    const std::optional<uint64_t> now = digest ? std::optional(*digest) : std::nullopt;
    const bool changed = !now || now != tracked_digest;
    tracked_digest = now;
    return changed;
  }

  void git_event(const Watch& watch, std::string_view name, uint32_t mask) {
    if (watch.kind == Kind::info) {
      if (name != "exclude" && name != "attributes" && name != "sparse-checkout") return;
      rules_changed = true;
      return want_rescan("git's own rules changed");
    }
    if (name == "index.lock") {
      locked = (mask & (IN_DELETE | IN_MOVED_FROM)) == 0;
      if (anything_due) touch();
    } else if (name == "index" && (mask & (IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE)) != 0) {
      index_changed = true;
      touch();
    } else if (name == "config" || name == "config.worktree") {
      if ((mask & (IN_MOVED_TO | IN_CLOSE_WRITE)) == 0) return;
      rules_changed = true;
      want_rescan("git's configuration changed");
    } else if (name == "info" && (mask & IN_ISDIR) != 0) {
      rules_changed = true;
      want_rescan("git's own rules changed");
    }
  }

  void folder_event(const std::string& folder, const std::string& name, uint32_t mask) {
    if (name.empty()) {
      if (folder.empty() && (mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
        degrade("the folder was moved or deleted");
        want_rescan("the folder was moved or deleted");
      }
      return;
    }
    const std::string path = folder.empty() ? name : folder + "/" + name;
    if (name == ".git" || is_rule_file(name)) {
      rules_changed = true;
      return want_rescan(name + " changed");
    }
    const bool came = (mask & (IN_CREATE | IN_MOVED_TO)) != 0;
    const bool went = (mask & (IN_DELETE | IN_MOVED_FROM)) != 0;
    if ((mask & IN_ISDIR) != 0) {
      if (went) {
        drop_tree(path);
        if (rescan_why.empty()) gone_folders.insert(path);
        add_path(path);
      } else if (!scope.folder_wanted(path) || scope.ignored(path, true) ||
                 scope.in_nested_repository(path + "/x")) {
        return;
      } else if (came) {
        add_tree(path, true);
      } else if ((mask & IN_ATTRIB) != 0) {
        drop_tree(path);  // it may have become readable, or no longer be
        add_tree(path, true);
        want_rescan("the permissions of a folder changed");
      }
      return;
    }
    if (scope.wanted(path)) add_path(path);
  }

  void read_events() {
    alignas(inotify_event) char buffer[65536];
    for (;;) {
      const ssize_t n = ::read(inotify_fd, buffer, sizeof buffer);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return;
      for (const char* at = buffer; at < buffer + n;) {
        const auto* event = reinterpret_cast<const inotify_event*>(at);
        at += sizeof(inotify_event) + event->len;
        if ((event->mask & IN_Q_OVERFLOW) != 0) {
          rules_changed = true;  // folders may have come unseen
          rescan_why.clear();    // the more telling reason
          want_rescan("the event queue overflowed");
          continue;
        }
        const auto known = watches.find(event->wd);
        if (known == watches.end()) continue;  // of a watch that was dropped
        if ((event->mask & IN_IGNORED) != 0) {
          if (known->second.kind == Kind::folder) by_path.erase(known->second.path);
          watches.erase(known);
          watch_count = watches.size();
          continue;
        }
        const std::string name = event->len > 0 ? std::string(event->name) : std::string();
        const Watch watch = known->second;  // what follows may change the table
        if (watch.kind == Kind::folder) {
          folder_event(watch.path, name, event->mask);
        } else {
          git_event(watch, name, event->mask);
        }
      }
      if (stop) return;
    }
  }

  // Paths that matter: what the index has, and what it should have.
  std::vector<std::string> take_paths() {
    std::vector<std::string> paths;
    for (const std::string& path : pending) {
      const bool had = events.has && events.has(path);
      const bool matters = had || gone_folders.count(path) != 0 ||
                           (on_disk(scope.root() / path) && !scope.ignored(path, false));
      if (matters) paths.push_back(path);
    }
    pending.clear();
    gone_folders.clear();
    return paths;
  }

  void flush() {
    anything_due = false;
    if (index_changed) {
      index_changed = false;
      if (tracked_set_changed()) want_rescan("other files are tracked");
      anything_due = false;
    }
    if (rules_changed) {
      rules_changed = false;
      rebuild();
    }
    if (!rescan_why.empty()) {
      const std::string why = std::move(rescan_why);
      rescan_why.clear();
      pending.clear();
      gone_folders.clear();
      if (events.rescan) events.rescan(why);
      return;
    }
    const std::vector<std::string> paths = take_paths();
    if (!paths.empty() && events.changed) events.changed(paths);
  }

  Clock::time_point flush_time() const {
    // The lock file may have been left behind by a git that was killed: not for ever.
    if (locked) return first_event + options.max_hold;
    return std::min(last_event + options.debounce, first_event + options.max_delay);
  }

  int poll_timeout() const {
    std::optional<Clock::time_point> next;
    if (anything_due) next = flush_time();
    if (is_degraded && (!next || next_periodic < *next)) next = next_periodic;
    if (!next) return -1;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now()).count();
    return static_cast<int>(std::clamp<int64_t>(wait, 0, 60'000));
  }

  void take_handed() {
    std::optional<std::vector<std::string>> folders;
    {
      std::lock_guard lock(mutex);
      folders.swap(handed_folders);
    }
    if (!folders) return;
    extra_folders.clear();
    for (std::string& folder : *folders) {
      if (by_path.count(folder) != 0 || !scope.folder_wanted(folder)) continue;
      if (!add_watch(Kind::folder, scope.root() / folder, folder)) break;
      extra_folders.push_back(std::move(folder));
    }
  }

  void run() {
    if (inotify_fd < 0)
      degrade(std::string("no file watching: ") + std::generic_category().message(inotify_errno));
    rebuild();
    (void)tracked_set_changed();
    if (!stop && events.rescan) events.rescan("watching begins");
    while (!stop) {
      pollfd fds[2] = {{wake_fd, POLLIN, 0}, {inotify_fd, POLLIN, 0}};
      ::poll(fds, inotify_fd < 0 ? 1 : 2, poll_timeout());
      if (stop) return;
      if ((fds[0].revents & POLLIN) != 0) {
        uint64_t ignored = 0;
        (void)!::read(wake_fd, &ignored, sizeof ignored);
        take_handed();
      }
      if (inotify_fd >= 0) read_events();
      const Clock::time_point now = Clock::now();
      if (anything_due && now >= flush_time()) {
        if (locked && now >= first_event + options.max_hold) locked = false;
        flush();
      }
      if (is_degraded && now >= next_periodic) {
        next_periodic = now + options.rescan_every;
        if (events.rescan) events.rescan("not all folders can be watched");
      }
    }
  }
};

std::unique_ptr<Watcher> Watcher::start(const fs::path& root, WatchOptions options,
                                        WatchEvents events) {
  std::unique_ptr<Watcher> watcher(new Watcher());
  auto impl = std::make_shared<Impl>(root, std::move(options), std::move(events));
  watcher->impl_ = impl;
  watcher->thread_ = std::thread([impl] {
    try {
      impl->run();
    } catch (const std::exception& error) {
      log_error(std::string("a file watcher ended: ") + error.what());
      impl->is_degraded = true;
    }
  });
  return watcher;
}

Watcher::~Watcher() {
  impl_->stop = true;
  impl_->wake();
  // The last owner may let go inside a callback; the thread holds its own share of the state.
  if (thread_.get_id() == std::this_thread::get_id()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void Watcher::also_watch(std::vector<std::string> folders) {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->handed_folders = std::move(folders);
  }
  impl_->wake();
}

size_t Watcher::n_watches() const {
  return impl_->watch_count;
}

bool Watcher::degraded() const {
  return impl_->is_degraded;
}

}  // namespace engramd::repoindex
