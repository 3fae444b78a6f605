// tests/bench/index_bench.cpp - what the index of one folder costs: time, disk, memory, questions.
//
//   index_bench FOLDER [CACHE_FOLDER]   parse-only CPU, then cold, then warm, one line each
//   index_bench --threads N FOLDER      the cold part with N threads and with one, on wall time
//   index_bench --ask FOLDER CACHE      warm start in this process: memory, latency of questions
//   index_bench --save FOLDER FILE CACHE save FILE (in FOLDER) over and over: until it is
//                                       visible
//   index_bench --first FOLDER FILE     cold start with FILE open: when has it facts, and how many?
//   index_bench --exchange FOLDER CACHE export, import on an empty cache, start
//   index_bench --symbols FOLDER        every function and class as path:line name
//
// CPU time is the number to compare, and what latencies are in; wall time depends on who else is on
// the machine.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "base/file.h"
#include "repoindex/git/work_tree.h"
#include "repoindex/index.h"
#include "repoindex/parse/syntax.h"
#include "repoindex/query.h"
#include "repoindex/snapshot.h"
#include "repoindex/store/segment.h"

using namespace engramd;
using namespace engramd::repoindex;
namespace fs = std::filesystem;

namespace {

int fail_with(const Error& error) {
  std::fprintf(stderr, "index_bench: %s\n", error.message.c_str());
  return exit_status(error.code);
}

double now_s() {
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}
double cpu_s() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

// Of this thread: a question must not look slow because another program had its turn.
double thread_s() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

double resident_mb() {
  std::ifstream statm("/proc/self/statm");
  double pages = 0;
  statm >> pages >> pages;
  return pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

double at_share(std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  std::sort(sorted.begin(), sorted.end());
  return sorted[std::min(sorted.size() - 1,
                         static_cast<size_t>(share * static_cast<double>(sorted.size())))];
}

void print_latency(const char* what, std::vector<double> seconds) {
  double p50 = at_share(seconds, 0.5), p99 = at_share(seconds, 0.99);
  std::printf("  %-34s %6zu asked  p50 %9.1f us  p99 %9.1f us  worst %9.1f us\n", what,
              seconds.size(), p50 * 1e6, p99 * 1e6, seconds.empty() ? 0 : seconds.back() * 1e6);
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

// Reads and parses the files that an index of the folder parses, and does nothing with the trees.
int parse_only(const char* folder, double* cpu) {
  auto listing = WorkTree::open(folder, {}, {})->list({});
  if (!listing) return fail_with(listing.error());
  double begin = cpu_s(), mb = 0;
  size_t n = 0;
  for (const ListedFile& file : listing->files) {
    auto text = read_file(fs::path(folder) / file.path, 1u << 20);
    if (!text || text->find('\0') < 8000 || language_of(file.path, *text).empty()) continue;
    mb += static_cast<double>(text->size()) / 1e6;
    if (SyntaxTree::parse_path(file.path, std::move(*text))) ++n;
  }
  *cpu = cpu_s() - begin;
  std::printf("parse only: files %zu MB %.1f cpu %.2f s\n", n, mb, *cpu);
  return 0;
}

void print_stats(const char* run, const IndexStats& stats) {
  double mb = static_cast<double>(stats.n_bytes) / 1e6;
  std::printf(
      "%s: files %zu indexed %zu parsed %zu MB %.1f lines %llu symbols %zu occurrences %zu "
      "wall %.3f s (status walk %.3f s) cpu %.3f s resident %.0f MB\n",
      run, stats.n_files, stats.n_indexed, stats.n_parsed, mb,
      static_cast<unsigned long long>(stats.n_lines), stats.n_symbols, stats.n_occurrences,
      stats.wall_s, stats.status_wall_s, stats.cpu_s, resident_mb());
  for (const std::string& note : stats.notes) std::printf("  note: %s\n", note.c_str());
}

// The parts of the segments, against the bytes of files that have a language.
void print_parts(const fs::path& cache, const Snapshot& snapshot) {
  double source = 0;
  snapshot.for_each_file([&](const FileEntry& file) {
    FileSummary summary = snapshot.summary(file);
    if (!summary.language.empty()) source += summary.n_bytes;
  });
  double sum = 0;
  std::map<std::string, double> parts;
  std::error_code error;
  for (fs::recursive_directory_iterator it(cache, error), end; it != end; it.increment(error)) {
    if (!it->is_regular_file()) continue;
    sum += static_cast<double>(it->file_size());
    auto segment = Segment::open(it->path());
    if (!segment) {
      parts[it->path().extension().string()] += static_cast<double>(it->file_size());
      continue;
    }
    for (size_t s = 0; s < kNSections; ++s) {
      auto section = static_cast<Section>(s);
      parts[std::string(to_string(section))] +=
          static_cast<double>((*segment)->section_bytes(section));
    }
    std::printf("  segment: docs %u names %u bytes %.1f MB\n", (*segment)->n_docs(),
                (*segment)->n_names(), static_cast<double>((*segment)->n_bytes()) / 1e6);
  }
  std::printf("  on disk: %.1f MB = %.1f %% of %.1f MB of source (files with a grammar):",
              sum / 1e6, 100 * sum / source, source / 1e6);
  for (const auto& [name, bytes] : parts) {
    std::printf(" %s %.2f", name.empty() ? "other" : name.c_str(), bytes / 1e6);
  }
  std::printf("\n");
}

int cold_and_warm(const char* folder, const fs::path& cache, size_t n_threads) {
  double parse_cpu = 0;
  if (int status = parse_only(folder, &parse_cpu); status != 0) return status;
  for (const char* run : {"cold", "warm"}) {
    IndexOptions options;
    options.cache_folder = cache;
    options.n_threads = n_threads;
    auto index = RepoIndex::open(folder, options);
    if (!index) return fail_with(index.error());
    auto stats = (*index)->refresh();
    if (!stats) return fail_with(stats.error());
    print_stats(run, *stats);
    if (std::strcmp(run, "cold") == 0) {
      std::printf("  cold / parse only: %.2f\n", stats->cpu_s / parse_cpu);
      print_parts(cache, *(*index)->snapshot());
    }
  }
  return 0;
}

int threads(const char* folder, size_t n) {
  double wall[2] = {0, 0}, cpu[2] = {0, 0};
  for (size_t k : {size_t{1}, n}) {
    auto cache = TemporaryFolder::make("index-bench");
    if (!cache) return fail_with(cache.error());
    IndexOptions options;
    options.cache_folder = cache->path();
    options.n_threads = k;
    auto index = RepoIndex::open(folder, options);
    if (!index) return fail_with(index.error());
    auto stats = (*index)->refresh();
    if (!stats) return fail_with(stats.error());
    wall[k == 1 ? 0 : 1] = stats->wall_s;
    cpu[k == 1 ? 0 : 1] = stats->cpu_s;
  }
  std::printf("threads: 1: wall %.2f s cpu %.2f s; %zu: wall %.2f s cpu %.2f s; speed-up %.2f\n",
              wall[0], cpu[0], n, wall[1], cpu[1], wall[0] / wall[1]);
  return 0;
}

int ask(const char* folder, const char* cache) {
  IndexOptions options;
  options.cache_folder = cache;
  double before_mb = resident_mb();
  auto index = RepoIndex::open(folder, options);
  if (!index) return fail_with(index.error());
  auto stats = (*index)->refresh();
  if (!stats) return fail_with(stats.error());
  std::printf("process before %.0f MB\n", before_mb);
  print_stats("start", *stats);
  double walk = cpu_s();
  if (auto listing = WorkTree::open(folder, {}, {})->list({}); !listing) {
    return fail_with(listing.error());
  }
  walk = cpu_s() - walk;
  std::printf("  a status walk alone: cpu %.3f s; start beyond it: cpu %.3f s\n", walk,
              stats->cpu_s - walk);
  // A second refresh in the same process: only the status walk and comparisons.
  if (stats = (*index)->refresh(); !stats) return fail_with(stats.error());
  print_stats("again", *stats);
  View view{(*index)->snapshot(), nullptr};
  const Snapshot& snapshot = *view.snapshot;

  std::vector<std::string> names;
  double t = thread_s();
  snapshot.for_each_defined_name([&](std::string_view name, uint64_t) {
    names.emplace_back(name);
    return true;
  });
  std::printf("  %zu defined names, first scan %.1f ms\n", names.size(), (thread_s() - t) * 1e3);
  std::mt19937 random(11);
  std::shuffle(names.begin(), names.end(), random);
  if (names.size() > 20000) names.resize(20000);

  std::vector<double> postings, references, definitions, per_reference;
  size_t n_references = 0;
  for (const std::string& name : names) {
    t = thread_s();
    snapshot.files_with_name(name, [](const FileEntry&) { return false; });
    postings.push_back(thread_s() - t);
    t = thread_s();
    snapshot.definitions(name, [](DefinitionRef) { return true; });
    definitions.push_back(thread_s() - t);
    t = thread_s();
    size_t n = 0;
    snapshot.uses(name, [&](UseRef) { return ++n, true; });
    references.push_back(thread_s() - t);
    n_references += n;
  }
  print_latency("name to postings", postings);
  print_latency("all definitions of a name", definitions);
  print_latency("all references of a name", references);
  std::printf("  %zu references seen\n", n_references);

  std::vector<double> scans, fuzzy, facts_times;
  for (size_t i = 0; i < 300 && i < names.size(); ++i) {
    std::string query = names[i].substr(0, 3 + i % 6);
    t = thread_s();
    size_t n = 0;
    snapshot.for_each_defined_name([&](std::string_view, uint64_t) { return ++n, true; },
                                   letter_bits(query));
    scans.push_back(thread_s() - t);
    t = thread_s();
    workspace_symbols(view, query, 100);
    fuzzy.push_back(thread_s() - t);
  }
  print_latency("scan of the names with the letters", scans);
  print_latency("fuzzy workspace symbol, 100 answers", fuzzy);
  std::vector<std::string> paths = view.paths();
  std::shuffle(paths.begin(), paths.end(), random);
  for (size_t i = 0; i < paths.size() && facts_times.size() < 2000; ++i) {
    if (snapshot.summary(*snapshot.find(paths[i])).n_symbols == 0) continue;
    t = thread_s();
    FileFactsPtr facts = view.facts(paths[i]);
    facts_times.push_back(thread_s() - t);
  }
  print_latency("facts of a file, mostly not at hand", facts_times);

  std::printf("  resident after questions to the postings %.0f MB\n", resident_mb());
  std::vector<double> found;
  size_t answered = 0;
  for (const std::string& path : paths) {
    FileFactsPtr facts = view.facts(path);
    if (facts == nullptr || facts->occurrences.empty() || found.size() >= 1000) continue;
    const Occurrence& o = facts->occurrences[facts->occurrences.size() / 2];
    t = thread_s();
    answered += find_definitions(view, path, o.begin).empty() ? 0 : 1;
    found.push_back(thread_s() - t);
  }
  print_latency("definition, file reads included", found);
  std::printf("  %zu answered; resident at the end %.0f MB\n", answered, resident_mb());
  return 0;
}

int save(const char* folder, const char* file, const char* cache) {
  IndexOptions options;
  options.cache_folder = cache;
  auto index = RepoIndex::open(folder, options);
  if (!index) return fail_with(index.error());
  if (auto stats = (*index)->refresh(); !stats) return fail_with(stats.error());
  fs::path path = fs::path(folder) / file;
  auto text = read_file(path);
  if (!text) return fail_with(text.error());
  std::vector<double> seconds;
  Status status;
  for (int i = 0; i < 200 && status; ++i) {
    std::string name = "saved_" + std::to_string(getpid()) + "_" + std::to_string(i);
    status = write_file_atomic(path, *text + "\nint " + name + " = 1;\n");
    double t = thread_s();
    if (status) status = (*index)->refresh_paths({file});
    bool seen = false;
    (*index)->snapshot()->files_with_name(name, [&](const FileEntry&) { return seen = true; });
    seconds.push_back(thread_s() - t);
    if (status && !seen) status = fail(ErrorCode::internal, name + " is not visible");
  }
  if (Status back = write_file_atomic(path, *text); !back) return fail_with(back.error());
  if (!status) return fail_with(status.error());
  std::printf("saved file of %.1f KB:\n", static_cast<double>(text->size()) / 1e3);
  print_latency("visible to questions", seconds);
  return 0;
}

int first(const char* folder, const char* file) {
  auto cache = TemporaryFolder::make("index-bench");
  if (!cache) return fail_with(cache.error());
  IndexOptions options;
  options.cache_folder = cache->path();
  auto index = RepoIndex::open(folder, options);
  if (!index) return fail_with(index.error());
  (*index)->hurry({file});
  double begin = now_s(), seen = 0;
  size_t n_facts = 0, n_files = 0;
  CancelSource enough;
  std::thread refresh([&] { (void)(*index)->refresh({}, enough.token()); });
  while (seen == 0 && now_s() - begin < 300) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    SnapshotPtr snapshot = (*index)->snapshot();
    if (View{snapshot, nullptr}.facts(file) == nullptr) continue;
    seen = now_s();
    n_files = snapshot->n_files();
    snapshot->for_each_file([&](const FileEntry& entry) { n_facts += entry.indexed ? 1 : 0; });
  }
  enough.cancel();
  refresh.join();
  std::printf("first: %s has facts after %.2f s (wall), with %zu of %zu files\n", file,
              seen - begin, n_facts, n_files);
  return 0;
}

int exchange(const char* folder, const char* cache) {
  auto two = TemporaryFolder::make("index-bench");
  if (!two) return fail_with(two.error());
  fs::path file = two->path() / "facts.zst";
  IndexOptions options;
  options.cache_folder = cache;
  auto index = RepoIndex::open(folder, options);
  if (!index) return fail_with(index.error());
  if (auto stats = (*index)->refresh(); !stats) return fail_with(stats.error());
  double t = now_s();
  auto n = (*index)->export_facts(file);
  if (!n) return fail_with(n.error());
  std::printf("export: %zu blobs %.1f MB wall %.2f s\n", *n,
              static_cast<double>(fs::file_size(file)) / 1e6, now_s() - t);
  options.cache_folder = two->path() / "cache";
  auto fresh = RepoIndex::open(folder, options);
  if (!fresh) return fail_with(fresh.error());
  t = now_s();
  double cpu = cpu_s();
  if (n = (*fresh)->import_facts(file); !n) return fail_with(n.error());
  std::printf("import: %zu blobs wall %.2f s cpu %.2f s\n", *n, now_s() - t, cpu_s() - cpu);
  auto stats = (*fresh)->refresh();
  if (!stats) return fail_with(stats.error());
  print_stats("after import", *stats);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "--symbols" && argc == 3) return list_symbols(argv[2]);
  if (mode == "--ask" && argc == 4) return ask(argv[2], argv[3]);
  if (mode == "--save" && argc == 5) return save(argv[2], argv[3], argv[4]);
  if (mode == "--first" && argc == 4) return first(argv[2], argv[3]);
  if (mode == "--exchange" && argc == 4) return exchange(argv[2], argv[3]);
  if (mode == "--threads" && argc == 4) {
    return threads(argv[3], static_cast<size_t>(std::max(1, std::atoi(argv[2]))));
  }
  if (argc < 2 || mode.rfind("--", 0) == 0) {
    std::fprintf(stderr, "usage: index_bench [--MODE ...] FOLDER [CACHE_FOLDER]\n");
    return 2;
  }
  auto temporary = TemporaryFolder::make("index-bench");
  if (!temporary) return fail_with(temporary.error());
  return cold_and_warm(argv[1], argc > 2 ? fs::path(argv[2]) : temporary->path(), 1);
}
