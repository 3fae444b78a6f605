// How each language's import statements name files. By the layout of the repository alone: no
// compiler flags, no environment.
#include <algorithm>

#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

namespace {

std::string parent_of(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(path.substr(0, slash));
}

std::string joined(std::string_view folder, std::string_view rest) {
  if (folder.empty()) return std::string(rest);
  if (rest.empty()) return std::string(folder);
  return std::string(folder) + "/" + std::string(rest);
}

// "a/./b/../c" without its dots; empty when it leads out of the root.
std::string normalized(std::string_view path) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= path.size();) {
    size_t end = std::min(path.find('/', begin), path.size());
    std::string_view part = path.substr(begin, end - begin);
    begin = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (parts.empty()) return {};
      parts.pop_back();
    } else {
      parts.push_back(part);
    }
  }
  std::string out;
  for (std::string_view part : parts) out = joined(out, part);
  return out;
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (text.substr(at, from.size()) == from) {
      out += to;
      at += from.size();
    } else {
      out += text[at++];
    }
  }
  return out;
}

bool ends_with_path(std::string_view path, std::string_view suffix) {
  if (path.size() < suffix.size() || path.substr(path.size() - suffix.size()) != suffix)
    return false;
  return path.size() == suffix.size() || path[path.size() - suffix.size() - 1] == '/';
}

// The folder, then every folder above it, down to "".
std::vector<std::string> folders_up(const std::string& path) {
  std::vector<std::string> out;
  std::string folder = parent_of(path);
  for (int i = 0; i < 40; ++i) {
    out.push_back(folder);
    if (folder.empty()) break;
    folder = parent_of(folder);
  }
  return out;
}

struct Finder {
  const View& view;
  const std::string& path;

  bool add_first(const std::vector<std::string>& candidates, ImportTarget* target) const {
    for (const std::string& candidate : candidates) {
      if (candidate.empty() || !view.contains(candidate)) continue;
      target->files.push_back(candidate);
      return true;
    }
    return false;
  }

  // Files that end with the suffix; when several do, the ones nearest to the importing file.
  void by_suffix(std::string_view suffix, ImportTarget* target) const {
    size_t slash = suffix.rfind('/');
    std::string_view base = slash == std::string_view::npos ? suffix : suffix.substr(slash + 1);
    std::vector<std::string> all;
    view.snapshot->files_called(base, [&](const FileEntry& file) {
      if (ends_with_path(file.path, suffix)) all.push_back(file.path);
      return all.size() < 1000;
    });
    auto shared = [&](const std::string& other) {
      size_t n = 0;
      while (n < other.size() && n < path.size() && other[n] == path[n]) ++n;
      return n;
    };
    std::stable_sort(all.begin(), all.end(), [&](const std::string& a, const std::string& b) {
      return shared(a) > shared(b);
    });
    if (!all.empty()) target->files.push_back(all.front());
  }

  ImportTarget python(const Import& import) const {
    ImportTarget target;
    std::string rest = replaced(import.target, ".", "/");
    auto candidates = [](const std::string& module) {
      return std::vector<std::string>{module + ".py", module + "/__init__.py", module + ".pyi",
                                      module + "/__init__.pyi"};
    };
    if (import.level > 0) {
      std::string folder = parent_of(path);
      for (uint32_t i = 1; i < import.level; ++i) folder = parent_of(folder);
      std::string module = joined(folder, rest);
      if (rest.empty()) {
        add_first({joined(folder, "__init__.py"), joined(folder, "__init__.pyi")}, &target);
        if (!target.found()) target = {{}, folder, true, false};
      } else {
        add_first(candidates(module), &target);
      }
      return target;
    }
    if (rest.empty()) return target;
    std::vector<std::string> roots = {"", "src", "lib"};
    for (std::string& folder : folders_up(path)) roots.push_back(std::move(folder));
    for (const std::string& root : roots) {
      if (add_first(candidates(joined(root, rest)), &target)) return target;
    }
    if (rest.find('/') != std::string::npos) {
      by_suffix(rest + ".py", &target);
      if (!target.found()) by_suffix(rest + "/__init__.py", &target);
    }
    return target;
  }

