#include "repoindex/query/packages.h"

#include <algorithm>

#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

namespace {

constexpr PackageLanguage kLanguages[] = {
    {.name = "csharp",
     .family = "csharp",
     .separator = ".",
     .sees_parents = true,
     .relative_imports = true},
    {.name = "kotlin", .family = "jvm", .separator = "."},
    {.name = "scala", .family = "jvm", .separator = ".", .relative_imports = true},
    {.name = "php", .family = "php", .separator = "\\", .reads_text = true},
    {.name = "ruby", .family = "ruby", .separator = "::", .is_global = true},
    {.name = "elixir", .family = "elixir", .separator = ".", .reads_text = true, .is_global = true},
};

bool holds_names(SymbolKind kind) {
  return kind == SymbolKind::namespace_ || kind == SymbolKind::module;
}

}  // namespace

const PackageLanguage* package_language(std::string_view language) {
  for (const PackageLanguage& row : kLanguages) {
    if (row.name == language) return &row;
  }
  return nullptr;
}

bool in_package_family(std::string_view family, std::string_view language) {
  if (family == "jvm" && language == "java") return true;
  const PackageLanguage* row = package_language(language);
  return row != nullptr && row->family == family;
}

bool names_package(const FileFacts& facts, const Import& import) {
  if (package_language(facts.language) == nullptr || facts.language == "ruby") return false;
  return facts.language != "php" || import.name != "*";
}

std::string dotted(std::string_view written) {
  if (written.substr(0, 7) == "_root_.") written.remove_prefix(7);  // Scala: from the top
  std::string out;
  for (size_t i = 0; i < written.size(); ++i) {
    bool colons = written.substr(i, 2) == "::";
    if (colons) ++i;
    char c = colons || written[i] == '\\' ? '.' : written[i];
    if (c != '.' || !out.empty()) out += c;  // \A\B and ::A::B begin at the top as well
  }
  return out;
}

std::string_view last_part(std::string_view name) {
  size_t cut = name.find_last_of(".\\:");
  return cut == std::string_view::npos ? name : name.substr(cut + 1);
}

std::string joined_name(std::string_view package, std::string_view name) {
  if (package.empty()) return std::string(name);
  if (name.empty()) return std::string(package);
  std::string out;
  out.reserve(package.size() + 1 + name.size());
  return out.append(package).append(".").append(name);
}

std::vector<std::string> split_name(std::string_view dotted_name) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin < dotted_name.size();) {
    size_t end = std::min(dotted_name.find('.', begin), dotted_name.size());
    if (end > begin) out.emplace_back(dotted_name.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

bool is_flat_package(const Symbol& symbol) {
  return symbol.kind == SymbolKind::namespace_ && symbol.parent == kNone &&
         symbol.end <= symbol.name_end + 2;
}

std::vector<std::string> flat_packages(const FileFacts& facts, uint32_t offset) {
  std::vector<std::string> out;
  bool add_up = facts.language == "scala";
  for (const Symbol& symbol : facts.symbols) {
    if (symbol.begin > offset) break;
    if (!is_flat_package(symbol)) continue;
    std::string name = dotted(symbol.name);
    if (add_up && !out.empty()) {
      out.push_back(joined_name(out.back(), name));
    } else {
      out.assign(1, std::move(name));
    }
  }
  return out;
}

std::string qualified_name(const FileFacts& facts, uint32_t symbol) {
  std::string out;
  uint32_t top = symbol;
  for (uint32_t s = symbol, n = 0; s != kNone && n < 50; s = facts.symbols[s].parent, ++n) {
    const Symbol& at = facts.symbols[s];
    out = joined_name(joined_name(dotted(at.qualifier), dotted(at.name)), out);
    top = s;
  }
  if (top == kNone || is_flat_package(facts.symbols[top])) {
    if (facts.language != "scala" || top == kNone) return out;
    // package a; package b
    std::vector<std::string> all = flat_packages(facts, facts.symbols[top].begin);
    return all.empty() ? out : all.back();
  }
  std::vector<std::string> flat = flat_packages(facts, facts.symbols[top].begin);
  return flat.empty() ? out : joined_name(flat.back(), out);
}

std::vector<std::string> declared_packages(const FileFacts& facts) {
  std::vector<std::string> out;
  for (uint32_t s = 0; s < facts.symbols.size(); ++s) {
    if (!holds_names(facts.symbols[s].kind)) continue;
    std::string name = qualified_name(facts, s);
    if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(std::move(name));
  }
  return out;
}

}  // namespace engramd::repoindex
