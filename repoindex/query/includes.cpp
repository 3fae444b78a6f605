#include <algorithm>
#include <unordered_set>

#include "repoindex/query/packages.h"
#include "repoindex/query/project/paths.h"
#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

namespace {

bool holds(const IncludeClosure& closure, const FileEntry* file) {
  return std::binary_search(closure.begin(), closure.end(), file);
}

// Imports are the text of other files, or run them: what those define is defined.
bool loads_files(std::string_view language) {
  return is_c_family(language) || language == "ruby" || language == "php" || language == "lua";
}

}  // namespace

// Files that the file includes, directly or not. What a file of the snapshot includes directly is
// remembered with the snapshot; a file of the overlay is read anew.
std::shared_ptr<const IncludeClosure> Resolver::closure_of(const std::string& path) {
  auto known = closures_.find(path);
  if (known != closures_.end()) return known->second;
  auto out = std::make_shared<IncludeClosure>();
  if (view_.snapshot == nullptr) return out;
  QueryCache& cache = view_.snapshot->query_cache();
  const FileEntry* start = view_.snapshot->find(path);
  bool plain = view_.overlay == nullptr || view_.overlay->empty();
  if (plain && start != nullptr) {
    if (auto remembered = cache.closure(start)) return closures_[path] = remembered;
  }
  auto includes = [&](const std::string& file, const FileEntry* entry) {
    bool open = entry != nullptr && hidden(*entry);
    if (!open && entry != nullptr) {
      if (auto remembered = cache.includes(entry)) return remembered;
    }
    auto direct = std::make_shared<QueryCache::Files>();
    if (FileFactsPtr facts = view_.facts(file); facts != nullptr && loads_files(facts->language)) {
      for (const Import& import : facts->imports) {
        for (const std::string& target : import_target(file, *facts, import).files) {
          if (const FileEntry* e = view_.snapshot->find(target)) direct->push_back(e);
        }
      }
    }
    if (!open && entry != nullptr) cache.remember_includes(entry, direct);
    return std::shared_ptr<const QueryCache::Files>(std::move(direct));
  };
  std::unordered_set<const FileEntry*> seen;
  // Held: an open document's list belongs to nobody else.
  const auto own = includes(path, start);
  for (const FileEntry* e : *own) {
    if (seen.insert(e).second) out->push_back(e);
  }
  for (size_t i = 0; i < out->size() && out->size() < kMaxIncluded; ++i) {  // nearest first
    const FileEntry* entry = (*out)[i];
    const auto direct = includes(entry->path, entry);
    for (const FileEntry* e : *direct) {
      if (seen.insert(e).second) out->push_back(e);
    }
  }
  std::sort(out->begin(), out->end());
  if (plain && start != nullptr) cache.remember_closure(start, out);
  if (closures_.size() > 64) closures_.clear();
  return closures_[path] = std::move(out);
}

bool Resolver::includes(const std::string& path, const FileEntry* file) {
  return file != nullptr && holds(*closure_of(path), file);
}

bool Resolver::sees(const std::string& path, const std::string& other) {
  if (path == other) return true;
  return view_.snapshot != nullptr && includes(path, view_.snapshot->find(other));
}

// C and C++: definitions of the name in files that the file includes, directly or not.
std::vector<Found> Resolver::included(const std::string& path, std::string_view name) {
  std::shared_ptr<const IncludeClosure> closure;
  size_t n_namespaces = 0;
  auto visible = [&](const NameMatch& c) {
    if (!c.is_top_level && c.kind != SymbolKind::enum_member) return false;
    // A namespace is opened in thousands of files; a few tell what it is.
    if (c.kind == SymbolKind::namespace_ && ++n_namespaces > kMaxNamespaceParts) return false;
    if (closure == nullptr) closure = closure_of(path);  // only when some file has the name
    if (c.file != nullptr) return holds(*closure, c.file);
    return c.path != path && is_c_family(c.language());
  };
  std::vector<Found> out;
  for (Found& f : by_name(name, kMaxByName, visible)) {
    const Symbol& symbol = f.get();
    if (!is_top_level(*f.facts, symbol)) {
      if (!leaks_out(*f.facts, symbol)) continue;
      const Symbol& parent = f.facts->symbols[symbol.parent];
      if (!is_top_level(*f.facts, parent)) continue;
    }
    f.confidence = Confidence::likely;
    out.push_back(std::move(f));
  }
  return out;
}

}  // namespace engramd::repoindex
