// tests/bench/resolve_bench.cpp - how long a question takes in process, and answers for scripts.
//
//   resolve_bench FOLDER [N [OPEN]]    N (2000) definition questions at random names of random
//                                      files, and N/20 references questions: p50, p90, p99,
//                                      maximum; with OPEN (0) files open, as an editor has them
//   resolve_bench --answer FOLDER      reads "def|refs|uses PATH LINE COLUMN" (0-based, bytes;
//                                      uses: references without definitions), answers with one line
//                                      of PATH:LINE:COLUMN:CONFIDENCE each; "open PATH" opens a
//                                      file for the questions that follow. resolution_eval.py uses
//                                      it to ask without a daemon
//   resolve_bench --unknown FOLDER PREFIX   which names behind a receiver are only guessed
//
// CPU time of the calling thread is the number to compare. The first questions of a process also
// work out what the repository includes; they are in the figures.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <random>
#include <sstream>

#include "base/file.h"
#include "repoindex/index.h"
#include "repoindex/query.h"
#include "repoindex/snapshot.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

double cpu_us() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

void report(const char* what, std::vector<double> times) {
  if (times.empty()) return;
  std::sort(times.begin(), times.end());
  std::printf("%-34s n=%-6zu p50 %8.1f us   p90 %8.1f us   p99 %8.1f us   max %8.1f us\n", what,
              times.size(), times[times.size() / 2], times[times.size() * 9 / 10],
              times[times.size() * 99 / 100], times.back());
}

void print_slowest(std::vector<std::pair<double, std::string>> slow) {
  std::sort(slow.rbegin(), slow.rend());
  for (size_t i = 0; i < std::min<size_t>(5, slow.size()); ++i) {
    std::printf("    %8.1f us  %s\n", slow[i].first, slow[i].second.c_str());
  }
}

// As if an editor had the file open and had not changed it.
void open_file(View* view, const std::string& path) {
  OpenDocument document;
  document.facts = view->facts(path);
  auto text = view->text(path);
  if (document.facts == nullptr || !text) return;
  document.text = std::make_shared<const std::string>(std::move(*text));
  document.lines = std::make_shared<const LineIndex>(*document.text);
  Overlay overlay = view->overlay != nullptr ? *view->overlay : Overlay();
  overlay[path] = std::move(document);
  view->overlay = std::make_shared<const Overlay>(std::move(overlay));
}

void answer(View view) {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream in(line);
    std::string what, path;
    LineColumn at;
    in >> what >> path >> at.line >> at.column;
    if (what == "open") {
      open_file(&view, path);
      continue;
    }
    auto text = view.text(path);
    if (text) {
      size_t offset = LineIndex(*text).offset(at, *text);
      std::vector<std::pair<Place, Confidence>> places;
      if (what == "def") {
        for (SymbolHit& hit : find_definitions(view, path, offset))
          places.emplace_back(hit.place, hit.confidence);
      } else {
        for (ReferenceHit& hit : find_references(view, path, offset, what == "refs")) {
          places.emplace_back(hit.place, hit.confidence);
        }
      }
      for (const auto& [p, confidence] : places) {
        const char* sure = confidence == Confidence::certain  ? "certain"
                           : confidence == Confidence::likely ? "likely"
                                                              : "possible";
        std::printf("%s:%u:%u:%s ", p.path.c_str(), p.start.line, p.start.column, sure);
      }
    }
    std::printf("\n");
    std::fflush(stdout);
  }
}

// Names behind a receiver of which nothing but the name is known, and how many are known.
void list_unknown(const View& view, std::string_view prefix) {
  size_t n_known = 0, n_foreign = 0, n_guessed = 0;
  for (const std::string& path : view.paths()) {
    if (path.compare(0, prefix.size(), prefix) != 0) continue;
    FileFactsPtr facts = view.facts(path);
    auto text = view.text(path);
    if (facts == nullptr || !text) continue;
    LineIndex lines(*text);
    for (const Occurrence& o : facts->occurrences) {
      if (o.receiver == kNone || o.role == Role::definition) continue;
      auto hits = find_definitions(view, path, o.begin, 3);
      if (hits.empty()) {
        ++n_foreign;
      } else if (hits[0].confidence != Confidence::possible) {
        ++n_known;
      } else {
        ++n_guessed;
        std::printf("%s:%u %s of '%s'\n", path.c_str(), lines.position(o.begin).line + 1,
                    facts->names[o.name].c_str(), facts->names[o.receiver].c_str());
      }
    }
  }
  std::printf("behind a receiver: %zu known, %zu guessed by name, %zu without an answer\n", n_known,
              n_guessed, n_foreign);
}

