// syntax_bench errors FOLDER [-v]: how many files of each language show syntax errors. Files of a
// release are correct, so each of them is a false alarm (docs/benchmarks/syntax.md).
// syntax_bench keys FILE [N]: N keys typed at random places of a file, and what the editor asks
// after each; milliseconds of CPU time of this thread, the median and the 99th of a hundred.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <map>
#include <random>

#include "base/file.h"
#include "repoindex/index.h"
#include "repoindex/parse/extract.h"
#include "repoindex/query.h"
#include "repoindex/syntax/folding.h"
#include "repoindex/syntax/selection.h"
#include "repoindex/syntax/tokens.h"

using namespace engramd;
using namespace engramd::repoindex;
namespace fs = std::filesystem;

namespace {

struct Count {
  size_t n_files = 0, n_with_errors = 0, n_told = 0, n_errors = 0;
};

int count_errors(const fs::path& folder, bool show) {
  std::map<std::string, Count> counts;
  Extractor extractor;
  std::error_code ignored;
  for (fs::recursive_directory_iterator
           at(folder, fs::directory_options::skip_permission_denied, ignored),
       end;
       at != end; at.increment(ignored)) {
    if (!at->is_regular_file(ignored) || at->is_symlink(ignored)) continue;
    const std::string path = at->path().string();
    auto text = read_file(path, 1u << 20);
    if (!text || text->find('\0') != std::string::npos) continue;
    const Language* language = language_for_path(path, *text);
    if (language == nullptr) continue;
    const FileFactsPtr facts = extractor.extract(language, *text);
    Count& count = counts[language->name];
    ++count.n_files;
    count.n_with_errors += facts->has_errors ? 1 : 0;
    count.n_told += facts->errors.empty() ? 0 : 1;
    count.n_errors += facts->errors.size();
    if (!show) continue;
    const LineIndex lines(*text);
    for (const SyntaxError& error : facts->errors) {
      const LineColumn place = lines.position(error.begin);
      const ByteRange line = lines.line_range(place.line, *text);
      std::printf("%s:%u:%u: %s | %s\n", path.c_str(), place.line + 1, place.column + 1,
                  error.message.c_str(),
                  text->substr(line.begin, std::min<size_t>(line.size(), 100)).c_str());
    }
  }
  std::printf("%-12s %7s %18s %12s %8s\n", "language", "files", "with ERROR nodes", "files told",
              "errors");
  for (const auto& [language, c] : counts) {
    std::printf("%-12s %7zu %18zu %12zu %8zu\n", language.c_str(), c.n_files, c.n_with_errors,
                c.n_told, c.n_errors);
  }
  return 0;
}

double cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

int type_keys(const std::string& path, int n_keys) {
  auto text = read_file(path, 16u << 20);
  if (!text) {
    std::fprintf(stderr, "syntax_bench: %s\n", text.error().message.c_str());
    return 1;
  }
  auto document = Document::open(path, *text, 1);
  document->publish();
  std::map<std::string, std::vector<double>> times;
  std::mt19937 random(7);
  const auto timed = [&](const char* what, const auto& body) {
    const double begin = cpu_ms();
    body();
    const double took = cpu_ms() - begin;
    times[what].push_back(took);
    return took;
  };
  std::string typed;
  size_t at = 0;
  for (int key = 0; key < n_keys; ++key) {
    if (typed.empty()) {  // a new word somewhere, typed and then deleted
      typed = "value = 1";
      at = document->lines().line_start(random() % document->lines().line_count());
    }
    double sum = 0;
    sum += timed("1 edit", [&] { document->edit({at, at}, typed.substr(0, 1)); });
    ++at;
    typed.erase(0, 1);
    View view;
    sum += timed("2 parse and facts", [&] {
      auto overlay = std::make_shared<Overlay>();
      (*overlay)[path] = document->publish();
      view.overlay = std::move(overlay);
    });
    auto file = syntax_file(view, path, WithTree::yes);
    sum += timed("3 semantic tokens", [&] { semantic_tokens(view, *file); });
    times["4 edit to tokens"].push_back(sum);
    timed("5 document symbols", [&] { document_symbols(view, path); });
    timed("6 folds", [&] { folds(*file); });
    timed("7 selection", [&] { selection_steps(*file, at); });
    if (typed.empty()) document->edit({at - 9, at}, "");
  }
  std::printf("%s: %zu lines, %zu bytes, %d keys\n", path.c_str(), document->lines().line_count(),
              text->size(), n_keys);
  for (auto& [what, all] : times) {
    std::sort(all.begin(), all.end());
    std::printf("%-22s p50 %7.3f  p99 %7.3f  max %7.3f ms\n", what.c_str(), all[all.size() / 2],
                all[std::min(all.size() - 1, all.size() * 99 / 100)], all.back());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc >= 3 && std::strcmp(argv[1], "errors") == 0)
    return count_errors(argv[2], argc > 3 && std::strcmp(argv[3], "-v") == 0);
  if (argc >= 3 && std::strcmp(argv[1], "keys") == 0)
    return type_keys(argv[2], argc > 3 ? std::atoi(argv[3]) : 1000);
  std::fprintf(stderr, "usage: syntax_bench errors FOLDER [-v] | keys FILE [N]\n");
  return 2;
}
