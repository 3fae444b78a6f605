#include "repoindex/rename.h"

#include <algorithm>
#include <map>
#include <set>

#include "repoindex/query/lineage.h"
#include "repoindex/query/project/paths.h"
#include "repoindex/query/references.h"
#include "repoindex/query/rename_text.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxEdits = 20000;
constexpr size_t kMaxFamily = 500;  // definitions that get the name together

tl::unexpected<Error> refuse(std::string message) {
  return fail(ErrorCode::unsupported, std::move(message));
}

std::string in_quotes(std::string_view name) {
  return "'" + std::string(name.substr(0, 80)) + "'";
}

std::string shown(const View& view, const Found& f) {
  const LineIndex lines(view.text(f.path).value_or(std::string()));
  return f.path + ":" + std::to_string(lines.position(f.get().name_begin).line + 1);
}

bool is_method_like(SymbolKind kind) {
  return kind == SymbolKind::method || kind == SymbolKind::function ||
         kind == SymbolKind::property || kind == SymbolKind::field;
}

std::string_view prefix_of(std::string_view name) {
  size_t n = 0;
  while (n < name.size() && (name[n] == '@' || name[n] == '$')) ++n;
  return name.substr(0, n);
}

// What is renamed: the definitions that the asked name means and those that go with it.
struct Target {
  FileFactsPtr facts;  // of the asked file
  const Occurrence* asked = nullptr;
  std::string name;
  bool is_alias = false;  // `import a as name`: only the name that this file gives it
  std::vector<Found> meant;
};

// A name that an import of this file gives to something that is called otherwise.
bool names_alias(const FileFacts& facts, const std::string& name) {
  return std::any_of(facts.imports.begin(), facts.imports.end(),
                     [&](const Import& import) { return import.alias == name; });
}

Status may_change(const View& view, const Found& f, const std::string& name) {
  if (f.symbol == kNone) {
    return refuse(in_quotes(name) + " is the file " + f.path + ": rename the file instead");
  }
  const Symbol& symbol = f.get();
  const FileEntry* file = view.snapshot != nullptr ? view.snapshot->find(f.path) : nullptr;
  if (file != nullptr && file->origin == FileOrigin::vendored) {
    return refuse(in_quotes(name) + " is defined in third-party code: " + f.path);
  }
  if (file != nullptr && file->origin == FileOrigin::generated) {
    return refuse(in_quotes(name) + " is defined in a file that a program writes: " + f.path);
  }
  switch (symbol.kind) {
    case SymbolKind::module:
    case SymbolKind::namespace_:
      return refuse("a " + std::string(to_string(symbol.kind)) + " is not renamed");
    case SymbolKind::key:
    case SymbolKind::heading:
      return refuse(in_quotes(name) + " is no name of a program");
    case SymbolKind::constructor:
      return refuse(in_quotes(name) + " is a constructor: its name is given by the language");
    default:
      break;
  }
  bool of_ruby_class = f.facts->language == "ruby" &&
                       (symbol.kind == SymbolKind::property || symbol.name == "initialize");
  if (of_ruby_class) return refuse(in_quotes(name) + " is made from another name in ruby");
  bool dunder = f.facts->language == "python" && name.size() > 4 && name.substr(0, 2) == "__" &&
                name.substr(name.size() - 2) == "__" && !symbol.local;
  if (dunder) return refuse(in_quotes(name) + " has its meaning from python");
  return {};
}

// The class of a constructor that is called like it.
void constructors_to_classes(Resolver& resolver, std::vector<Found>* found) {
  std::vector<Found> out;
  for (Found& f : *found) {
    std::vector<Found> types;
    if (f.symbol != kNone && f.get().kind == SymbolKind::constructor) {
      resolver.start(f.path);
      types = resolver.class_around(f.path, f.facts, f.symbol, 0);
      std::erase_if(types, [&](const Found& t) { return t.get().name != f.get().name; });
    }
    if (types.empty()) {
      append_new(out, {std::move(f)});
    } else {
      append_new(out, std::move(types));
    }
  }
  *found = std::move(out);
}

