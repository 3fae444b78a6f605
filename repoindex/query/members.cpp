// Names behind a receiver: what the receiver is, the class of it, that class's members and bases.
#include <algorithm>

#include "repoindex/query/packages.h"
#include "repoindex/query/project/paths.h"
#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxClasses = 32;   // of one hierarchy
constexpr size_t kMaxLookBack = 64;  // occurrences before a name, for the call that it hangs on

bool is_call_name(std::string_view name) {
  return name.size() > 2 && name.substr(name.size() - 2) == "()";
}

// "x[]": an element of x.
bool is_element_name(std::string_view name) {
  return name.size() > 2 && name.substr(name.size() - 2) == "[]";
}

// The last part of a container written "a::b".
bool names_container(std::string_view container, std::string_view name) {
  if (container == name) return true;
  return container.size() > name.size() + 2 &&
         container.substr(container.size() - name.size()) == name &&
         container.substr(container.size() - name.size() - 2, 2) == "::";
}

}  // namespace

// The occurrence of the receiver itself: the name right before the dot, or the last call of that
// name before it. Null for keywords (this) and what is not followed.
const Occurrence* Resolver::receiver_occurrence(const FileFacts& facts,
                                                const Occurrence& occurrence) {
  std::string_view receiver = facts.names[occurrence.receiver];
  bool call = is_call_name(receiver);
  if (call || is_element_name(receiver)) receiver.remove_suffix(2);
  auto it = std::lower_bound(facts.occurrences.begin(), facts.occurrences.end(), occurrence.begin,
                             [](const Occurrence& o, uint32_t at) { return o.begin < at; });
  for (size_t n = 0; n < (call ? kMaxLookBack : 8); ++n) {
    bool first = it == facts.occurrences.begin();
    if (at_gap(facts, static_cast<size_t>(it - facts.occurrences.begin())) || first) break;
    --it;
    if (it->end > occurrence.begin || facts.names[it->name] != receiver) continue;
    return &*it;
  }
  return nullptr;
}

std::vector<Found> Resolver::class_named(const std::string& path, const FileFactsPtr& facts,
                                         std::string_view name, uint32_t scope, uint32_t offset,
                                         int depth) {
  if (depth > kMaxDepth || name.empty()) return {};
  std::vector<Found> out;
  auto take = [&](std::vector<Found> found) {
    for (Found& f : found) {
      if (f.symbol == kNone) continue;
      SymbolKind kind = f.get().kind;
      if (is_class_like(kind)) {
        append_new(out, {f});
      } else if (kind == SymbolKind::type_alias || kind == SymbolKind::variable ||
                 kind == SymbolKind::constant || kind == SymbolKind::macro) {
        // using A = B; Alias = Class; #define Alias Class
        append_new(out, classes_of(f, depth + 1));
      }
    }
  };
  take(plain_name(path, facts, name, scope, offset, depth + 1));
  if (!out.empty()) return out;
  // No include or import leads there: by name, the nearest first. A struct that a header only
  // declares is the one that the file of the question can see.
  std::vector<Found> found = by_name(name, 8, [&](const NameMatch& c) {
    return (is_class_like(c.kind) || c.kind == SymbolKind::type_alias) &&
           same_family(c.language(), facts->language);
  });
  std::stable_sort(found.begin(), found.end(), [&](const Found& a, const Found& b) {
    return shared_prefix(a.path, path) > shared_prefix(b.path, path);
  });
  if (is_c_family(facts->language)) {
    auto seen = [&](const Found& f) {
      return is_class_like(f.get().kind) && sees(asking_, f.path);
    };
    if (std::any_of(found.begin(), found.end(), seen)) {
      std::erase_if(found, [&](const Found& f) { return !seen(f); });
    }
    // typedef struct x {...} x; is one.
    if (std::any_of(found.begin(), found.end(),
                    [](const Found& f) { return is_class_like(f.get().kind); })) {
      std::erase_if(found, [](const Found& f) { return !is_class_like(f.get().kind); });
    }
    if (found.size() == 1) found[0].confidence = Confidence::likely;
  }
  take(std::move(found));
  return out;
}

