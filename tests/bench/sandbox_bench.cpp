// sandbox_bench FOLDER [ROUNDS]: what opening a work tree, a command in it, and looking at what it
// changed cost, for the overlay and for the copy.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "agent/sandbox/sandbox.h"

using namespace engramd;
using namespace engramd::agent;

namespace {

double now_ms() {
  return std::chrono::duration<double, std::milli>(Clock::now().time_since_epoch()).count();
}

double cpu_ms() {
  double total = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    ::getrusage(who, &usage);
    total += 1e3 * static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
             1e-3 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  }
  return total;
}

template <class Work>
void measure(const char* what, int n, const Work& work) {
  double best_wall = 1e18, best_cpu = 1e18;
  for (int i = 0; i < n; ++i) {
    const double wall = now_ms(), cpu = cpu_ms();
    work();
    best_wall = std::min(best_wall, now_ms() - wall);
    best_cpu = std::min(best_cpu, cpu_ms() - cpu);
  }
  std::printf("%-36s %9.1f ms wall %9.1f ms CPU (best of %d)\n", what, best_wall, best_cpu, n);
}

void must(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "failed: %s\n", what);
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  for (const bool copied : {false, true}) {
    WorkTreeOptions options;
    options.max_bytes = 64ull << 30;
    const auto open = [&] {
      auto tree = copied ? WorkTree::copy_of(argv[1], options) : WorkTree::open(argv[1], options);
      must(tree.has_value(), "opening the tree");
      return std::move(*tree);
    };
    std::printf("%s\n", copied ? "copy" : "overlay");
    measure("open and drop", copied ? 2 : rounds, [&] { (void)open(); });
    const WorkTree tree = open();
    std::printf("%-34s %9.1f MB on disk\n", "bytes after opening",
                static_cast<double>(tree.disk_use().n_bytes) / 1e6);
    for (const std::string& note : tree.notes()) std::printf("note: %s\n", note.c_str());
    measure("make a sandbox", rounds, [&] {
      must(Sandbox::make(SandboxMode::automatic, tree).has_value(), "making a sandbox");
    });
    auto sandbox = Sandbox::make(SandboxMode::automatic, tree);
    must(sandbox.has_value(), "making a sandbox");
    SandboxCommand command;
    command.argv = {"/bin/true"};
    measure("run /bin/true", rounds, [&] { must(sandbox->run(command)->ok(), "running"); });
    command.argv = {"/bin/sh", "-c", "i=0; while [ $i -lt 300 ]; do i=$((i+1)); /bin/true; done"};
    measure("300 processes", rounds, [&] { must(sandbox->run(command)->ok(), "running"); });
    SandboxProbe no_groups = probe_sandbox();
    no_groups.process_limit = "watch";
    no_groups.process_watch = true;
    auto watched = Sandbox::make(SandboxMode::landlock, tree, {}, no_groups);
    no_groups.process_watch = false;
    auto unwatched = Sandbox::make(SandboxMode::landlock, tree, {}, no_groups);
    if (watched && unwatched) {
      measure("300 processes, Landlock", rounds,
              [&] { must(unwatched->run(command)->ok(), "running"); });
      measure("300 processes, Landlock, watched", rounds,
              [&] { must(watched->run(command)->ok(), "running"); });
    }
    command.argv = {"/bin/true"};
    measure("write a file and read it back", rounds, [&] {
      must(tree.write("engramd_bench.txt", "text").has_value() &&
               tree.read("engramd_bench.txt").has_value(),
           "writing");
    });
    measure("changes()", rounds, [&] { must(tree.changes().files.size() == 1, "changes"); });
    command.argv = {"/bin/sh", "-c", "sleep 60"};
    double worst = 0;
    for (int i = 0; i < rounds; ++i) {
      CancelSource source;
      command.argv = {"/bin/sh", "-c", "echo up; (setsid sleep 60 &); sleep 60"};
      double asked = 0;
      command.on_output = [&](std::string_view) {
        asked = now_ms();
        source.cancel();
      };
      must(sandbox->run(command, source.token()).has_value(), "cancelling");
      worst = std::max(worst, now_ms() - asked);
    }
    std::printf("%-34s %9.1f ms wall (worst of %d)\n", "cancel to nothing left", worst, rounds);
  }
  return 0;
}
