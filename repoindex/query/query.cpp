#include "repoindex/query.h"

#include <algorithm>
#include <map>

#include "repoindex/query/imported.h"
#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

namespace {

// Occurrences of one name that are looked at closely: a bound for names that are everywhere.
constexpr size_t kMaxResolved = 20000;

bool is_value(SymbolKind kind) {
  return kind == SymbolKind::variable || kind == SymbolKind::constant ||
         kind == SymbolKind::type_alias || kind == SymbolKind::field;
}

// The occurrence that contains the offset or ends at it; the containing one wins.
const Occurrence* occurrence_at(const FileFacts& facts, size_t offset) {
  auto it = std::upper_bound(facts.occurrences.begin(), facts.occurrences.end(), offset,
                             [](size_t at, const Occurrence& o) { return at < o.begin; });
  const Occurrence* ending = nullptr;
  for (int back = 0; back < 4 && it != facts.occurrences.begin(); ++back) {
    --it;
    if (it->begin <= offset && offset < it->end) return &*it;
    if (it->end == offset && ending == nullptr) ending = &*it;
  }
  return ending;
}

// Inside the quotes of an import there is no name: the file that is meant.
std::vector<Found> imported_file_at(Resolver& resolver, const View& view, const std::string& path,
                                    const FileFacts& facts, size_t offset) {
  std::vector<Found> out;
  for (const Import& import : facts.imports) {
    if (offset < import.begin || offset >= import.end) continue;
    for (const std::string& file : resolver.import_target(path, facts, import).files) {
      bool known =
          std::any_of(out.begin(), out.end(), [&](const Found& f) { return f.path == file; });
      FileFactsPtr target = view.facts(file);
      if (!known && target != nullptr) out.push_back({file, target, kNone, Confidence::certain});
    }
  }
  return out;
}

std::vector<SymbolHit> hits_of(Resolver& resolver, const std::vector<Found>& found, size_t limit) {
  std::vector<SymbolHit> out;
  for (const Found& f : found) {
    if (out.size() >= limit) break;
    out.push_back(resolver.hit(f));
  }
  return out;
}

void visit_files_with_name(
    const View& view, std::string_view name,
    const std::function<bool(const std::string&, const FileFactsPtr&)>& visit) {
  bool more = true;
  if (view.overlay != nullptr) {
    for (const auto& [path, document] : *view.overlay) {
      if (document.facts != nullptr && more) more = visit(path, document.facts);
    }
  }
  if (view.snapshot == nullptr || !more) return;
  view.snapshot->files_with_name(name, [&](const FileEntry& file) {
    if (view.overlay != nullptr && view.overlay->count(file.path) != 0) return true;
    FileFactsPtr facts = view.snapshot->facts(file);
    return facts == nullptr || visit(file.path, facts);
  });
}

// Between the brackets behind its function's name.
bool is_parameter(const View& view, const Found& found) {
  const Symbol& symbol = found.get();
  if (symbol.parent == kNone) return false;
  const Symbol& function = found.facts->symbols[symbol.parent];
  if (function.kind != SymbolKind::function && function.kind != SymbolKind::method &&
      function.kind != SymbolKind::constructor) {
    return false;
  }
  if (symbol.name_begin - function.name_end > 4000) return false;
  auto text = view.text(found.path);
  int depth = 0;
  for (size_t i = function.name_end; text && i < symbol.name_begin && i < text->size(); ++i) {
    if ((*text)[i] == '(') ++depth;
    if ((*text)[i] == ')' && --depth == 0) return false;
  }
  return depth > 0;
}

// The receiver of the occurrence has a receiver of its own: a.b.name.
bool is_chained(const FileFacts& facts, const Occurrence& o) {
  auto it = std::lower_bound(facts.occurrences.begin(), facts.occurrences.end(), o.begin,
                             [](const Occurrence& a, uint32_t at) { return a.begin < at; });
  if (it == facts.occurrences.begin()) return false;
  --it;
  return it->receiver != kNone && it->end + 3 >= o.begin;
}

// Several things have the name, nothing says which, and the one that is asked for is not the best
// guess: answering it would be wrong far more often than right.
bool is_wild_guess(const std::vector<Found>& found, const std::vector<Found>& meant, bool member) {
  if (found[0].confidence != Confidence::possible) return false;
  if (member && found.size() > 1) return true;
  // Python binds every name that is not built in: in the file, or by an import that says so.
  if (!member && found[0].facts->language == "python") return true;
  return std::none_of(meant.begin(), meant.end(), [&](const Found& m) { return m.same(found[0]); });
}

// typedef struct x {...} x: what is asked for is the one that was found first, the tag or the type.
void keep_tag_or_type(std::vector<Found>& found) {
  if (found.size() < 2 || found[0].symbol == kNone || !is_c_family(found[0].facts->language))
    return;
  const SymbolKind first = found[0].get().kind;
  if (first != SymbolKind::type_alias && !is_class_like(first)) return;
  std::erase_if(found, [&](const Found& f) {
    if (f.symbol == kNone) return false;
    const SymbolKind kind = f.get().kind;
    return first == SymbolKind::type_alias ? is_class_like(kind) : kind == SymbolKind::type_alias;
  });
}

// What is only possible is not meant when something better is known.
void keep_meant(std::vector<Found>& found) {
  keep_tag_or_type(found);
  if (found.empty() || found[0].confidence == Confidence::possible) return;
  std::erase_if(found, [](const Found& f) { return f.confidence == Confidence::possible; });
}

// Two things of the function have this name, or one that is not there from its start: what it means
// depends on where it stands.
bool depends_on_place(const FileFacts& facts, std::string_view name, uint32_t scope,
                      bool receiver) {
  size_t n = 0;
  for (const Symbol& symbol : facts.symbols) {
    n += symbol.local && symbol.parent == scope && symbol.name == name;
  }
  return receiver ? n > 1 : n > 0;
}

uint32_t id_of(const FileFacts& facts, std::string_view name) {
  for (uint32_t i = 0; i < facts.names.size(); ++i) {
    if (facts.names[i] == name) return i;
  }
  return kNone;
}

void sort_references(std::vector<ReferenceHit>& hits) {
  std::stable_sort(hits.begin(), hits.end(), [](const ReferenceHit& a, const ReferenceHit& b) {
    if (a.place.path != b.place.path) return a.place.path < b.place.path;
    return a.place.range.begin < b.place.range.begin;
  });
}

}  // namespace