std::vector<Found> Resolver::class_around(const std::string& path, const FileFactsPtr& facts,
                                          uint32_t scope, int depth) {
  for (uint32_t s = scope, n = 0; s != kNone && n < 50; s = facts->symbols[s].parent, ++n) {
    const Symbol& symbol = facts->symbols[s];
    if (is_class_like(symbol.kind)) return {{path, facts, s, Confidence::certain}};
    if (!symbol.qualifier.empty()) {
      return class_named(path, facts, symbol.qualifier, symbol.parent, symbol.name_begin,
                         depth + 1);
    }
  }
  return {};
}

// The class of a written type behind a module, package or namespace: core.App in [begin, end).
std::vector<Found> Resolver::qualified_class(const Found& around, std::string_view name,
                                             uint32_t begin, uint32_t end, int depth) {
  const FileFacts& facts = *around.facts;
  auto it = std::lower_bound(facts.occurrences.begin(), facts.occurrences.end(), begin,
                             [](const Occurrence& o, uint32_t at) { return o.begin < at; });
  for (size_t n = 0; n < kMaxLookBack; ++n, ++it) {
    if (at_gap(facts, static_cast<size_t>(it - facts.occurrences.begin()))) break;
    if (it == facts.occurrences.end() || it->begin >= end) break;
    if (facts.names[it->name] != name) continue;
    if (it->receiver == kNone || it->role == Role::definition) break;
    std::vector<Found> found = meaning(around.path, around.facts, *it, depth + 1);
    std::erase_if(found, [&](const Found& f) {
      return f.symbol == kNone || !is_class_like(f.get().kind) || f.same(around);
    });
    return found;
  }
  return {};
}

std::vector<Found> Resolver::base_named(const Found& class_, const std::string& base, int depth) {
  const Symbol& symbol = class_.get();
  std::vector<Found> found = qualified_class(class_, base, symbol.name_end, symbol.end, depth);
  if (!found.empty() || base == symbol.name) return found;
  return class_named(class_.path, class_.facts, base, symbol.parent, symbol.begin, depth + 1);
}

std::vector<Found> Resolver::bases_of(const Found& class_, int depth) {
  std::vector<Found> out;
  if (class_.symbol == kNone || depth > kMaxDepth) return out;
  const Symbol& symbol = class_.get();
  for (const std::string& base : symbol.bases) {
    if (out.size() >= kMaxClasses) continue;
    append_new(out, base_named(class_, base, depth));
  }
  return out;
}

std::vector<Found> Resolver::own_members(const Found& class_, std::string_view name) {
  const Symbol& symbol = class_.get();
  const FileFacts& facts = *class_.facts;
  std::vector<Found> out;
  for (uint32_t s = 0; s < facts.symbols.size(); ++s) {
    const Symbol& m = facts.symbols[s];
    if (m.name != name || (m.local && !symbol.local)) continue;
    bool inside = m.parent == class_.symbol;
    if (!inside && m.parent != kNone && m.kind == SymbolKind::enum_member) {
      inside = facts.symbols[m.parent].parent == class_.symbol;  // an enum inside the class
    }
    bool named = m.qualifier == symbol.name;
    if (inside || named) out.push_back({class_.path, class_.facts, s, Confidence::likely});
  }
  std::string_view language = facts.language;
  bool elsewhere =
      is_c_family(language) || language == "go" || language == "rust" || is_script_family(language);
  if (!elsewhere) return out;
  if (is_c_family(language)) {
    // What a C++ class does not declare is not its member, whatever class elsewhere has its name;
    // but `struct Outer::Inner {` may be written in another file.
    if (!out.empty()) return out;  // resolve() goes from the declaration to its body
    out = by_name(name, kMaxByName, [&](const NameMatch& c) {
      return is_class_like(c.kind) && c.container == symbol.name && is_c_family(c.language());
    });
    std::erase_if(out, [&](const Found& f) { return f.get().qualifier != symbol.name; });
    for (Found& f : out) f.confidence = Confidence::likely;
    return out;
  }
  std::string folder = parent_path(class_.path);
  std::vector<Found> more = by_name(name, kMaxByName, [&](const NameMatch& c) {
    if (c.container != symbol.name || c.path == class_.path) return false;
    if (language == "go" && parent_path(c.path) != folder) return false;
    return same_family(c.language(), language);
  });
  weaken(more, Confidence::likely);
  for (Found& f : more) f.confidence = Confidence::likely;
  append_new(out, std::move(more));
  return out;
}

