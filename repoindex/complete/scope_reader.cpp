#include "repoindex/complete/scope_reader.h"

#include <algorithm>

#include "repoindex/query/imported.h"
#include "repoindex/query/packages.h"
#include "repoindex/query/project/paths.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxValues = 8;       // that one expression may give
constexpr size_t kMaxNamespaces = 32;  // places where one namespace is opened

bool is_module_like(SymbolKind kind) {
  return kind == SymbolKind::namespace_ || kind == SymbolKind::module;
}

bool opens_scope(SymbolKind kind) {
  return kind == SymbolKind::function || kind == SymbolKind::method ||
         kind == SymbolKind::constructor || is_class_like(kind) || is_module_like(kind) ||
         kind == SymbolKind::property;
}

size_t line_begin_of(std::string_view text, size_t offset) {
  const size_t line = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
  return line == std::string_view::npos ? 0 : line + 1;
}

size_t indent_of(std::string_view text, size_t line) {
  size_t at = line;
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  return at - line;
}

// Between a definition's end and the cursor nothing stands as far left as the definition: what is
// written at the cursor still belongs to it.
bool goes_on(std::string_view text, const Symbol& symbol, size_t offset) {
  const size_t own = indent_of(text, line_begin_of(text, symbol.begin));
  const size_t here = line_begin_of(text, offset);
  if (indent_of(text, here) <= own) return false;
  for (size_t at = symbol.end; at < here;) {
    const size_t line = text.find('\n', at);
    if (line == std::string_view::npos) break;
    at = line + 1;
    if (at >= here) break;
    const size_t indent = indent_of(text, at);
    const bool blank = at + indent >= text.size() || text[at + indent] == '\n' ||
                       text[at + indent] == '\r' || text[at + indent] == '#';
    if (!blank && indent <= own) return false;
  }
  return true;
}

bool is_self_type(std::string_view name) {
  return name == "Self" || name == "static";
}

}  // namespace

ScopeReader::ScopeReader(const View& view, const std::string& path, FileFactsPtr facts,
                         std::string_view text)
    : view_(view),
      path_(path),
      facts_(std::move(facts)),
      text_(text),
      writing_(writing_of(facts_->language)),
      resolver_(view) {
  resolver_.asking_ = path;
}

uint32_t ScopeReader::scope_at(size_t offset) const {
  uint32_t best = kNone;
  for (uint32_t s = 0; s < facts_->symbols.size(); ++s) {
    const Symbol& symbol = facts_->symbols[s];
    if (symbol.begin >= offset) continue;
    if (!opens_scope(symbol.kind) || symbol.is_declaration || symbol.name_end > offset) continue;
    bool inside = offset < symbol.end;
    if (!inside && writing_.indented && offset >= symbol.end) {
      inside = goes_on(text_, symbol, offset);
    }
    if (inside && (best == kNone || symbol.begin >= facts_->symbols[best].begin)) best = s;
  }
  return best;
}

bool ScopeReader::includes(const FileEntry& file) {
  return is_c_family(facts_->language) && resolver_.includes(path_, &file);
}

std::vector<Found> ScopeReader::of_name(std::string_view name, size_t limit, bool members) {
  return resolver_.by_name(name, limit, [&](const NameMatch& c) {
    return is_callable(c.kind) && c.is_top_level != members &&
           same_family(c.language(), facts_->language);
  });
}

std::vector<ScopeReader::Value> ScopeReader::instances(std::vector<Found> classes) {
  std::vector<Value> out;
  for (Found& c : classes) {
    if (out.size() >= kMaxValues) break;
    out.push_back({std::move(c), Value::Is::instance});
  }
  return out;
}

void ScopeReader::add_value(const Found& found, std::vector<Value>& values) {
  if (values.size() >= kMaxValues) return;
  if (found.symbol == kNone) {
    values.push_back({found, Value::Is::module});
    return;
  }
  const SymbolKind kind = found.get().kind;
  if (is_class_like(kind)) {
    values.push_back({found, Value::Is::type});
  } else if (is_module_like(kind)) {
    values.push_back({found, Value::Is::module});
  } else if (kind == SymbolKind::type_alias) {
    for (Found& c : resolver_.classes_of(found, 1))
      values.push_back({std::move(c), Value::Is::type});
  } else if (kind == SymbolKind::function || kind == SymbolKind::method ||
             kind == SymbolKind::constructor || kind == SymbolKind::macro) {
    values.push_back({found, Value::Is::function});
  } else {
    for (Value& v : instances(resolver_.classes_of(found, 1))) values.push_back(std::move(v));
  }
}

