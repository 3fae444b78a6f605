// repoindex/search/imports.h - which files of the view an import statement probably means.
//
// By the trailing components of what is written, for every language alike: right for the layouts
// people use, never a proof. For ranking only; navigation has its own resolver. Holds the paths it
// was made from; immutable, any thread.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "repoindex/facts.h"

namespace engramd::repoindex {

class ImportGuess {
 public:
  explicit ImportGuess(const std::vector<std::string>& paths);
  // At most one file an import, without duplicates, in the order of the imports.
  std::vector<std::string> imported_by(const std::string& path, const FileFacts& facts) const;

 private:
  const std::string* find(const std::string& importer, const std::vector<std::string>& parts,
                          bool relative) const;
  std::vector<std::string> paths_;
  // By last component: "core" for pkg/core.py, "pkg" for pkg/__init__.py.
  std::unordered_map<std::string, std::vector<uint32_t>> by_stem_;
};

std::string_view folder_of(std::string_view path);     // "" at the top
std::string_view extension_of(std::string_view path);  // without the dot
// Leading folders that two paths share.
size_t shared_folders(std::string_view a, std::string_view b);

}  // namespace engramd::repoindex