Result<Target> target_at(const View& view, Resolver& resolver, const std::string& path,
                         size_t offset) {
  Target target;
  target.facts = view.facts(path);
  if (target.facts == nullptr) return refuse(path + " is not indexed");
  const std::string& language = target.facts->language;
  target.asked = occurrence_at(*target.facts, offset);
  if (target.asked == nullptr) {
    std::string text = view.text(path).value_or(std::string());
    std::string_view word = word_at(text, offset);
    if (is_keyword(language, word)) {
      return refuse(in_quotes(word) + " is a keyword of " + language);
    }
    return refuse("there is no name here that can be renamed");
  }
  target.name = target.facts->names[target.asked->name];
  if (is_keyword(language, target.name)) {
    return refuse(in_quotes(target.name) + " is a keyword of " + language);
  }
  if (Status ok = check_identifier(language, target.name, prefix_of(target.name)); !ok) {
    return fail(ok.error());
  }
  target.meant = meant_by(resolver, path, target.facts, *target.asked);
  constructors_to_classes(resolver, &target.meant);
  if (target.meant.empty()) {
    return refuse("the definition of " + in_quotes(target.name) +
                  " is not known in this repository");
  }
  if (target.meant[0].confidence == Confidence::possible) {
    return refuse("it is not certain what " + in_quotes(target.name) +
                  " means here: rename it where it is defined");
  }
  const Found& first = target.meant[0];
  target.is_alias = names_alias(*target.facts, target.name) &&
                    (first.symbol == kNone || first.get().name != target.name);
  if (target.is_alias) return target;
  if (first.symbol != kNone && first.get().name != target.name) {
    return refuse(in_quotes(target.name) + " is another name for " + in_quotes(first.get().name));
  }
  for (const Found& f : target.meant) {
    if (Status ok = may_change(view, f, target.name); !ok) return fail(ok.error());
  }
  return target;
}

// Languages in which a second definition of a name in one scope is the same thing: overloads that
// are only signatures, a property's setter, one definition for each branch of an if.
bool redefines(std::string_view language) {
  return language == "python" || is_script_family(language) || language == "ruby" ||
         language == "php" || language == "lua" || language == "elixir";
}

void add_alike(std::vector<Found>* family) {
  for (size_t i = 0; i < family->size() && family->size() < kMaxFamily; ++i) {
    const Found f = (*family)[i];
    if (f.symbol == kNone || !redefines(f.facts->language) || f.get().local) continue;
    for (uint32_t s = 0; s < f.facts->symbols.size(); ++s) {
      const Symbol& other = f.facts->symbols[s];
      bool alike = other.name == f.get().name && other.parent == f.get().parent &&
                   other.qualifier == f.get().qualifier && !other.local;
      if (alike) append_new(*family, {{f.path, f.facts, s, f.confidence}});
    }
  }
}

// With prototypes and bodies, and the methods that override one another.
std::vector<Found> family_of(const View& view, Resolver& resolver, const Target& target,
                             const CancelToken& cancel, bool* foreign) {
  std::vector<Found> family = target.meant;
  Lineage lineage(view, resolver, cancel);
  for (size_t i = 0; i < target.meant.size(); ++i) {
    const Found& f = target.meant[i];
    if (f.symbol == kNone || !is_method_like(f.get().kind) || f.get().local) continue;
    std::optional<Found> type = lineage.class_of(f);
    if (!type) continue;
    std::vector<Found> over = lineage.overridden(f);
    append_new(family, over);
    over.push_back(f);
    for (const Found& root : over) {
      if (family.size() < kMaxFamily) append_new(family, lineage.overriding(root));
    }
    if (f.get().kind == SymbolKind::field) continue;
    *foreign = *foreign || lineage.has_foreign_base(*type);
    for (const Found& above : lineage.all_supertypes(*type)) {
      *foreign = *foreign || lineage.has_foreign_base(above);
    }
  }
  size_t n = family.size();
  for (size_t i = 0; i < n && i < kMaxFamily; ++i) {
    const Found f = family[i];
    if (f.symbol == kNone || !is_c_family(f.facts->language)) continue;
    const Occurrence* own = occurrence_at(*f.facts, f.get().name_begin);
    if (own == nullptr || own->role != Role::definition) continue;
    std::vector<Found> both = meant_by(resolver, f.path, f.facts, *own);
    std::erase_if(
        both, [&](const Found& b) { return b.symbol == kNone || b.get().name != f.get().name; });
    append_new(family, std::move(both));
  }
  add_alike(&family);
  return family;
}

// Collects the edits, one per place.
class Edits {
 public:
  Edits(const View& view, std::string old_name, std::string new_name)
      : view_(view), old_(std::move(old_name)), new_(std::move(new_name)) {}

