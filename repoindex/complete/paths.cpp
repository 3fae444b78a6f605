#include "repoindex/complete/paths.h"

#include <algorithm>
#include <map>
#include <set>

#include "repoindex/query/imported.h"
#include "repoindex/query/project/paths.h"

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxLine = 2000;
constexpr size_t kMaxEntries = 1000;  // of a folder
constexpr size_t kMaxHeaders = 2000;  // that fit by name

std::string_view word_after(std::string_view line, std::string_view keyword) {
  if (line.substr(0, keyword.size()) != keyword) return {};
  std::string_view rest = line.substr(keyword.size());
  if (rest.empty() || (rest[0] != ' ' && rest[0] != '\t')) return {};
  return trim(rest).empty() ? rest.substr(rest.size()) : rest.substr(rest.find_first_not_of(" \t"));
}

bool plain_module(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) {
    return isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' ||
           static_cast<unsigned char>(c) >= 0x80;
  });
}

std::optional<ImportSite> python_site(std::string_view text, size_t offset) {
  size_t begin = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
  begin = begin == std::string_view::npos ? 0 : begin + 1;
  if (offset - begin > kMaxLine) return std::nullopt;
  // from x import (a,\n  b|: back to the line of the bracket.
  std::string_view before = text.substr(0, offset);
  const size_t bracket = before.rfind('(');
  if (bracket != std::string_view::npos && offset - bracket < kMaxLine &&
      before.find(')', bracket) == std::string_view::npos) {
    size_t line = text.rfind('\n', bracket);
    line = line == std::string_view::npos ? 0 : line + 1;
    if (trim(text.substr(line, bracket - line)).substr(0, 5) == "from ") begin = line;
  }
  std::string_view line = text.substr(begin, offset - begin);
  const size_t indent = line.find_first_not_of(" \t");
  if (indent == std::string_view::npos) return std::nullopt;
  line = line.substr(indent);
  ImportSite site;
  const auto dots = [&](std::string_view module) {
    while (site.level < module.size() && module[site.level] == '.') ++site.level;
    return module.substr(site.level);
  };
  if (line.substr(0, 5) == "from " || line.substr(0, 5) == "from\t") {
    std::string_view rest = line.substr(5);
    while (!rest.empty() && (rest[0] == ' ' || rest[0] == '\t')) rest.remove_prefix(1);
    const size_t import = rest.find("import");
    const size_t space = rest.find_first_of(" \t");
    if (space == std::string_view::npos) {
      if (!plain_module(rest)) return std::nullopt;
      std::string_view module = dots(rest);
      const size_t cut = module.rfind('.');
      site.what = ImportSite::What::python_module;
      site.target = cut == std::string_view::npos ? "" : std::string(module.substr(0, cut));
      site.typed_begin =
          offset - (cut == std::string_view::npos ? module.size() : module.size() - cut - 1);
      return site;
    }
    if (import == std::string_view::npos || import < space) return std::nullopt;
    site.what = ImportSite::What::python_name;
    site.target = std::string(dots(rest.substr(0, space)));
    site.typed_begin = name_begin(text, offset, writing_of("python"));
    const size_t after = static_cast<size_t>(rest.data() - text.data()) + import + 6;
    if (site.typed_begin < after || offset == after) return std::nullopt;
    // `import x as |` names something new.
    std::string_view last = trim(text.substr(after, site.typed_begin - after));
    if (last.size() >= 3 && last.substr(last.size() - 3) == " as") return std::nullopt;
    return site;
  }
  std::string_view rest = word_after(line, "import");
  if (rest.data() == nullptr) return std::nullopt;
  if (size_t comma = rest.rfind(','); comma != std::string_view::npos) {
    rest = rest.substr(comma + 1);
    rest = rest.substr(std::min(rest.find_first_not_of(" \t"), rest.size()));
  }
  if (!plain_module(rest)) return std::nullopt;
  const size_t cut = rest.rfind('.');
  site.target = cut == std::string_view::npos ? "" : std::string(rest.substr(0, cut));
  site.typed_begin = offset - (cut == std::string_view::npos ? rest.size() : rest.size() - cut - 1);
  return site;
}