// Files of the module that an import binds this name to, where they are not one file: a Go package.
std::vector<Found> ScopeReader::imported_module(std::string_view name) {
  std::vector<Found> out;
  for (const Import& import : facts_->imports) {
    if (!import.name.empty() && facts_->language != "rust") continue;
    std::string_view bound = import.alias;
    if (bound.empty()) {
      bound = import.target;
      if (size_t cut = bound.find_last_of("/.:"); cut != std::string_view::npos) {
        bound = bound.substr(cut + 1);
      }
    }
    if (bound != name) continue;
    for (const std::string& file : files_of_import(view_, path_, *facts_, import)) {
      if (FileFactsPtr there = view_.facts(file); there != nullptr && out.size() < 200) {
        out.push_back({file, std::move(there), kNone, Confidence::certain});
      }
    }
    if (out.empty()) resolver_.is_foreign_ = true;
  }
  return out;
}

std::vector<ScopeReader::Value> ScopeReader::first_value(const ExpressionStep& step, uint32_t scope,
                                                         size_t offset) {
  using Kind = ExpressionStep::Kind;
  std::vector<Value> out;
  if (step.kind == Kind::string) {
    resolver_.is_foreign_ = true;
    return out;
  }
  if (step.kind == Kind::group) {
    // ((T*)p)->, (await f())., (x as T).
    std::string_view inside = trim(step.text);
    if (inside.size() > 2 && inside[0] == '(') {
      const size_t close = inside.find(')');
      std::string_view type = trim(inside.substr(1, close - 1));
      while (!type.empty() && (type.back() == '*' || type.back() == ' ')) type.remove_suffix(1);
      const size_t word = name_begin(type, type.size(), writing_);
      const bool cast = close != std::string_view::npos && close + 1 < inside.size() &&
                        word < type.size() && type.find_first_of("(.+<,") == std::string_view::npos;
      if (cast) {
        return instances(resolver_.class_named(path_, facts_, type.substr(word), scope,
                                               static_cast<uint32_t>(offset), 1));
      }
    }
    const auto steps = expression_before(
        text_, static_cast<size_t>(step.text.data() - text_.data()) + step.text.size(), writing_);
    if (steps.empty() || steps[0].begin < step.begin) return out;
    out = evaluate(steps, offset);
    const bool as = inside.find(" as ") != std::string_view::npos;
    for (Value& v : out) {
      if (as && v.is == Value::Is::type) v.is = Value::Is::instance;
    }
    return out;
  }
  if (step.kind != Kind::name) return out;
  std::string_view name = step.text;
  const Language* language = find_language(facts_->language);
  const bool is_super = name == "super" || name == "parent" || name == "base";
  const bool is_self = language != nullptr && contains_kind(language->self_names, name);
  if (is_self || is_super || is_self_type(name)) {
    for (Found& c : resolver_.class_around(path_, facts_, scope, 1)) {
      if (is_super) {
        for (Value& v : instances(resolver_.bases_of(c, 1))) out.push_back(std::move(v));
      } else {
        out.push_back({std::move(c), is_self_type(name) ? Value::Is::type : Value::Is::instance});
      }
    }
    if (is_super || !out.empty()) return out;
  }
  std::vector<Found> found =
      resolver_.plain_name(path_, facts_, name, scope, static_cast<uint32_t>(step.begin), 1);
  const bool no_value = std::none_of(found.begin(), found.end(), [](const Found& f) {
    return f.symbol != kNone && (f.get().local || !is_module_like(f.get().kind));
  });
  if (no_value) {
    if (std::vector<Found> files = imported_module(name); !files.empty()) found = std::move(files);
  }
  for (const Found& f : found) {
    if (f.symbol == kNone && out.size() < 200) {
      out.push_back({f, Value::Is::module});
    } else {
      add_value(f, out);
    }
  }
  const bool only_namespaces = std::all_of(found.begin(), found.end(), [](const Found& f) {
    return f.symbol != kNone && is_module_like(f.get().kind);
  });
  if (only_namespaces && is_c_family(facts_->language)) {
    // Wherever it is opened, the files that are seen from here first.
    std::vector<Found> opened = resolver_.by_name(name, kMaxNamespaces, [&](const NameMatch& c) {
      return c.kind == SymbolKind::namespace_ && is_c_family(c.language()) &&
             (c.file == nullptr || resolver_.sees(path_, std::string(c.path)));
    });
    out.clear();
    for (Found& f : opened) out.push_back({std::move(f), Value::Is::module});
  }
  if (out.empty() && found.empty()) {
    for (const Import& import : facts_->imports) {
      const std::string& bound = import.alias.empty() ? import.name : import.alias;
      if (bound == name || (bound.empty() && import.target == name)) resolver_.is_foreign_ = true;
    }
  }
  return out;
}