std::optional<NameAt> name_at(const View& view, const std::string& path, size_t offset) {
  FileFactsPtr facts = view.facts(path);
  if (facts == nullptr) return std::nullopt;
  const Occurrence* o = occurrence_at(*facts, offset);
  if (o == nullptr) return std::nullopt;
  return NameAt{facts->names[o->name], {o->begin, o->end}};
}

std::vector<SymbolHit> find_definitions(const View& view, const std::string& path, size_t offset,
                                        size_t limit) {
  FileFactsPtr facts = view.facts(path);
  if (facts == nullptr) return {};
  Resolver resolver(view);
  const Occurrence* o = occurrence_at(*facts, offset);
  if (o == nullptr) {
    return hits_of(resolver, imported_file_at(resolver, view, path, *facts, offset), limit);
  }
  return hits_of(resolver, resolver.resolve(path, facts, *o), limit);
}

std::vector<ReferenceHit> find_references(const View& view, const std::string& path, size_t offset,
                                          bool include_definitions, size_t limit,
                                          const CancelToken& cancel) {
  FileFactsPtr facts = view.facts(path);
  if (facts == nullptr) return {};
  const Occurrence* asked = occurrence_at(*facts, offset);
  Resolver resolver(view);
  if (asked == nullptr) {  // in the quotes of an import: who else imports that file
    std::vector<Found> files = imported_file_at(resolver, view, path, *facts, offset);
    if (files.empty()) return {};
    return importers_of(view, files[0].path, limit, cancel);
  }
  const std::string name = facts->names[asked->name];
  std::vector<Found> meant = resolver.resolve(path, facts, *asked);
  keep_meant(meant);
  if (meant.empty()) {  // not of this repository: by the name alone
    return references_of(view, name, limit);
  }
  // A namespace is the same one wherever it is opened.
  bool of_namespace =
      !meant.empty() && meant[0].symbol != kNone && meant[0].get().kind == SymbolKind::namespace_;
  auto means = [&](const std::vector<Found>& found) {
    if (of_namespace) {
      return !found.empty() && found[0].symbol != kNone &&
             found[0].get().kind == SymbolKind::namespace_;
    }
    return std::any_of(found.begin(), found.end(), [&](const Found& f) {
      return std::any_of(meant.begin(), meant.end(), [&](const Found& m) { return m.same(f); });
    });
  };
  bool local = meant.size() == 1 && meant[0].symbol != kNone &&
               meant[0].facts->symbols[meant[0].symbol].local;
  // A parameter may be named by calls in other files.
  bool parameter = local && meant[0].facts->language == "python" && is_parameter(view, meant[0]);
  // A constructor's own name names its class too.
  auto names_class_of = [&](const std::vector<Found>& found) {
    return std::any_of(found.begin(), found.end(), [&](const Found& f) {
      if (f.symbol == kNone || f.get().kind != SymbolKind::constructor) return false;
      return std::any_of(meant.begin(), meant.end(), [&](const Found& m) {
        return m.symbol != kNone && is_class_like(m.get().kind) && m.get().name == f.get().name &&
               (m.path == f.path || is_c_family(m.facts->language));
      });
    });
  };
  struct Answer {
    std::vector<Found> found;
    bool foreign = false;
  };
  size_t n_resolved = 0;
  std::vector<ReferenceHit> out;
  auto look = [&](const std::string& file, const FileFactsPtr& file_facts) {
    uint32_t id = id_of(*file_facts, name);
    if (id == kNone) return true;
    bool keywords_only = parameter && file != path;
    // Same receiver in the same scope means the same, except for locals that shadow.
    std::map<std::pair<uint32_t, uint32_t>, Answer> known;
    std::map<std::pair<uint32_t, uint32_t>, bool> by_place;
    auto is_by_place = [&](const Occurrence& o) {
      auto [it, added] = by_place.try_emplace({o.receiver, o.scope});
      if (added) {
        bool named = o.receiver != kNone;
        const std::string& decides = file_facts->names[named ? o.receiver : o.name];
        it->second = depends_on_place(*file_facts, decides, o.scope, named);
      }
      return it->second;
    };
    for (const Occurrence& o : file_facts->occurrences) {
      if (o.name != id) continue;
      if (cancel.cancelled() || out.size() >= limit || n_resolved > kMaxResolved) return false;
      if (keywords_only && (o.receiver == kNone || !file_facts->names[o.receiver].empty())) {
        continue;
      }
      if (o.role == Role::definition && !include_definitions) {
        // A further definition of the same name is no reference to this one.
        continue;
      }
      Answer fresh;
      const Answer* answer = &fresh;
      bool is_use = o.role != Role::definition && o.role != Role::import;
      // What a receiver that is itself behind a dot means depends on more than its name.
      bool plain = is_use && !local && (o.receiver == kNone || !is_chained(*file_facts, o)) &&
                   !is_by_place(o);
      if (plain) {
        auto it = known.find({o.receiver, o.scope});
        if (it != known.end()) answer = &it->second;
      }
      if (answer == &fresh) {
        ++n_resolved;
        fresh.found = resolver.resolve(file, file_facts, o);
        keep_meant(fresh.found);
        fresh.foreign = resolver.is_foreign();
        // Of overloads the arguments decide, of a typedef and its tag the word before.
        if (plain && !resolver.is_by_place()) known[{o.receiver, o.scope}] = fresh;
      }
      const std::vector<Found>* found = &answer->found;
      Confidence confidence = Confidence::possible;
      if (means(*found)) {
        if (is_wild_guess(*found, meant, o.receiver != kNone)) continue;
        if (of_namespace) confidence = (*found)[0].confidence;
        for (const Found& f : *found) {
          if (of_namespace) break;
          for (const Found& m : meant) {
            if (m.same(f)) confidence = std::min(confidence, f.confidence);
          }
        }
      } else if (!found->empty() && (*found)[0].confidence != Confidence::possible) {
        if (!names_class_of(*found)) continue;  // it is known to mean something else
        confidence = Confidence::certain;
      } else if (answer->foreign) {
        continue;
      } else if (local || meant.empty() || found->empty()) {
        bool same_name_only = meant.empty() || (!local && o.receiver != kNone);
        if (!same_name_only) continue;
      }
      ReferenceHit hit;
      hit.place = resolver.place(file, *file_facts, o.begin, o.end);
      hit.role = o.role;
      hit.confidence = confidence;
      out.push_back(std::move(hit));
    }
    return true;
  };
  if (local && !parameter) {
    look(path, facts);
  } else {
    visit_files_with_name(view, name, look);
  }
  sort_references(out);
  return out;
}