  ImportTarget c_include(const Import& import) const {
    ImportTarget target;
    if (add_first({normalized(joined(parent_of(path), import.target))}, &target)) return target;
    for (const char* root : {"", "include", "src"}) {
      if (add_first({normalized(joined(root, import.target))}, &target)) return target;
    }
    std::string written = import.target;
    while (written.substr(0, 3) == "../") written.erase(0, 3);
    by_suffix(written, &target);
    return target;
  }

  ImportTarget javascript(const Import& import) const {
    ImportTarget target;
    std::vector<std::string> bases;
    if (import.target.substr(0, 1) == ".") {
      bases.push_back(normalized(joined(parent_of(path), import.target)));
    } else {
      std::string rest = import.target;
      for (const char* alias : {"@/", "~/", "src/"}) {
        if (rest.substr(0, std::string_view(alias).size()) == alias) {
          rest.erase(0, std::string_view(alias).size());
          break;
        }
      }
      for (const std::string& folder : folders_up(path)) {
        bases.push_back(joined(folder, "src/" + rest));
        if (folder.empty()) bases.push_back(rest);
      }
      // A package of the same repository: packages/NAME/src/index.ts and its kin.
      size_t slash = import.target.rfind('/');
      std::string name =
          slash == std::string::npos ? import.target : import.target.substr(slash + 1);
      for (const char* root : {"packages/", "libs/", "apps/"}) {
        bases.push_back(root + name + "/src");
        bases.push_back(root + name);
      }
    }
    for (const std::string& base : bases) {
      if (base.empty() && import.target != ".") continue;
      std::vector<std::string> candidates = {base};
      // TypeScript writes the name of the file that will be compiled: ./x.js means ./x.ts.
      std::string stem = base;
      for (std::string_view extension : {".js", ".jsx", ".mjs"}) {
        if (stem.size() > extension.size() &&
            stem.compare(stem.size() - extension.size(), extension.size(), extension) == 0) {
          stem.resize(stem.size() - extension.size());
          break;
        }
      }
      for (const std::string& s : {stem, base}) {
        for (const char* end :
             {".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".d.ts", ".json", "/index.ts",
              "/index.tsx", "/index.js", "/index.jsx", "/index.mjs"}) {
          candidates.push_back(s + end);
        }
      }
      if (add_first(candidates, &target)) return target;
    }
    return target;
  }

  ImportTarget go(const Import& import) const {
    ImportTarget target;
    for (const std::string& folder : folders_up(path)) {  // the module the file is in
      auto module_file = view.text(joined(folder, "go.mod"));
      if (!module_file) continue;
      for (std::string_view line : split_lines(*module_file)) {
        if (line.substr(0, 7) != "module ") continue;
        std::string_view module = trim(line.substr(7));
        if (import.target.substr(0, module.size()) == module) {
          std::string_view rest = std::string_view(import.target).substr(module.size());
          if (rest.empty() || rest[0] == '/') {
            target.is_folder = true;
            target.folder = joined(folder, rest.empty() ? rest : rest.substr(1));
            return target;
          }
        }
        break;
      }
      break;
    }
    target.is_folder = import.target.find('/') != std::string::npos;
    target.folder_is_suffix = true;
    target.folder = import.target;
    // Without go.mod: the last two parts say enough.
    size_t last = target.folder.rfind('/');
    size_t before = last == std::string::npos ? last : target.folder.rfind('/', last - 1);
    if (before != std::string::npos) target.folder.erase(0, before + 1);
    return target;
  }

