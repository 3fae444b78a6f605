// repoindex/git/scope.h - which paths under a root count, by the rule texts alone.
//
// Two kinds of rules. *Wanted*: include, exclude and the root's .engramdignore, which hold for
// tracked files too. *Ignored*: .gitignore files from the work tree's top down, info/exclude and
// the user's excludes file, which git applies to untracked files only. Also the one walk over a
// folder that follows them: it never follows a symbolic link, so a link can neither lead outside
// nor make a loop. Rules are read when needed, so a changed file counts at once; reload() picks up
// a repository that came, went or changed its settings. One thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "repoindex/git/ignore.h"
#include "repoindex/git/place.h"

namespace engramd::repoindex {

constexpr size_t kMaxListedFiles = 2'000'000;
constexpr size_t kMaxFolderDepth = 200;

class Scope {
 public:
  // Paths are relative to root, '/' separated.
  Scope(std::filesystem::path root, const std::vector<std::string>& include,
        const std::vector<std::string>& exclude);

  void reload();
  // A repository that git itself refuses is a plain folder.
  void forget_repository();

  const std::filesystem::path& root() const { return root_; }
  const GitPlace& place() const { return place_; }
  const GitSettings& settings() const { return settings_; }
  bool in_git() const { return place_.kind == GitPlace::Kind::work_tree; }

  bool wanted(std::string_view path) const;
  bool folder_wanted(std::string_view folder) const;
  // By the ignore rules, those of the folders above it included.
  bool ignored(const std::string& path, bool is_folder) const;
  // The same for a folder given from the work tree's top: the root itself may be ignored.
  bool ignored_from_top(const std::string& folder) const;
  // Not a plain relative path, or it runs through a symbolic link or git's own folder.
  bool leads_outside(const std::string& path) const;
  // In a repository: some folder on the way is a repository of its own.
  bool in_nested_repository(const std::string& path) const;

  struct Visitor {
    // Before a folder is read; false: it is left out. The start folder is asked for too.
    std::function<bool(const std::string& folder)> folder;
    // Files known already: their rules are not looked up, and they are not told.
    std::function<bool(const std::string& path)> known;
    std::function<void(const std::string& path)> file;  // all that are no folders and no links
    std::function<void(const std::string& folder)> unreadable;
    std::function<void(const std::string& folder)> repository;  // nested, and left out
  };
  // What is below a folder ("": all), without what is ignored. Wanted folders only.
  Status walk(const std::string& start, const Visitor& visit, const CancelToken& cancel = {}) const;

 private:
  void add_rules_above(const std::string& folder_below_top, IgnoreRules* rules) const;
  void add_rules_of(const std::string& folder_below_top, IgnoreRules* rules) const;
  bool ignored_below_top(const std::string& path, bool is_folder) const;
  std::string below_top(const std::string& folder) const;
  bool never_entered(const std::string& name) const;

  const std::filesystem::path root_;
  IgnoreRules include_, exclude_, scoped_;
  GitPlace place_;
  GitSettings settings_;
};

}  // namespace engramd::repoindex
