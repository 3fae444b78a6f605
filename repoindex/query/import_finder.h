// repoindex/query/import_finder.h - what finding the file of an import has in common for all
// languages: candidates by path, and files by the end of their path. Inside query/ only. One
// thread.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "repoindex/query/project/paths.h"
#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

struct ImportFinder {
  const View& view;
  const std::string& path;  // of the importing file
  QueryCache& cache;
  // Set when the path decided, not only its folder.
  mutable bool by_path = false;

  bool add_first(const std::vector<std::string>& candidates, ImportTarget* target) const {
    for (const std::string& candidate : candidates) {
      if (candidate.empty() || !view.contains(candidate)) continue;
      target->files.push_back(candidate);
      return true;
    }
    return false;
  }

  // Files that end with the suffix; when several do, the ones nearest to the importing file.
  void by_suffix(std::string_view suffix, ImportTarget* target) const {
    size_t slash = suffix.rfind('/');
    std::string_view base = slash == std::string_view::npos ? suffix : suffix.substr(slash + 1);
    std::vector<std::string> all;
    view.snapshot->files_called(base, [&](const FileEntry& file) {
      if (ends_with_path(file.path, suffix)) all.push_back(file.path);
      return all.size() < 1000;
    });
    by_path = by_path || all.size() > 1;
    auto nearest =
        std::max_element(all.begin(), all.end(), [&](const std::string& a, const std::string& b) {
          return shared_prefix(a, path) < shared_prefix(b, path);
        });
    if (nearest != all.end()) target->files.push_back(*nearest);
  }
};

}  // namespace engramd::repoindex
