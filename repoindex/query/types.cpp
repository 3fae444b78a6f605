// The type hierarchy, and the class that a value is an instance of.
#include <algorithm>

#include "repoindex/hierarchy.h"
#include "repoindex/query/lineage.h"
#include "repoindex/query/references.h"
#include "repoindex/query/symbol_key.h"

namespace engramd::repoindex {

namespace {

bool is_type(const Found& f) {
  return f.symbol != kNone &&
         (is_class_like(f.get().kind) || f.get().kind == SymbolKind::type_alias);
}

// Classes that what was found is, or is an instance of.
std::vector<Found> classes_meant(Resolver& resolver, const std::vector<Found>& found) {
  std::vector<Found> out;
  for (const Found& f : found) {
    if (f.symbol == kNone || f.confidence == Confidence::possible || out.size() >= 20) continue;
    if (is_class_like(f.get().kind)) {
      append_new(out, {f});
      continue;
    }
    resolver.start(f.path);
    std::vector<Found> classes = resolver.classes_of(f, 0);
    std::erase_if(classes, [](const Found& c) { return !is_type(c); });
    // type Celsius float64 is a type of its own; so is a union of TypeScript.
    if (classes.empty() && f.get().kind == SymbolKind::type_alias) classes.push_back(f);
    append_new(out, std::move(classes));
  }
  return out;
}

std::vector<SymbolHit> hits_of(Resolver& resolver, const std::vector<Found>& found) {
  std::vector<SymbolHit> out;
  out.reserve(found.size());
  for (const Found& f : found) out.push_back(resolver.hit(f));
  return out;
}

std::vector<Found> classes_at(const View& view, Resolver& resolver, const std::string& path,
                              size_t offset) {
  FileFactsPtr facts = view.facts(path);
  if (facts == nullptr) return {};
  const Occurrence* asked = occurrence_at(*facts, offset);
  if (asked == nullptr) return {};
  std::vector<Found> meant = meant_by(resolver, path, facts, *asked);
  if (meant.empty()) {  // self, this: the class around
    const Language* language = find_language(facts->language);
    if (language != nullptr && contains_kind(language->self_names, facts->names[asked->name])) {
      return resolver.class_around(path, facts, asked->scope, 0);
    }
  }
  return classes_meant(resolver, meant);
}

}  // namespace

std::vector<SymbolHit> find_type_definitions(const View& view, const std::string& path,
                                             size_t offset) {
  Resolver resolver(view);
  return hits_of(resolver, classes_at(view, resolver, path, offset));
}

std::vector<SymbolHit> types_at(const View& view, const std::string& path, size_t offset) {
  Resolver resolver(view);
  return hits_of(resolver, classes_at(view, resolver, path, offset));
}

std::vector<SymbolHit> supertypes(const View& view, const SymbolKey& key,
                                  const CancelToken& cancel) {
  std::optional<Found> type = found_by_key(view, key);
  if (!type) return {};
  Resolver resolver(view);
  return hits_of(resolver, Lineage(view, resolver, cancel).supertypes(*type));
}

std::vector<SymbolHit> subtypes(const View& view, const SymbolKey& key, const CancelToken& cancel) {
  std::optional<Found> type = found_by_key(view, key);
  if (!type) return {};
  Resolver resolver(view);
  return hits_of(resolver, Lineage(view, resolver, cancel).subtypes(*type));
}

}  // namespace engramd::repoindex
