// tests/bench/import_bench.cpp - where the import statements of a repository lead.
//
//   import_bench [--missed] FOLDER   per language: imports, those that lead to a file, CPU us each;
//                                    and how often the definition of an imported name is found
//                                    there first, not as a guess; --missed prints the others
//   import_bench --list LANGUAGE N SEED FOLDER
//                                    N imports of that language drawn at random, one a line:
//                                    PATH:LINE TARGET NAME ALIAS -> FILES, to be judged by hand
//   import_bench --importers N FOLDER
//                                    CPU ms of "who imports this file", at N random files
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <random>

#include "base/file.h"
#include "repoindex/index.h"
#include "repoindex/query/imported.h"
#include "repoindex/snapshot.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

double cpu_us() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

struct Count {
  size_t imports = 0, led = 0, files = 0;
  size_t uses = 0, first = 0;  // of imported names, and those whose first definition is there
  double us = 0;
};

// The first use of the name that an import binds, outside of imports; nothing for `*`.
const Occurrence* first_use(const FileFacts& facts, const Import& import) {
  const std::string& name = import.alias.empty() ? import.name : import.alias;
  if (name.empty() || name == "*") return nullptr;
  for (const Occurrence& o : facts.occurrences) {
    bool bare = o.receiver == kNone && o.role != Role::import && o.role != Role::definition;
    if (bare && o.begin > import.end && facts.names[o.name] == name) return &o;
  }
  return nullptr;
}

bool is_first(const View& view, const std::string& path, const Occurrence& use,
              const std::vector<std::string>& files) {
  std::vector<SymbolHit> hits = find_definitions(view, path, use.begin);
  if (hits.empty() || hits[0].confidence == Confidence::possible) return false;
  return std::find(files.begin(), files.end(), hits[0].place.path) != files.end();
}

void count_all(const View& view, bool verbose) {
  std::map<std::string, Count> counts;
  for (const std::string& path : view.paths()) {
    FileFactsPtr facts = view.facts(path);
    if (facts == nullptr || facts->imports.empty()) continue;
    Count& count = counts[facts->language];
    ++count.files;
    double begin = cpu_us();
    for (const Import& import : facts->imports) {
      ++count.imports;
      count.led += !files_of_import(view, path, *facts, import).empty();
    }
    count.us += cpu_us() - begin;
    for (const Import& import : facts->imports) {
      const Occurrence* use = first_use(*facts, import);
      std::vector<std::string> files;
      if (use != nullptr) files = files_of_import(view, path, *facts, import);
      if (files.empty()) continue;
      ++count.uses;
      bool first = is_first(view, path, *use, files);
      count.first += first;
      if (verbose && !first) {
        std::printf("  %s:%u %s, expected in %s\n", path.c_str(), use->begin,
                    facts->names[use->name].c_str(), files[0].c_str());
      }
    }
  }
  for (const auto& [language, c] : counts) {
    std::printf("%-12s %6zu files %7zu imports %7zu lead to a file %8.1f us each, ",
                language.c_str(), c.files, c.imports, c.led, c.us / static_cast<double>(c.imports));
    std::printf("definitions %zu of %zu\n", c.first, c.uses);
  }
}

void list(const View& view, std::string_view language, size_t n, unsigned seed) {
  std::vector<std::pair<std::string, size_t>> all;
  for (const std::string& path : view.paths()) {
    FileFactsPtr facts = view.facts(path);
    if (facts == nullptr || facts->language != language) continue;
    for (size_t i = 0; i < facts->imports.size(); ++i) all.emplace_back(path, i);
  }
  std::mt19937 random(seed);
  std::shuffle(all.begin(), all.end(), random);
  all.resize(std::min(all.size(), n));
  for (const auto& [path, i] : all) {
    FileFactsPtr facts = view.facts(path);
    const Import& import = facts->imports[i];
    auto text = view.text(path);
    LineColumn at = LineIndex(*text).position(import.begin);
    std::printf("%s:%u  %s %s %s ->", path.c_str(), at.line + 1, import.target.c_str(),
                import.name.empty() ? "-" : import.name.c_str(), import.alias.c_str());
    std::vector<std::string> files = files_of_import(view, path, *facts, import);
    for (size_t f = 0; f < std::min<size_t>(files.size(), 3); ++f) {
      std::printf(" %s", files[f].c_str());
    }
    std::printf(files.size() > 3 ? " (%zu)\n" : "\n", files.size());
  }
}

void ask_importers(const View& view, size_t n) {
  std::vector<std::string> paths;
  for (const std::string& path : view.paths()) {
    FileFactsPtr facts = view.facts(path);
    if (facts != nullptr && !facts->imports.empty()) paths.push_back(path);
  }
  std::mt19937 random(1);
  std::vector<double> ms;
  size_t n_found = 0;
  for (size_t i = 0; i < n && !paths.empty(); ++i) {
    double begin = cpu_us();
    n_found += importers_of(view, paths[random() % paths.size()]).size();
    ms.push_back((cpu_us() - begin) / 1000);
  }
  std::sort(ms.begin(), ms.end());
  if (ms.empty()) return;
  std::printf("importers  n=%zu  p50 %.1f ms  p99 %.1f ms  max %.1f ms  found %zu\n", ms.size(),
              ms[ms.size() / 2], ms[ms.size() * 99 / 100], ms.back(), n_found);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  auto index = RepoIndex::open(argv[argc - 1], IndexOptions{});
  if (!index || !(*index)->refresh()) return 1;
  View view{(*index)->snapshot(), nullptr};
  if (argc == 6 && std::strcmp(argv[1], "--list") == 0) {
    list(view, argv[2], std::strtoul(argv[3], nullptr, 10),
         static_cast<unsigned>(std::strtoul(argv[4], nullptr, 10)));
  } else if (argc == 4 && std::strcmp(argv[1], "--importers") == 0) {
    ask_importers(view, std::strtoul(argv[2], nullptr, 10));
  } else {
    count_all(view, argc == 3 && std::strcmp(argv[1], "--missed") == 0);
  }
  return 0;
}
