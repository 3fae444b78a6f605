#include "repoindex/query/resolve.h"

#include <algorithm>

#include "repoindex/query/packages.h"
#include "repoindex/query/project/paths.h"

namespace engramd::repoindex {

namespace {

// Where what is local to no function ends: with the definition that was begun before it and still
// holds it (a prototype holds its parameters). Nowhere when there is none.
uint32_t end_of_statement(const FileFacts& facts, uint32_t local) {
  constexpr uint32_t kMaxBack = 64;  // parameters of one prototype
  uint32_t at = facts.symbols[local].name_begin;
  for (uint32_t s = local, n = 0; s-- > 0 && n < kMaxBack; ++n) {
    const Symbol& before = facts.symbols[s];
    if (before.local || before.parent != facts.symbols[local].parent) continue;
    return before.begin <= at && at < before.end ? before.end : kNone;
  }
  return kNone;
}

// The name that an import gives its file; not of a star.
std::string_view bound_name(const FileFacts& facts, const Import& import) {
  if (!import.alias.empty()) return import.alias;
  if (!import.name.empty() || facts.language != "python") return import.name;
  return std::string_view(import.target).substr(0, import.target.find('.'));
}

bool is_namespace(SymbolKind kind) {
  return kind == SymbolKind::namespace_ || kind == SymbolKind::module;
}

}  // namespace

bool leaks_out(const FileFacts& facts, const Symbol& symbol) {
  if (symbol.kind != SymbolKind::enum_member || !is_c_family(facts.language)) return false;
  if (symbol.parent == kNone) return false;
  const std::string& signature = facts.symbols[symbol.parent].signature;
  return signature.find("enum class") == std::string::npos &&
         signature.find("enum struct") == std::string::npos;
}

// Scopes from the innermost out, then the file's own top level.
std::vector<Found> Resolver::in_scopes(const std::string& path, const FileFactsPtr& facts,
                                       std::string_view name, uint32_t scope, uint32_t offset,
                                       int depth) {
  bool class_scope_visible = facts->language != "python" && !is_script_family(facts->language);
  bool qualified_sees_class =
      class_scope_visible && facts->language != "go" && facts->language != "rust";
  std::vector<uint32_t> named;  // one look at the symbols, whatever the number of scopes
  for (uint32_t s = 0; s < facts->symbols.size(); ++s) {
    if (facts->symbols[s].name == name) named.push_back(s);
  }
  std::vector<uint32_t> chain;
  for (uint32_t s = scope; chain.size() < 50; s = facts->symbols[s].parent) {
    chain.push_back(s);
    if (s == kNone) break;
  }
  for (size_t level = 0; level < chain.size(); ++level) {
    uint32_t in = chain[level];
    SymbolKind kind = in != kNone ? facts->symbols[in].kind : SymbolKind::file;
    bool is_class = in != kNone && is_class_like(kind);
    // Of a Python class its methods see the type parameters only.
    bool types_only = is_class && level > 0 && !class_scope_visible;
    bool is_function = in != kNone && !is_class && !is_namespace(kind);
    uint32_t nearest = kNone, first_after = kNone, inside = kNone;
    std::vector<Found> best;
    for (uint32_t s : named) {
      const Symbol& symbol = facts->symbols[s];
      uint32_t parent = symbol.parent;
      if (parent != in && leaks_out(*facts, symbol)) parent = facts->symbols[parent].parent;
      if (parent != in) continue;
      if (!symbol.qualifier.empty()) continue;  // a method of some class, not a bare name
      if (types_only && symbol.kind != SymbolKind::type_alias) continue;
      if (symbol.inside_only) {  // the innermost begins last
        if (symbol.begin <= offset && offset < symbol.end &&
            (inside == kNone || symbol.begin >= facts->symbols[inside].begin)) {
          inside = s;
        }
        continue;
      }
      // The parameters of a lambda or a prototype at the top level are seen inside it only.
      if (!is_function && symbol.local && offset >= end_of_statement(*facts, s)) continue;
      if (is_function || symbol.local) {
        if (symbol.name_begin <= offset) {
          nearest = s;
        } else if (first_after == kNone) {
          first_after = s;
        }
      } else {
        best.push_back({path, facts, s, Confidence::certain});
      }
    }
    if (inside != kNone) return {{path, facts, inside, Confidence::certain}};
    if (nearest != kNone) return {{path, facts, nearest, Confidence::certain}};
    if (!best.empty()) return best;
    bool hoisted =
        is_function && first_after != kNone &&
        (facts->symbols[first_after].kind == SymbolKind::function ||
         facts->symbols[first_after].kind == SymbolKind::class_ || facts->language == "python");
    if (hoisted) return {{path, facts, first_after, Confidence::certain}};
    if (types_only) continue;
    // A method written outside its class sees the class's members; so do, by bare name, classes
    // the members of their bases.
    std::vector<Found> around;
    if (in != kNone && !facts->symbols[in].qualifier.empty() && qualified_sees_class) {
      around = class_around(path, facts, in, depth + 1);
    } else if (is_class && class_scope_visible && facts->language != "rust") {
      around = {{path, facts, in, Confidence::certain}};
    }
    for (const Found& class_ : around) {
      std::vector<Found> members = members_of(class_, name, depth + 1);
      if (members.empty()) continue;
      weaken(members, Confidence::likely);
      return members;
    }
  }
  return {};
}

std::vector<Found> Resolver::loaded(const std::vector<Found>& found) {
  std::vector<Found> out;
  for (const Found& f : found) {
    FileFactsPtr facts = f.facts != nullptr ? f.facts : view_.facts(f.path);
    if (facts == nullptr) continue;
    out.push_back({f.path, std::move(facts), f.symbol, f.confidence});
  }
  return out;
}

std::vector<Found> Resolver::in_file(const std::string& path, std::string_view name, int depth) {
  if (depth > kMaxDepth || ++n_steps_ > kMaxSteps) return {};
  // Inside a chain of imports the answer depends on the chain.
  bool remember = visiting_.empty();
  std::string key;
  if (remember) {
    key.append(path).append("\n").append(name).append("\n").append(std::to_string(depth));
    if (auto known = in_files_.find(key); known != in_files_.end()) return loaded(known->second);
  }
  FileFactsPtr facts = view_.facts(path);
  if (facts == nullptr) return {};
  std::vector<Found> out = read_in_file(path, facts, name, depth);
  if (!remember || n_steps_ > kMaxSteps) return out;
  if (in_files_.size() >= kMaxRemembered) in_files_.clear();
  std::vector<Found>& kept = in_files_[std::move(key)];
  for (const Found& f : out) kept.push_back({f.path, nullptr, f.symbol, f.confidence});
  return out;
}

std::vector<Found> Resolver::read_in_file(const std::string& path, const FileFactsPtr& facts,
                                          std::string_view name, int depth) {
  std::vector<Found> out;
  for (uint32_t s = 0; s < facts->symbols.size(); ++s) {
    const Symbol& symbol = facts->symbols[s];
    if (symbol.name == name && is_top_level(*facts, symbol)) {
      out.push_back({path, facts, s, Confidence::certain});
    }
  }
  if (name == "default") {
    for (uint32_t s = 0; s < facts->symbols.size(); ++s) {
      if (facts->symbols[s].signature.substr(0, 14) == "export default") {
        return {{path, facts, s, Confidence::certain}};
      }
    }
  }
  if (out.empty() && facts->language == "lua") {
    // function M.new(): what the file gives is a table, and nearly always this one.
    for (uint32_t s = 0; s < facts->symbols.size(); ++s) {
      const Symbol& symbol = facts->symbols[s];
      if (symbol.name == name && !symbol.local && !symbol.qualifier.empty()) {
        out.push_back({path, facts, s, Confidence::certain});
      }
    }
  }
  if (out.empty() && facts->language == "java") {
    // Static imports and nested classes name what is inside the file's class.
    for (uint32_t s = 0; s < facts->symbols.size(); ++s) {
      const Symbol& symbol = facts->symbols[s];
      if (symbol.name == name && !symbol.local && symbol.parent != kNone &&
          is_class_like(facts->symbols[symbol.parent].kind)) {
        out.push_back({path, facts, s, Confidence::certain});
      }
    }
  }
  if (!out.empty()) return out;
  if (!visiting_.insert(path).second) return {};
  out = through_imports(path, facts, name, depth + 1);
  visiting_.erase(path);
  return out;
}

std::vector<Found> Resolver::in_target(const ImportTarget& target, std::string_view name,
                                       int depth) {
  std::vector<Found> out;
  for (const std::string& file : target.files) append_new(out, in_file(file, name, depth));
  if (!target.is_folder || !out.empty()) return out;
  auto inside = [&](const NameMatch& c) {
    if (!c.is_top_level) return false;
    std::string folder = parent_path(c.path);
    return target.folder_is_suffix ? ends_with_path(folder, target.folder)
                                   : folder == target.folder;
  };
  out = by_name(name, kMaxByName, inside);
  for (Found& f : out) f.confidence = Confidence::certain;
  return out;
}

std::vector<Found> Resolver::through_import(const std::string& path, const FileFactsPtr& facts,
                                            const Import& import, std::string_view name,
                                            int depth) {
  bool is_star = import.name == "*";
  if (!is_star && import.name.empty() && import.alias.empty() && facts->language == "python") {
    // import a.b binds a.
    Import first = import;
    first.target = first.target.substr(0, first.target.find('.'));
    first.alias = first.target;
    return through_import(path, facts, first, name, depth);
  }
  ImportTarget target = import_target(path, *facts, import);
  if (!is_star && import.name.empty()) {  // a whole module under this name
    FileFactsPtr module = target.files.empty() ? nullptr : view_.facts(target.files[0]);
    if (module == nullptr) return {};
    return {{target.files[0], module, kNone, Confidence::certain}};
  }
  std::string_view wanted = is_star ? name : std::string_view(import.name);
  std::vector<Found> found = in_target(target, wanted, depth);
  if (found.empty() && wanted == "default" && !target.files.empty()) {
    // export default x, module.exports = x: the local name often is the exported one.
    found = in_file(target.files[0], name, depth);
    FileFactsPtr module = view_.facts(target.files[0]);
    if (found.empty() && module != nullptr) {
      found = {{target.files[0], module, kNone, Confidence::certain}};
    }
  }
  bool may_be_module = facts->language == "python" || facts->language == "rust";
  if (!found.empty() || is_star || !may_be_module) return found;
  // from package import module; use crate::module
  Import deeper = import;
  deeper.name.clear();
  std::string_view separator = facts->language == "rust" ? "::" : ".";
  deeper.target =
      import.target.empty() ? import.name : import.target + std::string(separator) + import.name;
  ImportTarget module = import_target(path, *facts, deeper);
  FileFactsPtr module_facts = module.files.empty() ? nullptr : view_.facts(module.files[0]);
  if (module_facts == nullptr || module.n_parts_left > 0) return {};
  if (!target.files.empty() && module.files[0] == target.files[0]) return {};
  return {{module.files[0], module_facts, kNone, Confidence::certain}};
}

std::vector<Found> Resolver::through_imports(const std::string& path, const FileFactsPtr& facts,
                                             std::string_view name, int depth) {
  std::vector<Found> out;
  if (depth > kMaxDepth || is_c_family(facts->language)) return out;
  for (bool star : {false, true}) {
    for (const Import& import : facts->imports) {
      if ((import.name == "*") != star) continue;
      if (!star && bound_name(*facts, import) != name) continue;
      std::vector<Found> found = through_import(path, facts, import, name, depth);
      if (found.empty()) continue;
      append_new(out, std::move(found));
      if (!star) return out;
    }
    if (!out.empty()) return out;
  }
  return out;
}

std::vector<Found> Resolver::in_folder_package(const std::string& path, const FileFacts& facts,
                                               std::string_view name) {
  std::string folder = parent_path(path);
  std::vector<Found> out = by_name(name, kMaxByName, [&](const NameMatch& c) {
    return c.is_top_level && parent_path(c.path) == folder && c.language() == facts.language;
  });
  for (Found& f : out) f.confidence = Confidence::certain;
  return out;
}

std::vector<Found> Resolver::plain_name(const std::string& path, const FileFactsPtr& facts,
                                        std::string_view name, uint32_t scope, uint32_t offset,
                                        int depth) {
  if (depth > kMaxDepth || ++n_steps_ > kMaxSteps || name.empty()) return {};
  std::vector<Found> found = in_scopes(path, facts, name, scope, offset, depth);
  // A class's name inside the class is the class, not its constructors.
  bool constructors = !found.empty() && std::all_of(found.begin(), found.end(), [](const Found& f) {
    return f.symbol != kNone && f.get().kind == SymbolKind::constructor;
  });
  if (constructors) {
    std::vector<Found> classes =
        class_around(found[0].path, found[0].facts, found[0].symbol, depth + 1);
    if (!classes.empty()) return classes;
  }
  // `const x = require("y")` defines x here and means what y exports.
  bool import_binding = false;
  if (found.size() == 1 && found[0].symbol != kNone && found[0].path == path) {
    uint32_t at = found[0].get().name_begin;
    import_binding = std::any_of(facts->imports.begin(), facts->imports.end(),
                                 [&](const Import& i) { return i.begin <= at && at < i.end; });
  }
  if (!found.empty() && !import_binding) return found;
  std::vector<Found> imported = visible_names(path, facts, name, scope, offset, depth);
  if (!imported.empty()) return imported;
  if (!found.empty()) return found;
  const Language* language = find_language(facts->language);
  if (language != nullptr && language->folder_is_package) {
    found = in_folder_package(path, *facts, name);
    if (!found.empty()) return found;
  }
  if (is_c_family(facts->language)) found = included(path, name);
  bool of_module = name == "__file__" || name == "__name__" || name == "__doc__";
  if (of_module && facts->language == "python") return {{path, facts, kNone, Confidence::certain}};
  return found;
}

std::vector<Found> Resolver::meaning(const std::string& path, const FileFactsPtr& facts,
                                     const Occurrence& occurrence, int depth) {
  if (depth > kMaxDepth || ++n_steps_ > kMaxSteps) return {};
  if (occurrence.receiver != kNone) return member(path, facts, occurrence, depth);
  return plain_name(path, facts, facts->names[occurrence.name], occurrence.scope, occurrence.begin,
                    depth);
}

void Resolver::start(const std::string& path) {
  if (path != asking_) families_here_.clear();
  n_steps_ = 0;
  asking_ = path;
  is_by_place_ = false;
  is_foreign_ = false;
  lacks_ = false;
}

std::vector<Found> Resolver::resolve(const std::string& path, const FileFactsPtr& facts,
                                     const Occurrence& occurrence) {
  std::vector<Found> found;
  if (!resolve_known(path, facts, occurrence, &found)) {
    found = guesses(path, facts, occurrence);
  }
  return found;
}

bool Resolver::resolve_known(const std::string& path, const FileFactsPtr& facts,
                             const Occurrence& occurrence, std::vector<Found>* out) {
  start(path);
  std::vector<Found>& found = *out;
  if (occurrence.role == Role::definition) {
    found = definition_site(path, facts, occurrence);
    if (!found.empty()) return true;
  }
  if (occurrence.role == Role::import) {
    found = import_site(path, facts, occurrence);
    if (!found.empty()) return true;
    if (is_foreign_) {  // what the file itself has instead: try: import x; except: x = None
      found = in_scopes(path, facts, facts->names[occurrence.name], occurrence.scope,
                        occurrence.begin, 0);
      return true;
    }
  }
  found = meaning(path, facts, occurrence, 0);
  if (found.empty()) found = keyword_argument(path, facts, occurrence);
  if (found.empty()) {
    // A receiver whose written type is not of this repository: its members are not either.
    const Language* language = find_language(facts->language);
    bool own = occurrence.receiver != kNone && language != nullptr &&
               contains_kind(language->self_names, facts->names[occurrence.receiver]);
    return is_foreign_ && !own;
  }
  rank(path, facts, occurrence, &found);
  // extern int x; says that x is defined elsewhere.
  if (found[0].symbol != kNone && found[0].get().kind == SymbolKind::variable &&
      is_c_family(facts->language) && found[0].get().signature.substr(0, 7) == "extern ") {
    std::vector<Found> defined =
        by_name(found[0].get().name, kMaxOverloads, [](const NameMatch& c) {
          return c.kind == SymbolKind::variable && c.is_top_level && is_c_family(c.language());
        });
    std::erase_if(defined, [&](const Found& f) {
      return f.get().signature.substr(0, 7) == "extern " ||
             f.get().signature.substr(0, 7) == "static ";
    });
    if (defined.size() == 1) {
      defined[0].confidence = Confidence::likely;
      append_new(defined, std::move(found));
      found = std::move(defined);
      return true;
    }
  }
  // What a prototype says is defined elsewhere: the body first.
  if (found[0].symbol != kNone && found[0].get().is_declaration &&
      is_c_family(found[0].facts->language)) {
    std::vector<Found> bodies = bodies_of(found[0]);
    bool first_only = !bodies.empty();
    if (first_only) {
      append_new(bodies, std::move(found));
      found = std::move(bodies);
    }
  }
  return true;
}

}  // namespace engramd::repoindex
