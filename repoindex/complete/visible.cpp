// The names that are seen: members of classes and modules, and what the scopes around a place hold.
#include <algorithm>
#include <unordered_set>

#include "repoindex/complete/scope_reader.h"
#include "repoindex/query/imported.h"
#include "repoindex/query/packages.h"
#include "repoindex/query/project/paths.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxClasses = 32;       // of one hierarchy
constexpr size_t kMaxFolderFiles = 200;  // of a package whose methods are looked for
constexpr size_t kMaxStars = 40;         // files of `from x import *`
constexpr size_t kMaxModuleFiles = 200;
constexpr int kMaxReexports = 4;  // of modules that hand on what others have

bool is_module_like(SymbolKind kind) {
  return kind == SymbolKind::namespace_ || kind == SymbolKind::module;
}

std::string bound_name(const FileFacts& facts, const Import& import) {
  if (!import.alias.empty()) return import.alias;
  if (!import.name.empty()) return import.name == "*" ? std::string() : import.name;
  std::string_view target = import.target;
  if (facts.language == "python") return std::string(target.substr(0, target.find('.')));
  if (is_c_family(facts.language)) return {};
  if (size_t cut = target.find_last_of("/.:\\"); cut != std::string_view::npos) {
    target = target.substr(cut + 1);
  }
  return std::string(target);
}

}  // namespace

void ScopeReader::add_own_members(const Found& class_, int distance, std::vector<Visible>& out) {
  const Symbol& symbol = class_.get();
  const auto add_from = [&](const std::string& path, const FileFactsPtr& facts, bool own_file) {
    for (uint32_t s = 0; s < facts->symbols.size() && out.size() < kMaxVisible; ++s) {
      const Symbol& m = facts->symbols[s];
      bool inside = false;
      if (own_file && m.parent != kNone) {
        inside = m.parent == class_.symbol && (!m.local || symbol.local);
        if (!inside && m.parent != class_.symbol) {
          // What an anonymous union or an unscoped enum inside holds.
          const Symbol& above = facts->symbols[m.parent];
          const bool opens = m.kind == SymbolKind::enum_member ||
                             (is_class_like(above.kind) && above.name.empty());
          inside = opens && above.parent == class_.symbol;
        }
      }
      if (!inside && !m.qualifier.empty()) inside = m.qualifier == symbol.name;
      if (inside) out.push_back({{path, facts, s, Confidence::likely}, m.name, distance, false});
    }
  };
  add_from(class_.path, class_.facts, true);
  const std::string& language = class_.facts->language;
  const bool elsewhere = language == "go" || language == "rust";
  if (!elsewhere || view_.snapshot == nullptr) return;
  const std::string folder = parent_path(class_.path);
  size_t n = 0;
  view_.snapshot->for_each_below(folder, [&](const FileEntry& file) {
    const bool other = file.path != class_.path && parent_path(file.path) == folder &&
                       view_.snapshot->summary(file).language == language;
    if (!other) return true;
    // Only a file in which the type is named can add to it.
    if (FileFactsPtr facts = view_.facts(file.path)) add_from(file.path, facts, false);
    return ++n < kMaxFolderFiles;
  });
}

std::vector<Visible> ScopeReader::members(const Receiver& receiver) {
  resolver_.n_steps_ = 0;
  n_reexporting_ = 0;
  std::vector<Visible> all;
  for (const Found& module : receiver.modules) {
    for (Visible& v : of_module(module)) all.push_back(std::move(v));
    if (all.size() >= kMaxVisible) break;
  }
  for (const Found& class_ : receiver.classes) {
    std::vector<Found> classes = {class_};
    std::vector<int> distances = {0};
    for (size_t i = 0; i < classes.size() && i < kMaxClasses; ++i) {
      const Found at = classes[i];
      if (at.symbol == kNone) continue;
      add_own_members(at, distances[i], all);
      const size_t before = classes.size();
      append_new(classes, resolver_.bases_of(at, 1));
      distances.resize(classes.size(), distances[i] + 1);
      if (classes.size() == before && i + 1 == classes.size()) break;
    }
  }
  // The nearest of a name hides the others.
  std::unordered_set<std::string_view> seen;
  std::vector<Visible> out;
  std::stable_sort(all.begin(), all.end(),
                   [](const Visible& a, const Visible& b) { return a.distance < b.distance; });
  out.reserve(all.size());
  for (const Visible& v : all) {
    if (seen.insert(v.name).second) out.push_back(v);
  }
  return out;
}

