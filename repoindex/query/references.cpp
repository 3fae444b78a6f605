#include "repoindex/query/references.h"

#include <algorithm>
#include <map>
#include <set>

#include "repoindex/query/imported.h"

namespace engramd::repoindex {

namespace {

// Occurrences of one name that are looked at closely: a bound for names that are everywhere.
constexpr size_t kMaxResolved = 20000;

uint32_t id_of(const FileFacts& facts, std::string_view name) {
  for (uint32_t i = 0; i < facts.names.size(); ++i) {
    if (facts.names[i] == name) return i;
  }
  return kNone;
}

// Of these languages a plain name that a file does not define itself means what an import or the
// folder gives it, wherever in the file it stands: no class around it decides.
bool decided_by_imports(std::string_view language) {
  return language == "python" || language == "go" || is_script_family(language);
}

// A Python file that defines the name for itself, and neither imports it nor everything of some
// module, means nothing of another file by it.
bool means_its_own(const Snapshot& snapshot, const std::vector<UseRef>& uses) {
  const FileEntry& file = *uses[0].file;
  bool defined = false;
  for (const UseRef& use : uses) {
    if (use.has_receiver || use.role == Role::import) return false;
    defined = defined || use.role == Role::definition;
  }
  if (!defined || snapshot.summary(file).language != "python") return false;
  FileFactsPtr imports = snapshot.imports(file);
  return imports != nullptr &&
         std::none_of(imports->imports.begin(), imports->imports.end(),
                      [](const Import& import) { return import.name == "*"; });
}

// The facts of a file as far as one name goes, when its places and the file's imports tell all:
// decoding whole facts would take ten times as long. Null when they do not.
FileFactsPtr facts_of_name(const Snapshot& snapshot, const std::vector<UseRef>& uses,
                           std::string_view name) {
  const FileEntry& file = *uses[0].file;
  if (!decided_by_imports(snapshot.summary(file).language)) return nullptr;
  bool plain = std::none_of(uses.begin(), uses.end(), [](const UseRef& use) {
    return use.has_receiver || use.role == Role::definition || use.start_at == use.end_at;
  });
  FileFactsPtr imports = plain ? snapshot.imports(file) : nullptr;
  if (imports == nullptr) return nullptr;
  auto facts = std::make_shared<FileFacts>(*imports);
  facts->names.emplace_back(name);
  std::vector<LineMap::Line> lines;
  for (const UseRef& use : uses) {
    Occurrence o;
    o.name = 0;
    o.begin = use.begin;
    o.end = use.end;
    o.role = use.role;
    facts->occurrences.push_back(o);
    LineMap::Line line{use.begin - use.start_at.column, use.start_at.line};
    if (lines.empty() || lines.back().number != line.number) lines.push_back(line);
  }
  if (!LineMap::sound(lines)) return nullptr;
  facts->lines = LineMap(std::move(lines));
  return facts;
}

// How files of the snapshot are told to be of no interest without their facts.
struct Narrowing {
  // The file's imports and the places of the name may decide, save in the files of what is sought.
  bool by_imports = false;
  std::set<std::string_view> home;
  bool keywords_only = false;  // only f(name=value) counts, in files that ...
  std::string function;        // ... write this name too; empty: any
};

bool visit_files_with_name(
    const View& view, std::string_view name, const std::string& first, const Narrowing& narrowing,
    const std::function<bool(const std::string&, const FileFactsPtr&)>& visit) {
  FileFactsPtr own = view.facts(first);
  bool more = own == nullptr || visit(first, own);
  if (view.overlay != nullptr) {
    for (const auto& [path, document] : *view.overlay) {
      if (document.facts != nullptr && more && path != first) more = visit(path, document.facts);
    }
  }
  if (view.snapshot == nullptr || !more) return more;
  auto elsewhere = [&](const FileEntry& file) {
    return file.path != first && (view.overlay == nullptr || view.overlay->count(file.path) == 0);
  };
  if (!narrowing.by_imports && !narrowing.keywords_only) {
    view.snapshot->files_with_name(name, [&](const FileEntry& file) {
      FileFactsPtr facts = elsewhere(file) ? view.snapshot->facts(file) : nullptr;
      more = facts == nullptr || visit(file.path, facts);
      return more;
    });
    return more;
  }
  std::set<const FileEntry*> calling;
  if (!narrowing.function.empty()) {
    view.snapshot->files_with_name(narrowing.function, [&](const FileEntry& file) {
      calling.insert(&file);
      return true;
    });
  }
  std::vector<UseRef> uses;  // of one file
  auto look = [&] {
    if (uses.empty() || !elsewhere(*uses[0].file)) return true;
    const FileEntry& file = *uses[0].file;
    FileFactsPtr facts;
    if (narrowing.keywords_only) {
      bool may =
          (narrowing.function.empty() || calling.count(&file) != 0) &&
          std::any_of(uses.begin(), uses.end(), [](const UseRef& use) { return use.has_receiver; });
      if (!may) return true;
    } else if (narrowing.home.count(file.path) == 0) {
      if (means_its_own(*view.snapshot, uses)) return true;
      facts = facts_of_name(*view.snapshot, uses, name);
    }
    bool around = facts == nullptr && decided_by_imports(view.snapshot->summary(file).language);
    if (around) facts = view.snapshot->facts_around(file, name);
    if (facts == nullptr) facts = view.snapshot->facts(file);
    return facts == nullptr || visit(file.path, facts);
  };
  view.snapshot->uses(name, [&](const UseRef& use) {
    if (!uses.empty() && uses[0].file != use.file) {
      more = look();
      uses.clear();
    }
    uses.push_back(use);
    return more;
  });
  return more && look();
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
  auto is_meant = [&](const Found& f) {
    return std::any_of(meant.begin(), meant.end(), [&](const Found& m) { return m.same(f); });
  };
  if (member && found.size() > 1) return !std::all_of(found.begin(), found.end(), is_meant);
  // Python binds every name that is not built in: in the file, or by an import that says so.
  if (!member && found[0].facts->language == "python") return true;
  return !is_meant(found[0]);
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

bool is_namespace(const std::vector<Found>& found) {
  return !found.empty() && found[0].symbol != kNone &&
         found[0].get().kind == SymbolKind::namespace_;
}

// One question; look() answers for one file after the other.
class UseFinder {
 public:
  UseFinder(const View& view, const Sought& sought, const CancelToken& cancel)
      : view_(view), sought_(sought), cancel_(cancel), resolver_(view) {
    const Found& first = sought.meant[0];
    // A namespace is the same one wherever it is opened.
    of_namespace_ = is_namespace(sought.meant);
    local_ = sought.meant.size() == 1 && first.symbol != kNone && first.get().local;
    // A parameter may be named by calls in other files.
    parameter_ = local_ && first.facts->language == "python" && is_parameter(view, first);
  }

  // Every use of a local lies in the file of its definition.
  bool own_file_only() const { return local_ && !parameter_; }
  Narrowing narrowing() const {
    Narrowing out;
    const Found& first = sought_.meant[0];
    if (parameter_) {
      out.keywords_only = true;
      // A class is called by its own name or by that of one that derives from it.
      const std::string& function = first.facts->symbols[first.get().parent].name;
      if (function.substr(0, 2) != "__") out.function = function;
      return out;
    }
    out.by_imports = decided_by_imports(first.facts->language);
    for (const Found& f : sought_.meant) out.home.insert(f.path);
    return out;
  }

  // Whether to go on; out gets the hits in this file.
  bool look(const std::string& file, const FileFactsPtr& facts, std::vector<ReferenceHit>* out);

 private:
  // What is known of the guesses for a name; see guesses_decide().
  struct Guesses {
    bool any = false, any_meant = false, all_meant = true;
  };
  struct Answer {
    std::vector<Found> found;
    bool foreign = false;
    std::optional<Guesses> guesses;  // instead of found
  };
  using Key = std::pair<uint32_t, uint32_t>;  // receiver and scope

  bool means(const std::vector<Found>& found) const;
  bool names_class_of(const std::vector<Found>& found) const;
  // How sure the use is; nothing: it is none.
  std::optional<Confidence> judge(const Occurrence& o, const Answer& answer) const;
  std::optional<Confidence> judge_guesses(const Occurrence& o, const Answer& answer) const;
  bool guesses_decide(const FileFacts& facts, const Occurrence& o) const;
  Answer resolve(const std::string& file, const FileFactsPtr& facts, const Occurrence& o);
  Answer resolve_in(const std::string& file, const FileFactsPtr& facts, const Occurrence& o);

  const View& view_;
  const Sought& sought_;
  const CancelToken& cancel_;
  Resolver resolver_;
  bool of_namespace_ = false, local_ = false, parameter_ = false;
  size_t n_resolved_ = 0;
};

bool UseFinder::means(const std::vector<Found>& found) const {
  if (of_namespace_) return is_namespace(found);
  return std::any_of(found.begin(), found.end(), [&](const Found& f) {
    return std::any_of(sought_.meant.begin(), sought_.meant.end(),
                       [&](const Found& m) { return m.same(f); });
  });
}

// A constructor's own name names its class too.
bool UseFinder::names_class_of(const std::vector<Found>& found) const {
  return std::any_of(found.begin(), found.end(), [&](const Found& f) {
    if (f.symbol == kNone || f.get().kind != SymbolKind::constructor) return false;
    return std::any_of(sought_.meant.begin(), sought_.meant.end(), [&](const Found& m) {
      return m.symbol != kNone && is_class_like(m.get().kind) && m.get().name == f.get().name &&
             (m.path == f.path || is_c_family(m.facts->language));
    });
  });
}

std::optional<Confidence> UseFinder::judge(const Occurrence& o, const Answer& answer) const {
  const std::vector<Found>& found = answer.found;
  Confidence confidence = Confidence::possible;
  if (means(found)) {
    if (is_wild_guess(found, sought_.meant, o.receiver != kNone)) return std::nullopt;
    if (of_namespace_) return found[0].confidence;
    for (const Found& f : found) {
      for (const Found& m : sought_.meant) {
        if (m.same(f)) confidence = std::min(confidence, f.confidence);
      }
    }
    return confidence;
  }
  if (!found.empty() && found[0].confidence != Confidence::possible) {
    if (!names_class_of(found)) return std::nullopt;  // it is known to mean something else
    return Confidence::certain;
  }
  if (answer.foreign) return std::nullopt;
  if (local_ || found.empty()) {
    bool same_name_only = !local_ && o.receiver != kNone;
    if (!same_name_only) return std::nullopt;
  }
  return confidence;
}

// When nothing but the name is known, only which definitions are guessed counts, not their order:
// so they need not be read. Not in C, where a guess may be likely and a tag hides a typedef, nor
// where the best guess decides.
bool UseFinder::guesses_decide(const FileFacts& facts, const Occurrence& o) const {
  if (of_namespace_ || is_c_family(facts.language)) return false;
  return o.receiver != kNone || facts.language == "python";
}

std::optional<Confidence> UseFinder::judge_guesses(const Occurrence& o,
                                                   const Answer& answer) const {
  const Guesses& guesses = *answer.guesses;
  const bool member = o.receiver != kNone;
  if (guesses.any_meant) {  // as is_wild_guess() has it
    if (!member || !guesses.all_meant) return std::nullopt;
    return Confidence::possible;
  }
  if (answer.foreign) return std::nullopt;
  if ((local_ || !guesses.any) && (local_ || !member)) return std::nullopt;
  return Confidence::possible;
}

// The same occurrence in other facts of the file.
const Occurrence* same_occurrence(const FileFacts& facts, const FileFacts& of,
                                  const Occurrence& occurrence) {
  auto it = std::lower_bound(facts.occurrences.begin(), facts.occurrences.end(), occurrence.begin,
                             [](const Occurrence& o, uint32_t at) { return o.begin < at; });
  for (; it != facts.occurrences.end() && it->begin == occurrence.begin; ++it) {
    if (it->end == occurrence.end && it->role == occurrence.role &&
        facts.names[it->name] == of.names[occurrence.name]) {
      return &*it;
    }
  }
  return nullptr;
}

UseFinder::Answer UseFinder::resolve(const std::string& file, const FileFactsPtr& facts,
                                     const Occurrence& o) {
  if (!facts->partial) return resolve_in(file, facts, o);
  Answer out = resolve_in(file, facts, o);
  if (!resolver_.lacks()) return out;
  FileFactsPtr whole = view_.facts(file);
  const Occurrence* there = whole != nullptr ? same_occurrence(*whole, *facts, o) : nullptr;
  return there != nullptr ? resolve_in(file, whole, *there) : Answer{};
}

UseFinder::Answer UseFinder::resolve_in(const std::string& file, const FileFactsPtr& facts,
                                        const Occurrence& o) {
  Answer out;
  if (!guesses_decide(*facts, o)) {
    out.found = meant_by(resolver_, file, facts, o);
  } else if (resolver_.resolve_known(file, facts, o, &out.found)) {
    keep_meant(out.found);
  } else {
    const bool bare = o.receiver == kNone;
    Guesses guesses;
    for (const Guess* guess :
         resolver_.nearest_named(file, facts->language, facts->names[o.name], bare)) {
      const bool meant = std::any_of(
          sought_.meant.begin(), sought_.meant.end(),
          [&](const Found& m) { return m.symbol == guess->symbol && m.path == guess->path; });
      guesses.any = true;
      guesses.any_meant = guesses.any_meant || meant;
      guesses.all_meant = guesses.all_meant && meant;
    }
    out.guesses = guesses;
  }
  out.foreign = resolver_.is_foreign();
  return out;
}

bool UseFinder::look(const std::string& file, const FileFactsPtr& facts,
                     std::vector<ReferenceHit>* out) {
  uint32_t id = id_of(*facts, sought_.name);
  if (id == kNone) return true;
  bool keywords_only = parameter_ && file != sought_.path;
  // Same receiver in the same scope means the same, except for locals that shadow.
  std::map<Key, Answer> known;
  std::map<Key, bool> by_place;
  auto is_by_place = [&](const Occurrence& o) {
    auto [it, added] = by_place.try_emplace({o.receiver, o.scope});
    if (added) {
      bool named = o.receiver != kNone;
      const std::string& decides = facts->names[named ? o.receiver : o.name];
      it->second = depends_on_place(*facts, decides, o.scope, named);
    }
    return it->second;
  };
  for (const Occurrence& o : facts->occurrences) {
    if (o.name != id) continue;
    if (cancel_.cancelled() || n_resolved_ > kMaxResolved) return false;
    if (keywords_only && (o.receiver == kNone || !facts->names[o.receiver].empty())) continue;
    // A further definition of the same name is no reference to this one.
    if (o.role == Role::definition && !sought_.with_definitions) continue;
    Answer fresh;
    const Answer* answer = &fresh;
    bool is_use = o.role != Role::definition && o.role != Role::import;
    // What a receiver that is itself behind a dot means depends on more than its name.
    bool plain =
        is_use && !local_ && (o.receiver == kNone || !is_chained(*facts, o)) && !is_by_place(o);
    if (plain) {
      auto it = known.find({o.receiver, o.scope});
      if (it != known.end()) answer = &it->second;
    }
    if (answer == &fresh) {
      ++n_resolved_;
      fresh = resolve(file, facts, o);
      // Of overloads the arguments decide, of a typedef and its tag the word before.
      if (plain && !resolver_.is_by_place()) known[{o.receiver, o.scope}] = fresh;
    }
    const std::optional<Confidence> confidence =
        answer->guesses ? judge_guesses(o, *answer) : judge(o, *answer);
    if (!confidence) continue;
    out->push_back({resolver_.place(file, *facts, o.begin, o.end), o.role, *confidence});
  }
  return true;
}

void sort_references(std::vector<ReferenceHit>& hits) {
  std::stable_sort(hits.begin(), hits.end(), [](const ReferenceHit& a, const ReferenceHit& b) {
    if (a.place.path != b.place.path) return a.place.path < b.place.path;
    return a.place.range.begin < b.place.range.begin;
  });
}

}  // namespace

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

std::vector<Found> meant_by(Resolver& resolver, const std::string& path, const FileFactsPtr& facts,
                            const Occurrence& occurrence) {
  std::vector<Found> meant = resolver.resolve(path, facts, occurrence);
  keep_meant(meant);
  return meant;
}

bool for_each_use(const View& view, const Sought& sought, const CancelToken& cancel,
                  const VisitHits& visit) {
  UseFinder finder(view, sought, cancel);
  auto look = [&](const std::string& file, const FileFactsPtr& facts) {
    std::vector<ReferenceHit> hits;
    bool more = finder.look(file, facts, &hits);
    return (hits.empty() || visit(std::move(hits))) && more;
  };
  if (!finder.own_file_only()) {
    return visit_files_with_name(view, sought.name, sought.path, finder.narrowing(), look);
  }
  FileFactsPtr own = view.facts(sought.path);
  return own == nullptr || look(sought.path, own);
}

void each_reference(const View& view, const std::string& path, size_t offset,
                    bool include_definitions, const CancelToken& cancel,
                    const std::function<bool(std::vector<ReferenceHit>&&)>& visit) {
  FileFactsPtr facts = view.facts(path);
  if (facts == nullptr) return;
  constexpr size_t kLimit = 100000;
  const Occurrence* asked = occurrence_at(*facts, offset);
  Resolver resolver(view);
  if (asked == nullptr) {  // in the quotes of an import: who else imports that file
    std::vector<Found> files = imported_file_at(resolver, view, path, *facts, offset);
    if (!files.empty()) visit(importers_of(view, files[0].path, kLimit, cancel));
    return;
  }
  Sought sought{facts->names[asked->name], meant_by(resolver, path, facts, *asked), path,
                include_definitions};
  if (sought.meant.empty()) {  // not of this repository: by the name alone
    visit(references_of(view, sought.name, kLimit));
  } else {
    for_each_use(view, sought, cancel, visit);
  }
}

std::vector<ReferenceHit> find_references(const View& view, const std::string& path, size_t offset,
                                          bool include_definitions, size_t limit,
                                          const CancelToken& cancel) {
  std::vector<ReferenceHit> out;
  each_reference(
      view, path, offset, include_definitions, cancel, [&](std::vector<ReferenceHit>&& hits) {
        size_t n = std::min(hits.size(), limit - out.size());
        std::move(hits.begin(), hits.begin() + static_cast<ptrdiff_t>(n), std::back_inserter(out));
        return out.size() < limit;
      });
  sort_references(out);
  return out;
}

std::vector<ReferenceHit> references_in_file(const View& view, const std::string& path,
                                             size_t offset, size_t limit,
                                             const CancelToken& cancel) {
  std::vector<ReferenceHit> out;
  FileFactsPtr facts = view.facts(path);
  const Occurrence* asked = facts != nullptr ? occurrence_at(*facts, offset) : nullptr;
  if (asked == nullptr) return out;
  Resolver resolver(view);
  Sought sought{facts->names[asked->name], meant_by(resolver, path, facts, *asked), path, true};
  if (sought.meant.empty()) {  // not of this repository: by the name behind the same receiver
    for (const Occurrence& o : facts->occurrences) {
      if (o.name != asked->name || o.receiver != asked->receiver || out.size() >= limit) continue;
      out.push_back({resolver.place(path, *facts, o.begin, o.end), o.role, Confidence::possible});
    }
    return out;
  }
  for_each_use(view, sought, cancel, [&](std::vector<ReferenceHit>&& hits) {
    if (hits[0].place.path == path) out = std::move(hits);
    return false;  // the file that was asked in comes first
  });
  if (out.size() > limit) out.resize(limit);
  return out;
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

}  // namespace engramd::repoindex