std::vector<ScopeReader::Value> ScopeReader::in_module_value(const Found& module,
                                                             std::string_view name) {
  std::vector<Value> out;
  if (module.symbol != kNone) {
    for (uint32_t s = 0; s < module.facts->symbols.size(); ++s) {
      const Symbol& symbol = module.facts->symbols[s];
      if (symbol.parent == module.symbol && symbol.name == name) {
        add_value({module.path, module.facts, s, Confidence::certain}, out);
      }
    }
    return out;
  }
  for (const Found& f : resolver_.in_file(module.path, name, 1)) add_value(f, out);
  if (out.empty() && base_name(module.path).substr(0, 9) == "__init__.") {
    const std::string below = joined_path(parent_path(module.path), name);
    for (const std::string& file : {below + ".py", below + "/__init__.py"}) {
      if (FileFactsPtr there = view_.facts(file); there != nullptr && out.empty()) {
        out.push_back({{file, std::move(there), kNone, Confidence::certain}, Value::Is::module});
      }
    }
  }
  return out;
}

std::vector<ScopeReader::Value> ScopeReader::after(std::vector<Value> values,
                                                   const ExpressionStep& step) {
  using Kind = ExpressionStep::Kind;
  std::vector<Value> out;
  const Language* language = find_language(facts_->language);
  if (step.kind == Kind::element) {
    std::vector<Found> classes;
    for (Value& v : values) {
      if (v.is == Value::Is::instance) classes.push_back(std::move(v.found));
    }
    return instances(resolver_.elements_of(std::move(classes), 1));
  }
  if (step.kind == Kind::call) {
    for (Value& v : values) {
      if (out.size() >= kMaxValues) break;
      if (v.is == Value::Is::type || v.is == Value::Is::instance) {
        out.push_back({std::move(v.found), Value::Is::instance});
      } else if (v.is == Value::Is::function) {
        for (Value& made : instances(resolver_.classes_of(v.found, 1))) {
          out.push_back(std::move(made));
        }
      }
    }
    return out;
  }
  for (const Value& v : values) {
    if (v.is == Value::Is::module) {
      for (Value& inside : in_module_value(v.found, step.text)) {
        if (out.size() < kMaxValues) out.push_back(std::move(inside));
      }
      continue;
    }
    // A property, or a call without brackets.
    std::vector<Found> classes = v.is == Value::Is::function ? resolver_.classes_of(v.found, 1)
                                                             : std::vector<Found>{v.found};
    for (const Found& c : classes) {
      std::vector<Found> members = resolver_.members_of(c, step.text, 1);
      for (const Found& member : members) {
        const bool makes_one = v.is == Value::Is::type && member.symbol != kNone &&
                               language != nullptr && language->scoped_call_constructs &&
                               member.get().type_name.empty();
        if (makes_one) {
          out.push_back({c, Value::Is::type});
        } else {
          add_value(member, out);
        }
      }
      if (members.empty() && v.is == Value::Is::type && step.text == "new") {
        out.push_back({c, Value::Is::instance});
      }
    }
  }
  return out;
}

