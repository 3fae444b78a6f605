#include "agent/tests/affected.h"

#include <algorithm>
#include <map>
#include <set>

#include "agent/tests/js_results.h"
#include "repoindex/query.h"
#include "repoindex/query/imported.h"
#include "repoindex/snapshot.h"

namespace engramd::agent {
namespace {

constexpr int kMaxSteps = 3;  // from importer to importer
constexpr size_t kMaxImporters = 400;
constexpr size_t kMaxUses = 2000;

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

std::string_view folder_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

// "test_ring.cpp", "ring_test.go", "ring.spec.ts", "RingTest.java" -> "ring".
std::string stem_of(std::string_view path) {
  std::string_view name = base_name(path);
  name = name.substr(0, name.find('.'));
  std::string stem;
  for (const char c : name) stem += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  for (const std::string_view start : {"test_", "tests_", "test"})
    if (stem.size() > start.size() && stem.starts_with(start)) {
      stem.erase(0, start.size());
      break;
    }
  for (const std::string_view end : {"_tests", "_test", "_spec", "tests", "test", "spec"})
    if (stem.size() > end.size() && stem.ends_with(end)) {
      stem.resize(stem.size() - end.size());
      break;
    }
  std::erase(stem, '_');
  std::erase(stem, '-');
  return stem;
}

double shared_folders(std::string_view a, std::string_view b) {
  // Mirrored trees count: tests/agent/x against agent/x.
  std::set<std::string_view> parts;
  for (std::string_view folder = folder_of(a); !folder.empty(); folder = folder_of(folder))
    parts.insert(base_name(folder));
  double n = 0;
  for (std::string_view folder = folder_of(b); !folder.empty(); folder = folder_of(folder))
    n += parts.contains(base_name(folder));
  return std::min(n, 4.0);
}

class Ranking {
 public:
  void add(const std::string& file, double score, const std::string& why) {
    Entry& entry = entries_[file];
    entry.score += score;
    if (score > entry.strongest) {
      entry.strongest = score;
      entry.why = why;
    }
  }
  std::vector<AffectedTest> take(size_t max_files) const {
    std::vector<AffectedTest> list;
    for (const auto& [file, entry] : entries_) list.push_back({file, entry.score, entry.why});
    std::stable_sort(list.begin(), list.end(), [](const AffectedTest& a, const AffectedTest& b) {
      return a.score > b.score;
    });
    if (list.size() > max_files) list.resize(max_files);
    return list;
  }
  bool has(const std::string& file) const { return entries_.contains(file); }

 private:
  struct Entry {
    double score = 0, strongest = 0;
    std::string why;
  };
  std::map<std::string, Entry> entries_;
};

}  // namespace

bool is_test_path(std::string_view path) {
  const std::string_view name = base_name(path);
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view stem = name.substr(0, dot), end = name.substr(dot);
  if (is_js_test_file(path)) return true;
  if (end == ".py") return stem.starts_with("test_") || stem.ends_with("_test") || stem == "tests";
  if (end == ".go") return stem.ends_with("_test");
  if (end == ".java" || end == ".kt" || end == ".scala" || end == ".cs" || end == ".php")
    return stem.ends_with("Test") || stem.ends_with("Tests") || stem.starts_with("Test");
  const bool in_tests = ("/" + std::string(path)).find("/test/") != std::string::npos ||
                        ("/" + std::string(path)).find("/tests/") != std::string::npos ||
                        ("/" + std::string(path)).find("/t/") != std::string::npos ||
                        ("/" + std::string(path)).find("/spec/") != std::string::npos ||
                        ("/" + std::string(path)).find("/__tests__/") != std::string::npos;
  const bool named = stem.starts_with("test_") || stem.ends_with("_test") ||
                     stem.ends_with("_tests") || stem.ends_with("_spec") ||
                     stem.starts_with("test-");
  static constexpr std::string_view kCode[] = {
      ".c",   ".cc",  ".cpp", ".cxx", ".rs",    ".rb", ".js", ".ts", ".mjs", ".cjs", ".jsx",
      ".tsx", ".exs", ".t",   ".lua", ".swift", ".m",  ".mm", ".pl", ".ex",  ".jl"};
  const bool code = std::find(std::begin(kCode), std::end(kCode), end) != std::end(kCode);
  return code && (in_tests || named);
}

std::vector<AffectedTest> affected_tests(const repoindex::View& view, const ChangedCode& changed,
                                         const AffectedOptions& options,
                                         const CancelToken& cancel) {
  Ranking ranking;
  std::set<std::string> seen(changed.files.begin(), changed.files.end());

  // The changed files, then who imports them, then who imports those.
  std::vector<std::string> layer = changed.files;
  static constexpr double kByStep[] = {12, 5, 2.5};
  for (const std::string& file : changed.files)
    if (is_test_path(file)) ranking.add(file, 100, "was changed itself");
  for (int step = 0; step < kMaxSteps && !layer.empty(); ++step) {
    std::vector<std::string> next;
    for (const std::string& file : layer) {
      if (cancel.check().has_value() == false || seen.size() > options.max_visited) break;
      for (const repoindex::ReferenceHit& hit :
           repoindex::importers_of(view, file, kMaxImporters, cancel)) {
        const std::string& importer = hit.place.path;
        if (is_test_path(importer) && !(step > 0 && ranking.has(importer)))
          ranking.add(importer, kByStep[step],
                      step == 0 ? "imports " + file : "imports " + file + " on the way");
        if (seen.insert(importer).second) next.push_back(importer);
      }
    }
    layer = std::move(next);
  }

  // Who uses the changed names. A name that is everywhere says little.
  for (const std::string& symbol : changed.symbols) {
    if (!view.snapshot || symbol.size() < 2) continue;
    std::vector<std::string> users;
    size_t n_files = 0;
    view.snapshot->files_with_name(symbol, [&](const repoindex::FileEntry& file) {
      if (is_test_path(file.path)) users.push_back(file.path);
      return ++n_files < kMaxUses && cancel.check().has_value();
    });
    const double weight = users.size() <= 3 ? 8 : users.size() <= 20 ? 5 : 1.5;
    for (const std::string& user : users) ranking.add(user, weight, "uses " + symbol);
  }

  // Who is called like them, and who lives beside them.
  std::set<std::string> stems;
  for (const std::string& file : changed.files)
    if (const std::string stem = stem_of(file); stem.size() > 1) stems.insert(stem);
  size_t n_seen = 0;
  if (view.snapshot)
    view.snapshot->for_each_file([&](const repoindex::FileEntry& file) {
      if (!is_test_path(file.path) || ++n_seen > 100000) return;
      const std::string stem = stem_of(file.path);
      const bool go = file.path.ends_with("_test.go");
      for (const std::string& source : changed.files) {
        if (source == file.path) continue;
        if (stems.contains(stem) && stem == stem_of(source))
          ranking.add(file.path, 10, "is named after " + source);
        // A package of Go needs no import of itself.
        if (go && source.ends_with(".go") && folder_of(source) == folder_of(file.path))
          ranking.add(file.path, 11, "is in the package of " + source);
        if (ranking.has(file.path))
          ranking.add(file.path, 0.3 * shared_folders(source, file.path), "lies near " + source);
      }
    });
  // Tests inside the changed file: Rust's, and Python's or JavaScript's kept with the code.
  for (const std::string& file : changed.files) {
    if (!file.ends_with(".rs")) continue;
    const auto text = view.text(file);
    if (text && text->find("#[cfg(test)]") != std::string::npos)
      ranking.add(file, 90, "has tests of its own");
  }
  return ranking.take(options.max_files);
}

}  // namespace engramd::agent
