// repoindex/watch/watcher.h - tells which files under one root changed, from inotify.
//
// For clients that watch no files themselves. One watch per folder that no rule ignores, ignore
// rules applied before a watch is added. What happens within the debounce time is one call of
// changed(); many paths, an overflowed event queue or changed rules are one call of rescan()
// instead. While git holds its index lock nothing is told, so a branch switch is one refresh. When
// the system gives no more watches, that is noted once and rescan() is called from time to time.
//
// Owns one thread; the callbacks run on it and must not wait long. Everything else: any thread.
// The destructor ends the thread and waits for it, unless it runs in a callback itself.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace engramd::repoindex {

struct WatchOptions {
  std::vector<std::string> include, exclude;
  std::chrono::milliseconds debounce{50};      // of quiet before something is told
  std::chrono::milliseconds max_delay{500};    // and at the latest this long after the first event
  std::chrono::milliseconds max_hold{10'000};  // for a git command that keeps its lock
  std::chrono::milliseconds rescan_every{30'000};  // without enough watches
  size_t max_paths = 512;                          // more than this many are one rescan
  size_t max_watches = 1'000'000;
};

struct WatchEvents {
  // Relative paths of files that were written, made or removed, and of folders that are gone.
  std::function<void(const std::vector<std::string>& paths)> changed;
  std::function<void(const std::string& why)> rescan;
  std::function<void(const std::string& note)> note;
  // Whether the index has this path, whatever the ignore rules say of it (it may be tracked).
  std::function<bool(const std::string& path)> has;
};

class Watcher {
 public:
  // Returns at once; when the first watches are set, rescan("watching begins") is called.
  static std::unique_ptr<Watcher> start(const std::filesystem::path& root, WatchOptions options,
                                        WatchEvents events);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // Folders that hold listed files although a rule ignores them.
  void also_watch(std::vector<std::string> folders);
  size_t n_watches() const;
  bool degraded() const;  // sees only a part, or nothing: rescans instead

 private:
  struct Impl;
  Watcher() = default;
  std::shared_ptr<Impl> impl_;  // shared with the thread
  std::thread thread_;
};

}  // namespace engramd::repoindex