std::vector<Visible> ScopeReader::of_module(const Found& module, int depth) {
  std::vector<Visible> out;
  const FileFacts& facts = *module.facts;
  const bool whole_file = module.symbol == kNone;
  for (uint32_t s = 0; s < facts.symbols.size() && out.size() < kMaxVisible; ++s) {
    const Symbol& symbol = facts.symbols[s];
    const bool inside = whole_file ? is_top_level(facts, symbol) : symbol.parent == module.symbol;
    if (!inside || symbol.name.empty()) continue;
    // Go shows other packages what begins with a capital.
    if (facts.language == "go" && !isupper(static_cast<unsigned char>(symbol.name[0]))) continue;
    out.push_back({{module.path, module.facts, s, Confidence::certain}, symbol.name, 0, false});
  }
  if (!whole_file) return out;
  const bool rebinds = facts.language == "python" || is_script_family(facts.language);
  for (const Import& import : facts.imports) {
    if (!rebinds || out.size() >= kMaxVisible) break;
    if (import.name == "*" && import.alias.empty() && depth < kMaxReexports) {
      for (const std::string& file : files_of_import(view_, module.path, facts, import)) {
        FileFactsPtr there = view_.facts(file);
        if (there == nullptr || ++n_reexporting_ > kMaxStars) continue;
        const Found star{file, std::move(there), kNone, Confidence::certain};
        for (Visible& v : of_module(star, depth + 1)) {
          if (out.size() < kMaxVisible) out.push_back(std::move(v));
        }
      }
    }
    std::string name = bound_name(facts, import);
    if (name.empty() || name == "default") continue;
    // Found is filled when somebody looks at the item.
    out.push_back(
        {{module.path, module.facts, kNone, Confidence::certain}, std::move(name), 1, true});
  }
  if (base_name(module.path).substr(0, 9) == "__init__." && view_.snapshot != nullptr) {
    const std::string folder = parent_path(module.path);
    size_t n = 0;
    view_.snapshot->for_each_below(folder, [&](const FileEntry& file) {
      std::string_view rest =
          std::string_view(file.path).substr(folder.empty() ? 0 : folder.size() + 1);
      const size_t slash = rest.find('/');
      std::string name;
      if (slash == std::string_view::npos) {
        if (extension_of(rest) == "py" && rest.substr(0, 9) != "__init__.") {
          name = std::string(rest.substr(0, rest.size() - 3));
        }
      } else if (rest.substr(slash + 1) == "__init__.py") {
        name = std::string(rest.substr(0, slash));
      }
      if (!name.empty()) {
        if (FileFactsPtr there = view_.facts(file.path)) {
          out.push_back({{file.path, there, kNone, Confidence::certain}, name, 1, false});
        }
      }
      return ++n < kMaxModuleFiles;
    });
  }
  return out;
}

std::vector<Found> ScopeReader::constructors_of(const Found& class_) {
  const Language* language = find_language(class_.facts->language);
  std::vector<Found> out;
  if (language == nullptr) return out;
  for (std::string_view name : language->constructor_names) {
    if (out.empty()) out = resolver_.members_of(class_, name, 1);
  }
  if (out.empty() && language->constructor_has_class_name) {
    for (Found& f : resolver_.own_members(class_, class_.get().name)) {
      if (f.get().kind == SymbolKind::constructor) out.push_back(std::move(f));
    }
  }
  return out;
}

