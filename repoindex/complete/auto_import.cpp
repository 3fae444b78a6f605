// The import that a name of another file needs, in languages that import names: Python and the
// JavaScript family. Only where the layout leaves no doubt.
#include <algorithm>

#include "repoindex/complete/complete.h"
#include "repoindex/query/project/paths.h"
#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

namespace {

bool is_package(const View& view, const std::string& folder) {
  return view.contains(joined_path(folder, "__init__.py"));
}

std::string python_module(const View& view, const std::string& importer, const std::string& path) {
  std::string_view extension = extension_of(path);
  if (extension != "py") return {};
  std::string folder = parent_path(path);
  std::string module(base_name(path).substr(0, base_name(path).size() - 3));
  if (module.find_first_of(".- ") != std::string::npos) return {};
  if (module == "__init__") module.clear();
  bool in_package = false;
  while (!folder.empty() && is_package(view, folder)) {
    const std::string part(base_name(folder));
    module = module.empty() ? part : part + "." + module;
    folder = parent_path(folder);
    in_package = true;
  }
  if (module.empty()) return {};
  // A module outside every package is seen from its own folder and from below.
  if (!in_package && !is_below(importer, folder)) return {};
  return module;
}

std::string script_module(const std::string& importer, const std::string& path) {
  const std::vector<std::string> up = folders_up(importer);
  std::string shown;
  size_t steps = 0;
  for (const std::string& folder : up) {
    if (is_below(path, folder)) {
      shown = path.substr(folder.empty() ? 0 : folder.size() + 1);
      break;
    }
    ++steps;
  }
  if (shown.empty() || steps > 6) return {};
  std::string front = steps == 0 ? "./" : "";
  for (size_t i = 0; i < steps; ++i) front += "../";
  const std::string_view extension = extension_of(shown);
  const bool keeps = extension == "mjs" || extension == "cjs";
  if (!keeps) {
    shown.resize(shown.size() - extension.size() - 1);
    if (shown.size() > 2 && shown.substr(shown.size() - 2) == ".d") return {};
  }
  if (base_name(shown) == "index") {
    shown = parent_path(shown);
    if (shown.empty()) return front == "./" ? std::string(".") : front.substr(0, front.size() - 1);
  }
  return front + shown;
}

// Whether the file's own imports end in .js, as in modules that node runs as they are.
bool writes_extension(const FileFacts& facts) {
  return std::any_of(facts.imports.begin(), facts.imports.end(), [](const Import& i) {
    return i.target.substr(0, 1) == "." && i.target.size() > 3 &&
           i.target.substr(i.target.size() - 3) == ".js";
  });
}

size_t next_line(std::string_view text, size_t at) {
  const size_t line = text.find('\n', at);
  return line == std::string_view::npos ? text.size() : line + 1;
}

size_t line_of(std::string_view text, size_t at) {
  const size_t line = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
  return line == std::string_view::npos ? 0 : line + 1;
}

// Behind the last import at the top level; else behind the comments and the docstring that a file
// begins with.
size_t import_place(std::string_view text, const FileFacts& facts, bool* first) {
  size_t place = 0;
  *first = true;
  for (const Import& import : facts.imports) {
    if (import.begin >= text.size() || import.end > text.size()) continue;
    if (import.begin != line_of(text, import.begin)) continue;  // indented: inside something
    place = next_line(text, import.end > import.begin ? import.end - 1 : import.end);
    *first = false;
  }
  if (!*first) return place;
  std::string_view quotes = "\"\"\"";
  while (place < text.size()) {
    std::string_view rest = text.substr(place);
    if (rest.substr(0, 1) == "#" || rest.substr(0, 2) == "//" || rest.substr(0, 1) == "\n" ||
        rest.substr(0, 12) == "\"use strict\"" || rest.substr(0, 12) == "'use strict'") {
      place = next_line(text, place);
    } else if (rest.substr(0, 3) == quotes || rest.substr(0, 3) == "'''") {
      const size_t end = text.find(rest.substr(0, 3), place + 3);
      if (end == std::string_view::npos) break;
      place = next_line(text, end);
    } else if (rest.substr(0, 2) == "/*") {
      const size_t end = text.find("*/", place);
      if (end == std::string_view::npos) break;
      place = next_line(text, end);
    } else {
      break;
    }
  }
  return place;
}

}  // namespace

bool imports_names(std::string_view language) {
  return language == "python" || is_script_family(language);
}

std::string module_name(const View& view, const std::string& importer, const std::string& path) {
  const FileFactsPtr facts = view.facts(importer);
  if (facts == nullptr || importer == path) return {};
  if (facts->language == "python") return python_module(view, importer, path);
  if (!is_script_family(facts->language)) return {};
  std::string module = script_module(importer, path);
  if (!module.empty() && writes_extension(*facts) && module.back() != '.' &&
      base_name(path).substr(0, 6) != "index." && extension_of(path) != "mjs") {
    module += ".js";
  }
  return module;
}

std::optional<ImportEdit> import_edit(const View& view, const std::string& importer,
                                      std::string_view name, const std::string& path) {
  const FileFactsPtr facts = view.facts(importer);
  const std::optional<std::string> text = view.text(importer);
  const std::string module = module_name(view, importer, path);
  if (facts == nullptr || !text || module.empty()) return std::nullopt;
  ImportEdit edit;
  const bool python = facts->language == "python";
  std::string quote = "\"";
  std::string semicolon = ";";
  if (!python) {
    const FileFactsPtr there = view.facts(path);
    if (there == nullptr) return std::nullopt;
    // As the file writes its own.
    for (const Import& import : facts->imports) {
      if (import.end > text->size() || import.begin >= import.end) continue;
      std::string_view written =
          std::string_view(*text).substr(import.begin, import.end - import.begin);
      if (written.substr(0, 6) != "import") continue;
      if (written.find('\'') != std::string_view::npos) quote = "'";
      const bool ended = written.back() == ';' || text->substr(import.end, 1) == ";";
      semicolon = ended ? ";" : "";
    }
  }
  edit.shown =
      python ? "from " + module + " import " + std::string(name)
             : "import { " + std::string(name) + " } from " + quote + module + quote + semicolon;
  bool first = false;
  edit.offset = import_place(*text, *facts, &first);
  const bool crlf = text->find("\r\n") != std::string::npos;
  const std::string line = crlf ? "\r\n" : "\n";
  const bool needs_line =
      edit.offset > 0 && edit.offset <= text->size() && (*text)[edit.offset - 1] != '\n';
  edit.text = (needs_line ? line : "") + edit.shown + line;
  if (first && edit.offset < text->size()) edit.text += line;
  return edit;
}

}  // namespace engramd::repoindex
