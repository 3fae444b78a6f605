// repoindex/git/ignore.h - gitignore patterns: for include/exclude, for folders without git, and
// for those who must know before git is asked (the watcher).
//
// Matches as git does: the last pattern that matches wins, `!` takes back, a slash anchors, a
// trailing slash means folders only, `**` crosses folders. tests/repoindex/git_rules_test.cpp
// compares with git itself. Plain data, one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace engramd::repoindex {

class IgnoreRules {
 public:
  // Text of one ignore file; base is the folder it lies in, relative to the root ("" or "a/b").
  void add(std::string_view text, std::string_view base);
  void add_pattern(std::string_view line, std::string_view base);
  bool empty() const { return patterns_.empty(); }
  size_t size() const { return patterns_.size(); }
  void truncate(size_t n) { patterns_.resize(n); }  // when leaving a folder
  // Of this very path; whether a folder above is ignored is for the caller to know.
  bool ignored(std::string_view path, bool is_folder) const;
  // Of the path or any folder above it.
  bool ignored_with_parents(std::string_view path, bool is_folder = false) const;

 private:
  // Most patterns are a name or a `*.ext`: those need no glob matching.
  enum class Shape : uint8_t { glob, plain, suffix };
  struct Pattern {
    std::string glob, base;  // of a suffix: without its star
    bool negated = false, folders_only = false, anchored = false;
    Shape shape = Shape::glob;
  };
  std::vector<Pattern> patterns_;
};

// `*` and `?` stop at slashes; `**` beside slashes does not. Bounded work: a pattern with many
// stars gives up.
bool glob_matches(std::string_view glob, std::string_view path);

// The part of path below base, and of that only the last component unless the pattern is anchored;
// nothing to match (a null view) when path is not below base. For patterns of a file in a folder.
std::string_view part_to_match(std::string_view path, std::string_view base, bool anchored);

}  // namespace engramd::repoindex
