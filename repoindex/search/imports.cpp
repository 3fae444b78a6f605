#include "repoindex/search/imports.h"

#include <algorithm>

namespace engramd::repoindex {
namespace {

constexpr size_t kMaxImports = 200;
constexpr size_t kMaxSameStem = 400;  // `mod`, `index`, `types`: too common to look through all

std::vector<std::string> components(std::string_view path) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t i = 0; i <= path.size(); ++i) {
    if (i < path.size() && path[i] != '/') continue;
    if (i > begin) parts.emplace_back(path.substr(begin, i - begin));
    begin = i + 1;
  }
  return parts;
}

// Folders and the stem; the folder's name alone for files that stand for their folder.
std::vector<std::string> module_components(std::string_view path) {
  std::vector<std::string> parts = components(path);
  if (parts.empty()) return parts;
  std::string& last = parts.back();
  last = last.substr(0, last.find('.'));
  if ((last == "__init__" || last == "index" || last == "mod" || last == "lib") &&
      parts.size() > 1) {
    parts.pop_back();
  }
  return parts;
}

bool is_c_family(std::string_view extension) {
  constexpr std::string_view kExtensions[] = {"c",  "h",   "cc",  "cpp", "cxx", "hpp",
                                              "hh", "hxx", "inl", "cu",  "cuh"};
  return std::find(std::begin(kExtensions), std::end(kExtensions), extension) !=
         std::end(kExtensions);
}

bool is_script_family(std::string_view extension) {
  constexpr std::string_view kExtensions[] = {"js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts"};
  return std::find(std::begin(kExtensions), std::end(kExtensions), extension) !=
         std::end(kExtensions);
}

bool same_family(std::string_view a, std::string_view b) {
  return a == b || (is_c_family(a) && is_c_family(b)) ||
         (is_script_family(a) && is_script_family(b));
}

// What is written, as components: "pkg.core", "crate::a::b", "./util.js", "dir/x.h".
std::vector<std::string> written_components(std::string_view target, std::string_view extension,
                                            size_t& levels_up, bool& relative) {
  std::vector<std::string> parts;
  const bool slashes = is_c_family(extension) || is_script_family(extension) || extension == "go" ||
                       extension == "sh" || extension == "bash" ||
                       target.find('/') != std::string_view::npos;
  size_t begin = 0;
  auto take = [&](size_t end) {
    const std::string_view part = target.substr(begin, end - begin);
    if (part == "." || part == "self") {
      relative = true;
    } else if (part == ".." || part == "super") {
      relative = true;
      ++levels_up;
    } else if (!part.empty() && part != "crate") {
      parts.emplace_back(part);
    }
  };
  for (size_t i = 0; i < target.size(); ++i) {
    const bool separator = slashes ? target[i] == '/' : target[i] == '.' || target[i] == ':';
    if (!separator) continue;
    take(i);
    begin = i + 1;
  }
  take(target.size());
  if (slashes && !parts.empty()) {
    std::string& last = parts.back();
    if (const size_t dot = last.find('.'); dot != std::string::npos && dot > 0) last.resize(dot);
  }
  return parts;
}

}  // namespace

std::string_view folder_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view extension_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  const size_t dot = path.rfind('.');
  if (dot == std::string_view::npos || (slash != std::string_view::npos && dot < slash)) return {};
  return path.substr(dot + 1);
}

size_t shared_folders(std::string_view a, std::string_view b) {
  size_t shared = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()) && a[i] == b[i]; ++i) shared += a[i] == '/';
  return shared;
}

ImportGuess::ImportGuess(const std::vector<std::string>& paths) : paths_(paths) {
  for (uint32_t i = 0; i < paths_.size(); ++i) {
    const std::vector<std::string> parts = module_components(paths_[i]);
    if (parts.empty()) continue;
    by_stem_[parts.back()].push_back(i);
    // Go and Java packages are folders: a file also answers to its folder's name.
    const std::string_view extension = extension_of(paths_[i]);
    if (extension == "go" && parts.size() > 1) by_stem_[parts[parts.size() - 2]].push_back(i);
  }
}

const std::string* ImportGuess::find(const std::string& importer,
                                     const std::vector<std::string>& parts, bool relative) const {
  if (parts.empty()) return nullptr;
  const auto found = by_stem_.find(parts.back());
  if (found == by_stem_.end()) return nullptr;
  const std::string* best = nullptr;
  size_t best_score = 0;
  const size_t n = std::min(found->second.size(), kMaxSameStem);
  for (size_t j = 0; j < n; ++j) {
    const std::string& path = paths_[found->second[j]];
    if (path == importer || !same_family(extension_of(path), extension_of(importer))) continue;
    std::vector<std::string> have = module_components(path);
    if (have.back() != parts.back() && have.size() > 1) have.pop_back();
    size_t matching = 0;
    while (matching < std::min(have.size(), parts.size()) &&
           have[have.size() - 1 - matching] == parts[parts.size() - 1 - matching]) {
      ++matching;
    }
    // A long written path must match in more than its last name, and a relative one in full.
    if (relative ? matching < parts.size() : matching < std::min<size_t>(2, parts.size())) continue;
    if (relative && folder_of(path).size() > 0 && shared_folders(path, importer) == 0 &&
        !folder_of(importer).empty()) {
      continue;
    }
    const size_t score = matching * 100 + std::min<size_t>(shared_folders(path, importer), 99);
    if (score > best_score) {
      best_score = score;
      best = &path;
    }
  }
  return best;
}

std::vector<std::string> ImportGuess::imported_by(const std::string& path,
                                                  const FileFacts& facts) const {
  std::vector<std::string> found;
  auto add = [&](const std::string* target) {
    if (target && *target != path &&
        std::find(found.begin(), found.end(), *target) == found.end()) {
      found.push_back(*target);
    }
    return target != nullptr;
  };
  size_t n = 0;
  for (const Import& import : facts.imports) {
    if (++n > kMaxImports) break;
    size_t levels_up = import.level > 0 ? import.level - 1 : 0;
    bool relative = import.level > 0;
    std::vector<std::string> parts =
        written_components(import.target, extension_of(path), levels_up, relative);
    if (relative) {
      // Relative to the importing file: its folders become the leading components.
      std::vector<std::string> base = components(folder_of(path));
      for (size_t up = 0; up < levels_up && !base.empty(); ++up) base.pop_back();
      base.insert(base.end(), parts.begin(), parts.end());
      parts = std::move(base);
    }
    // The imported name may itself be a module, or (Java, Rust) the last part a class or function.
    if (!import.name.empty() && import.name != "*") {
      std::vector<std::string> longer = parts;
      longer.push_back(import.name);
      if (add(find(path, longer, relative))) continue;
    }
    if (add(find(path, parts, relative))) continue;
    if (parts.size() > 1 && !relative) {
      parts.pop_back();
      add(find(path, parts, relative));
    }
  }
  return found;
}

}  // namespace engramd::repoindex