  ImportTarget rust(const Import& import) const {
    std::vector<std::string> parts;
    std::string_view rest = import.target;
    while (!rest.empty()) {
      size_t end = std::min(rest.find("::"), rest.size());
      parts.emplace_back(rest.substr(0, end));
      rest = rest.substr(std::min(end + 2, rest.size()));
    }
    if (parts.empty()) return {};
    // The folder below which a module's children lie.
    auto children_of = [](const std::string& file) {
      std::string base = file.substr(file.rfind('/') + 1);
      std::string folder = parent_of(file);
      if (base == "mod.rs" || base == "lib.rs" || base == "main.rs") return folder;
      return joined(folder, base.substr(0, base.size() - 3));
    };
    std::string folder;
    size_t next = 1;
    if (parts[0] == "crate") {
      size_t src = path.rfind("/src/");
      folder = src != std::string::npos      ? path.substr(0, src + 4)
               : path.substr(0, 4) == "src/" ? "src"
                                             : parent_of(path);
    } else if (parts[0] == "self") {
      folder = children_of(path);
    } else if (parts[0] == "super") {
      folder = parent_of(children_of(path));
      while (next < parts.size() && parts[next] == "super") {
        folder = parent_of(folder);
        ++next;
      }
    } else {
      // Another crate of the workspace, or (2018 edition) a child of this module.
      folder = children_of(path);
      if (!view.contains(joined(folder, parts[0] + ".rs")) &&
          !view.contains(joined(folder, parts[0] + "/mod.rs"))) {
        ImportTarget crate;
        by_suffix(replaced(parts[0], "_", "-") + "/src/lib.rs", &crate);
        if (!crate.found()) by_suffix(parts[0] + "/src/lib.rs", &crate);
        if (!crate.found()) {
          size_t src = path.rfind("src/");
          folder = src == std::string::npos ? parent_of(path) : path.substr(0, src + 3);
          next = 0;
          // tests/ and benches/ name the crate itself.
          if (!view.contains(joined(folder, parts[0] + ".rs"))) next = 1;
          if (src == std::string::npos && view.contains("src/lib.rs")) folder = "src";
        } else {
          folder = parent_of(crate.files[0]);
        }
      } else {
        next = 0;
      }
    }
    // As deep as files go; what remains are items inside the file.
    ImportTarget target;
    for (size_t n = parts.size(); n + 1 > next; --n) {
      std::string module = folder;
      for (size_t i = next; i < n; ++i) module = joined(module, parts[i]);
      std::vector<std::string> candidates = {module + ".rs", module + "/mod.rs"};
      if (n == next)
        candidates = {joined(module, "lib.rs"), joined(module, "main.rs"), joined(module, "mod.rs"),
                      module + ".rs"};
      if (add_first(candidates, &target)) return target;
      if (n == 0) break;
    }
    return target;
  }

  ImportTarget java(const Import& import) const {
    ImportTarget target;
    std::string package = replaced(import.target, ".", "/");
    if (import.name != "*") by_suffix(joined(package, import.name) + ".java", &target);
    if (!target.found()) by_suffix(package + ".java", &target);  // static, or a nested class
    if (!target.found()) target = {{}, package, true, true};
    return target;
  }

  ImportTarget bash(const Import& import) const {
    ImportTarget target;
    if (add_first({normalized(joined(parent_of(path), import.target)), normalized(import.target)},
                  &target)) {
      return target;
    }
    by_suffix(normalized(import.target), &target);
    return target;
  }
};

}  // namespace

ImportTarget Resolver::import_target(const std::string& path, const FileFacts& facts,
                                     const Import& import) {
  struct Row {
    std::string_view language;
    ImportTarget (Finder::*find)(const Import&) const;
  };
  static constexpr Row kRows[] = {
      {"python", &Finder::python},
      {"c", &Finder::c_include},
      {"cpp", &Finder::c_include},
      {"javascript", &Finder::javascript},
      {"typescript", &Finder::javascript},
      {"tsx", &Finder::javascript},
      {"go", &Finder::go},
      {"rust", &Finder::rust},
      {"java", &Finder::java},
      {"bash", &Finder::bash},
  };
  if (view_.snapshot == nullptr || import.target.size() + import.level == 0) return {};
  Finder finder{view_, path};
  for (const Row& row : kRows) {
    if (row.language == facts.language) return (finder.*row.find)(import);
  }
  return {};
}

}  // namespace engramd::repoindex