std::optional<ImportSite> include_site(std::string_view text, size_t offset) {
  size_t begin = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
  begin = begin == std::string_view::npos ? 0 : begin + 1;
  std::string_view line = text.substr(begin, offset - begin);
  size_t at = line.find_first_not_of(" \t");
  if (at == std::string_view::npos || line[at] != '#') return std::nullopt;
  at = line.find_first_not_of(" \t", at + 1);
  if (at == std::string_view::npos || line.substr(at, 7) != "include") return std::nullopt;
  const size_t quote = line.find_first_of("\"<", at);
  if (quote == std::string_view::npos) return std::nullopt;
  std::string_view written = line.substr(quote + 1);
  if (written.find_first_of("\">") != std::string_view::npos) return std::nullopt;
  ImportSite site;
  site.what = ImportSite::What::include;
  site.level = line[quote] == '<' ? 1 : 0;
  site.target = std::string(written);
  site.typed_begin = offset - written.size();
  return site;
}

std::optional<ImportSite> script_site(std::string_view text, size_t offset,
                                      const Standing& standing) {
  ImportSite site;
  if (standing.in == Standing::In::string) {
    std::string_view written = text.substr(standing.text_begin, offset - standing.text_begin);
    if (written.size() > 500 || standing.text_begin == 0) return std::nullopt;
    std::string_view before = trim(text.substr(0, standing.text_begin - 1));
    before = before.substr(before.size() - std::min<size_t>(before.size(), 12));
    const auto ends = [&](std::string_view what) {
      return before.size() >= what.size() && before.substr(before.size() - what.size()) == what;
    };
    if (!ends("from") && !ends("require(") && !ends("import(") && !ends("import")) {
      return std::nullopt;
    }
    site.what = ImportSite::What::script_path;
    const size_t slash = written.rfind('/');
    site.target = slash == std::string_view::npos ? "" : std::string(written.substr(0, slash + 1));
    site.typed_begin = offset - (written.size() - site.target.size());
    return site;
  }
  // import { a, b| } from './x'
  if (standing.open.empty() || standing.open.back().bracket != '{') return std::nullopt;
  const size_t open = standing.open.back().at;
  std::string_view front = trim(text.substr(0, open));
  front = front.substr(front.size() - std::min<size_t>(front.size(), 40));
  const size_t line = front.rfind('\n');
  if (line != std::string_view::npos) front = front.substr(line + 1);
  if (front.substr(0, 6) != "import" && front.substr(0, 6) != "export") return std::nullopt;
  std::string_view behind = text.substr(offset, 1000);
  const size_t close = behind.find('}');
  if (close == std::string_view::npos) return std::nullopt;
  behind = trim(behind.substr(close + 1));
  if (behind.substr(0, 4) != "from") return std::nullopt;
  behind = trim(behind.substr(4));
  if (behind.size() < 2) return std::nullopt;
  const size_t end = behind.find(behind[0], 1);
  if (end == std::string_view::npos) return std::nullopt;
  site.what = ImportSite::What::script_name;
  site.target = std::string(behind.substr(1, end - 1));
  site.typed_begin = name_begin(text, offset, writing_of("javascript"));
  return site;
}

struct Entries {
  std::map<std::string, bool> names;  // to whether it is a folder
};

// What lies right in a folder.
void list_folder(const View& view, const std::string& folder, Entries& entries) {
  size_t n = 0;
  view.snapshot->for_each_below(folder, [&](const FileEntry& file) {
    std::string_view rest =
        std::string_view(file.path).substr(folder.empty() ? 0 : folder.size() + 1);
    const size_t slash = rest.find('/');
    const bool is_folder = slash != std::string_view::npos;
    entries.names.emplace(rest.substr(0, slash), is_folder);
    return entries.names.size() < kMaxEntries && ++n < 200000;
  });
}

void add(std::vector<Candidate>& out, std::string name, bool is_folder, std::string detail,
         double score = 0) {
  Candidate candidate;
  candidate.name = std::move(name);
  candidate.source = CandidateSource::path;
  candidate.kind = SymbolKind::file;
  candidate.is_folder = is_folder;
  candidate.detail = std::move(detail);
  candidate.score = score;
  out.push_back(std::move(candidate));
}

