// Names that a file sees through packages, namespaces and modules: its own, the ones around it,
// the ones it imports; and the modules of Swift, which are all files of a target.
#include <algorithm>

#include "repoindex/query/packages.h"
#include "repoindex/query/project/paths.h"
#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxWritten = 16;  // parts of a dotted name
constexpr size_t kMaxFront = 400;   // bytes of it that are read
constexpr int kStarImport = 1000, kGlobal = 2000;

// A full name that a written one may mean; the lowest order wins.
struct Wanted {
  std::string name;
  int order = 0;
};

bool upper(std::string_view name) {
  return !name.empty() && isupper(static_cast<unsigned char>(name[0]));
}

// Java says its package by its folder.
bool java_is_called(const Found& f, std::string_view full) {
  std::string inside = qualified_name(*f.facts, f.symbol);
  if (full.size() < inside.size() || full.substr(full.size() - inside.size()) != inside) {
    return false;
  }
  std::string_view rest = full.substr(0, full.size() - inside.size());
  if (rest.empty()) return false;
  if (rest.back() != '.') return false;
  std::string folder(rest.substr(0, rest.size() - 1));
  std::replace(folder.begin(), folder.end(), '.', '/');
  return ends_with_path(parent_path(f.path), folder);
}

// The name in this file that an import gives, and what that means in full.
std::pair<std::string_view, std::string> bound(const Import& import) {
  std::string full = joined_name(dotted(import.target), import.name);
  std::string_view name = !import.alias.empty()  ? std::string_view(import.alias)
                          : !import.name.empty() ? std::string_view(import.name)
                                                 : last_part(import.target);
  return {name, std::move(full)};
}

}  // namespace

// Packages whose names are visible at a place without an import, innermost first.
std::vector<std::string> Resolver::packages_around(const FileFacts& facts, uint32_t scope,
                                                   uint32_t offset) {
  const PackageLanguage* language = package_language(facts.language);
  std::vector<std::string> out;
  if (language == nullptr) return out;
  for (uint32_t s = scope, n = 0; s != kNone && n < 50; s = facts.symbols[s].parent, ++n) {
    const Symbol& symbol = facts.symbols[s];
    if (is_class_like(symbol.kind) || symbol.kind == SymbolKind::namespace_ ||
        symbol.kind == SymbolKind::module) {
      out.push_back(qualified_name(facts, s));
    }
  }
  std::vector<std::string> flat = flat_packages(facts, offset);
  out.insert(out.end(), flat.rbegin(), flat.rend());
  if (language->sees_parents && !out.empty()) {
    std::string above = out.back();
    for (size_t cut = above.rfind('.'); cut != std::string::npos; cut = above.rfind('.')) {
      above.resize(cut);
      out.push_back(above);
    }
  }
  return out;
}

// Definitions that are called one of these in full; those of the lowest order.
static std::vector<Found> lowest(std::vector<Found> found, const std::vector<Wanted>& wanted) {
  std::vector<Found> out;
  int best = kGlobal + 1;
  for (Found& f : found) {
    bool java = f.facts->language == "java";
    std::string name = java ? std::string() : qualified_name(*f.facts, f.symbol);
    for (const Wanted& w : wanted) {
      if (w.order > best || (java ? !java_is_called(f, w.name) : name != w.name)) continue;
      if (w.order < best) out.clear();
      best = w.order;
      f.confidence = w.order == kGlobal ? Confidence::likely : Confidence::certain;
      out.push_back(std::move(f));
      break;
    }
  }
  return out;
}

static std::vector<Found> called(Resolver& resolver, std::string_view family,
                                 const std::vector<Wanted>& wanted, size_t limit) {
  if (wanted.empty()) return {};
  std::vector<std::string_view> around;  // last part of the package of each
  for (const Wanted& w : wanted) {
    size_t cut = w.name.rfind('.');
    if (cut == std::string::npos) continue;
    around.push_back(last_part(std::string_view(w.name).substr(0, cut)));
  }
  auto accept = [&](const NameMatch& c) {
    if (c.kind == SymbolKind::key || c.kind == SymbolKind::heading) return false;
    if (c.container.empty()) {
      if (!c.is_top_level) return false;
    } else if (std::find(around.begin(), around.end(), last_part(c.container)) == around.end()) {
      return false;
    }
    return in_package_family(family, c.language());
  };
  return lowest(resolver.by_name(last_part(wanted[0].name), limit, accept), wanted);
}

std::vector<Found> Resolver::called_in_full(std::string_view family, std::string_view full) {
  return called(*this, family, {{std::string(full), 0}}, kMaxByName);
}

