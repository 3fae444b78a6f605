// agent/tools/command_changes.h - which of the files that a command has written count as its work.
//
// Build output and caches do not: git ignores them. Nor do texts that an edit could not have made.
#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "agent/edit/unified_diff.h"
#include "repoindex/git/ignore.h"

namespace engramd::agent {

inline constexpr size_t kMaxLeftOut = 20;  // named; more are not

// The .gitignore files from the root down to a path, read when a path below them is asked for. One
// thread at a time.
class IgnoredPaths {
 public:
  explicit IgnoredPaths(std::filesystem::path root);
  bool contains(const std::string& path, bool is_folder = false);

 private:
  void read(const std::string& folder);
  std::filesystem::path root_;
  std::set<std::string> known_;  // folders whose file was read
  repoindex::IgnoreRules rules_;
};

// "binary", "over 1 MB"; empty when the change can be part of a diff.
std::string why_left_out(const FileChange& change);

}  // namespace engramd::agent
