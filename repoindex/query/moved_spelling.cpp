#include "repoindex/query/moved_spelling.h"

#include <algorithm>
#include <vector>

#include "repoindex/query/project/paths.h"

namespace engramd::repoindex {

namespace {

std::vector<std::string> parts_of(std::string_view path, char separator) {
  std::vector<std::string> out;
  while (!path.empty()) {
    size_t end = std::min(path.find(separator), path.size());
    out.emplace_back(path.substr(0, end));
    path = path.substr(std::min(end + 1, path.size()));
  }
  return out;
}

std::string without_end(std::string_view text, std::string_view end) {
  if (text.size() >= end.size() && text.substr(text.size() - end.size()) == end) {
    text.remove_suffix(end.size());
  }
  return std::string(text);
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// The path without the last extension; of x.d.ts without both.
std::string without_extension(std::string_view path) {
  if (ends_with(path, ".d.ts")) return without_end(path, ".d.ts");
  std::string_view extension = extension_of(path);
  return extension.empty() ? std::string(path)
                           : std::string(path.substr(0, path.size() - extension.size() - 1));
}

// What of a file's path a specifier that leads to `base` leaves unsaid: "", ".ts", "/index.ts"; a
// written ".js" that means a ".ts" is said anew.
struct Unsaid {
  std::string tail;
  std::string written_extension;
};
std::optional<Unsaid> unsaid(std::string_view base, std::string_view file) {
  if (file == base) return Unsaid{};
  if (file.size() > base.size() && file.substr(0, base.size()) == base) {
    std::string tail(file.substr(base.size()));
    if (base.empty() || tail[0] == '.' || tail[0] == '/') return Unsaid{tail, {}};
  }
  std::string stem = without_extension(base);
  if (stem.size() < base.size() && without_extension(file) == stem) {
    return Unsaid{"." + std::string(extension_of(file)), std::string(base.substr(stem.size()))};
  }
  return std::nullopt;
}

std::string say(std::string_view file, const Unsaid& how) {
  std::string_view tail = how.tail;
  bool index = tail.find('/') != std::string_view::npos || tail.substr(0, 5) == "index";
  if (index) {
    std::string_view name = base_name(file);
    if (name.substr(0, 6) == "index.") return parent_path(file);
    return without_extension(file);
  }
  if (tail.empty()) return std::string(file);
  return without_extension(file) + how.written_extension;
}

}  // namespace

std::string relative_path(std::string_view from_file, std::string_view to) {
  std::vector<std::string> from = parts_of(parent_path(from_file), '/'), there = parts_of(to, '/');
  size_t same = 0;
  while (same < from.size() && same < there.size() && from[same] == there[same]) ++same;
  std::string out;
  for (size_t i = same; i < from.size(); ++i) out += "../";
  if (out.empty()) out = "./";
  for (size_t i = same; i < there.size(); ++i) {
    out += there[i];
    if (i + 1 < there.size()) out += "/";
  }
  // The folder itself, or one above: "." and "..".
  if (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

std::optional<std::string> script_specifier(std::string_view written, const Moved& moved) {
  if (written.substr(0, 1) == ".") {
    auto base = normal_path(joined_path(parent_path(moved.importer), written));
    if (!base) return std::nullopt;
    auto how = unsaid(*base, moved.file);
    if (!how) return std::nullopt;
    std::string said = relative_path(moved.new_importer, say(moved.new_file, *how));
    return said;
  }
  if (moved.file == moved.new_file) return std::nullopt;
  // "@/x/util" of src/x/util.ts: what the alias stands for is what is left of both in front.
  for (const std::string& stem :
       {without_extension(moved.file), std::string(moved.file), parent_path(moved.file)}) {
    size_t same = 0;
    std::vector<std::string> a = parts_of(written, '/'), b = parts_of(stem, '/');
    while (same + 1 < a.size() && same < b.size() &&
           a[a.size() - 1 - same] == b[b.size() - 1 - same]) {
      ++same;
    }
    if (same == 0) continue;
    bool index = stem == parent_path(moved.file);
    if (index && base_name(moved.file).substr(0, 6) != "index.") continue;
    std::string front, folder;
    for (size_t i = 0; i + same < a.size(); ++i) front += a[i] + "/";
    for (size_t i = 0; i + same < b.size(); ++i) folder = joined_path(folder, b[i]);
    std::string now = index                              ? parent_path(moved.new_file)
                      : stem.size() == moved.file.size() ? moved.new_file
                                                         : without_extension(moved.new_file);
    if (index && base_name(moved.new_file).substr(0, 6) != "index.") {
      now = without_extension(moved.new_file);
    }
    if (!is_below(now, folder)) break;
    return front + now.substr(folder.empty() ? 0 : folder.size() + 1);
  }
  return relative_path(moved.new_importer, without_extension(moved.new_file));
}

std::optional<std::string> include_path(std::string_view written, const Moved& moved) {
  auto beside = normal_path(joined_path(parent_path(moved.importer), written));
  if (beside && *beside == moved.file) {
    std::string said = relative_path(moved.new_importer, moved.new_file);
    if (said.substr(0, 2) == "./" && written.substr(0, 2) != "./") said.erase(0, 2);
    return said;
  }
  if (!ends_with_path(moved.file, written) || moved.file == moved.new_file) return std::nullopt;
  std::string folder = moved.file.substr(0, moved.file.size() - written.size());
  folder = without_end(folder, "/");
  if (!is_below(moved.new_file, folder)) return std::nullopt;
  return moved.new_file.substr(folder.empty() ? 0 : folder.size() + 1);
}

std::optional<std::string> loaded_path(std::string_view written, const Moved& moved) {
  auto base = normal_path(joined_path(parent_path(moved.importer), written));
  if (!base) return std::nullopt;
  bool whole = *base == moved.file, stem = *base == without_extension(moved.file);
  if (!whole && !stem) return std::nullopt;
  std::string said =
      relative_path(moved.new_importer, whole ? moved.new_file : without_extension(moved.new_file));
  if (said.substr(0, 2) == "./" && written.substr(0, 2) != "./") said.erase(0, 2);
  return said;
}

std::optional<std::string> python_root(std::string_view file, std::string_view dotted) {
  std::string path(dotted);
  std::replace(path.begin(), path.end(), '.', '/');
  for (std::string_view end : {".py", "/__init__.py", ".pyi", "/__init__.pyi"}) {
    std::string whole = path + std::string(end);
    if (!ends_with_path(file, whole)) continue;
    return without_end(file.substr(0, file.size() - whole.size()), "/");
  }
  return std::nullopt;
}

std::optional<std::string> python_dotted(std::string_view file, std::string_view root) {
  if (!is_below(file, root)) return std::nullopt;
  std::string path(file.substr(root.empty() ? 0 : root.size() + 1));
  std::string_view extension = extension_of(path);
  if (extension != "py" && extension != "pyi") return std::nullopt;
  path = without_extension(path);
  path = path == "__init__" ? std::string() : without_end(path, "/__init__");
  if (path.empty() || path.find('.') != std::string::npos) return std::nullopt;
  std::replace(path.begin(), path.end(), '/', '.');
  return path;
}

std::optional<std::string> python_relative(std::string_view from_file, std::string_view file) {
  std::vector<std::string> from = parts_of(parent_path(from_file), '/');
  std::string module = without_extension(file);
  bool package = base_name(file).substr(0, 9) == "__init__.";
  if (package) module = parent_path(file);
  std::vector<std::string> there = parts_of(module, '/');
  size_t same = 0;
  size_t most = package ? there.size() : there.size() - 1;
  while (same < from.size() && same < most && from[same] == there[same]) ++same;
  if (same == 0 && !from.empty()) return std::nullopt;
  std::string out = ".";
  for (size_t i = same; i < from.size(); ++i) out += ".";
  for (size_t i = same; i < there.size(); ++i) out += (i == same ? "" : ".") + there[i];
  return out;
}

}  // namespace engramd::repoindex
