#include "repoindex/query/lineage.h"

#include <algorithm>
#include <set>

#include "repoindex/query/project/paths.h"

namespace engramd::repoindex {

namespace {

// type Celsius float64 has methods in Go.
bool is_type(const Found& f) {
  if (f.symbol == kNone) return false;
  return is_class_like(f.get().kind) ||
         (f.get().kind == SymbolKind::type_alias && f.facts->language == "go");
}

bool contains(const std::vector<Found>& found, const Found& wanted) {
  return std::any_of(found.begin(), found.end(), [&](const Found& f) { return f.same(wanted); });
}

bool is_method_like(SymbolKind kind) {
  return kind == SymbolKind::method || kind == SymbolKind::function ||
         kind == SymbolKind::property || kind == SymbolKind::field;
}

}  // namespace

template <class Step>
std::vector<Found> Lineage::closure(const Found& type, Step step) {
  std::vector<Found> out;
  std::set<std::pair<std::string, uint32_t>> known = {{type.path, type.symbol}};
  std::vector<Found> level = step(type);
  while (!level.empty() && !cancel_.cancelled()) {
    std::vector<Found> next;
    for (Found& f : level) {
      if (out.size() >= kMaxTypes || !known.insert({f.path, f.symbol}).second) continue;
      for (Found& further : step(f)) next.push_back(std::move(further));
      out.push_back(std::move(f));
    }
    level = std::move(next);
  }
  return out;
}

std::vector<Found> Lineage::all_supertypes(const Found& type) {
  return closure(type, [this](const Found& f) { return supertypes(f); });
}

std::vector<Found> Lineage::all_subtypes(const Found& type) {
  return closure(type, [this](const Found& f) { return subtypes(f); });
}

std::vector<Found> Lineage::supertypes(const Found& type) {
  if (!is_type(type)) return {};
  resolver_.start(type.path);
  std::vector<Found> out = resolver_.bases_of(type, 0);
  const std::string& language = type.facts->language;
  if (language == "go") {
    append_new(out, go_embedded(type));
    append_new(out, go_interfaces(type));
  }
  if (language == "rust") {
    for (const Impl& impl : impls_with(type.get().name, type.path)) {
      if (impl.facts->names[impl.type->name] != type.get().name) continue;
      if (!contains(class_meant(impl, *impl.type), type)) continue;
      append_new(out, class_meant(impl, *impl.trait));
    }
  }
  std::erase_if(out, [&](const Found& f) { return !is_type(f) || f.same(type); });
  return out;
}

std::vector<Found> Lineage::subtypes(const Found& type) {
  if (!is_type(type)) return {};
  std::vector<Found> out = classes_deriving(type);
  const std::string& language = type.facts->language;
  if (language == "go" && type.get().kind == SymbolKind::interface_) {
    append_new(out, go_implementers(type));
  }
  if (language == "rust") {
    for (const Impl& impl : impls_with(type.get().name, type.path)) {
      if (impl.facts->names[impl.trait->name] != type.get().name) continue;
      if (!contains(class_meant(impl, *impl.trait), type)) continue;
      append_new(out, class_meant(impl, *impl.type));
    }
  }
  std::erase_if(out, [&](const Found& f) { return f.same(type); });
  return out;
}

// Files in which the name occurs; the class may be called otherwise where it is imported so.
std::vector<Found> Lineage::classes_deriving(const Found& type) {
  const std::string& name = type.get().name;
  const std::string& language = type.facts->language;
  std::vector<Found> out;
  size_t n_files = 0;
  auto look = [&](const std::string& path, const FileFactsPtr& facts) {
    if (cancel_.cancelled() || out.size() >= kMaxTypes || ++n_files > kMaxFilesRead) return false;
    std::vector<std::string_view> called = {name};
    for (const Import& import : facts->imports) {
      if (import.name == name && !import.alias.empty()) called.push_back(import.alias);
    }
    for (uint32_t s = 0; s < facts->symbols.size(); ++s) {
      const Symbol& symbol = facts->symbols[s];
      if (symbol.bases.empty() || !is_class_like(symbol.kind)) continue;
      for (const std::string& base : symbol.bases) {
        if (std::find(called.begin(), called.end(), base) == called.end()) continue;
        resolver_.start(path);
        Found derived{path, facts, s, Confidence::likely};
        if (contains(resolver_.base_named(derived, base, 0), type)) {
          append_new(out, {std::move(derived)});
        }
        break;
      }
    }
    return true;
  };
  bool more = true;
  if (view_.overlay != nullptr) {
    for (const auto& [path, document] : *view_.overlay) {
      if (document.facts == nullptr || !more) continue;
      more = look(path, document.facts);
    }
  }
  if (view_.snapshot == nullptr || !more) return out;
  view_.snapshot->files_with_name(name, [&](const FileEntry& file) {
    if (view_.overlay != nullptr && view_.overlay->count(file.path) != 0) return true;
    std::string_view other = view_.snapshot->summary(file).language;
    bool may =
        same_family(other, language) || other == "kotlin" || other == "scala" || other == "java";
    FileFactsPtr facts = may ? view_.snapshot->facts(file) : nullptr;
    return facts == nullptr || look(file.path, facts);
  });
  return out;
}

bool Lineage::has_foreign_base(const Found& type) {
  if (!is_type(type)) return false;
  for (const std::string& base : type.get().bases) {
    if (base == "object" || base == "ABC" || base == "Generic" || base == "Protocol") continue;
    resolver_.start(type.path);
    if (resolver_.base_named(type, base, 0).empty()) return true;
  }
  return false;
}

std::optional<Found> Lineage::class_of(const Found& method) {
  if (method.symbol == kNone || method.get().local) return std::nullopt;
  resolver_.start(method.path);
  const Symbol& symbol = method.get();
  if (is_class_like(symbol.kind)) return std::nullopt;
  std::vector<Found> around = resolver_.class_around(method.path, method.facts, method.symbol, 0);
  if (around.empty()) return std::nullopt;
  return around[0];
}

void Lineage::add_methods(const Found& type, const std::string& name, std::vector<Found>& out) {
  if (type.facts->language == "go") {
    const Methods& methods = methods_of(type);
    auto it = methods.find(name);
    if (it != methods.end()) append_new(out, {it->second});
    return;
  }
  resolver_.start(type.path);
  for (Found& f : resolver_.own_members(type, name)) {
    if (is_method_like(f.get().kind)) append_new(out, {std::move(f)});
  }
}

std::vector<Found> Lineage::overridden(const Found& method) {
  std::optional<Found> own = class_of(method);
  if (!own) return {};
  const std::string& name = method.get().name;
  std::vector<Found> out;
  for (const Found& type : all_supertypes(*own)) add_methods(type, name, out);
  std::erase_if(out, [&](const Found& f) { return f.same(method); });
  return out;
}

std::vector<Found> Lineage::overriding(const Found& method) {
  std::optional<Found> own = class_of(method);
  if (!own) return {};
  const std::string& name = method.get().name;
  std::vector<Found> out;
  if (own->facts->language == "rust") {
    // Of the trait only: an inherent method of the same name is another one.
    return methods_in_impls(*own, name);
  }
  for (const Found& type : all_subtypes(*own)) add_methods(type, name, out);
  std::erase_if(out, [&](const Found& f) { return f.same(method); });
  return out;
}

}  // namespace engramd::repoindex
