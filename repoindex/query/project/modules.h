// repoindex/query/project/modules.h - Go modules (go.mod) and Rust crates (Cargo.toml) of a
// repository: which written names are folders of it. Immutable once read: any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engramd::repoindex {

struct GoModule {
  std::string folder, path;                                   // "example.com/app"
  std::vector<std::pair<std::string, std::string>> replaced;  // module path -> folder of ours

  static GoModule read(const std::string& file, std::string_view text);
};

class GoModules {
 public:
  void add(GoModule module) { modules_.push_back(std::move(module)); }
  // The folder that an import path means in a file; nothing when no module of ours has it.
  std::optional<std::string> folder_of(std::string_view importer, std::string_view target) const;

 private:
  std::vector<GoModule> modules_;
};

struct RustCrate {
  std::string folder, name;  // name as code writes it: '-' is '_'
  std::string root;          // of the library: "a/src/lib.rs", or what [lib] path says
  std::vector<std::pair<std::string, std::string>> renamed;  // name in code -> folder of ours

  static RustCrate read(const std::string& file, std::string_view text);
};

class RustCrates {
 public:
  void add(RustCrate crate) { crates_.push_back(std::move(crate)); }
  const RustCrate* around(std::string_view path) const;  // the nearest Cargo.toml with a package
  const RustCrate* named(std::string_view importer, std::string_view name) const;

 private:
  std::vector<RustCrate> crates_;
};

}  // namespace engramd::repoindex