void python_modules(const View& view, const std::string& path, const ImportSite& site,
                    std::vector<Candidate>& out) {
  std::string below = site.target;
  std::replace(below.begin(), below.end(), '.', '/');
  std::vector<std::string> roots;
  if (site.level > 0) {
    std::string folder = parent_path(path);
    for (uint32_t i = 1; i < site.level; ++i) folder = parent_path(folder);
    roots.push_back(folder);
  } else {
    for (std::string& folder : folders_up(path)) {
      if (!view.contains(joined_path(folder, "__init__.py"))) roots.push_back(folder);
      for (const char* source : {"src", "lib"}) roots.push_back(joined_path(folder, source));
    }
  }
  std::set<std::string> seen;
  for (const std::string& root : roots) {
    const std::string folder = below.empty() ? root : joined_path(root, below);
    Entries entries;
    list_folder(view, folder, entries);
    for (const auto& [name, is_folder] : entries.names) {
      std::string module = name;
      if (is_folder) {
        const bool package = view.contains(joined_path(folder, name + "/__init__.py"));
        if (!package && !(below.empty() && root.empty())) continue;
        if (name.find('.') != std::string::npos || name.find('-') != std::string::npos) continue;
      } else {
        const std::string_view extension = extension_of(name);
        if (extension != "py" && extension != "pyi") continue;
        module = name.substr(0, name.find('.'));
        if (module == "__init__" || joined_path(folder, name) == path) continue;
      }
      if (seen.insert(module).second) {
        add(out, module, is_folder, joined_path(folder, name));
      }
    }
  }
}

void module_names(const View& view, const std::string& path, const FileFacts& facts,
                  const ImportSite& site, std::vector<Candidate>& out) {
  Import import;
  import.target = site.target;
  import.level = site.level;
  if (facts.language != "python") import.name = "*";
  std::vector<std::string> files = files_of_import(view, path, facts, import);
  std::set<std::string> seen;
  for (const std::string& file : files) {
    FileFactsPtr there = view.facts(file);
    if (there == nullptr) continue;
    ScopeReader reader(view, path, there, {});
    for (Visible& v : reader.of_module({file, there, kNone, Confidence::certain})) {
      if (!seen.insert(v.name).second) continue;
      Candidate candidate;
      candidate.name = v.name;
      candidate.source = CandidateSource::member;
      candidate.from = file;
      if (v.found.symbol != kNone) {
        candidate.kind = v.found.get().kind;
        candidate.detail = v.found.get().signature;
        candidate.path = v.found.path;
        candidate.symbol = v.found.symbol;
      } else {
        candidate.kind = v.is_import ? SymbolKind::variable : SymbolKind::module;
        candidate.score = v.is_import ? -12 : 0;
      }
      if (candidate.name[0] == '_') candidate.score -= 10;
      out.push_back(std::move(candidate));
    }
    if (seen.size() > 2000) break;
  }
  if (facts.language == "python" && files.empty() && site.level > 0 && site.target.empty()) {
    python_modules(view, path, site, out);  // from . import x, without an __init__.py
  }
}

