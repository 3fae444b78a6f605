#include "agent/verify/nearest_tests.h"

#include <algorithm>
#include <map>
#include <set>

#include "agent/edit/path_class.h"
#include "repoindex/index.h"
#include "repoindex/query/imported.h"
#include "repoindex/snapshot.h"

namespace engramd::agent {
namespace {

using namespace repoindex;

constexpr size_t kMaxImporters = 200;
constexpr size_t kMaxFollowed = 12;  // importers whose importers are looked at

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}
std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

// A file that a test runner would be given: code, and no fixture or setting.
bool is_runnable_test(const std::string& path) {
  if (!is_plain_test(path)) return false;
  const std::string name = base_name(path);
  const std::string language = language_of(path);
  if (language.empty() || language == "json" || language == "yaml" || language == "toml" ||
      language == "markdown")
    return false;
  if (language == "python") return name.starts_with("test") || name.ends_with("_test.py");
  if (language == "go") return name.ends_with("_test.go");
  return true;
}

size_t common_folders(const std::string& a, const std::string& b) {
  size_t n = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()) && a[i] == b[i]; ++i) n += a[i] == '/';
  return n;
}

}  // namespace

std::vector<std::string> nearest_tests(const View& view, const std::vector<std::string>& changed,
                                       size_t limit, const CancelToken& cancel) {
  // Lower is nearer; of several reasons the best.
  std::map<std::string, std::pair<int, size_t>> found;
  const auto add = [&](const std::string& path, int rank, const std::string& of) {
    if (!is_runnable_test(path)) return;
    const std::pair<int, size_t> key{rank, 100 - std::min<size_t>(common_folders(path, of), 100)};
    const auto [place, is_new] = found.try_emplace(path, key);
    if (!is_new) place->second = std::min(place->second, key);
  };
  for (const std::string& path : changed) {
    if (cancel.cancelled()) break;
    add(path, 0, path);
    const std::string name = base_name(path);
    const std::string stem = name.substr(0, name.find('.'));
    const std::string end = name.substr(std::min(name.rfind('.'), name.size()));
    if (stem.size() > 1 && view.snapshot) {
      for (const std::string& test_name :
           {"test_" + stem + end, stem + "_test" + end, stem + ".test" + end, stem + ".spec" + end,
            stem + "Test" + end, stem + "_spec" + end, "test" + stem + end})
        view.snapshot->files_called(test_name, [&](const FileEntry& file) {
          add(file.path, 1, path);
          return found.size() < 100;
        });
    }
    if (end == ".go" && view.snapshot)
      view.snapshot->for_each_below(folder_of(path), [&](const FileEntry& file) {
        if (folder_of(file.path) == folder_of(path)) add(file.path, 1, path);
        return found.size() < 100;
      });
    std::set<std::string> importers;
    for (const ReferenceHit& hit : importers_of(view, path, kMaxImporters, cancel)) {
      add(hit.place.path, 2, path);
      if (!is_runnable_test(hit.place.path)) importers.insert(hit.place.path);
    }
    size_t n = 0;
    for (const std::string& importer : importers) {
      if (found.size() >= limit || ++n > kMaxFollowed || cancel.cancelled()) break;
      for (const ReferenceHit& hit : importers_of(view, importer, kMaxImporters, cancel))
        add(hit.place.path, 3, path);
    }
  }
  std::vector<std::pair<std::pair<int, size_t>, std::string>> sorted;
  for (const auto& [path, key] : found) sorted.emplace_back(key, path);
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::string> out;
  for (size_t i = 0; i < std::min(limit, sorted.size()); ++i) out.push_back(sorted[i].second);
  return out;
}

}  // namespace engramd::agent