  Status add(const ReferenceHit& hit, bool of_property) {
    auto [it, added] = edits_.try_emplace({hit.place.path, hit.place.range.begin});
    RenameEdit& edit = it->second;
    if (!added) {
      edit.confidence = std::min(edit.confidence, hit.confidence);
      return {};
    }
    if (edits_.size() > kMaxEdits) {
      return refuse(in_quotes(old_) + " is used in more than " + std::to_string(kMaxEdits) +
                    " places");
    }
    const std::string& text = text_of(hit.place.path);
    std::string_view there = std::string_view(text).substr(
        std::min(hit.place.range.begin, text.size()), hit.place.range.size());
    if (there != old_) {
      return refuse(hit.place.path + " has changed since it was indexed: try again");
    }
    edit = {hit.place, new_, hit.confidence};
    FileFactsPtr facts = view_.facts(hit.place.path);
    bool shorthand = facts != nullptr && is_script_family(facts->language) &&
                     hit.role != Role::import && is_shorthand_property(text, hit.place.range);
    if (shorthand) edit.new_text = of_property ? new_ + ": " + old_ : old_ + ": " + new_;
    return {};
  }
  const std::string& text_of(const std::string& path) {
    if (path == path_) return text_;
    path_ = path;
    text_ = view_.text(path).value_or(std::string());
    return text_;
  }
  std::vector<RenameEdit> take() {
    std::vector<RenameEdit> out;
    for (auto& [at, edit] : edits_) out.push_back(std::move(edit));
    return out;
  }

 private:
  const View& view_;
  const std::string old_, new_;
  std::map<std::pair<std::string, size_t>, RenameEdit> edits_;
  std::string path_, text_;  // of the last file: hits come file by file
};

// Python's __all__ of the file that defines the name and of those that pass it on.
void add_exported(const View& view, const std::string& old_name, const std::string& new_name,
                  std::vector<RenameEdit>* edits) {
  std::set<std::string> files;
  for (const RenameEdit& edit : *edits) {
    if (edit.confidence != Confidence::possible) files.insert(edit.place.path);
  }
  for (const std::string& file : files) {
    FileFactsPtr facts = view.facts(file);
    if (facts == nullptr || facts->language != "python") continue;
    if (std::find(facts->names.begin(), facts->names.end(), "__all__") == facts->names.end()) {
      continue;
    }
    const std::string text = view.text(file).value_or(std::string());
    const LineIndex lines(text);
    for (const ByteRange& range : names_in_all(text, old_name)) {
      Place place{file, range, lines.position(range.begin), lines.position(range.end)};
      edits->push_back({std::move(place), new_name, Confidence::likely});
    }
  }
}

bool holds(const FileFacts& facts, uint32_t scope, size_t offset) {
  return scope == kNone ||
         (facts.symbols[scope].begin <= offset && offset < facts.symbols[scope].end);
}

// The new name means something already where it would be written or where it would be defined.
Status check_free(const View& view, Resolver& resolver, const std::vector<Found>& family,
                  const std::vector<RenameEdit>& edits, const std::string& new_name) {
  auto taken = [&](const Found& by) {
    return refuse(in_quotes(new_name) + " is taken already: " + shown(view, by));
  };
  Lineage lineage(view, resolver);
  for (const Found& f : family) {
    std::optional<Found> type = f.symbol == kNone ? std::nullopt : lineage.class_of(f);
    if (!type) continue;
    resolver.start(type->path);
    std::vector<Found> members = resolver.own_members(*type, new_name);
    std::erase_if(members, [&](const Found& m) { return m.symbol == kNone; });
    if (!members.empty()) return taken(members[0]);
  }
  std::string path;
  FileFactsPtr facts;
  std::vector<uint32_t> named;  // symbols of the file that are called so
  for (const RenameEdit& edit : edits) {
    if (edit.confidence == Confidence::possible) continue;
    if (edit.place.path != path) {
      path = edit.place.path;
      facts = view.facts(path);
      named.clear();
      for (uint32_t s = 0; facts != nullptr && s < facts->symbols.size(); ++s) {
        if (facts->symbols[s].name == new_name) named.push_back(s);
      }
    }
    if (facts == nullptr) continue;
    const Occurrence* o = occurrence_at(*facts, edit.place.range.begin);
    if (o == nullptr || o->receiver != kNone) continue;
    bool of_class = o->role == Role::definition && o->scope != kNone &&
                    is_class_like(facts->symbols[o->scope].kind);
    if (of_class) continue;  // looked at above
    for (uint32_t s : named) {
      const Symbol& symbol = facts->symbols[s];
      bool member = !symbol.qualifier.empty() ||
                    (symbol.parent != kNone && is_class_like(facts->symbols[symbol.parent].kind));
      if (member && !symbol.local) continue;
      if (symbol.inside_only &&
          !(symbol.begin <= edit.place.range.begin && edit.place.range.begin < symbol.end)) {
        continue;
      }
      if (holds(*facts, symbol.parent, edit.place.range.begin)) {
        return taken({path, facts, s, Confidence::certain});
      }
    }
    for (const Import& import : facts->imports) {
      const std::string& bound = !import.alias.empty() ? import.alias : import.name;
      if (bound == new_name) {
        return refuse(in_quotes(new_name) + " is imported already by " + path);
      }
    }
  }
  // A local would hide what its function uses under that name.
  for (const Found& f : family) {
    if (f.symbol == kNone || !f.get().local || f.get().parent == kNone) continue;
    const Symbol& function = f.facts->symbols[f.get().parent];
    for (const Occurrence& o : f.facts->occurrences) {
      if (o.begin < function.begin || o.begin >= function.end) continue;
      if (o.receiver != kNone || f.facts->names[o.name] != new_name) continue;
      if (o.role == Role::definition) continue;
      return refuse(in_quotes(new_name) + " is used in " + in_quotes(function.name) +
                    " already and would mean something else");
    }
  }
  return {};
}

}  // namespace