std::vector<SymbolHit> definitions_of(const View& view, std::string_view name, size_t limit) {
  Resolver resolver(view);
  std::vector<Found> found = resolver.by_name(name, 5000);
  std::stable_sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    auto score = [](const Found& f) {
      const Symbol& s = f.facts->symbols[f.symbol];
      int n = s.is_declaration ? 4 : 0;
      n += s.kind == SymbolKind::key ? 8 : is_value(s.kind) ? 2 : 0;
      return n + (f.path.find("test") != std::string::npos ? 1 : 0);
    };
    int x = score(a), y = score(b);
    return x != y ? x < y : a.path < b.path;
  });
  return hits_of(resolver, found, limit);
}

std::vector<ReferenceHit> references_of(const View& view, std::string_view name, size_t limit) {
  Resolver resolver(view);
  std::vector<ReferenceHit> out;
  if (view.overlay != nullptr) {
    for (const auto& [path, document] : *view.overlay) {
      if (document.facts == nullptr) continue;
      uint32_t id = id_of(*document.facts, name);
      for (const Occurrence& o : document.facts->occurrences) {
        if (o.name != id || out.size() >= limit) continue;
        out.push_back(
            {resolver.place(path, *document.facts, o.begin, o.end), o.role, Confidence::possible});
      }
    }
  }
  if (view.snapshot != nullptr && out.size() < limit) {
    view.snapshot->uses(name, [&](const UseRef& use) {
      const std::string& path = use.file->path;
      if (view.overlay != nullptr && view.overlay->count(path) != 0) return true;
      out.push_back(
          {{path, {use.begin, use.end}, use.start_at, use.end_at}, use.role, Confidence::possible});
      return out.size() < limit;
    });
  }
  sort_references(out);
  return out;
}

