#include "repoindex/query/project/modules.h"

#include <algorithm>

#include "base/text.h"
#include "repoindex/query/project/paths.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxLines = 20000;

std::string_view unquoted(std::string_view s) {
  s = trim(s);
  if (s.size() >= 2 && (s[0] == '"' || s[0] == '\'')) {
    size_t end = s.find(s[0], 1);
    return s.substr(1, (end == std::string_view::npos ? s.size() : end) - 1);
  }
  return s;
}

std::string code_name(std::string_view package) {
  std::string out(package);
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

// `key = "value"` inside an inline table; empty when it is not there.
std::string_view inline_value(std::string_view table, std::string_view key) {
  for (size_t at = table.find(key); at != std::string_view::npos; at = table.find(key, at + 1)) {
    bool starts = at == 0 || table[at - 1] == ' ' || table[at - 1] == ',' || table[at - 1] == '{';
    std::string_view rest = trim(table.substr(at + key.size()));
    if (starts && !rest.empty() && rest[0] == '=') return unquoted(rest.substr(1));
  }
  return {};
}

}  // namespace

GoModule GoModule::read(const std::string& file, std::string_view text) {
  GoModule out;
  out.folder = parent_path(file);
  std::string block;
  size_t n = 0;
  for (std::string_view line : split_lines(text)) {
    if (++n > kMaxLines) break;
    line = trim(line.substr(0, line.find("//")));
    if (line == ")") block.clear();
    std::string_view statement = line;
    if (block.empty()) {
      size_t space = std::min(line.find_first_of(" \t("), line.size());
      std::string_view verb = line.substr(0, space);
      statement = trim(line.substr(space));
      if (verb == "module") out.path = std::string(unquoted(statement));
      if (statement == "(") block = std::string(verb);
      if (verb != "replace") continue;
    } else if (block != "replace") {
      continue;
    }
    // old [version] => ./local
    size_t arrow = statement.find("=>");
    if (arrow == std::string_view::npos) continue;
    std::string_view from = trim(statement.substr(0, arrow));
    from = unquoted(from.substr(0, from.find_first_of(" \t")));
    std::string_view to = unquoted(trim(statement.substr(arrow + 2)));
    if (to.substr(0, 1) != ".") continue;
    if (auto folder = normal_path(joined_path(out.folder, to))) {
      out.replaced.emplace_back(std::string(from), std::move(*folder));
    }
  }
  return out;
}

std::optional<std::string> GoModules::folder_of(std::string_view importer,
                                                std::string_view target) const {
  // Replacements hold for the module that the importing file is in.
  const GoModule* own = nullptr;
  for (const GoModule& m : modules_) {
    if (!is_below(importer, m.folder)) continue;
    if (own == nullptr || m.folder.size() > own->folder.size()) own = &m;
  }
  std::string_view best_path, best_folder;
  bool found = false;
  auto consider = [&](std::string_view path, std::string_view folder) {
    bool holds = !path.empty() && (target == path || is_below(target, path));
    if (!holds || (found && path.size() < best_path.size())) return;
    best_path = path;
    best_folder = folder;
    found = true;
  };
  for (const GoModule& m : modules_) consider(m.path, m.folder);
  if (own != nullptr) {
    consider(own->path, own->folder);
    for (const auto& [path, folder] : own->replaced) consider(path, folder);
  }
  if (!found) return std::nullopt;
  std::string_view rest = target.substr(best_path.size());
  return joined_path(best_folder, rest.empty() ? rest : rest.substr(1));
}

RustCrate RustCrate::read(const std::string& file, std::string_view text) {
  RustCrate out;
  out.folder = parent_path(file);
  std::string section, library_name, library_path;
  size_t n = 0;
  for (std::string_view line : split_lines(text)) {
    if (++n > kMaxLines) break;
    line = trim(line);
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == '[') {
      section = std::string(trim(line.substr(1, line.find(']') - 1)));
      continue;
    }
    size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    std::string key(trim(line.substr(0, equals)));
    std::string_view value = trim(line.substr(equals + 1));
    if (section == "package" && key == "name") out.name = code_name(unquoted(value));
    if (section == "lib" && key == "name") library_name = code_name(unquoted(value));
    if (section == "lib" && key == "path") library_path = std::string(unquoted(value));
    // [dependencies] x = { path = "../y" } and [dependencies.x] path = "../y"
    size_t in = section.find("dependencies");
    if (in == std::string::npos) continue;
    std::string name = key;
    std::string_view path = value.substr(0, 1) == "{" ? inline_value(value, "path") : "";
    if (size_t dot = section.find('.', in); dot != std::string::npos) {
      name = section.substr(dot + 1);
      path = key == "path" ? unquoted(value) : "";
    }
    if (path.empty()) continue;
    if (auto folder = normal_path(joined_path(out.folder, path))) {
      out.renamed.emplace_back(code_name(unquoted(name)), std::move(*folder));
    }
  }
  if (!library_name.empty()) out.name = library_name;
  out.root = joined_path(out.folder, library_path.empty() ? "src/lib.rs" : library_path);
  return out;
}

const RustCrate* RustCrates::around(std::string_view path) const {
  const RustCrate* best = nullptr;
  for (const RustCrate& c : crates_) {
    if (c.name.empty() || !is_below(path, c.folder)) continue;
    if (best == nullptr || c.folder.size() > best->folder.size()) best = &c;
  }
  return best;
}

const RustCrate* RustCrates::named(std::string_view importer, std::string_view name) const {
  const RustCrate* own = around(importer);
  if (own != nullptr) {
    for (const auto& [code, folder] : own->renamed) {
      if (code != name) continue;
      for (const RustCrate& c : crates_) {
        if (c.folder == folder && !c.name.empty()) return &c;
      }
    }
  }
  for (const RustCrate& c : crates_) {
    if (c.name == name) return &c;
  }
  return nullptr;
}

}  // namespace engramd::repoindex
