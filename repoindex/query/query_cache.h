// repoindex/query/query_cache.h - what questions of one snapshot have worked out and the next ones
// need again: the project's configuration, what files include, where an import leads.
//
// Owned by its Snapshot and about it alone: nothing of an overlay goes in. Files that are not in
// the index (a compile_commands.json in an ignored folder) are looked at again after kRecheck.
// Bounded: see the constants. Any thread; one mutex, held for microseconds once the parts are made.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "repoindex/query/project/compile_commands.h"
#include "repoindex/query/project/modules.h"
#include "repoindex/query/project/packages.h"
#include "repoindex/query/project/script_packages.h"
#include "repoindex/snapshot.h"

namespace engramd::repoindex {

struct ScriptPackages {
  std::unordered_map<std::string, ScriptPackage> by_name;
  std::unordered_map<std::string, std::string> name_of_folder;
};

// Which target of a Package.swift a file belongs to.
struct SwiftModules {
  std::unordered_map<std::string, std::string> name_of_folder;
  std::unordered_map<std::string, std::string> folder_of_name;
  std::string_view module_of(std::string_view path) const;  // empty: of none
};

// Usings that hold for every C# file below a folder: (folder, "A.B").
using GlobalUsings = std::vector<std::pair<std::string, std::string>>;

// Files that a file includes, directly or not; sorted by address, to be searched.
using IncludeClosure = std::vector<const FileEntry*>;

class QueryCache {
 public:
  static constexpr size_t kMaxImportTargets = 200000;  // remembered
  static constexpr size_t kMaxClosureEntries = 2u
                                               << 20;  // of all remembered closures together: 16 MB
  static constexpr size_t kMaxConfigs = 5000;          // package.json, go.mod, Cargo.toml each
  static constexpr std::chrono::seconds kRecheck{2};

  std::shared_ptr<const CompileCommands> compile_commands(const Snapshot& snapshot);
  std::shared_ptr<const ScriptPackages> script_packages(const Snapshot& snapshot);
  // Of the nearest tsconfig.json or jsconfig.json of the folder; null when there is none.
  std::shared_ptr<const PathMapping> path_mapping(const Snapshot& snapshot,
                                                  const std::string& path);
  std::shared_ptr<const GoModules> go_modules(const Snapshot& snapshot);
  std::shared_ptr<const RustCrates> rust_crates(const Snapshot& snapshot);

  std::shared_ptr<const ComposerPackages> composer(const Snapshot& snapshot);
  std::shared_ptr<const SwiftModules> swift_modules(const Snapshot& snapshot);
  // The load path of Ruby, as far as it lies in the repository.
  std::shared_ptr<const std::vector<std::string>> ruby_folders(const Snapshot& snapshot);
  std::shared_ptr<const GlobalUsings> global_usings(const Snapshot& snapshot);

  // Files that a file includes directly; null when not remembered.
  using Files = std::vector<const FileEntry*>;
  // Files that declare a package, by family and name.
  std::shared_ptr<const Files> package_files(const std::string& key);
  void remember_package_files(const std::string& key, std::shared_ptr<const Files> files);
  std::shared_ptr<const Files> includes(const FileEntry* file);
  void remember_includes(const FileEntry* file, std::shared_ptr<const Files> files);
  std::shared_ptr<const IncludeClosure> closure(const FileEntry* file);
  void remember_closure(const FileEntry* file, std::shared_ptr<const IncludeClosure> closure);

 private:
  std::mutex mutex_;  // guards all below: questions come from a pool, each needs one or two entries
  std::shared_ptr<const CompileCommands> compile_commands_;
  std::chrono::steady_clock::time_point checked_{};
  std::string commands_stamp_;
  std::shared_ptr<const ScriptPackages> script_packages_;
  std::unordered_map<std::string, std::shared_ptr<const PathMapping>> mappings_;
  std::shared_ptr<const GoModules> go_modules_;
  std::shared_ptr<const RustCrates> rust_crates_;
  std::shared_ptr<const ComposerPackages> composer_;
  std::shared_ptr<const SwiftModules> swift_modules_;
  std::shared_ptr<const std::vector<std::string>> ruby_folders_;
  std::shared_ptr<const GlobalUsings> global_usings_;
  std::unordered_map<std::string, std::shared_ptr<const Files>> package_files_;
  size_t n_package_files_ = 0;
  std::unordered_map<const FileEntry*, std::shared_ptr<const Files>> includes_;
  std::unordered_map<const FileEntry*, std::shared_ptr<const IncludeClosure>> closures_;
  size_t n_closure_entries_ = 0;
};

}  // namespace engramd::repoindex