// Scopes from the innermost out, the file, what imports bind.
std::vector<Visible> ScopeReader::in_scope(size_t offset) {
  resolver_.n_steps_ = 0;
  n_reexporting_ = 0;
  const FileFacts& facts = *facts_;
  std::vector<uint32_t> chain;
  for (uint32_t s = scope_at(offset); chain.size() < 50; s = facts.symbols[s].parent) {
    chain.push_back(s);
    if (s == kNone) break;
  }
  std::vector<Visible> out;
  std::unordered_set<std::string> seen;
  const auto add = [&](Visible v) {
    if (out.size() < kMaxVisible && !v.name.empty() && seen.insert(v.name).second) {
      out.push_back(std::move(v));
    }
  };
  const bool class_scope_visible = facts.language != "python" && !is_script_family(facts.language);
  for (size_t level = 0; level < chain.size(); ++level) {
    const uint32_t in = chain[level];
    const SymbolKind kind = in == kNone ? SymbolKind::file : facts.symbols[in].kind;
    const bool is_class = in != kNone && is_class_like(kind);
    const bool is_function = in != kNone && !is_class && !is_module_like(kind);
    if (is_class && level > 0 && !class_scope_visible) continue;
    std::vector<Visible> here;
    for (uint32_t s = 0; s < facts.symbols.size(); ++s) {
      const Symbol& symbol = facts.symbols[s];
      uint32_t parent = symbol.parent;
      if (parent != in && leaks_out(facts, symbol)) parent = facts.symbols[parent].parent;
      if (parent != in || !symbol.qualifier.empty() || s == in) continue;
      // What is being written at the cursor is no candidate for itself.
      if (symbol.name_begin <= offset && offset <= symbol.name_end) continue;
      if (symbol.inside_only && !(symbol.begin <= offset && offset <= symbol.end)) continue;
      if (!is_function && symbol.local && !(symbol.begin <= offset && offset <= symbol.end))
        continue;
      const bool later = (is_function || symbol.local) && symbol.name_begin > offset;
      if (later && !writing_.indented && symbol.kind != SymbolKind::function) continue;
      here.push_back(
          {{path_, facts_, s, Confidence::certain}, symbol.name, static_cast<int>(level), false});
    }
    // The last one before the cursor is the one that is meant.
    std::stable_sort(here.begin(), here.end(), [](const Visible& a, const Visible& b) {
      return a.found.get().name_begin > b.found.get().name_begin;
    });
    for (Visible& v : here) add(std::move(v));
    const bool method_elsewhere = in != kNone && !facts.symbols[in].qualifier.empty();
    if (writing_.members_by_bare_name && in != kNone && (is_class || method_elsewhere)) {
      Receiver own;
      own.classes = is_class ? std::vector<Found>{{path_, facts_, in, Confidence::certain}}
                             : resolver_.class_around(path_, facts_, in, 1);
      for (Visible& v : members(own)) {
        v.distance += static_cast<int>(level);
        add(std::move(v));
      }
    }
  }
  const int file_level = static_cast<int>(chain.size());
  size_t n_stars = 0;
  for (const Import& import : facts.imports) {
    if (import.begin <= offset && offset < import.end) continue;
    std::string name = bound_name(facts, import);
    if (!name.empty()) {
      add({{path_, facts_, kNone, Confidence::certain}, std::move(name), file_level, true});
    } else if (import.name == "*" && !is_c_family(facts.language) && n_stars < kMaxStars) {
      for (const std::string& file : files_of_import(view_, path_, facts, import)) {
        FileFactsPtr there = view_.facts(file);
        if (there == nullptr || ++n_stars > kMaxStars) continue;
        for (Visible& v : of_module({file, there, kNone, Confidence::certain})) {
          v.distance = file_level + 1;
          add(std::move(v));
        }
      }
    }
  }
  return out;
}

}  // namespace engramd::repoindex