void headers(const View& view, const std::string& path, const ImportSite& site,
             std::vector<Candidate>& out) {
  const std::string folder = parent_path(path);
  const std::string_view written = site.target;
  const size_t slash = written.rfind('/');
  const std::string_view typed_folder =
      slash == std::string_view::npos ? std::string_view() : written.substr(0, slash + 1);
  const std::string_view typed_name = written.substr(typed_folder.size());
  view.snapshot->for_each_file([&](const FileEntry& file) {
    if (out.size() >= kMaxHeaders) return;
    const std::string_view extension = extension_of(file.path);
    const bool header = extension == "h" || extension == "hpp" || extension == "hh" ||
                        extension == "hxx" || extension == "cuh" || extension == "inc";
    if (!header || file.path == path) return;
    const std::string_view name = base_name(file.path);
    if (typed_name.size() > 1 && typed_folder.empty() &&
        tolower(static_cast<unsigned char>(name[0])) !=
            tolower(static_cast<unsigned char>(typed_name[0])) &&
        std::string_view(file.path).find(typed_name) == std::string_view::npos) {
      return;
    }
    std::string shown;
    double score = 0;
    if (is_below(file.path, folder) && site.level == 0) {
      shown = file.path.substr(folder.empty() ? 0 : folder.size() + 1);
      score = 20;
    } else {
      std::string_view rest = file.path;
      for (const char* root : {"include/", "src/"}) {
        const size_t at = rest.rfind(root);
        if (at != std::string_view::npos && (at == 0 || rest[at - 1] == '/')) {
          rest = rest.substr(at + std::string_view(root).size());
          score = 5;
          break;
        }
      }
      shown = std::string(rest);
    }
    if (shown.substr(0, typed_folder.size()) != typed_folder) return;
    score += static_cast<double>(shared_folders(file.path, path)) * 2;
    score -= static_cast<double>(std::count(shown.begin(), shown.end(), '/')) * 3;
    add(out, std::move(shown), false, file.path, score);
  });
}

void script_paths(const View& view, const std::string& path, const ImportSite& site,
                  std::vector<Candidate>& out) {
  if (site.target.empty() || site.target[0] != '.') {
    if (!site.target.empty()) return;
    // What this repository imports from outside its files already.
    std::set<std::string> seen;
    for (const char* start : {"./", "../"}) add(out, start, true, "", 10);
    if (const FileFactsPtr facts = view.facts(path)) {
      size_t n = 0;
      for (const std::string& file : imported_files(view, path, *facts)) {
        const FileFactsPtr there = view.facts(file);
        if (there == nullptr || ++n > 40) break;
        for (const Import& import : there->imports) {
          if (!import.target.empty() && import.target[0] != '.') seen.insert(import.target);
        }
      }
    }
    for (const std::string& module : seen) add(out, module, false, "");
    return;
  }
  const auto folder = normal_path(joined_path(parent_path(path), site.target));
  if (!folder) return;
  Entries entries;
  std::string clean = *folder;
  while (!clean.empty() && clean.back() == '/') clean.pop_back();
  list_folder(view, clean, entries);
  std::set<std::string> seen;
  for (const auto& [name, is_folder] : entries.names) {
    std::string shown = name;
    if (!is_folder) {
      if (joined_path(clean, name) == path) continue;
      static constexpr std::string_view kEndings[] = {".d.ts", ".tsx", ".ts", ".jsx",
                                                      ".mjs",  ".cjs", ".js"};
      for (std::string_view ending : kEndings) {
        if (shown.size() > ending.size() &&
            std::string_view(shown).substr(shown.size() - ending.size()) == ending) {
          shown.resize(shown.size() - ending.size());
          break;
        }
      }
      const std::string_view extension = extension_of(name);
      const bool code = shown.size() != name.size() || extension == "json" || extension == "css" ||
                        extension == "vue" || extension == "svelte";
      if (!code) continue;
    }
    if (seen.insert(shown).second) add(out, shown, is_folder, joined_path(clean, name));
  }
}

}  // namespace

std::optional<ImportSite> import_site(std::string_view text, size_t offset,
                                      std::string_view language, const Standing& standing) {
  if (standing.in == Standing::In::comment) return std::nullopt;
  if (language == "python") {
    return standing.in == Standing::In::code ? python_site(text, offset) : std::nullopt;
  }
  if (is_c_family(language)) return include_site(text, offset);
  if (is_script_family(language)) return script_site(text, offset, standing);
  return std::nullopt;
}

void add_paths(const View& view, const std::string& path, const FileFacts& facts,
               const ImportSite& site, std::string_view, std::vector<Candidate>& out) {
  if (view.snapshot == nullptr) return;
  switch (site.what) {
    case ImportSite::What::python_module:
      return python_modules(view, path, site, out);
    case ImportSite::What::python_name:
    case ImportSite::What::script_name:
      return module_names(view, path, facts, site, out);
    case ImportSite::What::include:
      return headers(view, path, site, out);
    case ImportSite::What::script_path:
      return script_paths(view, path, site, out);
  }
}

}  // namespace engramd::repoindex
