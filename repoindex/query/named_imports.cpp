// Imports of languages that name packages (C#, Kotlin, Scala, PHP, Elixir), modules (Swift) or
// files along a load path (Ruby, Lua, PHP's include).
#include <algorithm>

#include "repoindex/query/import_finder.h"
#include "repoindex/query/packages.h"

namespace engramd::repoindex {

namespace {

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// Where a file of that class or module usually lies, by the habits of the language: for files
// that are not read yet.
std::vector<std::string> usual_paths(std::string_view language, const std::string& full) {
  std::string path = full;
  std::replace(path.begin(), path.end(), '.', '/');
  if (language == "kotlin") return {path + ".kt", path + ".java", path + ".scala"};
  if (language == "scala") return {path + ".scala", path + ".java", path + ".kt"};
  if (language == "csharp") return {path + ".cs"};
  if (language != "elixir") return {};
  std::string snake;  // Shop.LineItem is in shop/line_item.ex
  for (size_t i = 0; i < path.size(); ++i) {
    bool capital = isupper(static_cast<unsigned char>(path[i])) != 0;
    bool word = capital && i > 0 && islower(static_cast<unsigned char>(path[i - 1]));
    if (word) snake += '_';
    snake += static_cast<char>(tolower(static_cast<unsigned char>(path[i])));
  }
  return {snake + ".ex"};
}

struct LoadFinder : ImportFinder {
  ImportTarget ruby(const Import& import) const {
    ImportTarget target;
    std::string written = import.target;
    bool relative = written.substr(0, 2) == "./" || written.substr(0, 3) == "../";
    if (!ends_with(written, ".rb")) written += ".rb";
    if (relative) {
      auto place = normal_path(joined_path(parent_path(path), written));
      if (place) add_first({std::move(*place)}, &target);
      return target;
    }
    // The load path: a gem's own folders first when the file is of that gem.
    auto folders = cache.ruby_folders(*view.snapshot);
    std::vector<std::string> own, others;
    for (const std::string& folder : *folders) {
      bool around = is_below(path, parent_path(folder)) && !folder.empty();
      (around ? own : others).push_back(joined_path(folder, written));
    }
    std::stable_sort(own.begin(), own.end(), [&](const std::string& a, const std::string& b) {
      return shared_prefix(a, path) > shared_prefix(b, path);
    });
    if (add_first(own, &target)) return target;
    // -I test, -I spec: what runs the tests adds their folder.
    std::vector<std::string> around;
    for (const std::string& folder : folders_up(path)) {
      std::string_view base = base_name(folder);
      bool on_path = base == "test" || base == "spec" || base == "lib" || base == "app";
      if (on_path) around.push_back(joined_path(folder, written));
      around.push_back(joined_path(joined_path(folder, "lib"), written));
    }
    if (add_first(around, &target)) return target;
    add_first(others, &target);
    return target;
  }

  ImportTarget lua(const Import& import) const {
    ImportTarget target;
    std::string module = import.target;
    bool file = ends_with(module, ".lua");
    if (file) module.resize(module.size() - 4);
    if (module.find('/') == std::string::npos) {
      std::replace(module.begin(), module.end(), '.', '/');
    }
    auto place = normal_path(module);
    if (!place) return target;
    auto in = [&](const std::string& folder) {
      std::string base = joined_path(folder, *place);
      return add_first({base + ".lua", base + "/init.lua"}, &target);
    };
    for (const std::string& folder : folders_up(path)) {
      for (const char* below : {"", "lua", "src", "lib"}) {
        if (in(joined_path(folder, below))) return target;
      }
    }
    if (place->find('/') == std::string::npos) return target;
    by_suffix(*place + ".lua", &target);
    if (!target.found()) by_suffix(*place + "/init.lua", &target);
    return target;
  }

  ImportTarget php_file(const Import& import) const {
    ImportTarget target;
    for (const std::string& folder : folders_up(path)) {
      auto place = normal_path(joined_path(folder, import.target));
      if (place && add_first({std::move(*place)}, &target)) return target;
      // Behind __DIR__ it is said where the file is.
      if (import.target.substr(0, 2) == "./" || import.target.substr(0, 3) == "../") break;
    }
    return target;
  }

  ImportTarget swift(const Import& import) const {
    ImportTarget target;
    auto modules = cache.swift_modules(*view.snapshot);
    auto it = modules->folder_of_name.find(import.target);
    if (it == modules->folder_of_name.end()) return target;
    view.snapshot->for_each_below(it->second, [&](const FileEntry& file) {
      if (ends_with(file.path, ".swift") && modules->module_of(file.path) == import.target) {
        target.files.push_back(file.path);
      }
      return target.files.size() < 5000;
    });
    return target;
  }
};

}  // namespace

ImportTarget Resolver::named_target(const std::string& path, const FileFacts& facts,
                                    const Import& import) {
  LoadFinder finder{{view_, path, view_.snapshot->query_cache()}};
  if (facts.language == "ruby") return finder.ruby(import);
  if (facts.language == "lua") return finder.lua(import);
  if (facts.language == "swift") return finder.swift(import);
  if (facts.language == "php" && import.name == "*") return finder.php_file(import);
  const PackageLanguage* language = package_language(facts.language);
  if (language == nullptr) return {};
  ImportTarget target;
  std::string package = dotted(import.target);
  std::vector<std::string> fronts = {""};
  if (language->relative_imports) {
    for (std::string& outer : packages_around(facts, kNone, import.begin)) {
      fronts.push_back(std::move(outer));
    }
  }
  for (const std::string& front : fronts) {
    target.package = joined_name(front, package);
    bool star = import.name == "*";
    std::string full = star ? target.package : joined_name(target.package, import.name);
    if (star) target.files = files_of_package(language->family, full);
    if (!target.files.empty()) return target;
    target.files = files_of_name(language->family, full);
    if (!star && target.files.empty()) target.files = files_of_package(language->family, full);
    // What an object has from elsewhere: the object's file.
    bool inherited = !star && target.files.empty() && language->family == "jvm";
    if (inherited) {
      for (const Found& f : called_in_full(language->family, target.package)) {
        if (f.get().kind != SymbolKind::namespace_) target.files.push_back(f.path);
      }
    }
    if (!target.files.empty()) break;
  }
  if (facts.language == "php") {
    // Of several files with one class the one that is loaded comes first.
    std::string full = joined_name(package, import.name);
    std::replace(full.begin(), full.end(), '.', '\\');
    for (const std::string& place :
         view_.snapshot->query_cache().composer(*view_.snapshot)->places(full)) {
      auto it = std::find(target.files.begin(), target.files.end(), place);
      if (it != target.files.end()) std::rotate(target.files.begin(), it, it + 1);
      if (it == target.files.end() && target.files.empty() && view_.contains(place)) {
        target.files.push_back(place);
      }
    }
  }
  if (!target.files.empty() || import.name == "*") return target;
  for (const std::string& place : usual_paths(facts.language, joined_name(package, import.name))) {
    finder.by_suffix(place, &target);
    // Once it is read, its facts say whether it is the one.
    bool read = !target.files.empty() && view_.facts(target.files[0]) != nullptr;
    if (read) target.files.clear();
    if (!target.files.empty()) break;
  }
  return target;
}

}  // namespace engramd::repoindex