std::vector<std::string> Resolver::files_of_name(std::string_view family, std::string_view full) {
  std::vector<std::string> out;
  for (const Found& f : called_in_full(family, full)) {
    if (std::find(out.begin(), out.end(), f.path) == out.end()) out.push_back(f.path);
  }
  return out;
}

// The files that declare a package; an enclosing object or class counts as one.
std::vector<std::string> Resolver::files_of_package(std::string_view family,
                                                    const std::string& package) {
  std::vector<std::string> out;
  if (package.empty() || ++n_steps_ > kMaxSteps) return out;
  if (view_.overlay != nullptr) {
    for (const auto& [path, document] : *view_.overlay) {
      if (document.facts == nullptr || !in_package_family(family, document.facts->language)) {
        continue;
      }
      std::vector<std::string> declared = declared_packages(*document.facts);
      if (std::find(declared.begin(), declared.end(), package) != declared.end()) {
        out.push_back(path);
      }
    }
  }
  if (view_.snapshot == nullptr) return out;
  QueryCache& cache = view_.snapshot->query_cache();
  std::string key = std::string(family) + " " + package;
  std::shared_ptr<const QueryCache::Files> files = cache.package_files(key);
  if (files == nullptr) {
    auto found = std::make_shared<QueryCache::Files>();
    std::vector<std::string> parts = split_name(package);
    for (size_t from = 0; from < parts.size() && from < kMaxWritten; ++from) {
      // namespace A.B.C is one name, and so is the C of namespace A.B { namespace C.
      std::string_view separator = family == "php" ? "\\" : family == "ruby" ? "::" : ".";
      std::string name = parts[from];
      for (size_t i = from + 1; i < parts.size(); ++i) name.append(separator).append(parts[i]);
      view_.snapshot->definitions(name, [&](DefinitionRef ref) {
        bool package_like = ref.kind == SymbolKind::namespace_ || ref.kind == SymbolKind::module;
        std::string_view language = view_.snapshot->summary(*ref.file).language;
        if (!package_like || !in_package_family(family, language)) return true;
        bool whole = from == 0 && ref.is_top_level && ref.container.empty() && language != "scala";
        if (!whole) {
          FileFactsPtr facts = view_.snapshot->facts(*ref.file);
          if (facts == nullptr || ref.symbol >= facts->symbols.size()) return true;
          if (qualified_name(*facts, ref.symbol) != package) return true;
        }
        if (found->empty() || found->back() != ref.file) found->push_back(ref.file);
        return found->size() < kMaxPackageFiles;
      });
    }
    cache.remember_package_files(key, found);
    files = std::move(found);
  }
  for (const FileEntry* file : *files) {
    if (!hidden(*file)) out.push_back(file->path);
  }
  return out;
}

// "a.b.c" as it is written up to the name; empty when what is in front is no plain name.
std::vector<std::string> Resolver::written_path(const std::string& path, const FileFacts& facts,
                                                const Occurrence& occurrence) {
  std::vector<std::string> parts = {facts.names[occurrence.name]};
  const Occurrence* at = &occurrence;
  while (at->receiver != kNone && parts.size() < kMaxWritten) {
    size_t i = static_cast<size_t>(at - facts.occurrences.data());
    if (i == 0) return {};
    const Occurrence* before = &facts.occurrences[i - 1];
    // PHP's A\B::name has a receiver that is no plain name: its last part stands in front.
    bool scoped = facts.names[at->receiver].empty() && facts.language == "php" &&
                  before->end + 2 == at->begin && text(path).substr(before->end, 2) == "::";
    if (!scoped && (before->name != at->receiver || before->end + 3 < at->begin)) return {};
    parts.insert(parts.begin(), facts.names[before->name]);
    at = before;
  }
  std::vector<std::string> front = written_in_front(path, facts, at->begin);
  parts.insert(parts.begin(), front.begin(), front.end());
  return parts;
}

// Elixir's Shop.Item is one leaf of the tree, and PHP's App\Money has no name in front: what the
// text says there. An empty first part stands for the top: \App\Money.
std::vector<std::string> Resolver::written_in_front(const std::string& path, const FileFacts& facts,
                                                    size_t offset) {
  const PackageLanguage* language = package_language(facts.language);
  if (language == nullptr || !language->reads_text) return {};
  const std::string& source = text(path);
  offset = std::min(offset, source.size());
  char separator = language->separator[0];
  if (offset == 0 || source[offset - 1] != separator) return {};
  auto belongs = [&](char c) {
    return isalnum(static_cast<unsigned char>(c)) || c == '_' || c == separator;
  };
  size_t from = offset;
  while (from > 0 && offset - from < kMaxFront && belongs(source[from - 1])) --from;
  std::string front = source.substr(from, offset - from);
  std::vector<std::string> parts = split_name(dotted(front));
  if (front[0] == '\\') parts.insert(parts.begin(), "");
  return parts;
}