// What a class has of the name, else its bases. Not remembered where the asking file decides (C),
// inside a chain of imports, and when partial facts lack something.
const Resolver::Family& Resolver::family_of(Found class_, std::string_view name, int depth) {
  const bool here = class_.facts != nullptr && class_.facts->partial;
  std::map<std::string, Family>& remembered = here ? families_here_ : families_;
  std::string key;
  key.append(class_.path).append("\n").append(name).append("\n");
  key += std::to_string(class_.symbol) + (is_foreign_ ? "+" : "-") + std::to_string(depth);
  if (visiting_.empty()) {
    if (auto known = remembered.find(key); known != remembered.end()) {
      is_foreign_ = known->second.foreign_after;
      return known->second;
    }
  }
  Family family;
  if (class_.facts == nullptr) class_.facts = view_.facts(class_.path);
  if (class_.facts != nullptr && class_.symbol < class_.facts->symbols.size()) {
    family.own = own_members(class_, name);
    if (family.own.empty()) family.bases = bases_of(class_, depth);
  }
  family.foreign_after = is_foreign_;
  bool keep = visiting_.empty() && !lacks_ && n_steps_ <= kMaxSteps && class_.facts != nullptr &&
              !is_c_family(class_.facts->language);
  if (!keep) return not_kept_ = std::move(family);
  for (std::vector<Found>* found : {&family.own, &family.bases}) {
    for (Found& f : *found) {
      if (!f.facts->partial) f.facts = nullptr;
    }
  }
  if (remembered.size() >= kMaxRemembered) remembered.clear();
  return remembered[std::move(key)] = std::move(family);
}

std::vector<Found> Resolver::members_of(const Found& class_, std::string_view name, int depth) {
  if (class_.symbol == kNone || depth > kMaxDepth || ++n_steps_ > kMaxSteps) return {};
  std::vector<Found> classes = {class_};
  for (size_t i = 0; i < classes.size() && i < kMaxClasses; ++i) {
    const Confidence confidence = classes[i].confidence;
    const Family& family = family_of(classes[i], name, depth + 1);
    if (!family.own.empty()) {
      std::vector<Found> out = loaded(family.own);
      weaken(out, confidence == Confidence::possible ? Confidence::possible : Confidence::likely);
      return out;
    }
    append_new(classes, family.bases);
  }
  return {};
}

std::vector<Found> Resolver::classes_of(const Found& definition, int depth) {
  if (definition.symbol == kNone || depth > kMaxDepth || ++n_steps_ > kMaxSteps) return {};
  const Symbol& symbol = definition.get();
  const FileFacts& facts = *definition.facts;
  if (is_class_like(symbol.kind)) return {definition};
  if (symbol.kind == SymbolKind::constructor) {
    return class_around(definition.path, definition.facts, definition.symbol, depth + 1);
  }
  std::string_view type = symbol.type_name;
  if (type.empty()) {
    // struct {...} x; has its members inside.
    uint32_t next = definition.symbol + 1;
    bool has_body = next < facts.symbols.size() &&
                    facts.symbols[next].parent == definition.symbol &&
                    (symbol.kind == SymbolKind::variable || symbol.kind == SymbolKind::field) &&
                    is_c_family(facts.language);
    if (has_body) return {definition};
    return {};
  }
  if (type == "Self" || type == "self" || type == "this") {
    return class_around(definition.path, definition.facts, definition.symbol, depth + 1);
  }
  if (!is_call_name(type)) {
    std::vector<Found> written = qualified_class(definition, type, symbol.begin, symbol.end, depth);
    if (!written.empty()) return written;
    std::vector<Found> classes = class_named(definition.path, definition.facts, type, symbol.parent,
                                             symbol.begin, depth + 1);
    static constexpr std::string_view kSayNothing[] = {
        "Any", "object", "auto", "void", "any", "unknown", "Object", "T", "interface"};
    bool says_nothing =
        std::find(std::begin(kSayNothing), std::end(kSayNothing), type) != std::end(kSayNothing);
    if (classes.empty() && !says_nothing &&
        plain_name(definition.path, definition.facts, type, symbol.parent, symbol.begin, depth + 1)
            .empty()) {
      is_foreign_ = true;
    }
    return classes;
  }
  // x = make(): what make gives. The call is written behind the name; it may have a receiver.
  std::string_view made = type.substr(0, type.size() - 2);
  auto it = std::lower_bound(facts.occurrences.begin(), facts.occurrences.end(), symbol.name_end,
                             [](const Occurrence& o, uint32_t at) { return o.begin < at; });
  std::vector<Found> called;
  for (size_t n = 0; n < 32; ++it, ++n) {
    if (at_gap(facts, static_cast<size_t>(it - facts.occurrences.begin()))) break;
    if (it == facts.occurrences.end()) break;
    if (facts.names[it->name] != made || it->begin > symbol.name_end + 400) continue;
    called = meaning(definition.path, definition.facts, *it, depth + 1);
    break;
  }
  if (called.empty()) {
    called = plain_name(definition.path, definition.facts, made, symbol.parent, symbol.name_begin,
                        depth + 1);
  }
  std::vector<Found> out;
  for (const Found& f : called) {
    if (out.size() > 4 || f.same(definition)) continue;
    append_new(out, classes_of(f, depth + 1));
  }
  return out;
}

