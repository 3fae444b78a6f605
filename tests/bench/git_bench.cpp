// tests/bench/git_bench.cpp - what listing, watching and a branch switch of a work tree cost.
//
//   git_bench list FOLDER [ROUNDS]          libgit2 and the git program, and two git commands
//   git_bench watch FOLDER                  CPU, time and watches until a watcher is ready
//   git_bench switch FOLDER REV_A REV_B     checks out B, then A, ...; time until the index is
//                                           right
//   git_bench history FOLDER FILE           blame of one line, of the file
//
// CPU seconds are of this process and its children; "switch" changes the work tree.
#include <sys/resource.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "repoindex/git/history.h"
#include "repoindex/git/work_tree.h"
#include "repoindex/index.h"
#include "repoindex/view.h"
#include "repoindex/watch/watcher.h"

using namespace engramd;
using namespace engramd::repoindex;
namespace fs = std::filesystem;

namespace {

struct Cost {
  double cpu_s = 0, wall_s = 0;
};

double cpu_of(int who) {
  rusage u{};
  getrusage(who, &u);
  return static_cast<double>(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
         static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

template <class Body>
Cost cost_of(Body body) {
  const double cpu = cpu_of(RUSAGE_SELF) + cpu_of(RUSAGE_CHILDREN);
  const auto begin = Clock::now();
  body();
  return {cpu_of(RUSAGE_SELF) + cpu_of(RUSAGE_CHILDREN) - cpu,
          std::chrono::duration<double>(Clock::now() - begin).count()};
}

// n by reference: it is counted while the cost is measured, in whatever order arguments are.
void print(const char* what, Cost cost, const size_t& n) {
  std::printf("%-28s cpu %.3f s  wall %.3f s  (%zu)\n", what, cost.cpu_s, cost.wall_s, n);
}

int die(const std::string& message) {
  std::fprintf(stderr, "git_bench: %s\n", message.c_str());
  std::exit(1);
}

std::string run_git(const fs::path& folder, std::vector<std::string> arguments) {
  ProcessOptions options;
  options.argv = {"git"};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.cwd = folder;
  options.max_output_bytes = 64u << 20;
  auto result = run_process(options);
  if (!result) die(result.error().message);
  if (!result->ok()) die(result->stderr_text);
  return std::move(result->stdout_text);
}

int list(const fs::path& folder, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    for (const auto wanted : {GitBackend::Wanted::libgit2, GitBackend::Wanted::command}) {
      size_t n = 0;
      std::string name;
      const Cost cost = cost_of([&] {
        auto tree = WorkTree::open(folder, {}, {}, wanted);
        auto listing = tree->list({});
        if (!listing) die(listing.error().message);
        n = listing->files.size();
        name = tree->backend_name();
      });
      print(("listing through " + name).c_str(), cost, n);
    }
    size_t n = 0;
    print("git ls-files -c -o", cost_of([&] {
            const auto text = run_git(folder, {"ls-files", "-co", "--exclude-standard"});
            n = split_lines(text).size();
          }),
          n);
    print("git status", cost_of([&] { run_git(folder, {"status", "--porcelain"}); }), 0);
  }
  return 0;
}

// The watcher as the daemon wires it, feeding one index.
struct Fresh {
  std::unique_ptr<RepoIndex> index;
  std::mutex mutex;
  std::condition_variable done;
  int n_refreshes = 0, n_path_calls = 0;
  std::unique_ptr<Watcher> watcher;

  explicit Fresh(const fs::path& folder, bool with_index, const fs::path& cache) {
    if (with_index) {
      IndexOptions options;
      options.cache_folder = cache;
      auto opened = RepoIndex::open(folder, options);
      if (!opened) die(opened.error().message);
      index = std::move(*opened);
    }
    WatchEvents events;
    events.rescan = [this](const std::string&) {
      if (index != nullptr) (void)index->refresh();
      std::lock_guard lock(mutex);
      ++n_refreshes;
      done.notify_all();
    };
    events.changed = [this](const std::vector<std::string>& paths) {
      if (index != nullptr) (void)index->refresh_paths(paths);
      std::lock_guard lock(mutex);
      ++n_path_calls;
      done.notify_all();
    };
    events.note = [](const std::string& note) { std::printf("note: %s\n", note.c_str()); };
    events.has = [this](const std::string& path) {
      return index != nullptr && View{index->snapshot(), nullptr}.contains(path);
    };
    watcher = Watcher::start(folder, {}, std::move(events));
  }
  void wait_for_more(int seen) {
    std::unique_lock lock(mutex);
    if (!done.wait_for(lock, std::chrono::seconds(60),
                       [&] { return n_refreshes + n_path_calls > seen; }))
      die("nothing was told within a minute");
  }
};

int watch(const fs::path& folder) {
  std::unique_ptr<Fresh> fresh;
  const Cost cost = cost_of([&] {
    fresh = std::make_unique<Fresh>(folder, false, fs::path());
    fresh->wait_for_more(0);
  });
  print("watches set", cost, fresh->watcher->n_watches());
  print("idle for 5 s", cost_of([] { ::usleep(5'000'000); }), 0);
  return 0;
}

int switch_branches(const fs::path& folder, const std::string& a, const std::string& b) {
  auto cache = TemporaryFolder::make("git-bench");
  if (!cache) die(cache.error().message);
  Fresh fresh(folder, true, cache->path());
  fresh.wait_for_more(0);
  for (int round = 0; round < 6; ++round) {
    const std::string& to = round % 2 == 0 ? b : a;
    const int seen = fresh.n_refreshes + fresh.n_path_calls;
    run_git(folder, {"checkout", "-q", to});
    const double cpu = cpu_of(RUSAGE_SELF);
    const auto begin = Clock::now();
    fresh.wait_for_more(seen);
    const double wall = std::chrono::duration<double>(Clock::now() - begin).count();
    const double cpu_used = cpu_of(RUSAGE_SELF) - cpu;
    // Right: every file's id is the one git has in that revision (no conversions here).
    auto again = fresh.index->refresh();
    if (!again) die(again.error().message);
    std::printf(
        "to %-10s right %.3f s after git ended, cpu %.3f s, calls %d, parsed after it %zu\n",
        to.c_str(), wall, cpu_used, fresh.n_refreshes + fresh.n_path_calls - seen, again->n_parsed);
  }
  return 0;
}

int history(const fs::path& folder, const std::string& file) {
  size_t n = 0;
  auto text = read_file(folder / file);
  if (!text) die(text.error().message);
  print("blame, one line", cost_of([&] {
          auto ranges = blame(folder, file, {10, 1}, *text);
          if (!ranges) die(ranges.error().message);
          n = ranges->size();
        }),
        n);
  print("blame, the whole file", cost_of([&] {
          auto ranges = blame(folder, file, {0, 1'000'000}, *text);
          if (!ranges) die(ranges.error().message);
          n = ranges->size();
        }),
        n);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 2 ? argv[1] : "";
  std::error_code error;
  const fs::path folder = argc > 2 ? fs::canonical(argv[2], error) : fs::path();
  if (what == "list") return list(folder, argc > 3 ? std::atoi(argv[3]) : 3);
  if (what == "watch") return watch(folder);
  if (what == "switch" && argc == 5) return switch_branches(folder, argv[3], argv[4]);
  if (what == "history" && argc == 4) return history(folder, argv[3]);
  std::fprintf(stderr, "usage: git_bench list|watch|switch|history FOLDER ...\n");
  return 2;
}
