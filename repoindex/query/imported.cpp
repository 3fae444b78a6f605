#include "repoindex/query/imported.h"

#include <algorithm>
#include <unordered_set>

#include "repoindex/query/packages.h"
#include "repoindex/query/project/paths.h"
#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxImports = 200;      // of one file that are followed
constexpr size_t kMaxOfPackage = 4;      // of a package's files that an importing file is shown
constexpr size_t kMaxFolderFiles = 500;  // of a folder

// A file that stands for its folder.
bool is_folder_file(std::string_view stem) {
  return stem == "__init__" || stem == "index" || stem == "mod" || stem == "lib" ||
         stem == "init" || stem == "main";
}

std::string_view stem_of(std::string_view path) {
  std::string_view name = base_name(path);
  return name.substr(0, name.find('.'));
}

bool may_import(std::string_view importer, std::string_view language) {
  const PackageLanguage* row = package_language(importer);
  return same_family(importer, language) ||
         (row != nullptr && in_package_family(row->family, language)) ||
         (importer == "java" && in_package_family("jvm", language));
}

// By the folders they share with a path.
void sort_nearest(const std::string& path, std::vector<std::string>* files) {
  std::vector<std::pair<size_t, size_t>> order;
  for (size_t i = 0; i < files->size(); ++i) {
    order.emplace_back(SIZE_MAX - shared_folders((*files)[i], path), i);
  }
  std::sort(order.begin(), order.end());
  std::vector<std::string> sorted;
  sorted.reserve(files->size());
  for (const auto& [unused, i] : order) sorted.push_back(std::move((*files)[i]));
  *files = std::move(sorted);
}

struct Reader {
  const View& view;
  Resolver resolver;
  explicit Reader(const View& v) : view(v), resolver(v) {}

  // The files of a folder, or of every folder whose path ends so: remembered with the snapshot.
  void add_folder(const ImportTarget& target, std::string_view language,
                  std::vector<std::string>* out) {
    QueryCache& cache = view.snapshot->query_cache();
    std::string key = std::string(target.folder_is_suffix ? "*/" : "/") + target.folder + " " +
                      std::string(language);
    std::shared_ptr<const QueryCache::Files> files = cache.package_files(key);
    if (files == nullptr) {
      auto found = std::make_shared<QueryCache::Files>();
      auto look = [&](const FileEntry& file) {
        std::string folder = parent_path(file.path);
        bool inside = target.folder_is_suffix ? ends_with_path(folder, target.folder)
                                              : folder == target.folder;
        if (inside && view.snapshot->summary(file).language == language) found->push_back(&file);
        return found->size() < kMaxFolderFiles;
      };
      view.snapshot->for_each_below(target.folder_is_suffix ? std::string_view() : target.folder,
                                    look);
      cache.remember_package_files(key, found);
      files = std::move(found);
    }
    for (const FileEntry* file : *files) out->push_back(file->path);
  }

  ImportTarget target_of(const std::string& path, const FileFacts& facts, const Import& import) {
    // from package import module; use crate::module
    bool may_be_module = facts.language == "python" || facts.language == "rust";
    if (may_be_module && !import.name.empty() && import.name != "*") {
      Import deeper = import;
      deeper.name.clear();
      std::string_view separator = facts.language == "rust" ? "::" : ".";
      if (!deeper.target.empty()) deeper.target += separator;
      deeper.target += import.name;
      ImportTarget module = resolver.import_target(path, facts, deeper);
      if (!module.files.empty() && module.n_parts_left == 0) return module;
    }
    return resolver.import_target(path, facts, import);
  }

  std::vector<std::string> files_of(const std::string& path, const FileFacts& facts,
                                    const Import& import) {
    if (view.snapshot == nullptr) return {};
    ImportTarget target = target_of(path, facts, import);
    // A class that no Java file is called like is of another language, or of another repository.
    bool java_class = facts.language == "java" && target.is_folder && import.name != "*";
    if (java_class) {
      target = {};
      target.files = resolver.files_of_name("jvm", joined_name(import.target, import.name));
    }
    std::vector<std::string> out = std::move(target.files);
    bool several = target.is_folder || out.size() > 1;
    if (target.is_folder) add_folder(target, facts.language, &out);
    std::erase(out, path);
    if (several) sort_nearest(path, &out);
    return out;
  }

  bool leads_to(const std::string& path, const FileFacts& facts, const Import& import,
                const std::string& file, const FileFacts& file_facts) {
    ImportTarget target = target_of(path, facts, import);
    if (std::find(target.files.begin(), target.files.end(), file) != target.files.end()) {
      return true;
    }
    if (!target.is_folder || file_facts.language != facts.language) return false;
    if (facts.language == "java" && import.name != "*") return false;
    std::string folder = parent_path(file);
    return target.folder_is_suffix ? ends_with_path(folder, target.folder)
                                   : folder == target.folder;
  }
};

