// What else belongs to a name besides its definition: where it is declared, what implements it.
#include <algorithm>

#include "repoindex/hierarchy.h"
#include "repoindex/query/lineage.h"
#include "repoindex/query/references.h"
#include "repoindex/query/symbol_key.h"

namespace engramd::repoindex {

namespace {

bool is_declared_only(const Found& f) {
  if (f.symbol == kNone) return false;
  const Symbol& symbol = f.get();
  return symbol.is_declaration || symbol.signature.substr(0, 7) == "extern ";
}

// The import of this file that gives it the name, as a hit on the name in it.
std::optional<SymbolHit> import_of(Resolver& resolver, const std::string& path,
                                   const FileFacts& facts, const Occurrence& asked) {
  const std::string& name = facts.names[asked.name];
  for (const Import& import : facts.imports) {
    if (asked.begin >= import.begin && asked.begin < import.end) continue;
    for (auto it =
             std::lower_bound(facts.occurrences.begin(), facts.occurrences.end(), import.begin,
                              [](const Occurrence&o, uint32_t at) { return o.begin < at; });
         it != facts.occurrences.end() && it->begin < import.end; ++it) {
      bool binds = facts.names[it->name] == name &&
                   (it->role == Role::import || it->role == Role::definition) &&
                   (import.name.empty() || import.name == name || import.alias == name);
      if (!binds) continue;
      SymbolHit hit;
      hit.symbol.name = name;
      hit.symbol.kind = SymbolKind::module;
      hit.place = resolver.place(path, facts, it->begin, it->end);
      hit.full_range = hit.place.range;
      hit.full_start = hit.place.start;
      hit.full_end = hit.place.end;
      hit.confidence = Confidence::certain;
      return hit;
    }
  }
  return std::nullopt;
}

// extern int x; of a variable with a value in this file or another.
std::vector<Found> extern_declarations(Resolver& resolver, const Found& variable) {
  if (variable.symbol == kNone || variable.get().kind != SymbolKind::variable) return {};
  if (variable.get().local || variable.get().signature.substr(0, 7) == "static ") return {};
  resolver.start(variable.path);
  std::vector<Found> found = resolver.by_name(variable.get().name, 50, [](const NameMatch& c) {
    return c.kind == SymbolKind::variable && c.is_top_level && is_c_family(c.language());
  });
  std::erase_if(found, [](const Found& f) { return f.get().signature.substr(0, 7) != "extern "; });
  for (Found& f : found) f.confidence = Confidence::likely;
  return found;
}

std::vector<SymbolHit> hits_of(Resolver& resolver, const std::vector<Found>& found, size_t limit) {
  std::vector<SymbolHit> out;
  for (const Found& f : found) {
    if (out.size() < limit) out.push_back(resolver.hit(f));
  }
  return out;
}

// With its body where that is written elsewhere.
void use_bodies(Resolver& resolver, std::vector<Found>* found) {
  std::vector<Found> out;
  for (Found& f : *found) {
    std::vector<Found> bodies;
    if (f.symbol != kNone && f.get().is_declaration && is_c_family(f.facts->language)) {
      resolver.start(f.path);
      bodies = resolver.bodies_of(f);
    }
    if (bodies.empty()) {
      append_new(out, {std::move(f)});
    } else {
      append_new(out, {std::move(bodies[0])});
    }
  }
  *found = std::move(out);
}

}  // namespace

std::vector<SymbolHit> find_declarations(const View& view, const std::string& path, size_t offset) {
  FileFactsPtr facts = view.facts(path);
  if (facts == nullptr) return {};
  Resolver resolver(view);
  const Occurrence* asked = occurrence_at(*facts, offset);
  if (asked == nullptr) {
    return hits_of(resolver, imported_file_at(resolver, view, path, *facts, offset), 50);
  }
  std::vector<Found> meant = meant_by(resolver, path, facts, *asked);
  if (meant.empty() || meant[0].confidence == Confidence::possible) {
    return hits_of(resolver, meant, 50);
  }
  if (is_c_family(facts->language)) {
    std::vector<Found> declared;
    for (const Found& f : meant) {
      if (is_declared_only(f)) declared.push_back(f);
    }
    // From a use the body was found first: its prototypes are asked of the body.
    const Found& first = meant[0];
    if (declared.empty() && first.symbol != kNone) {
      const Occurrence* own = occurrence_at(*first.facts, first.get().name_begin);
      if (own != nullptr && own->role == Role::definition) {
        for (Found& f : meant_by(resolver, first.path, first.facts, *own)) {
          if (is_declared_only(f)) declared.push_back(std::move(f));
        }
      }
    }
    if (declared.empty()) declared = extern_declarations(resolver, first);
    return hits_of(resolver, declared.empty() ? meant : declared, 50);
  }
  if (asked->receiver == kNone && asked->role != Role::definition && asked->role != Role::import) {
    bool elsewhere =
        std::all_of(meant.begin(), meant.end(), [&](const Found& f) { return f.path != path; });
    if (elsewhere) {
      if (std::optional<SymbolHit> import = import_of(resolver, path, *facts, *asked)) {
        return {std::move(*import)};
      }
    }
  }
  if (asked->role == Role::definition && meant[0].symbol != kNone) {
    Lineage lineage(view, resolver);
    std::vector<Found> over = lineage.overridden(meant[0]);
    if (!over.empty()) return hits_of(resolver, over, 50);
  }
  return hits_of(resolver, meant, 50);
}

std::vector<SymbolHit> find_implementations(const View& view, const std::string& path,
                                            size_t offset, size_t limit,
                                            const CancelToken& cancel) {
  FileFactsPtr facts = view.facts(path);
  if (facts == nullptr) return {};
  const Occurrence* asked = occurrence_at(*facts, offset);
  if (asked == nullptr) return {};
  Resolver resolver(view);
  std::vector<Found> meant = meant_by(resolver, path, facts, *asked);
  std::erase_if(meant, [](const Found& f) {
    return f.symbol == kNone || f.confidence == Confidence::possible;
  });
  Lineage lineage(view, resolver, cancel);
  std::vector<Found> out;
  for (const Found& f : meant) {
    if (out.size() >= limit || cancel.cancelled()) break;
    if (is_class_like(f.get().kind)) {
      append_new(out, lineage.all_subtypes(f));
    } else if (is_callable(f.get().kind) || f.get().kind == SymbolKind::property) {
      append_new(out, lineage.overriding(f));
    }
  }
  if (out.empty()) {
    std::erase_if(meant, [](const Found& f) { return !is_callable(f.get().kind); });
    out = std::move(meant);
  }
  use_bodies(resolver, &out);
  return hits_of(resolver, out, limit);
}

}  // namespace engramd::repoindex