std::vector<Found> Resolver::in_packages(const std::string& path, const FileFactsPtr& facts,
                                         const std::vector<std::string>& parts, uint32_t scope,
                                         uint32_t offset) {
  const PackageLanguage* language = package_language(facts->language);
  if (language == nullptr || parts.empty()) return {};
  std::string written;
  for (const std::string& part : parts) written = joined_name(written, part);
  if (parts[0].empty()) return called_in_full(language->family, written);  // \A\B
  std::string rest = written.substr(std::min(written.size(), parts[0].size() + 1));
  std::vector<std::string> around = packages_around(*facts, scope, offset);
  std::vector<Wanted> wanted;
  auto want = [&](std::string_view package, std::string_view name, int order) {
    wanted.push_back({joined_name(package, name), order});
    // import Order._ where Order is visible already
    bool relative = language->relative_imports && (order == 0 || order >= kStarImport) &&
                    order != kGlobal && !package.empty();
    if (!relative) return;
    for (const std::string& outer : around) {
      wanted.push_back({joined_name(outer, joined_name(package, name)), order + 1});
    }
  };
  int n_star = kStarImport;
  for (const Import& import : facts->imports) {
    if (!names_package(*facts, import)) continue;
    if (import.name == "*") {
      want(dotted(import.target), written, n_star);
      continue;
    }
    auto [name, full] = bound(import);
    if (name == parts[0]) want(full, rest, 0);
  }
  int level = 10;
  for (const std::string& package : around) want(package, written, level++);
  if (facts->language == "csharp" && view_.snapshot != nullptr) {
    auto usings = view_.snapshot->query_cache().global_usings(*view_.snapshot);
    for (const auto& [folder, package] : *usings) {
      if (is_below(path, folder)) want(package, written, n_star);
    }
  }
  want({}, written, kGlobal);
  std::vector<Found> found = called(*this, language->family, wanted, kMaxByName);
  // A whole name, and nothing shorter could be meant.
  bool whole = parts.size() > 1 || (language->is_global && upper(parts[0]));
  bool loads = facts->language == "ruby" || facts->language == "php";
  for (Found& f : found) {
    if (loads && (f.confidence == Confidence::likely || facts->language == "ruby")) {
      // Known for certain when the file is loaded; else somebody else loads it.
      const FileEntry* file = view_.snapshot != nullptr ? view_.snapshot->find(f.path) : nullptr;
      bool loaded = f.path == path || includes(path, file);
      f.confidence = loaded ? Confidence::certain : Confidence::likely;
    } else if (whole && !loads) {
      f.confidence = Confidence::certain;
    }
  }
  // A protocol is meant, not what implements it for some type.
  auto is_impl = [](const Found& f) { return f.get().signature.substr(0, 7) == "defimpl"; };
  if (language->family == "elixir" && !std::all_of(found.begin(), found.end(), is_impl)) {
    std::erase_if(found, is_impl);
  }
  return found;
}

// A name behind a package or a class that is not defined in this file: A.B.name.
std::vector<Found> Resolver::through_written_path(const std::string& path,
                                                  const FileFactsPtr& facts,
                                                  const Occurrence& occurrence, int depth) {
  const PackageLanguage* language = package_language(facts->language);
  if (language == nullptr) return {};
  std::vector<std::string> parts = written_path(path, *facts, occurrence);
  if (parts.size() < 2) return {};
  const Language* row = find_language(facts->language);
  if (row != nullptr && contains_kind(row->self_names, parts[0])) return {};
  if (!parts[0].empty() &&
      !in_scopes(path, facts, parts[0], occurrence.scope, occurrence.begin, depth + 1).empty()) {
    return {};
  }
  return in_packages(path, facts, parts, occurrence.scope, occurrence.begin);
}

