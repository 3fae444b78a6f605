#include "repoindex/query/moved_python.h"

#include <algorithm>

namespace engramd::repoindex {

namespace {

bool is_word(char c) {
  return isalnum(static_cast<unsigned char>(c)) || c == '_';
}

std::string joined(std::string_view module, std::string_view name) {
  if (module.empty() || module.back() == '.') return std::string(module) + std::string(name);
  return std::string(module) + "." + std::string(name);
}

// As a whole dotted name, from `from` on.
size_t find_dotted(std::string_view text, std::string_view dotted, size_t from, size_t to) {
  for (size_t at = text.find(dotted, from); at < to; at = text.find(dotted, at + 1)) {
    size_t end = at + dotted.size();
    bool begins = at == 0 || (!is_word(text[at - 1]) && text[at - 1] != '.');
    bool ends = end >= text.size() || !is_word(text[end]);
    if (begins && ends) return at;
  }
  return std::string_view::npos;
}

// import a.b: what it says now, and every a.b that the file writes.
void whole_module(const std::string& path, const FileFacts& facts, std::string_view text,
                  const PythonImport& one, std::vector<MovedImportEdit>* out) {
  const Import& import = *one.import;
  auto root = python_root(one.moved.file, import.target);
  auto now = root ? python_dotted(one.moved.new_file, *root) : std::nullopt;
  if (!now || *now == import.target) return;
  size_t at = find_dotted(text, import.target, import.begin, import.end);
  if (at == std::string_view::npos) return;
  bool single = import.target.find('.') == std::string::npos;
  std::string said = *now;
  // import b binds b, and its uses may be anywhere: it goes on being called so.
  if (single && import.alias.empty()) said += " as " + import.target;
  out->push_back({path, {at, at + import.target.size()}, said});
  if (single || !import.alias.empty()) return;
  std::string_view first = std::string_view(import.target).substr(0, import.target.find('.'));
  for (const Occurrence& o : facts.occurrences) {
    if (facts.names[o.name] != first || o.receiver != kNone || o.role == Role::definition) continue;
    bool imported = std::any_of(facts.imports.begin(), facts.imports.end(), [&](const Import& i) {
      return o.begin >= i.begin && o.begin < i.end;
    });
    if (imported || find_dotted(text, import.target, o.begin, o.begin + 1) != o.begin) continue;
    out->push_back({path, {o.begin, o.begin + import.target.size()}, *now});
  }
}

// One name of `from module import name, ...`, before and after.
struct Name {
  const Import* import = nullptr;
  std::string module, name;  // after
  bool moved = false;
};

std::string written_name(const Name& n) {
  const Import& import = *n.import;
  std::string out = n.name;
  // What the file calls it stays.
  std::string bound = !import.alias.empty() ? import.alias : import.name;
  if (bound != n.name) out += " as " + bound;
  return out;
}

// How the file is reached: by its dotted name from the importer or from a folder that is searched.
std::optional<std::string> dotted_after(const Import& import, const Moved& moved,
                                        std::string_view written) {
  if (import.level > 0) {
    if (python_relative(moved.importer, moved.file) != written) return std::nullopt;
    return python_relative(moved.new_importer, moved.new_file);
  }
  auto root = python_root(moved.file, written);
  return root ? python_dotted(moved.new_file, *root) : std::nullopt;
}

Name name_after(const PythonImport& one) {
  const Import& import = *one.import;
  const std::string written = std::string(import.level, '.') + import.target;
  Name out{&import, written, import.name, false};
  if (auto module = dotted_after(import, one.moved, written)) {  // the name is in the file
    out.moved = *module != written;
    out.module = std::move(*module);
    return out;
  }
  // The name is the file: a.py of `from . import a`.
  auto module = dotted_after(import, one.moved, joined(written, import.name));
  size_t dot = module ? module->rfind('.') : std::string::npos;
  if (dot == std::string::npos || dot + 1 == module->size()) return out;  // now at the top
  out.name = module->substr(dot + 1);
  // The dots in front are part of a relative module: ".b" is b of ".".
  bool only_dots = module->find_first_not_of('.') > dot;
  module->resize(only_dots ? dot + 1 : dot);
  out.moved = *module != written || out.name != import.name;
  out.module = std::move(*module);
  return out;
}

// All names of one statement; those that go elsewhere get a statement of their own.
void from_statement(const std::string& path, std::string_view text, const FileFacts& facts,
                    const std::vector<Name>& names, std::vector<MovedImportEdit>* out) {
  const Import& first = *names[0].import;
  std::string module = std::string(first.level, '.') + first.target;
  size_t n_in_statement = static_cast<size_t>(
      std::count_if(facts.imports.begin(), facts.imports.end(),
                    [&](const Import& import) { return import.begin == first.begin; }));
  size_t from = first.begin + 4;  // behind "from"
  while (from < first.end && isspace(static_cast<unsigned char>(text[from]))) ++from;
  if (text.substr(from, module.size()) != module) return;
  bool all = names.size() == n_in_statement &&
             std::all_of(names.begin(), names.end(),
                         [&](const Name& n) { return n.module == names[0].module; });
  size_t list = text.find("import", from + module.size());
  if (list == std::string_view::npos || list >= first.end) return;
  list += 6;
  auto place_of = [&](const Name& n) -> std::optional<ByteRange> {
    size_t at = find_dotted(text, n.import->name, list, first.end);
    if (at == std::string_view::npos) return std::nullopt;
    ByteRange range{at, at + n.import->name.size()};
    if (n.import->alias.empty()) return range;
    size_t alias = find_dotted(text, n.import->alias, range.end, first.end);
    if (alias != std::string_view::npos) range.end = alias + n.import->alias.size();
    return range;
  };
  if (all) {
    if (names[0].module != module) {
      out->push_back({path, {from, from + module.size()}, names[0].module});
    }
    for (const Name& n : names) {
      auto place = place_of(n);
      if (n.import->name != "*" && n.name != n.import->name && place) {
        out->push_back({path, *place, written_name(n)});
      }
    }
    return;
  }
  // Taken out of the list, and said on a line of its own above.
  size_t line = text.rfind('\n', first.begin);
  line = line == std::string_view::npos ? 0 : line + 1;
  std::string indent(text.substr(line, first.begin - line));
  if (indent.find_first_not_of(" \t") != std::string::npos) return;  // behind a semicolon
  std::string lines;
  std::vector<MovedImportEdit> cuts;
  for (const Name& n : names) {
    if (!n.moved) continue;
    auto place = place_of(n);
    if (!place) return;
    size_t end = place->end;
    while (end < first.end && isspace(static_cast<unsigned char>(text[end]))) ++end;
    if (end < first.end && text[end] == ',') {
      ++end;
      while (end < first.end && (text[end] == ' ' || text[end] == '\n' || text[end] == '\t')) ++end;
      place->end = std::min<size_t>(end, first.end);
      if (text[std::min<size_t>(place->end, text.size() - 1)] == ')') place->end = end;
    } else {  // the last of the list: with the comma in front
      size_t begin = place->begin;
      while (begin > list && text[begin - 1] != ',') --begin;
      if (begin <= list) return;
      place->begin = begin - 1;
    }
    cuts.push_back({path, *place, ""});
    lines += "from " + n.module + " import " + written_name(n) + "\n" + indent;
  }
  // Neighbours in a list would cut the same comma.
  for (size_t i = 1; i < cuts.size(); ++i) {
    if (cuts[i].range.begin < cuts[i - 1].range.end) return;
  }
  if (lines.empty()) return;
  out->push_back({path, {first.begin, first.begin}, lines});
  for (MovedImportEdit& cut : cuts) out->push_back(std::move(cut));
}

}  // namespace

std::vector<MovedImportEdit> python_edits(const std::string& path, const FileFacts& facts,
                                          std::string_view text,
                                          const std::vector<PythonImport>& imports) {
  std::vector<MovedImportEdit> out;
  for (size_t i = 0; i < imports.size();) {
    const Import& import = *imports[i].import;
    if (import.name.empty()) {
      whole_module(path, facts, text, imports[i], &out);
      ++i;
      continue;
    }
    std::vector<Name> names;
    for (; i < imports.size() && imports[i].import->begin == import.begin; ++i) {
      names.push_back(name_after(imports[i]));
    }
    bool any = std::any_of(names.begin(), names.end(), [](const Name& n) { return n.moved; });
    if (any) from_statement(path, text, facts, names, &out);
  }
  return out;
}

}  // namespace engramd::repoindex