// What x[i] is when x is one of these: what operator[] gives, or the same for an array of them.
std::vector<Found> Resolver::elements_of(std::vector<Found> classes, int depth) {
  is_foreign_ = false;  // a foreign container may well hold what is ours
  std::vector<Found> out;
  for (Found& class_ : classes) {
    std::vector<Found> operators = members_of(class_, "operator[]", depth);
    if (operators.empty()) {
      append_new(out, {std::move(class_)});
    } else {
      append_new(out, classes_of(operators[0], depth));
    }
  }
  return out;
}

// A module: pkg.run(), ns.run(), path::run().
std::vector<Found> Resolver::in_module(const std::string& path, const FileFactsPtr& facts,
                                       std::string_view receiver, std::string_view name,
                                       int depth) {
  for (const Import& import : facts->imports) {
    if (!import.name.empty()) continue;
    std::string_view last = import.target;
    if (facts->language == "go") {
      // example.com/yaml/v3 and gopkg.in/yaml.v3 are both package yaml.
      size_t slash = last.rfind('/');
      std::string_view tail = slash == std::string_view::npos ? last : last.substr(slash + 1);
      bool version = tail.size() > 1 && tail[0] == 'v' &&
                     tail.find_first_not_of("0123456789", 1) == std::string_view::npos;
      if (version && slash != std::string_view::npos) last = last.substr(0, slash);
      slash = last.rfind('/');
      if (slash != std::string_view::npos) last = last.substr(slash + 1);
      if (size_t dot = last.rfind(".v"); dot != std::string_view::npos) last = last.substr(0, dot);
      if (last.substr(0, 3) == "go-" && last != receiver) last = last.substr(3);
    } else if (size_t cut = last.find_last_of("./:"); cut != std::string_view::npos) {
      last = last.substr(cut + 1);
    }
    if (import.alias.empty() ? last != receiver : import.alias != receiver) continue;
    std::vector<Found> found = in_target(import_target(path, *facts, import), name, depth + 1);
    if (!found.empty()) return found;
  }
  for (const Found& f : through_imports(path, facts, receiver, depth + 1)) {
    if (f.symbol != kNone) continue;
    std::vector<Found> found = in_file(f.path, name, depth + 1);
    if (!found.empty()) return found;
    // A submodule that nobody imported into the package by name.
    if (facts->language == "python" && base_name(f.path) == "__init__.py") {
      std::string module = joined_path(parent_path(f.path), name);
      for (const std::string& file : {module + ".py", module + "/__init__.py"}) {
        if (FileFactsPtr there = view_.facts(file)) {
          return {{file, there, kNone, Confidence::certain}};
        }
      }
    }
  }
  // Bound by an import that leads nowhere: a module from outside the repository.
  if (facts->language == "python" || is_script_family(facts->language)) {
    for (const Import& import : facts->imports) {
      std::string_view bound =
          !import.alias.empty() ? import.alias
          : !import.name.empty()
              ? std::string_view(import.name)
              : std::string_view(import.target).substr(0, import.target.find('.'));
      if (bound == receiver && !import_target(path, *facts, import).found()) is_foreign_ = true;
    }
  }
  if (facts->language == "rust" && receiver != "self" && receiver != "Self") {
    Import import;  // a path written out: crate::a::run(), or a::run() beside `mod a;`
    for (const char* root : {"self::", "crate::", ""}) {
      import.target = root + std::string(receiver);
      if (receiver == "crate" || receiver == "super") import.target = std::string(receiver);
      ImportTarget target = import_target(path, *facts, import);
      if (target.n_parts_left > 0) continue;
      std::vector<Found> found = in_target(target, name, depth + 1);
      if (!found.empty()) return found;
    }
  }
  return {};
}

