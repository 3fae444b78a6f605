#include <algorithm>

#include "repoindex/query/packages.h"
#include "repoindex/query/project/paths.h"
#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

namespace {

std::string_view stem_of(std::string_view path) {
  std::string_view name = base_name(path);
  return name.substr(0, name.find('.'));
}

}  // namespace

std::vector<Found> Resolver::bodies_of(const Found& declared) {
  const Symbol& symbol = declared.get();
  for (std::string_view none : {"= 0", "=0", "= default", "= delete"}) {
    std::string_view signature = symbol.signature;
    if (signature.size() > none.size() &&
        signature.substr(signature.size() - none.size()) == none) {
      return {};
    }
  }
  std::string owner(owner_of(*declared.facts, symbol));
  std::vector<Found> bodies = by_name(symbol.name, kMaxByName, [&](const NameMatch& c) {
    return !c.is_declaration && is_callable(c.kind) &&
           (owner.empty() ? c.is_top_level : c.container == owner) && is_c_family(c.language());
  });
  // A method's body can see its class: another class of that name is not meant.
  const FileEntry* header =
      view_.snapshot != nullptr ? view_.snapshot->find(declared.path) : nullptr;
  auto sees = [&](const Found& body) {
    return body.path == declared.path || header == nullptr || hidden(*header) ||
           includes(body.path, header);
  };
  if (bodies.size() <= kMaxOverloads &&
      (!owner.empty() || (bodies.size() > 1 && std::any_of(bodies.begin(), bodies.end(), sees)))) {
    std::erase_if(bodies, [&](const Found& body) { return !sees(body); });
  }
  auto takes = count_parameters(symbol, declared.facts->language);
  auto fits = [&](const Found& body) {
    auto theirs = count_parameters(body.get(), body.facts->language);
    return !takes || !theirs || theirs->most == takes->most;
  };
  if (bodies.size() > 1 && std::any_of(bodies.begin(), bodies.end(), fits)) {
    std::erase_if(bodies, [&](const Found& body) { return !fits(body); });
  }
  std::vector<std::string_view> types = parameter_types(symbol, declared.facts->language);
  auto same_types = [&](const Found& body) {
    return parameter_types(body.get(), body.facts->language) == types;
  };
  if (bodies.size() > 1 && std::any_of(bodies.begin(), bodies.end(), same_types)) {
    std::erase_if(bodies, [&](const Found& body) { return !same_types(body); });
  }
  if (bodies.size() < 2) {
    for (Found& f : bodies) f.confidence = Confidence::likely;
    return bodies;
  }
  // Several: in the file named like the header, then in one that includes it, then beside it.
  std::vector<std::pair<int, size_t>> order;
  for (size_t i = 0; i < bodies.size(); ++i) {
    const Found& body = bodies[i];
    int score = static_cast<int>(shared_prefix(body.path, declared.path));
    if (stem_of(body.path) == stem_of(declared.path)) score += 500;
    if (body.path == declared.path) score += 800;
    if (bodies.size() <= 16 && sees(body)) score += 1000;
    order.emplace_back(-score, i);
  }
  std::sort(order.begin(), order.end());
  std::vector<Found> out;
  for (const auto& [unused, i] : order) out.push_back(std::move(bodies[i]));
  for (Found& f : out) f.confidence = Confidence::likely;
  return out;
}

std::vector<Found> Resolver::definition_site(const std::string& path, const FileFactsPtr& facts,
                                             const Occurrence& occurrence) {
  const std::string& name = facts->names[occurrence.name];
  std::vector<Found> found;
  for (uint32_t s = 0; s < facts->symbols.size(); ++s) {
    const Symbol& symbol = facts->symbols[s];
    if (symbol.name_begin == occurrence.begin && symbol.name == name) {
      found.push_back({path, facts, s, Confidence::certain});
    }
  }
  // A prototype and its body belong together.
  if (found.empty() || !is_c_family(facts->language) || found[0].get().local) return found;
  if (!is_callable(found[0].get().kind) && found[0].get().kind != SymbolKind::variable &&
      found[0].get().kind != SymbolKind::field) {
    return found;
  }
  const Symbol& here = found[0].get();
  if (here.is_declaration) {
    std::vector<Found> bodies = bodies_of(found[0]);
    append_new(bodies, std::move(found));
    return bodies;
  }
  std::string owner(owner_of(*facts, here));
  std::vector<Found> declared = by_name(name, kMaxByName, [&](const NameMatch& c) {
    return c.is_declaration && (owner.empty() ? c.is_top_level : c.container == owner) &&
           is_c_family(c.language());
  });
  auto takes = count_parameters(here, facts->language);
  std::erase_if(declared, [&](const Found& f) {
    auto theirs = count_parameters(f.get(), f.facts->language);
    return takes && theirs && theirs->most != takes->most;
  });
  std::vector<std::string_view> types = parameter_types(here, facts->language);
  auto same_types = [&](const Found& f) {
    return parameter_types(f.get(), f.facts->language) == types;
  };
  if (declared.size() > 1 && std::any_of(declared.begin(), declared.end(), same_types)) {
    std::erase_if(declared, [&](const Found& f) { return !same_types(f); });
  }
  for (Found& f : declared) {
    f.confidence = owner.empty() && declared.size() > 1 ? Confidence::possible : Confidence::likely;
  }
  append_new(found, std::move(declared));
  return found;
}

std::vector<Found> Resolver::import_site(const std::string& path, const FileFactsPtr& facts,
                                         const Occurrence& occurrence) {
  const std::string& name = facts->names[occurrence.name];
  std::vector<Found> found = package_import_site(facts, occurrence);
  if (!found.empty()) return found;
  std::vector<const Import*> around;
  for (const Import& import : facts->imports) {
    if (occurrence.begin >= import.begin && occurrence.begin < import.end) {
      around.push_back(&import);
    }
  }
  for (const Import* import : around) {
    const std::string& bound = !import->alias.empty() ? import->alias : import->name;
    if ((import->name != name && bound != name) || names_package(*facts, *import)) continue;
    append_new(found, through_import(path, facts, *import, bound, 0));
    if (!found.empty()) return found;
  }
  // `from urllib import request`: not of the repository, whatever here has the name.
  is_foreign_ = facts->language == "python" && !around.empty() &&
                std::none_of(around.begin(), around.end(), [&](const Import* import) {
                  return import_target(path, *facts, *import).found();
                });
  // A part of the module's path: the file of the path up to it.
  for (const Import* import : around) {
    if (names_package(*facts, *import)) continue;
    Import part = *import;
    if (facts->language == "python") {
      size_t begin = 0, end = 0;
      for (; begin < part.target.size(); begin = end + 1) {
        end = std::min(part.target.find('.', begin), part.target.size());
        if (part.target.compare(begin, end - begin, name) == 0) break;
      }
      if (begin < part.target.size()) {
        part.target.resize(end);
        part.name.clear();
      } else if (import->name == name || import->alias == name) {
        continue;  // imported from somewhere else: not this file
      }
    }
    for (const std::string& file : import_target(path, *facts, part).files) {
      FileFactsPtr module = view_.facts(file);
      if (module != nullptr) append_new(found, {{file, module, kNone, Confidence::certain}});
    }
    if (!found.empty()) return found;
  }
  return found;
}

}  // namespace engramd::repoindex
