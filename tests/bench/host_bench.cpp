// tests/bench/host_bench.cpp - what parsing in child processes costs.
//
//   host_bench ENGRAMD FOLDER FILE [ROUNDS]   ENGRAMD: the program; FILE: one in FOLDER, to be
//   saved
//
// A cold index with one thread, in this process and in a host, in turns, and then a file that is
// saved over and over. CPU is that of both processes. The machine is never quiet: the least of
// several rounds counts.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "base/file.h"
#include "repoindex/index.h"
#include "repoindex/parse_hosts.h"
#include "repoindex/snapshot.h"

using namespace engramd;
using namespace engramd::repoindex;
namespace fs = std::filesystem;

namespace {

int fail_with(const Error& error) {
  std::fprintf(stderr, "host_bench: %s\n", error.message.c_str());
  return exit_status(error.code);
}

double seconds(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

struct Cost {
  double cpu_s = 1e9, wall_s = 1e9;
  void least(double cpu, double wall) {
    cpu_s = std::min(cpu_s, cpu);
    wall_s = std::min(wall_s, wall);
  }
};

Result<IndexStats> cold(const fs::path& folder, std::shared_ptr<ParseHosts> hosts, Cost& cost) {
  ENGRAMD_TRY(TemporaryFolder cache, TemporaryFolder::make("host-bench"));
  IndexOptions options;
  options.cache_folder = cache.path();
  options.n_threads = 1;
  options.parse_hosts = std::move(hosts);
  ENGRAMD_TRY(auto index, RepoIndex::open(folder, options));
  ENGRAMD_TRY(IndexStats stats, index->refresh());
  cost.least(stats.cpu_s, stats.wall_s);
  return stats;
}

Status saves(const fs::path& folder, const std::string& file,
             const std::shared_ptr<ParseHosts>& hosts, std::vector<double>& cpu,
             std::vector<double>& wall) {
  ENGRAMD_TRY(TemporaryFolder cache, TemporaryFolder::make("host-bench"));
  IndexOptions options;
  options.cache_folder = cache.path();
  options.parse_hosts = hosts;
  options.include = {"/" + file};
  ENGRAMD_TRY(auto index, RepoIndex::open(folder, options));
  ENGRAMD_CHECK(index->refresh());
  ENGRAMD_TRY(const std::string text, read_file(folder / file));
  Status status;
  for (int i = 0; i < 100 && status; ++i) {
    status =
        write_file_atomic(folder / file, text + "\nint saved_" + std::to_string(i) + " = 1;\n");
    double c = seconds(CLOCK_PROCESS_CPUTIME_ID) + (hosts ? hosts->state().cpu_s : 0);
    double w = seconds(CLOCK_MONOTONIC);
    if (status) status = index->refresh_paths({file});
    wall.push_back(seconds(CLOCK_MONOTONIC) - w);
    cpu.push_back(seconds(CLOCK_PROCESS_CPUTIME_ID) + (hosts ? hosts->state().cpu_s : 0) - c);
  }
  ENGRAMD_CHECK(write_file_atomic(folder / file, text));
  std::sort(cpu.begin(), cpu.end());
  std::sort(wall.begin(), wall.end());
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: host_bench ENGRAMD FOLDER FILE [ROUNDS]\n");
    return 2;
  }
  ParseHostOptions host_options;
  host_options.argv = {argv[1], "parse-host"};
  auto hosts = ParseHosts::make(host_options);
  const int rounds = argc > 4 ? std::atoi(argv[4]) : 3;

  double w = seconds(CLOCK_MONOTONIC);
  auto first = hosts->parse(*find_language("c"), "int a;\n", std::string(40, '0'), 1u << 20, {});
  if (!first) return fail_with(first.error());
  w = seconds(CLOCK_MONOTONIC) - w;
  std::printf("start of a host and a first tiny file: %.1f ms, then resident %.1f MB\n", w * 1e3,
              static_cast<double>(hosts->state().memory_bytes) / 1e6);
  for (const std::string& note : hosts->notes()) std::printf("note: %s\n", note.c_str());

  Cost here, there;
  size_t n = 0;
  for (int i = 0; i < rounds; ++i) {
    auto a = cold(argv[2], nullptr, here);
    if (!a) return fail_with(a.error());
    auto b = cold(argv[2], hosts, there);
    if (!b) return fail_with(b.error());
    if (a->n_symbols != b->n_symbols || a->n_occurrences != b->n_occurrences) {
      return fail_with({ErrorCode::internal, "the two do not find the same"});
    }
    n = b->n_parsed;
    std::printf("round %d: here cpu %.2f s wall %.2f s; host cpu %.2f s wall %.2f s\n", i, a->cpu_s,
                a->wall_s, b->cpu_s, b->wall_s);
  }
  const ParseHosts::State state = hosts->state();
  std::printf(
      "cold, %zu files parsed: here cpu %.2f s wall %.2f s; host cpu %.2f s wall %.2f s "
      "(%+.1f %% cpu, %+.1f %% wall)\n",
      n, here.cpu_s, here.wall_s, there.cpu_s, there.wall_s, 100 * (there.cpu_s / here.cpu_s - 1),
      100 * (there.wall_s / here.wall_s - 1));
  std::printf("host: resident %.1f MB, peak %.1f MB, %zu started, %zu failures\n",
              static_cast<double>(state.memory_bytes) / 1e6,
              static_cast<double>(state.peak_host_bytes) / 1e6, state.n_started, state.n_failures);
  for (const auto& [what, h] :
       {std::pair{"here", std::shared_ptr<ParseHosts>()}, std::pair{"host", hosts}}) {
    std::vector<double> cpu, wall;
    if (Status saved = saves(argv[2], argv[3], h, cpu, wall); !saved) {
      return fail_with(saved.error());
    }
    std::printf("saved %s, %s: cpu p50 %.1f p99 %.1f ms, wall p50 %.1f p99 %.1f ms\n", argv[3],
                what, cpu[50] * 1e3, cpu[98] * 1e3, wall[50] * 1e3, wall[98] * 1e3);
  }
  return 0;
}