// A C++ namespace, or a class or enum that no include leads to: ns::run().
std::vector<Found> Resolver::in_namespace(const std::string& path, std::string_view around,
                                          std::string_view name) {
  std::vector<Found> found = by_name(name, kMaxByName, [&](const NameMatch& c) {
    return names_container(c.container, around) && is_c_family(c.language());
  });
  if (found.empty()) {
    // A namespace that a macro opens: what is in it looks as if it were in none.
    std::vector<Found> opened = by_name(around, kMaxNamespaceParts, [&](const NameMatch& c) {
      return c.kind == SymbolKind::namespace_ && is_c_family(c.language());
    });
    bool by_macro = std::any_of(opened.begin(), opened.end(),
                                [](const Found& f) { return f.get().end == f.get().name_end; });
    if (by_macro) found = included(path, name);
  }
  // What the file includes beats what it does not.
  auto seen = [&](const Found& f) { return sees(path, f.path); };
  if (found.size() > 1 && std::any_of(found.begin(), found.end(), seen)) {
    std::erase_if(found, [&](const Found& f) { return !seen(f); });
  }
  for (Found& f : found) f.confidence = Confidence::likely;
  return found;
}

std::vector<Found> Resolver::member(const std::string& path, const FileFactsPtr& facts,
                                    const Occurrence& occurrence, int depth) {
  const std::string& name = facts->names[occurrence.name];
  std::string_view receiver = facts->names[occurrence.receiver];
  if (depth > kMaxDepth) return {};
  if (std::vector<Found> found = through_written_path(path, facts, occurrence, depth);
      !found.empty()) {
    return found;
  }
  if (receiver.empty()) {
    if (!is_c_family(facts->language)) return {};
    for (const Found& class_ : initialized(path, facts, occurrence, depth)) {
      std::vector<Found> found = members_of(class_, name, depth + 1);
      if (!found.empty()) return found;
    }
    return {};
  }
  const Language* language = find_language(facts->language);
  bool is_self = language != nullptr && contains_kind(language->self_names, receiver);
  bool is_super = receiver == "super" || receiver == "super()";
  bool is_element = is_element_name(receiver);
  if (is_element) receiver.remove_suffix(2);
  const Occurrence* before = receiver_occurrence(*facts, occurrence);
  bool chained = before != nullptr && before->receiver != kNone;
  bool modules = package_language(facts->language) == nullptr && facts->language != "swift";
  if (modules && !is_call_name(receiver) && !is_self && !chained) {
    std::vector<Found> found = in_module(path, facts, receiver, name, depth);
    if (!found.empty()) return found;
  }
  std::vector<Found> classes;
  bool is_value = false;
  if (is_super || is_self) {
    for (Found& c : class_around(path, facts, occurrence.scope, depth + 1)) {
      if (is_super) {
        append_new(classes, bases_of(c, depth + 1));
      } else {
        append_new(classes, {std::move(c)});
      }
    }
  } else {
    std::vector<Found> values;
    if (before != nullptr) {
      values = meaning(path, facts, *before, depth + 1);
    } else if (!is_call_name(receiver)) {
      values = plain_name(path, facts, receiver, occurrence.scope, occurrence.begin, depth + 1);
    }
    for (const Found& value : values) {
      if (value.symbol == kNone) {
        std::vector<Found> found = in_file(value.path, name, depth + 1);
        if (!found.empty()) return found;
        continue;
      }
      SymbolKind kind = value.get().kind;
      if (kind == SymbolKind::namespace_ || kind == SymbolKind::module) {
        if (is_c_family(facts->language)) break;  // below, in all its parts
        std::vector<Found> found;
        for (uint32_t s = 0; s < value.facts->symbols.size(); ++s) {
          const Symbol& symbol = value.facts->symbols[s];
          if (symbol.parent == value.symbol && symbol.name == name) {
            found.push_back({value.path, value.facts, s, Confidence::certain});
          }
        }
        if (!found.empty()) return found;
        continue;
      }
      is_value = is_value || (!is_class_like(kind) && kind != SymbolKind::type_alias);
      if (classes.size() < 8) append_new(classes, classes_of(value, depth + 1));
    }
    if (is_element) classes = elements_of(std::move(classes), depth + 1);
  }
  for (const Found& c : classes) {
    std::vector<Found> found = members_of(c, name, depth + 1);
    if (found.empty()) continue;
    for (Found& f : found) {
      bool own = is_self && f.path == path && c.path == path && f.get().parent == c.symbol;
      f.confidence = own ? Confidence::certain : std::max(f.confidence, Confidence::likely);
    }
    return found;
  }
  // Not in the class or its bases as far as the repository knows them.
  if ((is_self || is_super) && facts->language == "python") is_foreign_ = true;
  // ns::name and Class::name; not what a variable of unknown type has.
  if (is_c_family(facts->language) && !is_self && !is_call_name(receiver) && classes.empty() &&
      !is_value) {
    return in_namespace(path, receiver, name);
  }
  return {};
}