void measure(View view, size_t n, size_t n_open) {
  std::vector<std::string> paths;
  for (std::string& path : view.paths()) {
    FileFactsPtr facts = view.facts(path);
    if (facts != nullptr && facts->occurrences.size() > 20) paths.push_back(std::move(path));
  }
  if (paths.empty()) return;
  std::mt19937 random(20);
  for (size_t i = 0; i < n_open; ++i) open_file(&view, paths[random() % paths.size()]);
  random.seed(20);
  std::vector<double> times;
  for (const std::string& path : paths) {
    double begin = cpu_us();
    FileFactsPtr facts = view.facts(path);
    times.push_back(cpu_us() - begin);
  }
  report("facts of a file", times);
  double all = 0;
  for (double t : times) all += t;
  std::printf("facts of all files: %.1f ms\n", all / 1000);
  times.clear();
  size_t answered = 0;
  std::vector<std::pair<double, std::string>> slow;
  for (size_t i = 0; i < n; ++i) {
    const std::string& path = paths[random() % paths.size()];
    FileFactsPtr facts = view.facts(path);
    const Occurrence& o = facts->occurrences[random() % facts->occurrences.size()];
    double begin = cpu_us();
    auto hits = find_definitions(view, path, o.begin);
    times.push_back(cpu_us() - begin);
    answered += !hits.empty();
    slow.emplace_back(times.back(), path + " " + facts->names[o.name]);
  }
  std::printf("definitions answered: %zu of %zu\n", answered, n);
  report("definition, first questions", times);
  print_slowest(slow);
  random.seed(20);
  times.clear();
  slow.clear();
  for (size_t i = 0; i < n; ++i) {
    const std::string& path = paths[random() % paths.size()];
    FileFactsPtr facts = view.facts(path);
    const Occurrence& o = facts->occurrences[random() % facts->occurrences.size()];
    double begin = cpu_us();
    find_definitions(view, path, o.begin);
    times.push_back(cpu_us() - begin);
    slow.emplace_back(times.back(), path + " " + facts->names[o.name]);
  }
  report("definition, asked again", times);
  print_slowest(slow);
  // Of any place in any file: what is written often comes often. And of what is defined, as an
  // editor shows it in its outline: each function and class is as likely as the next.
  for (bool of_definitions : {false, true}) {
    times.clear();
    slow.clear();
    random.seed(21);
    for (size_t i = 0; i < n / 20; ++i) {
      const std::string& path = paths[random() % paths.size()];
      FileFactsPtr facts = view.facts(path);
      uint32_t at = facts->occurrences[random() % facts->occurrences.size()].begin;
      std::string name = path;
      if (of_definitions) {
        std::vector<const Symbol*> shown;
        for (const Symbol& s : facts->symbols) {
          if (!s.local && s.kind != SymbolKind::variable) shown.push_back(&s);
        }
        if (shown.empty()) continue;
        const Symbol& symbol = *shown[random() % shown.size()];
        at = symbol.name_begin;
        name += " " + symbol.name;
      }
      double begin = cpu_us();
      size_t n_hits = find_references(view, path, at, false).size();
      times.push_back(cpu_us() - begin);
      auto asked = name_at(view, path, at);
      slow.emplace_back(times.back(),
                        path + " " + (asked ? asked->name : name) + " " + std::to_string(n_hits));
    }
    report(of_definitions ? "references of a definition" : "references of a random name", times);
    print_slowest(slow);
  }
}

}  // namespace

int main(int argc, char** argv) {
  bool answers = argc == 3 && std::strcmp(argv[1], "--answer") == 0;
  bool unknown = argc == 4 && std::strcmp(argv[1], "--unknown") == 0;
  if (argc < 2) {
    std::fprintf(
        stderr,
        "usage: resolve_bench FOLDER [N [OPEN]] | --answer FOLDER | --unknown FOLDER PREFIX\n");
    return 2;
  }
  IndexOptions options;
  options.use_cache = false;
  auto index = RepoIndex::open(answers || unknown ? argv[2] : argv[1], options);
  if (!index) {
    std::fprintf(stderr, "resolve_bench: %s\n", index.error().message.c_str());
    return exit_status(index.error().code);
  }
  if (auto stats = (*index)->refresh(); !stats) {
    std::fprintf(stderr, "resolve_bench: %s\n", stats.error().message.c_str());
    return exit_status(stats.error().code);
  }
  View view{(*index)->snapshot(), nullptr};
  if (answers) {
    answer(view);
  } else if (unknown) {
    list_unknown(view, argv[3]);
  } else {
    measure(view, argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 2000,
            argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 0);
  }
  return 0;
}
