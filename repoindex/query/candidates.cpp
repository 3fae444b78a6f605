// Definitions by name, how they are ranked, and where they are.
#include <algorithm>

#include "repoindex/query/project/paths.h"
#include "repoindex/query/resolve.h"
#include "repoindex/store/record.h"

namespace engramd::repoindex {

bool is_class_like(SymbolKind kind) {
  return kind == SymbolKind::class_ || kind == SymbolKind::struct_ || kind == SymbolKind::enum_ ||
         kind == SymbolKind::interface_;
}
bool is_callable(SymbolKind kind) {
  return kind == SymbolKind::function || kind == SymbolKind::method ||
         kind == SymbolKind::constructor || kind == SymbolKind::macro || is_class_like(kind);
}
bool is_c_family(std::string_view language) {
  return language == "c" || language == "cpp" || language == "cuda";
}
bool is_script_family(std::string_view language) {
  return language == "javascript" || language == "typescript" || language == "tsx" ||
         language == "jsx";
}
// Names mean something across these languages only within one family.
bool same_family(std::string_view a, std::string_view b) {
  return a == b || (is_script_family(a) && is_script_family(b)) ||
         (is_c_family(a) && is_c_family(b));
}

bool is_top_level(const FileFacts& facts, const Symbol& symbol) {
  uint32_t parent = symbol.parent;
  for (int i = 0; i < 50 && parent != kNone; ++i) {
    const Symbol& above = facts.symbols[parent];
    if (above.kind != SymbolKind::namespace_ && above.kind != SymbolKind::module) return false;
    parent = above.parent;
  }
  return !symbol.local && symbol.qualifier.empty();
}

std::string_view owner_of(const FileFacts& facts, const Symbol& symbol) {
  if (!symbol.qualifier.empty()) return symbol.qualifier;
  if (symbol.parent != kNone && is_class_like(facts.symbols[symbol.parent].kind)) {
    return facts.symbols[symbol.parent].name;
  }
  return {};
}

void weaken(std::vector<Found>& found, Confidence confidence) {
  for (Found& f : found) f.confidence = std::max(f.confidence, confidence);
}

void append_new(std::vector<Found>& to, std::vector<Found> more) {
  for (Found& f : more) {
    bool known = std::any_of(to.begin(), to.end(), [&](const Found& g) { return g.same(f); });
    if (!known) to.push_back(std::move(f));
  }
}

std::string_view NameMatch::language() const {
  if (file != nullptr) return view->snapshot->summary(*file).language;
  auto it = view->overlay->find(std::string(path));
  return it == view->overlay->end() ? std::string_view() : it->second.facts->language;
}

// Files of the snapshot that are open are asked about thousands of times: by their place in memory.
bool Resolver::hidden(const FileEntry& file) {
  if (!knows_hidden_ && view_.overlay != nullptr && view_.snapshot != nullptr) {
    for (const auto& [path, unused] : *view_.overlay) {
      if (const FileEntry* shown = view_.snapshot->find(path)) hidden_.push_back(shown);
    }
    std::sort(hidden_.begin(), hidden_.end());
  }
  knows_hidden_ = true;
  return std::binary_search(hidden_.begin(), hidden_.end(), &file);
}

std::vector<Found> Resolver::by_name(std::string_view name, size_t limit, const Accept& accept) {
  std::vector<Found> out;
  if (++n_steps_ > kMaxSteps) return out;
  if (view_.overlay != nullptr) {
    for (const auto& [path, document] : *view_.overlay) {
      if (document.facts == nullptr) continue;
      const FileFacts& facts = *document.facts;
      for (uint32_t s = 0; s < facts.symbols.size() && out.size() < limit; ++s) {
        const Symbol& symbol = facts.symbols[s];
        if (symbol.local || symbol.name != name) continue;
        NameMatch candidate{path,
                            nullptr,
                            &view_,
                            symbol.kind,
                            symbol.is_declaration,
                            is_top_level(facts, symbol),
                            symbol.qualifier};
        if (candidate.container.empty() && symbol.parent != kNone) {
          candidate.container = facts.symbols[symbol.parent].name;
        }
        if (!accept || accept(candidate)) out.push_back({path, document.facts, s});
      }
    }
  }
  if (view_.snapshot == nullptr) return out;
  view_.snapshot->definitions(name, [&](DefinitionRef ref) {
    if (hidden(*ref.file)) return true;
    if (accept) {
      NameMatch candidate{ref.file->path,     ref.file,         &view_,       ref.kind,
                          ref.is_declaration, ref.is_top_level, ref.container};
      if (!accept(candidate)) return true;
    }
    FileFactsPtr facts = view_.snapshot->facts(*ref.file);
    if (facts != nullptr && ref.symbol < facts->symbols.size()) {
      out.push_back({ref.file->path, std::move(facts), ref.symbol});
    }
    return out.size() < limit;
  });
  return out;
}

const std::string& Resolver::text(const std::string& path) {
  auto it = texts_.find(path);
  if (it != texts_.end()) return it->second;
  if (texts_.size() > 32) texts_.clear();  // a question over the whole repository stays small
  return texts_[path] = view_.text(path).value_or(std::string());
}

Place Resolver::place(const std::string& path, const FileFacts& facts, uint32_t begin,
                      uint32_t end) {
  if (facts.lines.known()) {
    return {path, {begin, end}, facts.lines.position(begin), facts.lines.position(end)};
  }
  const LineIndex index(text(path));
  return {path, {begin, end}, index.position(begin), index.position(end)};
}

SymbolHit hit_of(const std::string& path, SymbolCard card) {
  SymbolHit hit;
  hit.symbol = std::move(card.symbol);
  const Symbol& s = hit.symbol;
  hit.place = {path, {s.name_begin, s.name_end}, card.name_start, card.name_end};
  hit.full_range = {s.begin, s.end};
  hit.full_start = card.start;
  hit.full_end = card.end;
  hit.container = std::move(card.container);
  return hit;
}

SymbolHit Resolver::hit(const Found& found) {
  SymbolHit hit;
  hit.confidence = found.confidence;
  if (found.symbol == kNone) {
    hit.symbol.kind = SymbolKind::file;
    hit.symbol.name = std::string(base_name(found.path));
    hit.place.path = found.path;
    return hit;
  }
  hit.symbol = found.get();
  const Symbol& s = hit.symbol;
  hit.place = place(found.path, *found.facts, s.name_begin, s.name_end);
  hit.full_range = {s.begin, s.end};
  Place whole = place(found.path, *found.facts, s.begin, s.end);
  hit.full_start = whole.start;
  hit.full_end = whole.end;
  hit.container = s.qualifier;
  uint32_t parent = s.parent;
  for (int i = 0; i < 50 && parent != kNone; ++i) {
    const Symbol& above = found.facts->symbols[parent];
    hit.container = hit.container.empty() ? above.name : above.name + "." + hit.container;
    parent = above.parent;
  }
  return hit;
}

void Resolver::rank(const std::string& path, const FileFactsPtr& facts,
                    const Occurrence& occurrence, std::vector<Found>* found) {
  if (found->size() < 2) return;
  auto folders = [&](const std::string& other) {
    size_t n = 0;
    for (size_t i = 0; i < other.size() && i < path.size() && other[i] == path[i]; ++i) {
      n += other[i] == '/' ? 1 : 0;
    }
    return static_cast<int>(std::min<size_t>(n, 9));
  };
  // Only where several functions are equally near does the number of arguments decide.
  std::optional<uint32_t> n_arguments;
  size_t n_callable = 0;
  for (const Found& f : *found) {
    n_callable += f.symbol != kNone && is_callable(f.get().kind) && !is_class_like(f.get().kind);
  }
  bool overloads = n_callable > 1 && n_callable <= kMaxOverloads &&
                   (occurrence.role == Role::call || occurrence.role == Role::reference);
  auto is_partial = [](const Found& f) { return f.facts->partial; };
  if (overloads && std::any_of(found->begin(), found->end(), is_partial)) {
    lacks_ = true;  // signatures
    return;
  }
  if (overloads) n_arguments = count_arguments(text(path), occurrence.end);
  std::vector<std::string> given;  // types of the arguments
  if (overloads && n_arguments && is_c_family(facts->language)) {
    given = argument_types(path, facts, occurrence.end);
  }
  auto takes_given = [&](const Symbol& symbol, std::string_view language) {
    std::vector<std::string_view> takes = parameter_types(symbol, language);
    bool any = false;
    for (size_t i = 0; i < given.size(); ++i) {
      if (given[i].empty()) continue;
      if (i >= takes.size() || takes[i] != given[i]) return false;
      any = true;
    }
    return any;
  };
  bool has_alias =
      is_c_family(facts->language) && std::any_of(found->begin(), found->end(), [](const Found& f) {
        return f.symbol != kNone && f.get().kind == SymbolKind::type_alias;
      });
  bool after_tag = false;
  is_by_place_ = overloads || has_alias;
  if (has_alias) {
    std::string_view before = std::string_view(text(path)).substr(0, occurrence.begin);
    before = before.substr(before.size() - std::min<size_t>(before.size(), 12));
    for (std::string_view tag : {"struct ", "union ", "enum "}) {
      after_tag = after_tag ||
                  (before.size() >= tag.size() && before.substr(before.size() - tag.size()) == tag);
    }
  }
  // Whether it can take the arguments: -1 not so many, 1 exactly these, 0 as far as is known.
  auto fit_of = [&](const Found& f) {
    if (!n_arguments || f.symbol == kNone) return 0;
    const Symbol& symbol = f.get();
    if (!is_callable(symbol.kind) || is_class_like(symbol.kind)) return 0;
    auto takes = count_parameters(symbol, f.facts->language);
    if (takes && (*n_arguments < takes->least || *n_arguments > takes->most)) return -1;
    return takes_given(symbol, f.facts->language) ? 1 : 0;
  };
  auto score = [&](const Found& f) {
    if (f.symbol == kNone) return 100;
    const Symbol& symbol = f.get();
    int s = f.confidence == Confidence::certain  ? 4000
            : f.confidence == Confidence::likely ? 2000
                                                 : 0;
    if (same_family(facts->language, f.facts->language)) s += 1000;
    if (!symbol.is_declaration) s += 400;
    // More than a body is worth against a prototype: its own body is found from there.
    s += fit_of(f) * 600;
    if (occurrence.role == Role::call && is_callable(symbol.kind)) s += 200;
    if (occurrence.role == Role::type &&
        (is_class_like(symbol.kind) || symbol.kind == SymbolKind::type_alias)) {
      s += 200;
    }
    // typedef struct x {} x; the bare name is the typedef.
    if (has_alias && symbol.kind == SymbolKind::type_alias) s += after_tag ? -50 : 50;
    if (symbol.kind == SymbolKind::key) s -= 300;
    if (f.path.find("test") != std::string::npos) s -= 20;
    if (f.path == path) s += 100;
    return s + 10 * folders(f.path);
  };
  std::vector<std::pair<int, size_t>> order;
  for (size_t i = 0; i < found->size(); ++i) order.emplace_back(-score((*found)[i]), i);
  // Of several #define of a name in one file the last is meant: the first ones are for platforms
  // and settings that are asked for, the last is behind the #else.
  std::sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
    if (a.first != b.first) return a.first < b.first;
    const Found &x = (*found)[a.second], &y = (*found)[b.second];
    bool macros = x.symbol != kNone && y.symbol != kNone && x.path == y.path &&
                  x.get().kind == SymbolKind::macro && y.get().kind == SymbolKind::macro;
    return macros ? a.second > b.second : a.second < b.second;
  });
  std::vector<Found> sorted;
  sorted.reserve(order.size());
  for (const auto& [unused, i] : order) sorted.push_back(std::move((*found)[i]));
  *found = std::move(sorted);
  // What fits less than the first is only named, not meant.
  int best = n_arguments ? fit_of((*found)[0]) : 0;
  for (size_t i = 1; n_arguments && i < found->size(); ++i) {
    if (fit_of((*found)[i]) < best) (*found)[i].confidence = Confidence::possible;
  }
}

}  // namespace engramd::repoindex
