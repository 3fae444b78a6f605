#include "repoindex/query/query_cache.h"

#include <algorithm>

#include "base/file.h"
#include "repoindex/query/packages.h"
#include "repoindex/query/project/paths.h"

namespace engramd::repoindex {

namespace {

constexpr uint64_t kMaxConfigBytes = 1u << 20;
constexpr uint64_t kMaxCommandsBytes = 128u << 20;

std::string read_config(const Snapshot& snapshot, const std::string& path) {
  auto bytes = snapshot.read(path, kMaxConfigBytes);
  return bytes ? std::move(*bytes) : std::string();
}

template <class Use>
void for_each_config(const Snapshot& snapshot, std::string_view name, Use use) {
  size_t n = 0;
  snapshot.files_called(name, [&](const FileEntry& file) {
    // What a package manager put there is not the project's.
    if (file.path.find("node_modules/") == std::string::npos) {
      use(file.path, read_config(snapshot, file.path));
    }
    return ++n < QueryCache::kMaxConfigs;
  });
}

// Files whose name ends so: one pass over the paths.
template <class Use>
void for_each_called_like(const Snapshot& snapshot, std::string_view ending, Use use) {
  size_t n = 0;
  snapshot.for_each_below("", [&](const FileEntry& file) {
    std::string_view path = file.path;
    bool called = path.size() > ending.size() && path.substr(path.size() - ending.size()) == ending;
    if (!called || path.find("node_modules/") != std::string_view::npos) return true;
    use(file.path);
    return ++n < QueryCache::kMaxConfigs;
  });
}

}  // namespace

std::shared_ptr<QueryCache> make_query_cache() {
  return std::make_shared<QueryCache>();
}

std::shared_ptr<const CompileCommands> QueryCache::compile_commands(const Snapshot& snapshot) {
  std::lock_guard lock(mutex_);
  auto now = std::chrono::steady_clock::now();
  if (compile_commands_ != nullptr && now - checked_ < kRecheck) return compile_commands_;
  checked_ = now;
  std::filesystem::path found;
  std::string stamp;
  for (const std::string& place : CompileCommands::usual_places()) {
    std::error_code error;
    std::filesystem::path path = snapshot.root() / place;
    auto bytes = std::filesystem::file_size(path, error);
    if (error) continue;
    auto written = std::filesystem::last_write_time(path, error);
    if (error) continue;
    found = path;
    stamp = place + " " + std::to_string(bytes) + " " +
            std::to_string(written.time_since_epoch().count());
    break;
  }
  if (compile_commands_ != nullptr && stamp == commands_stamp_) return compile_commands_;
  commands_stamp_ = stamp;
  std::string text;
  if (!found.empty()) {
    if (auto bytes = read_file(found, kMaxCommandsBytes)) text = std::move(*bytes);
  }
  auto is_file = [&](std::string_view path) { return snapshot.find(path) != nullptr; };
  compile_commands_ = std::make_shared<const CompileCommands>(
      CompileCommands::read(text, snapshot.root(), is_file));
  includes_.clear();
  closures_.clear();
  n_closure_entries_ = 0;
  return compile_commands_;
}

std::shared_ptr<const ScriptPackages> QueryCache::script_packages(const Snapshot& snapshot) {
  std::lock_guard lock(mutex_);
  if (script_packages_ != nullptr) return script_packages_;
  auto out = std::make_shared<ScriptPackages>();
  for_each_config(snapshot, "package.json", [&](const std::string& path, const std::string& text) {
    ScriptPackage package = ScriptPackage::read(path, text);
    std::string key = package.name.empty() ? "\n" + package.folder : package.name;
    out->name_of_folder.try_emplace(package.folder, key);
    out->by_name.try_emplace(std::move(key), std::move(package));
  });
  script_packages_ = std::move(out);
  return script_packages_;
}

std::shared_ptr<const PathMapping> QueryCache::path_mapping(const Snapshot& snapshot,
                                                            const std::string& path) {
  for (const std::string& folder : folders_up(path)) {
    for (const char* name : {"tsconfig.json", "jsconfig.json"}) {
      std::string config = joined_path(folder, name);
      if (snapshot.find(config) == nullptr) continue;
      std::lock_guard lock(mutex_);
      auto [it, added] = mappings_.try_emplace(config);
      if (added) {
        it->second = std::make_shared<const PathMapping>(PathMapping::read(
            config, [&](const std::string& file) { return read_config(snapshot, file); }));
      }
      return it->second;
    }
  }
  return nullptr;
}

std::shared_ptr<const GoModules> QueryCache::go_modules(const Snapshot& snapshot) {
  std::lock_guard lock(mutex_);
  if (go_modules_ != nullptr) return go_modules_;
  auto out = std::make_shared<GoModules>();
  for_each_config(snapshot, "go.mod", [&](const std::string& path, const std::string& text) {
    out->add(GoModule::read(path, text));
  });
  go_modules_ = std::move(out);
  return go_modules_;
}

std::shared_ptr<const RustCrates> QueryCache::rust_crates(const Snapshot& snapshot) {
  std::lock_guard lock(mutex_);
  if (rust_crates_ != nullptr) return rust_crates_;
  auto out = std::make_shared<RustCrates>();
  for_each_config(snapshot, "Cargo.toml", [&](const std::string& path, const std::string& text) {
    out->add(RustCrate::read(path, text));
  });
  rust_crates_ = std::move(out);
  return rust_crates_;
}

std::shared_ptr<const ComposerPackages> QueryCache::composer(const Snapshot& snapshot) {
  std::lock_guard lock(mutex_);
  if (composer_ != nullptr) return composer_;
  auto out = std::make_shared<ComposerPackages>();
  for_each_config(snapshot, "composer.json",
                  [&](const std::string& path, const std::string& text) { out->add(path, text); });
  composer_ = std::move(out);
  return composer_;
}

std::string_view SwiftModules::module_of(std::string_view path) const {
  for (const std::string& folder : folders_up(path)) {
    auto it = name_of_folder.find(folder);
    if (it != name_of_folder.end()) return it->second;
  }
  return {};
}

std::shared_ptr<const SwiftModules> QueryCache::swift_modules(const Snapshot& snapshot) {
  std::lock_guard lock(mutex_);
  if (swift_modules_ != nullptr) return swift_modules_;
  SwiftPackages packages;
  for_each_config(snapshot, "Package.swift", [&](const std::string& path, const std::string& text) {
    packages.add(path, text);
  });
  auto out = std::make_shared<SwiftModules>();
  for (const SwiftPackages::Target& target : packages.targets()) {
    for (const std::string& folder : target.folders) {
      bool any = false;
      snapshot.for_each_below(folder, [&](const FileEntry&) { return !(any = true); });
      if (!any) continue;
      out->name_of_folder.try_emplace(folder, target.name);
      out->folder_of_name.try_emplace(target.name, folder);
      break;
    }
  }
  swift_modules_ = std::move(out);
  return swift_modules_;
}

std::shared_ptr<const std::vector<std::string>> QueryCache::ruby_folders(const Snapshot& snapshot) {
  std::lock_guard lock(mutex_);
  if (ruby_folders_ != nullptr) return ruby_folders_;
  auto out = std::make_shared<std::vector<std::string>>();
  for_each_called_like(snapshot, ".gemspec", [&](const std::string& path) {
    std::string text = read_config(snapshot, path);
    for (std::string& folder : ruby_require_folders(path, text)) out->push_back(std::move(folder));
  });
  for (const char* usual : {"lib", ""}) {
    if (std::find(out->begin(), out->end(), usual) == out->end()) out->emplace_back(usual);
  }
  ruby_folders_ = std::move(out);
  return ruby_folders_;
}

std::shared_ptr<const GlobalUsings> QueryCache::global_usings(const Snapshot& snapshot) {
  std::lock_guard lock(mutex_);
  if (global_usings_ != nullptr) return global_usings_;
  auto out = std::make_shared<GlobalUsings>();
  std::vector<std::string> projects;  // folders
  for_each_called_like(snapshot, ".csproj", [&](const std::string& path) {
    projects.push_back(parent_path(path));
    for (std::string& name : project_usings(read_config(snapshot, path))) {
      out->emplace_back(projects.back(), std::move(name));
    }
  });
  for_each_called_like(snapshot, ".props", [&](const std::string& path) {
    for (std::string& name : project_usings(read_config(snapshot, path))) {
      out->emplace_back(parent_path(path), std::move(name));
    }
  });
  // By habit they stand in a file of their own: GlobalUsings.cs, Usings.cs, Global.cs.
  for_each_called_like(snapshot, ".cs", [&](const std::string& path) {
    std::string_view name = base_name(path);
    bool likely =
        name.find("sing") != std::string_view::npos || name.find("lobal") != std::string_view::npos;
    const FileEntry* file = likely ? snapshot.find(path) : nullptr;
    FileFactsPtr facts = file != nullptr ? snapshot.facts(*file) : nullptr;
    if (facts == nullptr || facts->language != "csharp") return;
    std::string folder = parent_path(path);
    for (const std::string& above : folders_up(path)) {
      if (std::find(projects.begin(), projects.end(), above) == projects.end()) continue;
      folder = above;
      break;
    }
    for (const Import& import : facts->imports) {
      bool global = import.level == kGlobalUsing && import.name == "*";
      if (global) out->emplace_back(folder, import.target);
    }
  });
  global_usings_ = std::move(out);
  return global_usings_;
}

std::shared_ptr<const QueryCache::Files> QueryCache::package_files(const std::string& key) {
  std::lock_guard lock(mutex_);
  auto it = package_files_.find(key);
  return it == package_files_.end() ? nullptr : it->second;
}

void QueryCache::remember_package_files(const std::string& key,
                                        std::shared_ptr<const Files> files) {
  std::lock_guard lock(mutex_);
  n_package_files_ += files->size() + 1;
  if (n_package_files_ > kMaxImportTargets) {
    package_files_.clear();
    n_package_files_ = files->size() + 1;
  }
  package_files_[key] = std::move(files);
}

std::shared_ptr<const QueryCache::Files> QueryCache::includes(const FileEntry* file) {
  std::lock_guard lock(mutex_);
  auto it = includes_.find(file);
  return it == includes_.end() ? nullptr : it->second;
}

void QueryCache::remember_includes(const FileEntry* file, std::shared_ptr<const Files> files) {
  std::lock_guard lock(mutex_);
  if (includes_.size() >= kMaxImportTargets) includes_.clear();
  includes_[file] = std::move(files);
}

std::shared_ptr<const IncludeClosure> QueryCache::closure(const FileEntry* file) {
  std::lock_guard lock(mutex_);
  auto it = closures_.find(file);
  return it == closures_.end() ? nullptr : it->second;
}

void QueryCache::remember_closure(const FileEntry* file,
                                  std::shared_ptr<const IncludeClosure> closure) {
  std::lock_guard lock(mutex_);
  if (n_closure_entries_ + closure->size() > kMaxClosureEntries) {
    closures_.clear();
    n_closure_entries_ = 0;
  }
  n_closure_entries_ += closure->size();
  closures_[file] = std::move(closure);
}

}  // namespace engramd::repoindex
