// repoindex/git/ignore.h - gitignore patterns, for folders without git and for include/exclude.
//
// Matches as git does: the last pattern that matches wins, `!` takes back, a slash anchors, a
// trailing slash means folders only, `**` crosses folders. Plain data, one thread.
#pragma once

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
  bool ignored_with_parents(std::string_view path) const;

 private:
  struct Pattern {
    std::string glob, base;
    bool negated = false, folders_only = false, anchored = false;
  };
  std::vector<Pattern> patterns_;
};

// `*` and `?` stop at slashes, `**` does not. Bounded work: patterns with many stars give up.
bool glob_matches(std::string_view glob, std::string_view path);

}  // namespace engramd::repoindex