// a.b.C of a language of packages, crate::a::b: a path that is no chain of values. n_used is how
// many steps it took.
std::vector<ScopeReader::Value> ScopeReader::written_path(const std::vector<ExpressionStep>& steps,
                                                          uint32_t scope, size_t offset,
                                                          size_t* n_used) {
  std::vector<Value> out;
  std::vector<std::string> parts;
  for (const ExpressionStep& step : steps) {
    if (step.kind != ExpressionStep::Kind::name) break;
    parts.emplace_back(step.text);
  }
  while (!parts.empty() && out.empty()) {
    *n_used = parts.size();
    if (facts_->language == "rust") {
      std::string joined = parts[0];
      for (size_t i = 1; i < parts.size(); ++i) joined += "::" + parts[i];
      for (const char* root : {"self::", "crate::", ""}) {
        Import import;
        import.target = root + joined;
        if (parts[0] == "crate" || parts[0] == "super" || parts[0] == "self")
          import.target = joined;
        ImportTarget target = resolver_.import_target(path_, *facts_, import);
        if (target.files.empty() || target.n_parts_left > 0) continue;
        if (FileFactsPtr there = view_.facts(target.files[0])) {
          out.push_back({{target.files[0], there, kNone, Confidence::certain}, Value::Is::module});
          break;
        }
      }
    } else if (package_language(facts_->language) != nullptr) {
      for (const Found& f :
           resolver_.in_packages(path_, facts_, parts, scope, static_cast<uint32_t>(offset))) {
        add_value(f, out);
      }
    }
    parts.pop_back();
  }
  return out;
}

std::vector<ScopeReader::Value> ScopeReader::evaluate(const std::vector<ExpressionStep>& steps,
                                                      size_t offset) {
  if (steps.empty()) return {};
  const uint32_t scope = scope_at(offset);
  std::vector<Value> values = first_value(steps[0], scope, offset);
  size_t next = 1;
  if (values.empty()) {
    size_t n_used = 0;
    values = written_path(steps, scope, offset, &n_used);
    if (!values.empty()) next = n_used;
  }
  for (; next < steps.size() && !values.empty(); ++next) {
    values = after(std::move(values), steps[next]);
  }
  return values;
}

Receiver ScopeReader::receiver(const std::vector<ExpressionStep>& steps, size_t offset) {
  resolver_.n_steps_ = 0;
  resolver_.is_foreign_ = false;
  Receiver out;
  for (Value& v : evaluate(steps, offset)) {
    if (v.is == Value::Is::module) {
      append_new(out.modules, {std::move(v.found)});
    } else if (v.is == Value::Is::function) {
      append_new(out.classes, resolver_.classes_of(v.found, 1));
    } else {
      out.is_type = out.is_type || v.is == Value::Is::type;
      append_new(out.classes, {std::move(v.found)});
    }
  }
  const Language* language = find_language(facts_->language);
  out.is_own = steps.size() == 1 && language != nullptr &&
               (contains_kind(language->self_names, steps[0].text) || steps[0].text == "super");
  out.is_foreign = !out.known() && resolver_.is_foreign_;
  return out;
}

Receiver ScopeReader::initialized(size_t offset) {
  Receiver out;
  if (!is_c_family(facts_->language)) return out;
  resolver_.n_steps_ = 0;
  Occurrence designator;
  designator.begin = designator.end = static_cast<uint32_t>(offset);
  designator.scope = scope_at(offset);
  out.classes = resolver_.initialized(path_, facts_, designator, 0);
  return out;
}

std::vector<Found> ScopeReader::called(const std::vector<ExpressionStep>& steps, size_t offset) {
  resolver_.n_steps_ = 0;
  if (steps.empty() || steps.back().kind != ExpressionStep::Kind::name) return {};
  const std::string_view name = steps.back().text;
  std::vector<Found> out;
  if (steps.size() == 1) {
    append_new(out, resolver_.plain_name(path_, facts_, name, scope_at(offset),
                                         static_cast<uint32_t>(steps[0].begin), 0));
    return out;
  }
  const std::vector<ExpressionStep> front(steps.begin(), steps.end() - 1);
  for (const Value& v : evaluate(front, offset)) {
    if (v.is == Value::Is::module) {
      for (Value& inside : in_module_value(v.found, name))
        append_new(out, {std::move(inside.found)});
    } else {
      append_new(out, resolver_.members_of(v.found, name, 1));
    }
  }
  return out;
}

}  // namespace engramd::repoindex