std::vector<Found> Resolver::package_import_site(const FileFactsPtr& facts,
                                                 const Occurrence& occurrence) {
  const PackageLanguage* language = package_language(facts->language);
  if (language == nullptr) return {};
  const std::string& name = facts->names[occurrence.name];
  std::vector<Found> out;
  for (const Import& import : facts->imports) {
    bool inside = occurrence.begin >= import.begin && occurrence.begin < import.end;
    if (!inside || !names_package(*facts, import)) continue;
    std::string full;
    std::vector<std::string> parts = split_name(dotted(import.target));
    auto part = std::find(parts.begin(), parts.end(), name);
    if (import.name == name || import.alias == name) {
      full = bound(import).second;
    } else if (part != parts.end()) {
      for (auto it = parts.begin(); it <= part; ++it) full = joined_name(full, *it);
    } else {
      continue;
    }
    std::vector<Wanted> wanted = {{full, 0}};
    if (language->relative_imports) {
      for (const std::string& outer : packages_around(*facts, occurrence.scope, occurrence.begin)) {
        wanted.push_back({joined_name(outer, full), 1});
      }
    }
    append_new(out, called(*this, language->family, wanted, kMaxByName));
    if (!out.empty()) continue;
    // A package: where it is declared.
    for (const std::string& file : files_of_package(language->family, full)) {
      FileFactsPtr there = view_.facts(file);
      if (there == nullptr || out.size() >= kMaxNamespaceParts) continue;
      for (uint32_t s = 0; s < there->symbols.size(); ++s) {
        SymbolKind kind = there->symbols[s].kind;
        if (kind != SymbolKind::namespace_ && kind != SymbolKind::module) continue;
        if (qualified_name(*there, s) != full) continue;
        out.push_back({file, there, s, Confidence::certain});
        break;
      }
    }
  }
  return out;
}

// Swift: the files of a target see each other, and what they import.
std::vector<Found> Resolver::in_swift_modules(const std::string& path, const FileFacts& facts,
                                              std::string_view name) {
  if (view_.snapshot == nullptr) return {};
  auto modules = view_.snapshot->query_cache().swift_modules(*view_.snapshot);
  std::vector<std::string_view> seen = {modules->module_of(path)};
  for (const Import& import : facts.imports) {
    std::string_view module = std::string_view(import.target).substr(0, import.target.find('.'));
    seen.push_back(module);
  }
  std::vector<Found> found = by_name(name, kMaxByName, [&](const NameMatch& c) {
    if (!c.is_top_level || c.language() != "swift") return false;
    return std::find(seen.begin(), seen.end(), modules->module_of(c.path)) != seen.end();
  });
  bool own = std::any_of(found.begin(), found.end(),
                         [&](const Found& f) { return modules->module_of(f.path) == seen[0]; });
  if (own) {
    std::erase_if(found, [&](const Found& f) { return modules->module_of(f.path) != seen[0]; });
  }
  // Outside every package the whole repository is taken for one module.
  for (Found& f : found) {
    f.confidence = modules->module_of(f.path).empty() ? Confidence::likely : Confidence::certain;
  }
  return found;
}

std::vector<Found> Resolver::visible_names(const std::string& path, const FileFactsPtr& facts,
                                           std::string_view name, uint32_t scope, uint32_t offset,
                                           int depth) {
  if (facts->language == "swift") return in_swift_modules(path, *facts, name);
  const PackageLanguage* language = package_language(facts->language);
  if (language == nullptr) {
    std::vector<Found> found = through_imports(path, facts, name, depth);
    if (found.empty() && facts->language == "lua") found = included(path, name);
    if (found.empty() && facts->language == "java") {  // a Kotlin or Scala class
      std::vector<Wanted> wanted;
      for (const Import& import : facts->imports) {
        if (import.name == "*") {
          wanted.push_back({joined_name(import.target, name), 1});
        } else if (import.name == name) {
          wanted.push_back({joined_name(import.target, name), 0});
        }
      }
      found = called(*this, "jvm", wanted, kMaxByName);
    }
    return found;
  }
  std::vector<std::string> parts = {std::string(name)};
  if (language->reads_text) {
    // The name may be the end of a written path: Shop.Item is one leaf in Elixir.
    auto it = std::lower_bound(facts->occurrences.begin(), facts->occurrences.end(), offset,
                               [](const Occurrence& o, uint32_t at) { return o.begin < at; });
    if (it != facts->occurrences.end() && it->begin == offset && facts->names[it->name] == name) {
      std::vector<std::string> written = written_in_front(path, *facts, it->begin);
      parts.insert(parts.begin(), written.begin(), written.end());
    }
  }
  std::vector<Found> found = in_packages(path, facts, parts, scope, offset);
  if (found.empty() && language->family == "jvm" && parts.size() == 1) {
    found = in_imported_objects(facts, name, depth);
  }
  return found;
}

// import upickle.default.read, where the object default has read from a trait it mixes in.
std::vector<Found> Resolver::in_imported_objects(const FileFactsPtr& facts, std::string_view name,
                                                 int depth) {
  for (const Import& import : facts->imports) {
    bool star = import.name == "*";
    if (!star && bound(import).first != name) continue;
    for (const Found& object : called_in_full("jvm", dotted(import.target))) {
      std::vector<Found> found;
      for (const Found& class_ : classes_of(object, depth + 1)) {
        append_new(found,
                   members_of(class_, star ? name : std::string_view(import.name), depth + 1));
      }
      if (!found.empty()) return found;
    }
  }
  return {};
}

}  // namespace engramd::repoindex