Result<NameAt> prepare_rename(const View& view, const std::string& path, size_t offset) {
  Resolver resolver(view);
  ENGRAMD_TRY(Target target, target_at(view, resolver, path, offset));
  return NameAt{target.name, {target.asked->begin, target.asked->end}};
}

Result<RenamePlan> rename(const View& view, const std::string& path, size_t offset,
                          const std::string& new_name, const CancelToken& cancel) {
  Resolver resolver(view);
  ENGRAMD_TRY(Target target, target_at(view, resolver, path, offset));
  ENGRAMD_CHECK(check_identifier(target.facts->language, new_name, prefix_of(target.name)));
  RenamePlan plan;
  plan.old_name = target.name;
  if (new_name == target.name) return plan;
  std::vector<Found> family = target.meant;
  if (!target.is_alias) {
    family = family_of(view, resolver, target, cancel, &plan.may_override_foreign);
    for (const Found& f : family) {
      if (Status ok = may_change(view, f, target.name); !ok) return fail(ok.error());
      if (f.facts->language != target.facts->language) {
        ENGRAMD_CHECK(check_identifier(f.facts->language, new_name, prefix_of(target.name)));
      }
    }
  }
  const SymbolKind kind = family[0].symbol != kNone ? family[0].get().kind : SymbolKind::file;
  bool of_property =
      kind == SymbolKind::property || kind == SymbolKind::field || kind == SymbolKind::method;
  bool local = family[0].symbol != kNone && family[0].get().local;
  Edits edits(view, target.name, new_name);
  // try: import x; except ImportError: x = None
  auto imported_from_outside = [&](const ReferenceHit& hit) {
    if (hit.role != Role::import || target.is_alias) return false;
    FileFactsPtr facts = view.facts(hit.place.path);
    if (facts == nullptr || facts->language != "python") return false;
    return std::any_of(facts->imports.begin(), facts->imports.end(), [&](const Import& import) {
      bool around = hit.place.range.begin >= import.begin && hit.place.range.begin < import.end;
      return around && !resolver.import_target(hit.place.path, *facts, import).found();
    });
  };
  Status added;
  Sought sought{target.name, family, local ? family[0].path : path, true};
  bool complete = for_each_use(view, sought, cancel, [&](std::vector<ReferenceHit>&& hits) {
    for (const ReferenceHit& hit : hits) {
      if (target.is_alias && hit.place.path != path) continue;
      if (imported_from_outside(hit)) {
        added = refuse(in_quotes(target.name) +
                       " is also imported from outside the repository: " + hit.place.path);
        return false;
      }
      added = edits.add(hit, of_property);
      if (!added) return false;
    }
    return true;
  });
  if (cancel.cancelled()) return fail(ErrorCode::cancelled, "cancelled");
  if (!added) return fail(added.error());
  if (!complete) {
    return refuse(in_quotes(target.name) + " is written in too many places to look at each");
  }
  plan.edits = edits.take();
  bool exported = !target.is_alias && target.facts->language == "python" &&
                  is_top_level(*family[0].facts, family[0].get());
  if (exported) add_exported(view, target.name, new_name, &plan.edits);
  std::sort(plan.edits.begin(), plan.edits.end(), [](const RenameEdit& a, const RenameEdit& b) {
    return a.place.path != b.place.path ? a.place.path < b.place.path
                                        : a.place.range.begin < b.place.range.begin;
  });
  ENGRAMD_CHECK(check_free(view, resolver, family, plan.edits, new_name));
  return plan;
}

}  // namespace engramd::repoindex
