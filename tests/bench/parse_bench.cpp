// tests/bench/parse_bench.cpp - what the facts cost beside the parse alone, and a keystroke.
//
//   parse_bench FOLDER                  CPU seconds per language: parse only, then parse and facts
//   parse_bench --keystroke FILE [N]    N single-byte edits, re-parsed and walked; p50, p99, worst
//   parse_bench --drift FILE [N]        the same edits: how often the facts are not a fresh parse's
//
// One thread, CPU seconds of that thread. Files over the parse cap are left out of both columns.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <random>

#include "base/file.h"
#include "repoindex/index.h"
#include "repoindex/languages/language.h"
#include "repoindex/parse/extract.h"
#include "repoindex/parse/syntax.h"
#include "repoindex/store/record.h"

using namespace engramd;
using namespace engramd::repoindex;
namespace fs = std::filesystem;

namespace {

double cpu_s() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

struct Row {
  size_t n_files = 0, n_truncated = 0;
  double mb = 0, parse_s = 0, facts_s = 0;
};

void add(Row& sum, const Row& row) {
  sum.n_files += row.n_files;
  sum.n_truncated += row.n_truncated;
  sum.mb += row.mb;
  sum.parse_s += row.parse_s;
  sum.facts_s += row.facts_s;
}

void print(const char* name, const Row& r) {
  std::printf("%-12s files %6zu  MB %7.1f  parse %7.2f s (%5.1f MB/s)  facts %7.2f s  ratio %.2f",
              name, r.n_files, r.mb, r.parse_s, r.mb / r.parse_s, r.facts_s, r.facts_s / r.parse_s);
  std::printf(r.n_truncated != 0 ? "  truncated %zu\n" : "\n", r.n_truncated);
}

int measure_folder(const fs::path& folder) {
  std::map<std::string, Row> rows;
  Extractor extractor;
  for (auto it = fs::recursive_directory_iterator(folder); it != fs::recursive_directory_iterator();
       ++it) {
    if (it->path().filename() == ".git") it.disable_recursion_pending();
    if (!it->is_regular_file() || it->is_symlink()) continue;
    auto text = read_file(it->path(), ExtractLimits{}.max_bytes);
    if (!text) continue;
    const Language* language = language_for_path(it->path().string(), *text);
    if (language == nullptr) continue;
    Row row;
    row.n_files = 1;
    row.mb = static_cast<double>(text->size()) * 1e-6;
    // Both take turns on the same text, so that a change of the machine's speed hits both.
    double begin = cpu_s();
    extractor.parse_only(*language, *text);
    double middle = cpu_s();
    FileFactsPtr facts = extractor.extract(language, *text);
    row.facts_s = cpu_s() - middle;
    row.parse_s = middle - begin;
    row.n_truncated = facts->truncated ? 1 : 0;
    add(rows[language->name], row);
  }
  Row all;
  for (const auto& [name, row] : rows) {
    print(name.c_str(), row);
    add(all, row);
  }
  print("all", all);
  return 0;
}

int measure_keystrokes(const fs::path& file, size_t n, bool drift) {
  auto text = read_file(file);
  if (!text) {
    std::fprintf(stderr, "parse_bench: %s\n", text.error().message.c_str());
    return exit_status(text.error().code);
  }
  auto document = Document::open(file.filename().string(), *text, 1);
  document->publish();
  std::mt19937 random(7);
  std::vector<double> ms;
  Extractor extractor;
  const Language* language = language_for_path(file.string(), *text);
  size_t n_drifted = 0, n_broken = 0;
  const std::string typed = " value = other_value + 1;";
  for (size_t i = 0; i < n; ++i) {
    // Words are typed somewhere at a line's end, then taken away again, as people do.
    size_t begin = document->text().find('\n', random() % document->text().size());
    if (begin == std::string::npos) begin = 0;
    for (size_t k = 0; k < typed.size() && i < n; ++k, ++i) {
      double before = cpu_s();
      document->edit({begin + k, begin + k}, typed.substr(k, 1));
      document->publish();
      ms.push_back(1e3 * (cpu_s() - before));
      if (!drift) continue;
      OpenDocument published = document->publish();
      n_broken += published.facts->has_errors ? 1 : 0;
      if (encode_facts(*published.facts) !=
          encode_facts(*extractor.extract(language, document->text()))) {
        ++n_drifted;
      }
    }
    document->edit({begin, begin + typed.size()}, "");
    document->publish();
  }
  if (drift) {
    std::printf("%s: %zu KB, %zu keystrokes, %zu texts with errors, facts of %zu differ\n",
                file.filename().c_str(), text->size() / 1024, ms.size(), n_broken, n_drifted);
    return 0;
  }
  std::sort(ms.begin(), ms.end());
  std::printf("%s: %zu KB, %zu keystrokes, CPU ms p50 %.2f p99 %.2f worst %.2f\n",
              file.filename().c_str(), text->size() / 1024, ms.size(), ms[ms.size() / 2],
              ms[ms.size() * 99 / 100], ms.back());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc >= 3 &&
      (std::strcmp(argv[1], "--keystroke") == 0 || std::strcmp(argv[1], "--drift") == 0)) {
    return measure_keystrokes(argv[2], argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 500,
                              std::strcmp(argv[1], "--drift") == 0);
  }
  if (argc == 2) return measure_folder(argv[1]);
  std::fprintf(stderr, "usage: parse_bench FOLDER | parse_bench --keystroke FILE [N]\n");
  return 2;
}
