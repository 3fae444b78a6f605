#include "repoindex/query/resolve.h"

#include <algorithm>

namespace engramd::repoindex {

namespace {

constexpr int kMaxDepth = 6;          // re-exports, aliases and types that are followed
constexpr size_t kMaxIncluded = 400;  // files of an include closure
constexpr size_t kMaxByName = 20000;  // of one name, before the class it is in decides
constexpr size_t kMaxGuesses = 400;   // of one name, when nothing but the name is known

bool is_class_like(SymbolKind kind) {
  return kind == SymbolKind::class_ || kind == SymbolKind::struct_ || kind == SymbolKind::enum_ ||
         kind == SymbolKind::interface_;
}
bool is_c_family(const FileFacts& facts) {
  return facts.language == "c" || facts.language == "cpp";
}
std::string parent_of(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(path.substr(0, slash));
}
bool ends_with_path(std::string_view path, std::string_view suffix) {
  if (path.size() < suffix.size() || path.substr(path.size() - suffix.size()) != suffix)
    return false;
  return path.size() == suffix.size() || path[path.size() - suffix.size() - 1] == '/';
}
bool is_script_family(std::string_view language) {
  return language == "javascript" || language == "typescript" || language == "tsx";
}
// Names mean something across these languages only within one family.
bool same_family(std::string_view a, std::string_view b) {
  if (a == b) return true;
  if (is_script_family(a) && is_script_family(b)) return true;
  return (a == "c" || a == "cpp") && (b == "c" || b == "cpp");
}

// Visible from outside its file by its bare name: not inside a class or function.
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

void set_confidence(std::vector<Found>& found, Confidence confidence) {
  for (Found& f : found) f.confidence = std::max(f.confidence, confidence);
}

void append_new(std::vector<Found>& to, std::vector<Found> more) {
  for (Found& f : more) {
    bool known = std::any_of(to.begin(), to.end(), [&](const Found& g) { return g.same(f); });
    if (!known) to.push_back(std::move(f));
  }
}

}  // namespace

const Resolver::Lines& Resolver::lines(const std::string& path) {
  auto it = lines_.find(path);
  if (it != lines_.end()) return it->second;
  if (lines_.size() > 64) lines_.clear();  // a question over the whole repository stays small
  Lines& entry = lines_[path];
  entry.text = view_.text(path).value_or(std::string());
  entry.index = LineIndex(entry.text);
  return entry;
}

Place Resolver::place(const std::string& path, uint32_t begin, uint32_t end) {
  const LineIndex& index = lines(path).index;
  return {path, {begin, end}, index.position(begin), index.position(end)};
}

SymbolHit Resolver::hit(const Found& found) {
  SymbolHit hit;
  hit.confidence = found.confidence;
  if (found.symbol == kNone) {
    hit.symbol.kind = SymbolKind::file;
    hit.symbol.name = found.path.substr(found.path.rfind('/') + 1);
    hit.place.path = found.path;
    return hit;
  }
  hit.symbol = found.facts->symbols[found.symbol];
  const Symbol& s = hit.symbol;
  hit.place = place(found.path, s.name_begin, s.name_end);
  hit.full_range = {s.begin, s.end};
  const LineIndex& index = lines(found.path).index;
  hit.full_start = index.position(s.begin);
  hit.full_end = index.position(s.end);
  hit.container = s.qualifier;
  uint32_t parent = s.parent;
  for (int i = 0; i < 50 && parent != kNone; ++i) {
    const Symbol& above = found.facts->symbols[parent];
    hit.container = hit.container.empty() ? above.name : above.name + "." + hit.container;
    parent = above.parent;
  }
  return hit;
}

std::vector<Found> Resolver::by_name(std::string_view name, size_t limit) {
  std::vector<Found> out;
  auto hidden = [&](const std::string& path) {
    return view_.overlay != nullptr && view_.overlay->count(path) != 0;
  };
  if (view_.overlay != nullptr) {
    for (const auto& [path, document] : *view_.overlay) {
      if (document.facts == nullptr) continue;
      for (uint32_t s = 0; s < document.facts->symbols.size() && out.size() < limit; ++s) {
        const Symbol& symbol = document.facts->symbols[s];
        if (!symbol.local && symbol.name == name) out.push_back({path, document.facts, s});
      }
    }
  }
  if (view_.snapshot != nullptr) {
    view_.snapshot->definitions(name, [&](DefinitionRef ref) {
      if (hidden(ref.file->path)) return true;
      FileFactsPtr facts = view_.snapshot->facts(*ref.file);
      if (facts != nullptr && ref.symbol < facts->symbols.size()) {
        out.push_back({ref.file->path, std::move(facts), ref.symbol});
      }
      return out.size() < limit;
    });
  }
  return out;
}

// Scopes from the innermost out, then the file's own top level.
std::vector<Found> Resolver::in_scopes(const std::string& path, const FileFactsPtr& facts,
                                       std::string_view name, uint32_t scope, uint32_t offset) {
  const Language* language = find_language(facts->language);
  bool class_scope_visible = facts->language != "python" && !is_script_family(facts->language);
  std::vector<uint32_t> chain;
  for (uint32_t s = scope; chain.size() < 50; s = facts->symbols[s].parent) {
    chain.push_back(s);
    if (s == kNone) break;
  }
  std::vector<Found> best;
  for (size_t level = 0; level < chain.size(); ++level) {
    uint32_t in = chain[level];
    bool is_class = in != kNone && is_class_like(facts->symbols[in].kind);
    if (is_class && level > 0 && !class_scope_visible) continue;
    bool is_function = in != kNone && !is_class &&
                       facts->symbols[in].kind != SymbolKind::namespace_ &&
                       facts->symbols[in].kind != SymbolKind::module;
    uint32_t nearest = kNone, first_after = kNone;
    for (uint32_t s = 0; s < facts->symbols.size(); ++s) {
      const Symbol& symbol = facts->symbols[s];
      if (symbol.parent != in || symbol.name != name) continue;
      if (!symbol.qualifier.empty()) continue;  // a method of some class, not a bare name
      // The parameters of a lambda at the top level are seen inside it only: before its use.
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
    if (nearest != kNone) return {{path, facts, nearest, Confidence::certain}};
    if (!best.empty()) break;
    bool hoisted = is_function && first_after != kNone &&
                   (facts->symbols[first_after].kind == SymbolKind::function ||
                    facts->symbols[first_after].kind == SymbolKind::class_);
    if (hoisted) return {{path, facts, first_after, Confidence::certain}};
    // A method written outside its class, or in an impl block, sees the class's members.
    if (in != kNone && !facts->symbols[in].qualifier.empty() && language != nullptr &&
        class_scope_visible && facts->language != "go" && facts->language != "rust") {
      std::vector<Found> members = members_of_class(facts->symbols[in].qualifier, name, path);
      if (!members.empty()) {
        set_confidence(members, Confidence::likely);
        return members;
      }
    }
    // Base classes are visible by bare name in C++ and Java.
    if (is_class && class_scope_visible) {
      for (const std::string& base : facts->symbols[in].bases) {
        std::vector<Found> members = members_of_class(base, name, path);
        if (members.empty()) continue;
        set_confidence(members, Confidence::likely);
        return members;
      }
    }
  }
  return best;
}

std::vector<Found> Resolver::in_file(const std::string& path, std::string_view name, int depth) {
  FileFactsPtr facts = view_.facts(path);
  if (facts == nullptr || depth > kMaxDepth) return {};
  std::vector<Found> out;
  for (uint32_t s = 0; s < facts->symbols.size(); ++s) {
    const Symbol& symbol = facts->symbols[s];
    if (symbol.name == name && is_top_level(*facts, symbol)) {
      out.push_back({path, facts, s, Confidence::certain});
    }
  }
  if (name == "default") {
    for (uint32_t s = 0; s < facts->symbols.size(); ++s) {
      const Symbol& symbol = facts->symbols[s];
      if (symbol.signature.substr(0, 14) == "export default") {
        return {{path, facts, s, Confidence::certain}};
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
  if (target.is_folder && out.empty()) {
    for (Found& f : by_name(name, kMaxByName)) {
      std::string folder = parent_of(f.path);
      bool inside =
          target.folder_is_suffix ? ends_with_path(folder, target.folder) : folder == target.folder;
      if (inside && is_top_level(*f.facts, f.facts->symbols[f.symbol])) {
        f.confidence = Confidence::certain;
        out.push_back(std::move(f));
      }
    }
  }
  return out;
}

std::vector<Found> Resolver::through_imports(const std::string& path, const FileFactsPtr& facts,
                                             std::string_view name, int depth) {
  std::vector<Found> out;
  if (depth > kMaxDepth || is_c_family(*facts)) return out;
  for (bool star : {false, true}) {
    for (const Import& import : facts->imports) {
      bool is_star = import.name == "*";
      if (is_star != star) continue;
      if (!is_star) {
        std::string_view bound = !import.alias.empty() ? import.alias : import.name;
        if (bound != name) continue;
      }
      ImportTarget target = import_target(path, *facts, import);
      std::string_view wanted = is_star || import.name.empty() ? name : import.name;
      if (!is_star && import.name.empty()) {  // a whole module under this name
        if (!target.files.empty()) {
          FileFactsPtr module = view_.facts(target.files[0]);
          if (module != nullptr) return {{target.files[0], module, kNone, Confidence::certain}};
        }
        continue;
      }
      std::vector<Found> found = in_target(target, wanted, depth);
      if (found.empty() && wanted == "default" && !target.files.empty()) {
        // export default x, module.exports = x: the local name often is the exported one.
        found = in_file(target.files[0], name, depth);
        FileFactsPtr module = view_.facts(target.files[0]);
        if (found.empty() && module != nullptr) {
          found = {{target.files[0], module, kNone, Confidence::certain}};
        }
      }
      if (found.empty() && !is_star) {  // from package import module; use crate::module
        Import deeper = import;
        deeper.name.clear();
        std::string_view separator = facts->language == "rust" ? "::" : ".";
        if (facts->language == "python" || facts->language == "rust") {
          deeper.target = import.target.empty()
                              ? import.name
                              : import.target + std::string(separator) + import.name;
          ImportTarget module = import_target(path, *facts, deeper);
          FileFactsPtr module_facts = module.files.empty() ? nullptr : view_.facts(module.files[0]);
          bool deeper_file = module_facts != nullptr &&
                             (target.files.empty() || module.files[0] != target.files[0]);
          if (deeper_file) {
            found = {{module.files[0], module_facts, kNone, Confidence::certain}};
          }
        }
      }
      if (!found.empty()) {
        append_new(out, std::move(found));
        if (!star) return out;
      }
    }
    if (!out.empty()) return out;
  }
  return out;
}

// C and C++: definitions of the name in files that the file includes, directly or not.
std::vector<Found> Resolver::included(const std::string& path, std::string_view name) {
  auto [it, added] = include_closure_.try_emplace(path);
  std::set<std::string>& closure = it->second;
  if (added) {
    std::vector<std::string> stack = {path};
    while (!stack.empty() && closure.size() < kMaxIncluded) {
      std::string file = std::move(stack.back());
      stack.pop_back();
      FileFactsPtr facts = view_.facts(file);
      if (facts == nullptr) continue;
      for (const Import& import : facts->imports) {
        for (std::string& target : import_target(file, *facts, import).files) {
          if (closure.insert(target).second) stack.push_back(target);
        }
      }
    }
  }
  std::vector<Found> out;
  for (Found& f : by_name(name, kMaxByName)) {
    if (closure.count(f.path) != 0) out.push_back(std::move(f));
  }
  return out;
}

std::vector<Found> Resolver::plain_name(const std::string& path, const FileFactsPtr& facts,
                                        std::string_view name, uint32_t scope, uint32_t offset,
                                        int depth) {
  if (depth > kMaxDepth) return {};
  std::vector<Found> found = in_scopes(path, facts, name, scope, offset);
  // `const x = require("y")` defines x here and means what y exports.
  bool import_binding = false;
  if (found.size() == 1 && found[0].symbol != kNone) {
    const Symbol& symbol =
        facts->symbols[found[0].symbol < facts->symbols.size() && found[0].path == path
                           ? found[0].symbol
                           : 0];
    for (const Import& import : facts->imports) {
      import_binding =
          import_binding || (found[0].path == path && import.begin <= symbol.name_begin &&
                             symbol.name_begin < import.end);
    }
  }
  if (!found.empty() && !import_binding) return found;
  std::vector<Found> imported = through_imports(path, facts, name, depth);
  if (!imported.empty()) return imported;
  if (!found.empty()) return found;
  const Language* language = find_language(facts->language);
  if (language != nullptr && language->folder_is_package) {
    std::string folder = parent_of(path);
    for (Found& f : by_name(name, kMaxByName)) {
      if (parent_of(f.path) != folder || f.facts->language != facts->language) continue;
      if (!is_top_level(*f.facts, f.facts->symbols[f.symbol])) continue;
      f.confidence = Confidence::certain;
      found.push_back(std::move(f));
    }
    if (!found.empty()) return found;
  }
  if (is_c_family(*facts)) {
    for (Found& f : included(path, name)) {
      if (!is_top_level(*f.facts, f.facts->symbols[f.symbol])) continue;
      f.confidence = Confidence::likely;
      found.push_back(std::move(f));
    }
  }
  return found;
}

std::vector<Found> Resolver::members_of_class(const std::string& class_name, std::string_view name,
                                              const std::string& near) {
  std::vector<Found> all = by_name(name, kMaxByName);
  std::vector<std::string> classes = {class_name};
  std::set<std::string> seen = {class_name};
  for (size_t i = 0; i < classes.size() && i < 32; ++i) {
    std::vector<Found> out;
    for (const Found& f : all) {
      if (owner_of(*f.facts, f.facts->symbols[f.symbol]) == classes[i]) out.push_back(f);
    }
    if (!out.empty()) {
      // Classes of one name in several places: the nearest file first.
      std::stable_sort(out.begin(), out.end(), [&](const Found& a, const Found& b) {
        auto distance = [&](const Found& f) {
          return f.path == near ? 0 : parent_of(f.path) == parent_of(near) ? 1 : 2;
        };
        return distance(a) < distance(b);
      });
      return out;
    }
    for (const Found& c : by_name(classes[i], 20)) {
      const Symbol& symbol = c.facts->symbols[c.symbol];
      for (const std::string& base : symbol.bases) {
        if (seen.insert(base).second) classes.push_back(base);
      }
      // using Foo = Bar; type Foo = Bar
      if (symbol.kind == SymbolKind::type_alias && !symbol.type_name.empty() &&
          seen.insert(symbol.type_name).second) {
        classes.push_back(symbol.type_name);
      }
    }
  }
  return {};
}

std::vector<std::string> Resolver::classes_of(const std::string& path, const FileFactsPtr& facts,
                                              std::string_view receiver, uint32_t scope,
                                              uint32_t offset, int depth) {
  std::vector<std::string> out;
  if (depth > kMaxDepth || receiver.empty()) return out;
  const Language* language = find_language(facts->language);
  if (language != nullptr && contains_kind(language->self_names, receiver)) {
    for (uint32_t s = scope; s != kNone && out.size() < 2; s = facts->symbols[s].parent) {
      const Symbol& symbol = facts->symbols[s];
      if (!symbol.qualifier.empty()) {
        out.push_back(symbol.qualifier);
        return out;
      }
      if (is_class_like(symbol.kind)) {
        if (receiver == "super") {
          for (const std::string& base : symbol.bases) out.push_back(base);
        } else {
          out.push_back(symbol.name);
        }
        return out;
      }
    }
    return out;
  }
  bool is_call = receiver.size() > 2 && receiver.substr(receiver.size() - 2) == "()";
  std::string_view name = is_call ? receiver.substr(0, receiver.size() - 2) : receiver;
  if (is_call && name == "super") return classes_of(path, facts, "super", scope, offset, depth + 1);
  std::vector<Found> found = plain_name(path, facts, name, scope, offset, depth + 1);
  if (found.empty()) {
    // A field `a.b.c`, or a class that no import leads to: by name, when there is one only.
    for (Found& f : by_name(name, 8)) {
      SymbolKind kind = f.facts->symbols[f.symbol].kind;
      if (is_class_like(kind) || kind == SymbolKind::field || is_call)
        found.push_back(std::move(f));
    }
  }
  for (const Found& f : found) {
    if (f.symbol == kNone || out.size() > 4) continue;
    const Symbol& symbol = f.facts->symbols[f.symbol];
    if (is_class_like(symbol.kind)) {
      out.push_back(symbol.name);
      continue;
    }
    if (symbol.kind == SymbolKind::type_alias) {
      out.push_back(symbol.name);
      continue;
    }
    const std::string& type = symbol.type_name;
    if (type.empty()) continue;
    bool made = type.size() > 2 && type.substr(type.size() - 2) == "()";
    if (!made) {
      if (type == "Self" && !symbol.qualifier.empty()) {
        out.push_back(symbol.qualifier);
      } else {
        out.push_back(type);
      }
      continue;
    }
    for (std::string& c :
         classes_of(f.path, f.facts, type, symbol.parent, symbol.name_begin, depth + 1)) {
      out.push_back(std::move(c));
    }
  }
  return out;
}

std::vector<Found> Resolver::member(const std::string& path, const FileFactsPtr& facts,
                                    const Occurrence& occurrence, int depth) {
  const std::string& name = facts->names[occurrence.name];
  const std::string& receiver = facts->names[occurrence.receiver];
  if (receiver.empty()) return {};
  // A module: pkg.run(), ns.run(), path::run().
  bool is_call = receiver.size() > 2 && receiver.substr(receiver.size() - 2) == "()";
  if (!is_call) {
    for (const Import& import : facts->imports) {
      std::string_view bound = !import.alias.empty() ? import.alias : import.name;
      std::string_view last = import.target;
      size_t cut = last.find_last_of("./:");
      if (cut != std::string_view::npos) last = last.substr(cut + 1);
      bool whole =
          import.name.empty() && (bound == receiver || (bound.empty() && last == receiver));
      if (!whole) continue;
      std::vector<Found> found = in_target(import_target(path, *facts, import), name, depth + 1);
      if (!found.empty()) return found;
    }
    for (const Found& f : through_imports(path, facts, receiver, depth + 1)) {
      if (f.symbol != kNone) continue;
      std::vector<Found> found = in_file(f.path, name, depth + 1);
      if (!found.empty()) return found;
    }
    if (facts->language == "rust" && receiver != "self" && receiver != "Self") {
      Import import;  // a path written out: crate::a::run(), or a::run() beside `mod a;`
      for (const char* root : {"self::", "crate::"}) {
        import.target = root + receiver;
        if (receiver == "crate" || receiver == "super") import.target = receiver;
        std::vector<Found> found = in_target(import_target(path, *facts, import), name, depth + 1);
        if (!found.empty()) return found;
      }
    }
  }
  std::vector<std::string> classes =
      classes_of(path, facts, receiver, occurrence.scope, occurrence.begin, depth + 1);
  const Language* language = find_language(facts->language);
  bool self = language != nullptr && contains_kind(language->self_names, receiver);
  for (const std::string& c : classes) {
    std::vector<Found> found = members_of_class(c, name, path);
    if (found.empty()) continue;
    for (Found& f : found) {
      bool own = self && f.path == path;
      f.confidence = own ? Confidence::certain : Confidence::likely;
    }
    return found;
  }
  // A C++ namespace: ns::run().
  if (facts->language == "cpp") {
    std::vector<Found> found;
    for (Found& f : by_name(name, kMaxByName)) {
      const Symbol& symbol = f.facts->symbols[f.symbol];
      std::string_view around =
          symbol.parent != kNone ? f.facts->symbols[symbol.parent].name : std::string_view();
      bool inside = around == receiver;  // or the last part of `namespace a::b`
      if (!inside && around.size() > receiver.size() + 2) {
        inside = around.substr(around.size() - receiver.size()) == receiver &&
                 around.substr(around.size() - receiver.size() - 2, 2) == "::";
      }
      if (!inside && symbol.qualifier != receiver) continue;
      f.confidence = Confidence::likely;
      found.push_back(std::move(f));
    }
    return found;
  }
  return {};
}

void Resolver::rank_by_name(const std::string& path, Role role, std::vector<Found>* found) const {
  auto shared = [&](const std::string& other) {
    size_t n = 0;
    for (size_t i = 0; i < other.size() && i < path.size() && other[i] == path[i]; ++i) {
      n += other[i] == '/' ? 1 : 0;
    }
    return n;
  };
  FileFactsPtr facts = view_.facts(path);
  auto score = [&](const Found& f) {
    if (f.symbol == kNone) return 100;
    const Symbol& symbol = f.facts->symbols[f.symbol];
    int s = f.confidence == Confidence::certain  ? 4000
            : f.confidence == Confidence::likely ? 2000
                                                 : 0;
    if (facts != nullptr && same_family(facts->language, f.facts->language)) s += 1000;
    if (!symbol.is_declaration) s += 400;
    bool callable = symbol.kind == SymbolKind::function || symbol.kind == SymbolKind::method ||
                    symbol.kind == SymbolKind::constructor || is_class_like(symbol.kind) ||
                    symbol.kind == SymbolKind::macro;
    if (role == Role::call && callable) s += 200;
    if (role == Role::type &&
        (is_class_like(symbol.kind) || symbol.kind == SymbolKind::type_alias)) {
      s += 200;
    }
    if (symbol.kind == SymbolKind::key) s -= 300;
    if (f.path.find("test") != std::string::npos) s -= 20;
    if (f.path == path) s += 100;
    return s + 10 * static_cast<int>(std::min<size_t>(shared(f.path), 9));
  };
  std::stable_sort(found->begin(), found->end(),
                   [&](const Found& a, const Found& b) { return score(a) > score(b); });
}

std::vector<Found> Resolver::resolve(const std::string& path, const FileFactsPtr& facts,
                                     const Occurrence& occurrence) {
  const std::string& name = facts->names[occurrence.name];
  std::vector<Found> found;
  if (occurrence.role == Role::definition) {
    for (uint32_t s = 0; s < facts->symbols.size(); ++s) {
      if (facts->symbols[s].name_begin == occurrence.begin && facts->symbols[s].name == name) {
        found.push_back({path, facts, s, Confidence::certain});
      }
    }
    // A prototype and its body belong together.
    if (!found.empty() && is_c_family(*facts)) {
      const Symbol& here = facts->symbols[found[0].symbol];
      bool here_owner_known = !owner_of(*facts, here).empty();
      for (Found& f : by_name(name, kMaxByName)) {
        const Symbol& there = f.facts->symbols[f.symbol];
        if (f.same(found[0]) || there.is_declaration == here.is_declaration || here.local) continue;
        if (!is_c_family(*f.facts)) continue;
        if (owner_of(*f.facts, there) != owner_of(*facts, here)) continue;
        f.confidence = here_owner_known ? Confidence::likely : Confidence::possible;
        found.push_back(std::move(f));
      }
      if (here.is_declaration) rank_by_name(path, occurrence.role, &found);
    }
    if (!found.empty()) return found;
  }
  if (occurrence.role == Role::import) {
    for (const Import& import : facts->imports) {
      if (occurrence.begin < import.begin || occurrence.begin >= import.end) continue;
      std::string_view bound = !import.alias.empty() ? import.alias : import.name;
      if (import.name == name || bound == name) {
        std::vector<Found> more = through_imports(path, facts, bound, 0);
        append_new(found, std::move(more));
        if (!found.empty()) return found;
      }
      // A part of the module's path: the file itself.
      for (const std::string& file : import_target(path, *facts, import).files) {
        FileFactsPtr module = view_.facts(file);
        if (module != nullptr) append_new(found, {{file, module, kNone, Confidence::certain}});
      }
    }
    if (!found.empty()) return found;
  }
  found = occurrence.receiver == kNone
              ? plain_name(path, facts, name, occurrence.scope, occurrence.begin, 0)
              : member(path, facts, occurrence, 0);
  if (!found.empty()) {
    // What a prototype says is defined elsewhere: the body first.
    bool only_declared = std::all_of(found.begin(), found.end(), [](const Found& f) {
      return f.symbol != kNone && f.facts->symbols[f.symbol].is_declaration;
    });
    if (only_declared) {
      std::vector<Found> bodies;
      const Symbol& declared = found[0].facts->symbols[found[0].symbol];
      for (Found& f : by_name(name, kMaxByName)) {
        const Symbol& symbol = f.facts->symbols[f.symbol];
        if (symbol.is_declaration || !is_c_family(*f.facts)) continue;
        if (owner_of(*f.facts, symbol) != owner_of(*found[0].facts, declared)) continue;
        f.confidence = Confidence::likely;
        bodies.push_back(std::move(f));
      }
      append_new(found, std::move(bodies));
    }
    rank_by_name(path, occurrence.role, &found);
    return found;
  }
  // Nothing but the name is known. A bare name cannot be a member, and other languages' names
  // are not meant.
  for (Found& f : by_name(name, kMaxGuesses)) {
    if (!same_family(f.facts->language, facts->language)) continue;
    const Symbol& symbol = f.facts->symbols[f.symbol];
    bool top = is_top_level(*f.facts, symbol);
    bool enum_member = symbol.kind == SymbolKind::enum_member;
    if (occurrence.receiver == kNone && !top && !enum_member && !is_class_like(symbol.kind))
      continue;
    found.push_back(std::move(f));
  }
  size_t n_bodies =
      static_cast<size_t>(std::count_if(found.begin(), found.end(), [](const Found& f) {
        return !f.facts->symbols[f.symbol].is_declaration;
      }));
  // C and C++ link by name: one body is very probably the one.
  if (n_bodies == 1 && occurrence.receiver == kNone && is_c_family(*facts)) {
    set_confidence(found, Confidence::likely);
  }
  rank_by_name(path, occurrence.role, &found);
  return found;
}

}  // namespace engramd::repoindex