// f(name=value) in Python: the parameter of f, or the field of a class that is constructed.
std::vector<Found> Resolver::keyword_argument(const std::string& path, const FileFactsPtr& facts,
                                              const Occurrence& occurrence) {
  bool may_be = facts->language == "python" && occurrence.receiver != kNone &&
                facts->names[occurrence.receiver].empty();
  if (!may_be) return {};
  const std::string& source = text(path);
  size_t after = occurrence.end;
  while (after < source.size() && isspace(static_cast<unsigned char>(source[after]))) ++after;
  if (after + 1 >= source.size() || source[after] != '=' || source[after + 1] == '=') return {};
  is_foreign_ = true;  // unless what is called is known, the name is nobody's
  // Back to the bracket that is open here.
  int depth = 0;
  size_t at = occurrence.begin;
  for (size_t n = 0; at > 0 && n < 4000; ++n) {
    char c = source[--at];
    if (c == ')' || c == ']' || c == '}') ++depth;
    if ((c == '(' || c == '[' || c == '{') && depth-- == 0) break;
  }
  if (at == 0 || source[at] != '(') return {};
  auto it = std::lower_bound(facts->occurrences.begin(), facts->occurrences.end(), at,
                             [](const Occurrence& o, size_t to) { return o.begin < to; });
  if (at_gap(*facts, static_cast<size_t>(it - facts->occurrences.begin()))) return {};
  if (it == facts->occurrences.begin() || (--it)->end != at) return {};
  const std::string& name = facts->names[occurrence.name];
  std::vector<Found> out;
  for (Found& f : meaning(path, facts, *it, 1)) {
    if (f.symbol == kNone) continue;
    std::vector<Found> functions;
    if (is_class_like(f.get().kind)) {
      functions = members_of(f, "__init__", 1);
      if (functions.empty()) append_new(out, members_of(f, name, 1));
    } else {
      functions.push_back(f);
    }
    for (const Found& function : functions) {
      for (uint32_t s = 0; s < function.facts->symbols.size(); ++s) {
        const Symbol& symbol = function.facts->symbols[s];
        if (symbol.parent == function.symbol && symbol.name == name && symbol.local) {
          append_new(out, {{function.path, function.facts, s, Confidence::likely}});
          break;
        }
      }
    }
  }
  return out;
}

}  // namespace engramd::repoindex
