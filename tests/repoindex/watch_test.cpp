// What happens on disk is told once, soon, and never missed.
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <set>

#include "base/cancel.h"
#include "base/file.h"
#include "repoindex/watch/watcher.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::repoindex;
using engramd::test::Workspace;
namespace fs = std::filesystem;

namespace {

// What a watcher told, and waiting for it.
class Seen {
 public:
  WatchEvents events() {
    WatchEvents out;
    out.changed = [this](const std::vector<std::string>& paths) {
      std::unique_lock lock(mutex_);
      ++n_changed_;
      paths_.insert(paths.begin(), paths.end());
      told_.notify_all();
      told_.wait(lock, [&] { return !held_; });
    };
    out.rescan = [this](const std::string& why) {
      std::lock_guard lock(mutex_);
      rescans_.push_back(why);
      told_.notify_all();
    };
    out.note = [this](const std::string& note) {
      std::lock_guard lock(mutex_);
      notes_.push_back(note);
      told_.notify_all();
    };
    out.has = [this](const std::string& path) {
      std::lock_guard lock(mutex_);
      return known.count(path) != 0;
    };
    return out;
  }

  bool wait(const std::function<bool()>& enough) {
    std::unique_lock lock(mutex_);
    return told_.wait_for(lock, std::chrono::seconds(20), enough);
  }
  bool wait_for_path(const std::string& path) {
    return wait([&] { return paths_.count(path) != 0; });
  }
  bool wait_for_rescan(const std::string& part) {
    return wait([&] {
      return std::any_of(rescans_.begin(), rescans_.end(), [&](const std::string& why) {
        return why.find(part) != std::string::npos;
      });
    });
  }
  void forget() {
    std::lock_guard lock(mutex_);
    paths_.clear();
    rescans_.clear();
    n_changed_ = 0;
  }
  void hold(bool on) {
    std::lock_guard lock(mutex_);
    held_ = on;
    told_.notify_all();
  }
  std::set<std::string> paths() {
    std::lock_guard lock(mutex_);
    return paths_;
  }
  std::vector<std::string> rescans() {
    std::lock_guard lock(mutex_);
    return rescans_;
  }
  std::vector<std::string> notes() {
    std::lock_guard lock(mutex_);
    return notes_;
  }
  size_t n_changed() {
    std::lock_guard lock(mutex_);
    return n_changed_;
  }
  std::set<std::string> known;  // set before the watcher starts

 private:
  std::mutex mutex_;
  std::condition_variable told_;
  std::set<std::string> paths_;
  std::vector<std::string> rescans_, notes_;
  size_t n_changed_ = 0;
  bool held_ = false;
};

std::unique_ptr<Watcher> watching(const Workspace& ws, Seen& seen, WatchOptions options = {}) {
  auto watcher = Watcher::start(fs::canonical(ws.root()), std::move(options), seen.events());
  REQUIRE(seen.wait_for_rescan("watching begins"));
  seen.forget();
  return watcher;
}

// Makes a last change and waits until it is told: what came before is told by then, too.
void settle(const Workspace& ws, Seen& seen) {
  static std::atomic<int> n{0};
  const std::string name = "settled" + std::to_string(++n) + ".py";
  ws.write(name, "x\n");
  REQUIRE(seen.wait_for_path(name));
}

}  // namespace

TEST_CASE("watch: files that are written, made, renamed and removed are told") {
  Workspace ws("#init git\n//- /a.py\n//- /sub/b.py\n//- /old.py\n");
  Seen seen;
  seen.known = {"a.py", "sub/b.py", "old.py"};
  auto watcher = watching(ws, seen);
  std::ofstream(ws.path("a.py")) << "x = 1\n";  // in place
  ws.write("sub/b.py", "y = 1\n");              // by rename
  ws.write("sub/new.py", "z = 1\n");
  fs::rename(ws.path("old.py"), ws.path("sub/renamed.py"));
  settle(ws, seen);
  const auto paths = seen.paths();
  for (const char* path : {"a.py", "sub/b.py", "sub/new.py", "old.py", "sub/renamed.py"}) {
    INFO(path);
    CHECK(paths.count(path) == 1);
  }
  CHECK(seen.rescans().empty());
  // Temporary names that came and went are not worth a look.
  CHECK(std::none_of(paths.begin(), paths.end(),
                     [](const std::string& path) { return path.find("..") != std::string::npos; }));
}

