// tests/bench/search_bench.cpp - text search and fuzzy symbols over one folder, in CPU seconds.
//
//   search_bench FOLDER PATTERN [-e] [-i] [-w] [-n RUNS]   -e: a regular expression
//   search_bench FOLDER --symbols QUERIES_FILE             fuzzy workspace symbols, p50 and p99
//
// tests/bench/search_bench.py runs it against ripgrep on the same files. The index is made first
// and not counted. CPU seconds are those of the process, user and system, the median of the runs.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/file.h"
#include "repoindex/index.h"
#include "repoindex/query.h"
#include "repoindex/search/text.h"
#include "repoindex/snapshot.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

double cpu_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

int fail_with(const Error& error) {
  std::fprintf(stderr, "search_bench: %s\n", error.message.c_str());
  return exit_status(error.code);
}

int fuzzy(const View& view, const char* queries_file) {
  auto text = read_file(queries_file);
  if (!text) return fail_with(text.error());
  size_t n_names = 0;
  view.snapshot->for_each_defined_name([&](std::string_view, uint64_t) {
    ++n_names;
    return true;
  });
  std::vector<std::pair<double, std::string>> ms;
  for (std::string_view query : split_lines(*text)) {
    if (query.empty()) continue;
    double begin = cpu_s();
    size_t n = workspace_symbols(view, query, 200).size();
    ms.emplace_back(1e3 * (cpu_s() - begin), std::string(query) + " (" + std::to_string(n) + ")");
  }
  if (ms.empty()) return 2;
  std::sort(ms.begin(), ms.end());
  std::printf("%zu defined names, %zu queries, CPU ms p50 %.2f p99 %.2f worst %.2f: %s\n", n_names,
              ms.size(), ms[ms.size() / 2].first, ms[ms.size() * 99 / 100].first, ms.back().first,
              ms.back().second.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr,
                 "usage: search_bench FOLDER PATTERN [-e] [-i] [-w] [-n RUNS]\n"
                 "       search_bench FOLDER --symbols QUERIES_FILE\n");
    return 2;
  }
  auto index = RepoIndex::open(argv[1]);
  if (!index) return fail_with(index.error());
  if (auto stats = (*index)->refresh(); !stats) return fail_with(stats.error());
  View view{(*index)->snapshot(), nullptr};
  if (argc == 4 && std::strcmp(argv[2], "--symbols") == 0) return fuzzy(view, argv[3]);
  TextQuery query;
  query.pattern = argv[2];
  query.limit = SIZE_MAX;
  int runs = 5;
  for (int i = 3; i < argc; ++i) {
    query.regex |= std::strcmp(argv[i], "-e") == 0;
    query.ignore_case |= std::strcmp(argv[i], "-i") == 0;
    query.whole_word |= std::strcmp(argv[i], "-w") == 0;
    if (std::strcmp(argv[i], "-n") == 0 && i + 1 < argc) runs = std::atoi(argv[i + 1]);
  }
  std::vector<double> seconds;
  TextResult found;
  for (int run = 0; run < std::max(runs, 1); ++run) {
    double begin = cpu_s();
    auto result = search(view, query);
    seconds.push_back(cpu_s() - begin);
    if (!result) return fail_with(result.error());
    found = std::move(*result);
  }
  std::sort(seconds.begin(), seconds.end());
  std::printf("files %zu binary %zu hits %zu cpu %.3f\n", found.n_files, found.n_binary,
              found.hits.size(), seconds[seconds.size() / 2]);
  return 0;
}
