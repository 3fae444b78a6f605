// tests/bench/index_bench.cpp - index one folder and say what it cost: cold, then warm.
//
//   index_bench FOLDER [CACHE_FOLDER]      figures, one line each
//   index_bench --symbols FOLDER           every function and class as path:line name
//
// CPU seconds are the number to compare; wall time depends on who else is on the machine.
#include <sys/resource.h>

#include <cstdio>
#include <cstring>

#include "base/file.h"
#include "repoindex/index.h"
#include "repoindex/query.h"
#include "repoindex/snapshot.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

int fail_with(const Error& error) {
  std::fprintf(stderr, "index_bench: %s\n", error.message.c_str());
  return exit_status(error.code);
}

double now_s() {
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

int list_symbols(const char* folder) {
  IndexOptions options;
  options.use_cache = false;
  auto index = RepoIndex::open(folder, options);
  if (!index) return fail_with(index.error());
  if (auto stats = (*index)->refresh(); !stats) return fail_with(stats.error());
  View view{(*index)->snapshot(), nullptr};
  view.snapshot->for_each_file([&](const FileEntry& file) {
    const FileFactsPtr facts = view.snapshot->facts(file);
    if (facts == nullptr) return;
    auto text = view.text(file.path);
    if (!text) return;
    LineIndex lines(*text);
    for (const Symbol& s : facts->symbols) {
      std::printf("%s:%u %s %s\n", file.path.c_str(), lines.position(s.name_begin).line + 1,
                  s.name.c_str(), std::string(to_string(s.kind)).c_str());
    }
  });
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--symbols") == 0) return list_symbols(argv[2]);
  if (argc < 2) {
    std::fprintf(stderr, "usage: index_bench FOLDER [CACHE_FOLDER]\n");
    return 2;
  }
  auto temporary = TemporaryFolder::make("index-bench");
  if (!temporary) return fail_with(temporary.error());
  for (const char* run : {"cold", "warm"}) {
    IndexOptions options;
    options.cache_folder = argc > 2 ? std::filesystem::path(argv[2]) : temporary->path();
    auto index = RepoIndex::open(argv[1], options);
    if (!index) return fail_with(index.error());
    auto stats = (*index)->refresh();
    if (!stats) return fail_with(stats.error());
    double mb = static_cast<double>(stats->n_bytes) / 1e6;
    std::printf(
        "%s: files %zu indexed %zu parsed %zu MB %.1f lines %llu symbols %zu occurrences %zu "
        "wall %.2f s cpu %.2f s cpu/MB %.3f cache %.1f MB\n",
        run, stats->n_files, stats->n_indexed, stats->n_parsed, mb,
        static_cast<unsigned long long>(stats->n_lines), stats->n_symbols, stats->n_occurrences,
        stats->wall_s, stats->cpu_s, stats->cpu_s / mb,
        static_cast<double>(stats->cache_bytes) / 1e6);
    for (const std::string& note : stats->notes) std::printf("  note: %s\n", note.c_str());
    View view{(*index)->snapshot(), nullptr};
    // Questions over a sample of the files' own names.
    size_t n = 0, answered = 0;
    double worst = 0, begin = now_s();
    for (const std::string& path : view.paths()) {
      FileFactsPtr facts = view.facts(path);
      if (facts == nullptr || facts->occurrences.empty() || n >= 2000) continue;
      const Occurrence& o = facts->occurrences[facts->occurrences.size() / 2];
      double t = now_s();
      answered += find_definitions(view, path, o.begin).empty() ? 0 : 1;
      worst = std::max(worst, now_s() - t);
      ++n;
    }
    std::printf(
        "  definition: %zu asked, %zu answered, mean %.0f us, worst %.1f ms (file reads "
        "included)\n",
        n, answered, (now_s() - begin) / static_cast<double>(std::max<size_t>(n, 1)) * 1e6,
        worst * 1e3);
    begin = now_s();
    size_t found = workspace_symbols(view, "reqhan").size();
    std::printf("  workspace symbols \"reqhan\": %zu in %.1f ms\n", found, (now_s() - begin) * 1e3);
    begin = now_s();
    found = search_text(view, "return NULL;", 100000).size();
    std::printf("  text \"return NULL;\": %zu in %.0f ms\n", found, (now_s() - begin) * 1e3);
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::printf("  peak RSS %.0f MB\n", static_cast<double>(usage.ru_maxrss) / 1024);
  }
  return 0;
}
