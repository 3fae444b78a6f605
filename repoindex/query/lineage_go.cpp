// Go's interfaces: a type satisfies one when it has its methods, whoever wrote either.
#include <algorithm>
#include <set>

#include "repoindex/query/lineage.h"
#include "repoindex/query/project/paths.h"

namespace engramd::repoindex {

namespace {

constexpr int kMaxEmbedding = 4;

bool same_parameters(const Found& a, const Found& b) {
  auto x = count_parameters(a.get(), "go"), y = count_parameters(b.get(), "go");
  return !x || !y || x->most == y->most;
}

}  // namespace

// What is written as a type right inside a struct or interface, outside its fields and methods.
std::vector<Found> Lineage::go_embedded(const Found& type) {
  std::vector<Found> out;
  const FileFacts& facts = *type.facts;
  const Symbol& symbol = type.get();
  std::vector<ByteRange> inside;
  for (uint32_t s = type.symbol + 1; s < facts.symbols.size(); ++s) {
    const Symbol& child = facts.symbols[s];
    if (child.begin >= symbol.end) break;
    if (child.parent == type.symbol) inside.push_back({child.begin, child.end});
  }
  auto it = std::lower_bound(facts.occurrences.begin(), facts.occurrences.end(), symbol.name_end,
                             [](const Occurrence& o, uint32_t at) { return o.begin < at; });
  for (; it != facts.occurrences.end() && it->begin < symbol.end && out.size() < 32; ++it) {
    bool of_child = std::any_of(inside.begin(), inside.end(),
                                [&](const ByteRange& r) { return r.contains(it->begin); });
    if (of_child || it->role != Role::type || it->scope != type.symbol) continue;
    for (Found& f : resolver_.resolve(type.path, type.facts, *it)) {
      bool type_like =
          f.symbol != kNone && is_class_like(f.get().kind) && f.confidence != Confidence::possible;
      if (type_like && !f.same(type)) append_new(out, {std::move(f)});
    }
  }
  return out;
}

const Lineage::Methods& Lineage::methods_of(const Found& type, int depth) {
  auto [it, added] = go_methods_.try_emplace({type.path, type.symbol});
  Methods& out = it->second;
  if (!added) return out;
  const std::string& name = type.get().name;
  auto add = [&](const std::string& path, const FileFactsPtr& facts) {
    for (uint32_t s = 0; s < facts->symbols.size() && out.size() < kMaxMethods; ++s) {
      const Symbol& symbol = facts->symbols[s];
      if (symbol.kind != SymbolKind::method || symbol.local) continue;
      bool own = symbol.qualifier.empty() ? path == type.path && symbol.parent == type.symbol
                                          : symbol.qualifier == name;
      if (own) out.try_emplace(symbol.name, Found{path, facts, s, Confidence::likely});
    }
  };
  if (type.get().kind == SymbolKind::interface_) {
    add(type.path, type.facts);
  } else {
    std::string folder = parent_path(type.path);
    size_t n = 0;
    auto of_package = [&](const std::string& path) {
      return parent_path(path) == folder && extension_of(path) == "go";
    };
    if (view_.overlay != nullptr) {
      for (const auto& [path, document] : *view_.overlay) {
        if (document.facts != nullptr && of_package(path)) add(path, document.facts);
      }
    }
    if (view_.snapshot != nullptr) {
      view_.snapshot->for_each_below(folder, [&](const FileEntry& file) {
        bool hidden = view_.overlay != nullptr && view_.overlay->count(file.path) != 0;
        if (hidden || !of_package(file.path)) return true;
        FileFactsPtr facts = view_.snapshot->facts(file);
        if (facts != nullptr) add(file.path, facts);
        return ++n < kMaxFolderFiles;
      });
    }
  }
  if (depth < kMaxEmbedding) {
    for (const Found& embedded : go_embedded(type)) {
      // A copy: the map may grow, but nodes of std::map stay where they are.
      for (const auto& [method, found] : methods_of(embedded, depth + 1)) {
        if (out.size() < kMaxMethods) out.try_emplace(method, found);
      }
    }
  }
  return out;
}

bool Lineage::satisfies(const Methods& has, const Methods& asked) const {
  if (asked.empty() || has.size() < asked.size()) return false;
  return std::all_of(asked.begin(), asked.end(), [&](const auto& wanted) {
    auto it = has.find(wanted.first);
    return it != has.end() && same_parameters(it->second, wanted.second);
  });
}

// Types or interfaces that have a method of this name.
std::vector<Found> Lineage::go_types_with(std::string_view method, bool interfaces) {
  std::vector<Found> out;
  resolver_.start({});
  std::vector<Found> methods = resolver_.by_name(method, kMaxTypes, [](const NameMatch& c) {
    return c.kind == SymbolKind::method && !c.container.empty() && c.language() == "go";
  });
  std::set<std::pair<std::string, std::string>> known;
  for (const Found& f : methods) {
    const Symbol& symbol = f.get();
    bool in_interface = symbol.qualifier.empty();
    if (in_interface != interfaces || cancel_.cancelled()) continue;
    if (in_interface) {
      if (symbol.parent != kNone && is_class_like(f.facts->symbols[symbol.parent].kind)) {
        append_new(out, {{f.path, f.facts, symbol.parent, Confidence::likely}});
      }
      continue;
    }
    if (!known.insert({parent_path(f.path), symbol.qualifier}).second) continue;
    std::string folder = parent_path(f.path);
    resolver_.start(f.path);
    std::vector<Found> types = resolver_.by_name(symbol.qualifier, 4, [&](const NameMatch& c) {
      return c.is_top_level && parent_path(c.path) == folder &&
             (is_class_like(c.kind) || c.kind == SymbolKind::type_alias) && c.language() == "go";
    });
    for (Found& type : types) type.confidence = Confidence::likely;
    append_new(out, std::move(types));
  }
  return out;
}

std::vector<Found> Lineage::go_implementers(const Found& interface_) {
  const Methods& asked = methods_of(interface_);
  if (asked.empty()) return {};
  // The method that fewest have leads to the candidates.
  std::string_view rarest;
  size_t fewest = SIZE_MAX;
  for (const auto& [name, unused] : asked) {
    size_t n = 0;
    if (view_.snapshot != nullptr) {
      view_.snapshot->definitions(name, [&](DefinitionRef) { return ++n < kMaxTypes; });
    }
    if (n < fewest) {
      fewest = n;
      rarest = name;
    }
  }
  std::vector<Found> out;
  for (bool interfaces : {false, true}) {
    for (Found& type : go_types_with(rarest, interfaces)) {
      if (cancel_.cancelled()) return out;
      if (!type.same(interface_) && satisfies(methods_of(type), asked)) {
        out.push_back(std::move(type));
      }
    }
  }
  return out;
}

std::vector<Found> Lineage::go_interfaces(const Found& type) {
  const Methods& has = methods_of(type);
  constexpr size_t kMaxCandidates = 300;
  std::vector<Found> candidates, out;
  for (const auto& [name, unused] : has) {
    if (cancel_.cancelled() || candidates.size() > kMaxCandidates) break;
    append_new(candidates, go_types_with(name, true));
  }
  for (Found& interface_ : candidates) {
    if (!interface_.same(type) && satisfies(has, methods_of(interface_))) {
      out.push_back(std::move(interface_));
    }
  }
  return out;
}

}  // namespace engramd::repoindex