std::vector<ReferenceHit> calls_of(const View& view, std::string_view name, size_t limit) {
  std::vector<ReferenceHit> all = references_of(view, name, limit * 4);
  std::erase_if(all, [](const ReferenceHit& hit) { return hit.role != Role::call; });
  if (all.size() > limit) all.resize(limit);
  return all;
}

std::vector<SymbolHit> document_symbols(const View& view, const std::string& path) {
  FileFactsPtr facts = view.facts(path);
  if (facts == nullptr) return {};
  Resolver resolver(view);
  std::vector<SymbolHit> out;
  std::vector<uint32_t> index(facts->symbols.size(), kNone);
  for (uint32_t s = 0; s < facts->symbols.size(); ++s) {
    const Symbol& symbol = facts->symbols[s];
    uint32_t parent = symbol.parent == kNone ? kNone : index[symbol.parent];
    if (symbol.local && is_value(symbol.kind)) continue;
    SymbolHit hit = resolver.hit({path, facts, s, Confidence::certain});
    hit.symbol.parent = parent;
    index[s] = static_cast<uint32_t>(out.size());
    out.push_back(std::move(hit));
  }
  return out;
}

std::optional<HoverInfo> hover(const View& view, const std::string& path, size_t offset) {
  FileFactsPtr facts = view.facts(path);
  auto at = name_at(view, path, offset);
  if (facts == nullptr || !at) return std::nullopt;
  std::vector<SymbolHit> found = find_definitions(view, path, offset);
  if (found.empty()) return std::nullopt;
  HoverInfo info;
  info.at = *at;
  info.n_definitions = found.size();
  info.definition = std::move(found[0]);
  FileFactsPtr there = view.facts(info.definition.place.path);
  info.language = there != nullptr ? there->language : facts->language;
  Symbol& symbol = info.definition.symbol;
  // Locals carry no signature of their own: the line they are written on.
  if (symbol.signature.empty() && symbol.kind != SymbolKind::file) {
    if (auto text = view.text(info.definition.place.path);
        text && symbol.name_begin < text->size()) {
      LineIndex lines(*text);
      ByteRange line = lines.line_range(info.definition.place.start.line, *text);
      symbol.signature = utf8_sanitized(
          trim(std::string_view(*text).substr(line.begin, std::min<size_t>(line.size(), 300))));
    }
  }
  return info;
}

std::optional<SymbolHit> enclosing_symbol(const View& view, const std::string& path,
                                          size_t offset) {
  FileFactsPtr facts = view.facts(path);
  if (facts == nullptr) return std::nullopt;
  uint32_t best = kNone;
  for (uint32_t s = 0; s < facts->symbols.size(); ++s) {
    const Symbol& symbol = facts->symbols[s];
    if (is_value(symbol.kind) || symbol.kind == SymbolKind::key ||
        symbol.kind == SymbolKind::enum_member || symbol.kind == SymbolKind::macro) {
      continue;
    }
    if (symbol.begin > offset || offset >= symbol.end) continue;
    if (best == kNone ||
        symbol.end - symbol.begin <= facts->symbols[best].end - facts->symbols[best].begin) {
      best = s;
    }
  }
  if (best == kNone) return std::nullopt;
  Resolver resolver(view);
  return resolver.hit({path, facts, best, Confidence::certain});
}

}  // namespace engramd::repoindex