// What an import of a file must mention, whatever else it says; empty: nothing that is known.
// Spares most imports of a repository being followed.
std::vector<std::string> mentions_of(const std::string& path, const FileFacts& facts) {
  std::string_view stem = stem_of(path);
  std::string_view folder = base_name(parent_path(path));
  if (is_c_family(facts.language)) return {std::string(base_name(path))};
  if (facts.language == "go") return {std::string(folder)};
  bool by_stem = facts.language == "python" || facts.language == "ruby" ||
                 facts.language == "lua" || facts.language == "bash";
  if (!by_stem) return {};
  // `from . import x` names neither the file nor its folder.
  if (is_folder_file(stem))
    return facts.language == "python"
               ? std::vector<std::string>()
               : std::vector<std::string>{std::string(stem), std::string(folder)};
  return {std::string(stem)};
}

}  // namespace

std::vector<std::string> files_of_import(const View& view, const std::string& path,
                                         const FileFacts& facts, const Import& import) {
  return Reader(view).files_of(path, facts, import);
}

std::vector<std::string> imported_files(const View& view, const std::string& path,
                                        const FileFacts& facts) {
  std::vector<std::string> out;
  std::unordered_set<std::string> known = {path};
  std::unordered_set<std::string_view> names;
  Reader reader(view);
  size_t n = 0;
  for (const Import& import : facts.imports) {
    if (++n > kMaxImports) break;
    std::vector<std::string> files = reader.files_of(path, facts, import);
    if (files.size() > kMaxOfPackage) {
      if (names.empty()) names.insert(facts.names.begin(), facts.names.end());
      auto used = std::stable_partition(files.begin(), files.end(), [&](const std::string& file) {
        return names.count(stem_of(file)) != 0;
      });
      size_t n_used = static_cast<size_t>(used - files.begin());
      files.resize(std::clamp<size_t>(n_used, kMaxOfPackage, 4 * kMaxOfPackage));
    }
    for (std::string& file : files) {
      if (known.insert(file).second) out.push_back(std::move(file));
    }
  }
  return out;
}

std::vector<ReferenceHit> importers_of(const View& view, const std::string& path, size_t limit,
                                       const CancelToken& cancel) {
  std::vector<ReferenceHit> out;
  FileFactsPtr target = view.facts(path);
  if (target == nullptr || view.snapshot == nullptr) return out;
  std::vector<std::string> mentions = mentions_of(path, *target);
  // Languages of packages: what the file declares, against what is written.
  std::unordered_set<std::string> declared;
  if (package_language(target->language) != nullptr) {
    for (std::string& name : declared_packages(*target)) declared.insert(std::move(name));
    for (uint32_t s = 0; s < target->symbols.size(); ++s) {
      const Symbol& symbol = target->symbols[s];
      bool outside = !symbol.local && (is_top_level(*target, symbol) || is_class_like(symbol.kind));
      if (outside) declared.insert(qualified_name(*target, s));
    }
  }
  auto look = [&](const std::string& file, const FileFacts& facts) {
    if (file == path) return;
    Reader reader(view);
    for (const Import& import : facts.imports) {
      bool mentioned = mentions.empty() ||
                       std::any_of(mentions.begin(), mentions.end(), [&](const std::string& word) {
                         return import.target.find(word) != std::string::npos ||
                                import.name.find(word) != std::string::npos;
                       });
      if (!mentioned || out.size() >= limit) continue;
      const PackageLanguage* language = package_language(facts.language);
      bool packages =
          !declared.empty() && (names_package(facts, import) || facts.language == "java");
      bool leads = false;
      if (packages) {
        bool star = import.name == "*";
        std::string full = dotted(import.target);
        if (!star) full = joined_name(full, import.name);
        leads = declared.count(full) != 0;
        // What is written may go on from a package that is visible already.
        if (!leads && language != nullptr && language->relative_imports) {
          leads = reader.leads_to(file, facts, import, path, *target);
        }
      } else {
        leads = reader.leads_to(file, facts, import, path, *target);
      }
      if (!leads) continue;
      // By the text: stored facts know the lines of names, and `#include "a.h"` has none.
      const LineIndex lines(view.text(file).value_or(std::string()));
      Place place{file,
                  {import.begin, import.end},
                  lines.position(import.begin),
                  lines.position(import.end)};
      bool same = !out.empty() && out.back().place.path == file &&
                  out.back().place.range.begin == import.begin;
      if (!same) out.push_back({std::move(place), Role::import, Confidence::certain});
    }
  };
  if (view.overlay != nullptr) {
    for (const auto& [file, document] : *view.overlay) {
      bool asked =
          document.facts != nullptr && may_import(document.facts->language, target->language);
      if (asked) look(file, *document.facts);
    }
  }
  view.snapshot->for_each_file([&](const FileEntry& file) {
    if (cancel.cancelled() || out.size() >= limit) return;
    if (!file.indexed || !may_import(view.snapshot->summary(file).language, target->language)) {
      return;
    }
    if (view.overlay != nullptr && view.overlay->count(file.path) != 0) return;
    FileFactsPtr facts = view.snapshot->facts(file);
    if (facts != nullptr && !facts->imports.empty()) look(file.path, *facts);
  });
  std::stable_sort(out.begin(), out.end(), [](const ReferenceHit& a, const ReferenceHit& b) {
    return a.place.path != b.place.path ? a.place.path < b.place.path
                                        : a.place.range.begin < b.place.range.begin;
  });
  return out;
}

}  // namespace engramd::repoindex