TEST_CASE("watch: a new folder is looked into, however fast it was filled") {
  Workspace ws("#init git\n//- /a.py\n");
  Seen seen;
  auto watcher = watching(ws, seen);
  ws.write("new/deep/er/x.py", "x\n");
  fs::create_directory(ws.path("moved-in"));
  fs::rename(ws.path("new/deep"), ws.path("moved-in/deep"));
  REQUIRE(seen.wait_for_path("moved-in/deep/er/x.py"));
  seen.forget();
  ws.write("moved-in/deep/er/later.py", "x\n");
  REQUIRE(seen.wait_for_path("moved-in/deep/er/later.py"));
  seen.forget();
  fs::remove_all(ws.path("moved-in"));
  REQUIRE(seen.wait_for_path("moved-in"));
}

TEST_CASE("watch: what is ignored gets no watch and is not told, unless it is tracked") {
  Workspace ws("#init git\n//- /.gitignore\nbuild/\n*.o\n//- /src/a.py\n");
  for (int i = 0; i < 50; ++i) ws.write("build/d" + std::to_string(i) + "/x.c", "x\n");
  ws.write("src/forced.o", "1");
  ws.write("build/kept/tracked.c", "1");
  ws.git({"add", "-f", "src/forced.o", "build/kept/tracked.c"});
  Seen seen;
  seen.known = {"src/forced.o", "build/kept/tracked.c"};
  auto watcher = watching(ws, seen);
  CHECK(watcher->n_watches() < 10);
  watcher->also_watch({"", "src", "build/kept"});
  ws.write("build/d1/y.c", "y\n");
  ws.write("src/b.o", "1");
  ws.write("src/forced.o", "22");
  REQUIRE(seen.wait_for_path("src/forced.o"));
  ws.write("build/kept/tracked.c", "22");
  REQUIRE(seen.wait_for_path("build/kept/tracked.c"));
  settle(ws, seen);
  CHECK(seen.paths().count("build/d1/y.c") == 0);
  CHECK(seen.paths().count("src/b.o") == 0);
}

TEST_CASE("watch: changed rules mean one rescan, and new watches where they now belong") {
  Workspace ws("#init git\n//- /.gitignore\nbuild/\n//- /build/x.c\n//- /a.py\n");
  Seen seen;
  auto watcher = watching(ws, seen);
  ws.write(".gitignore", "# nothing\n");
  REQUIRE(seen.wait_for_rescan(".gitignore changed"));
  seen.forget();
  ws.write("build/y.c", "y\n");
  REQUIRE(seen.wait_for_path("build/y.c"));
  seen.forget();
  ws.write(".git/info/exclude", "build/\n");
  REQUIRE(seen.wait_for_rescan("git's own rules"));
  seen.forget();
  ws.write("build/z.c", "z\n");
  settle(ws, seen);
  CHECK(seen.paths().count("build/z.c") == 0);
}

TEST_CASE("watch: a branch switch of many files is one refresh") {
  Workspace ws("#init git\n//- /a.py\n");
  ws.git({"checkout", "-q", "-b", "many"});
  for (int i = 0; i < 1000; ++i)
    ws.write("d" + std::to_string(i % 10) + "/f" + std::to_string(i) + ".py", "x = 1\n");
  ws.git({"add", "-A"});
  ws.git({"commit", "-q", "-m", "many"});
  Seen seen;
  auto watcher = watching(ws, seen);
  ws.git({"checkout", "-q", "main"});
  REQUIRE(seen.wait([&] { return true; }));
  REQUIRE(seen.wait_for_rescan(""));
  settle(ws, seen);
  CHECK(seen.rescans().size() == 1);
  CHECK(seen.n_changed() == 1);  // settle's
}

TEST_CASE("watch: a commit of known files is nothing, another tracked set is a rescan") {
  Workspace ws("#init git\n//- /.gitignore\n*.log\n//- /a.py\n");
  ws.write("x.log", "x\n");
  Seen seen;
  seen.known = {"a.py"};
  auto watcher = watching(ws, seen);
  ws.write("a.py", "x = 2\n");
  REQUIRE(seen.wait_for_path("a.py"));
  ws.git({"add", "a.py"});
  ws.git({"commit", "-q", "-m", "known"});
  settle(ws, seen);
  CHECK(seen.rescans().empty());
  ws.git({"add", "-f", "x.log"});
  CHECK(seen.wait_for_rescan("other files are tracked"));
}

