// repoindex/query/project/packages.h - what composer.json, Package.swift, gemspecs and C# projects
// of a repository say of names and folders. Immutable once read: any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace engramd::repoindex {

// composer.json: which folders hold the classes of a namespace. Its "classmap" and "files" are not
// read: such classes are found by their full name.
class ComposerPackages {
 public:
  void add(const std::string& file, std::string_view text);
  // Files that may hold the class "App\Billing\Invoice", longest prefix first; relative to the
  // root.
  std::vector<std::string> places(std::string_view class_name) const;

 private:
  struct Rule {
    std::string prefix, folder;
    bool psr0 = false;  // the whole class name is a path below the folder, '_' too
  };
  std::vector<Rule> rules_;  // longest prefix first
};

// Package.swift: a module is the files of one target.
class SwiftPackages {
 public:
  struct Target {
    std::string name;
    std::vector<std::string> folders;  // where its files may be, best first
  };
  void add(const std::string& file, std::string_view text);
  const std::vector<Target>& targets() const { return targets_; }

 private:
  std::vector<Target> targets_;
};

// The folders below which `require "a/b"` looks, as a gemspec says; lib when it says nothing.
std::vector<std::string> ruby_require_folders(const std::string& gemspec, std::string_view text);

// <Using Include="A.B" /> of a project file: usings of every file below it.
std::vector<std::string> project_usings(std::string_view csproj);

}  // namespace engramd::repoindex