TEST_CASE("watch: without enough watches it is said once and the folder is looked through") {
  Workspace ws("#init git\n//- /a/a.py\n//- /b/b.py\n//- /c/c.py\n//- /d/d.py\n");
  Seen seen;
  WatchOptions options;
  options.max_watches = 2;
  options.rescan_every = std::chrono::milliseconds(50);
  auto watcher = watching(ws, seen, options);
  CHECK(watcher->degraded());
  REQUIRE(seen.wait([&] { return true; }));
  REQUIRE(seen.wait_for_rescan("not all folders"));
  seen.forget();
  REQUIRE(seen.wait_for_rescan("not all folders"));
  const auto notes = seen.notes();
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find("limit of 2 watched folders") != std::string::npos);
}

TEST_CASE("watch: an overflowed event queue is a rescan, and nothing after it is missed") {
  Workspace ws("#init git\n//- /a.py\n");
  Seen seen;
  seen.known = {"a.py"};
  auto watcher = watching(ws, seen);
  seen.hold(true);  // the watcher is stuck in its callback while events pile up
  ws.write("a.py", "x = 1\n");
  REQUIRE(seen.wait_for_path("a.py"));
  fs::create_directory(ws.path("lost"));
  for (int i = 0; i < 7000; ++i) {
    const fs::path file = ws.path("f" + std::to_string(i));
    std::ofstream(file) << "x";
    fs::remove(file);
  }
  fs::create_directories(ws.path("late/folder"));
  seen.hold(false);
  REQUIRE(seen.wait_for_rescan("overflowed"));
  seen.forget();
  ws.write("late/folder/x.py", "x\n");
  CHECK(seen.wait_for_path("late/folder/x.py"));
}

TEST_CASE("watch: plain folders, several roots at once, and a repository that comes later") {
  Workspace one("//- /a.py\n"), two("//- /b.py\n");
  Seen seen_one, seen_two;
  auto first = watching(one, seen_one), second = watching(two, seen_two);
  one.write("x.py", "x\n");
  two.write("y.py", "y\n");
  CHECK(seen_one.wait_for_path("x.py"));
  CHECK(seen_two.wait_for_path("y.py"));
  CHECK(seen_one.paths().count("y.py") == 0);
  one.git({"init", "-q"});
  CHECK(seen_one.wait_for_rescan(".git changed"));
  // A folder below a repository's top is watched by its own paths.
  Workspace ws("#init git\n//- /.gitignore\nsub/skip/\n//- /sub/a.py\n//- /sub/skip/b.py\n");
  Seen seen;
  auto watcher = Watcher::start(fs::canonical(ws.path("sub")), {}, seen.events());
  REQUIRE(seen.wait_for_rescan("watching begins"));
  ws.write("sub/skip/c.py", "x\n");
  ws.write("sub/d.py", "x\n");
  REQUIRE(seen.wait_for_path("d.py"));
  CHECK(seen.paths().count("skip/c.py") == 0);
}

TEST_CASE("watch: a link is not followed, and the root may vanish") {
  auto outside = TemporaryFolder::make("engramd-outside");
  Workspace ws("#init git\n//- /in/a.py\n");
  fs::create_directory_symlink(outside->path(), ws.path("link"));
  Seen seen;
  auto watcher = Watcher::start(fs::canonical(ws.path("in")), {}, seen.events());
  REQUIRE(seen.wait_for_rescan("watching begins"));
  REQUIRE(write_file_atomic(outside->path() / "x.py", "x\n"));
  fs::remove_all(ws.path("in"));
  CHECK(seen.wait_for_rescan("moved or deleted"));
  CHECK(watcher->degraded());
  CHECK(seen.paths().count("link/x.py") == 0);
}

TEST_CASE("watch: many watchers come and go without waiting") {
  Workspace ws("#init git\n//- /a.py\n");
  for (int i = 0; i < 30; ++i) {
    Seen seen;
    auto watcher = Watcher::start(fs::canonical(ws.root()), {}, seen.events());
    if (i % 2 == 0) ws.write("a.py", std::to_string(i));
  }
  CHECK(true);
}
