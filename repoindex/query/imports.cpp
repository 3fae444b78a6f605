// How each language's import statements name files: by the layout of the repository and by the
// configuration files in it (compile_commands.json, tsconfig.json, package.json, go.mod,
// Cargo.toml); no environment, nothing outside the repository.
#include <algorithm>

#include "repoindex/query/import_finder.h"
#include "repoindex/query/project/paths.h"
#include "repoindex/query/query_cache.h"
#include "repoindex/query/resolve.h"

namespace engramd::repoindex {

namespace {

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

// Headers of the C and C++ libraries: in angle brackets never a file of the repository, whatever
// has the same name there.
bool is_standard_header(std::string_view name) {
  static constexpr std::string_view kC[] = {
      "assert.h", "complex.h",   "ctype.h",   "errno.h",   "fenv.h",   "float.h",  "inttypes.h",
      "iso646.h", "limits.h",    "locale.h",  "math.h",    "setjmp.h", "signal.h", "stdalign.h",
      "stdarg.h", "stdatomic.h", "stdbool.h", "stddef.h",  "stdint.h", "stdio.h",  "stdlib.h",
      "string.h", "strings.h",   "tgmath.h",  "threads.h", "time.h",   "uchar.h",  "wchar.h",
      "wctype.h", "unistd.h",    "fcntl.h",   "pthread.h", "dlfcn.h",  "dirent.h", "poll.h",
      "netdb.h",  "sched.h",     "syslog.h",  "termios.h", "pwd.h",    "grp.h",    "regex.h"};
  if (std::find(std::begin(kC), std::end(kC), name) != std::end(kC)) return true;
  for (std::string_view folder : {"sys/", "netinet/", "arpa/", "linux/", "bits/", "net/"}) {
    if (name.substr(0, folder.size()) == folder) return true;
  }
  return name.find('.') == std::string_view::npos && name.find('/') == std::string_view::npos;
}

struct Finder : ImportFinder {
  ImportTarget python(const Import& import) const {
    ImportTarget target;
    std::string rest = replaced(import.target, ".", "/");
    auto candidates = [](const std::string& module) {
      return std::vector<std::string>{module + ".py", module + "/__init__.py", module + ".pyi",
                                      module + "/__init__.pyi"};
    };
    if (import.level > 0) {
      std::string folder = parent_path(path);
      for (uint32_t i = 1; i < import.level; ++i) folder = parent_path(folder);
      std::string module = joined_path(folder, rest);
      if (rest.empty()) {
        add_first({joined_path(folder, "__init__.py"), joined_path(folder, "__init__.pyi")},
                  &target);
        if (!target.found()) target = {{}, folder, true, false};
      } else {
        add_first(candidates(module), &target);
      }
      return target;
    }
    if (rest.empty()) return target;
    // Where the interpreter may look: a folder that is itself a package is no such place, so
    // `import logging` in pkg/sub/ does not mean pkg/sub/logging.py.
    std::vector<std::string> roots;
    for (std::string& folder : folders_up(path)) {
      bool package = view.contains(joined_path(folder, "__init__.py"));
      if (!package) roots.push_back(folder);
      for (const char* below : {"src", "lib", "python"}) {
        roots.push_back(joined_path(folder, below));
      }
    }
    for (const char* stubs : {"typings", "stubs"}) roots.emplace_back(stubs);
    for (const std::string& root : roots) {
      if (add_first(candidates(joined_path(root, rest)), &target)) return target;
    }
    bool deep = rest.find('/') != std::string::npos;
    if (deep) by_suffix(rest + ".py", &target);
    if (!target.found()) by_suffix(rest + "/__init__.py", &target);
    // A package's own folder name inside another package is not what an absolute import means.
    if (target.found() && !deep) {
      std::string above = parent_path(parent_path(target.files[0]));
      if (view.contains(joined_path(above, "__init__.py"))) target.files.clear();
    }
    if (target.found()) return target;
    for (const std::string& root : roots) {  // a namespace package: a folder without __init__.py
      std::string folder = joined_path(root, rest);
      if (holds_python(folder)) return {{}, folder, true, false};
    }
    return target;
  }

  bool holds_python(const std::string& folder) const {
    // Files are sorted by path: the first one at or after "folder/" tells.
    bool found = false;
    size_t n = 0;
    view.snapshot->for_each_below(folder, [&](const FileEntry& file) {
      found = file.path.size() > 3 && file.path.compare(file.path.size() - 3, 3, ".py") == 0;
      return !found && ++n < 50;
    });
    return found;
  }

  ImportTarget c_include(const Import& import) const {
    ImportTarget target;
    bool angle = import.level == kAngleInclude;
    auto in = [&](std::string_view folder) {
      auto place = normal_path(joined_path(folder, import.target));
      return place && add_first({std::move(*place)}, &target);
    };
    if (!angle && in(parent_path(path))) return target;
    auto commands = cache.compile_commands(*view.snapshot);
    if (const IncludeFolders* folders = commands->of(path)) {
      if (!angle) {
        for (const std::string& folder : folders->quoted) {
          if (in(folder)) return target;
        }
      }
      for (const std::string& folder : folders->all) {
        if (in(folder)) return target;
      }
    }
    if (angle && is_standard_header(import.target)) return target;
    for (const std::string& folder : folders_up(path)) {
      if (in(folder) || in(joined_path(folder, "include")) || in(joined_path(folder, "src"))) {
        return target;
      }
    }
    std::string written = import.target;
    while (written.substr(0, 3) == "../") written.erase(0, 3);
    by_suffix(written, &target);
    return target;
  }

  // "name" or "@scope/name" of a written "@scope/name/sub/path".
  static std::string_view package_name(std::string_view written) {
    size_t slash = written.find('/');
    if (written.substr(0, 1) == "@" && slash != std::string_view::npos) {
      slash = written.find('/', slash + 1);
    }
    return written.substr(0, slash);
  }

  void package_places(const std::string& written, std::vector<std::string>* bases) const {
    auto packages = cache.script_packages(*view.snapshot);
    auto append = [&](std::vector<std::string> more) {
      bases->insert(bases->end(), more.begin(), more.end());
    };
    if (written.substr(0, 1) == "#") {  // "imports" of the package around the file
      for (const std::string& folder : folders_up(path)) {
        auto own = packages->name_of_folder.find(folder);
        if (own == packages->name_of_folder.end()) continue;
        append(packages->by_name.at(own->second).private_places(written));
        return;
      }
      return;
    }
    std::string_view name = package_name(written);
    auto it = packages->by_name.find(std::string(name));
    if (it == packages->by_name.end()) return;
    std::string_view sub = std::string_view(written).substr(name.size());
    append(it->second.places(sub.empty() ? sub : sub.substr(1)));
  }

  ImportTarget javascript(const Import& import) const {
    ImportTarget target;
    std::vector<std::string> bases;
    const std::string& written = import.target;
    if (written.substr(0, 1) == ".") {
      auto place = normal_path(joined_path(parent_path(path), written));
      if (!place) return target;
      bases.push_back(std::move(*place));
    } else {
      if (auto mapping = cache.path_mapping(*view.snapshot, path)) {
        bases = mapping->places(written);
      }
      package_places(written, &bases);
      // Without a configuration: what bundlers' templates use.
      for (std::string_view alias : {"@/", "~/", "src/"}) {
        if (written.substr(0, alias.size()) != alias) continue;
        for (const std::string& folder : folders_up(path)) {
          bases.push_back(joined_path(folder, "src/" + written.substr(alias.size())));
        }
      }
    }
    for (const std::string& base : bases) {
      if (add_first(script_files(base), &target)) return target;
    }
    return target;
  }

  static std::vector<std::string> script_files(const std::string& base) {
    std::vector<std::string> out;
    if (base.empty()) {
      for (const char* end : {"index.ts", "index.tsx", "index.js", "index.jsx", "index.mjs"}) {
        out.emplace_back(end);
      }
      return out;
    }
    out.push_back(base);
    // TypeScript writes the name of the file that will be compiled: ./x.js means ./x.ts.
    std::string stem = base;
    for (std::string_view extension : {".js", ".jsx", ".mjs", ".cjs"}) {
      if (stem.size() > extension.size() &&
          stem.compare(stem.size() - extension.size(), extension.size(), extension) == 0) {
        stem.resize(stem.size() - extension.size());
        break;
      }
    }
    for (const std::string& s : {stem, base}) {
      for (const char* end :
           {".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".d.ts", ".json",
            "/index.ts", "/index.tsx", "/index.js", "/index.jsx", "/index.mjs", "/index.d.ts"}) {
        out.push_back(s + end);
      }
      if (stem == base) break;
    }
    return out;
  }

  ImportTarget go(const Import& import) const {
    ImportTarget target;
    target.is_folder = true;
    if (auto folder = cache.go_modules(*view.snapshot)->folder_of(path, import.target)) {
      target.folder = std::move(*folder);
      return target;
    }
    // GOPATH style vendoring, and repositories without go.mod: the last two parts say enough.
    target.is_folder = import.target.find('/') != std::string::npos;
    target.folder_is_suffix = true;
    target.folder = import.target;
    size_t last = target.folder.rfind('/');
    size_t before = last == std::string::npos ? last : target.folder.rfind('/', last - 1);
    if (before != std::string::npos) target.folder.erase(0, before + 1);
    return target;
  }

  // The folder below which the children of a module's file lie.
  static std::string children_of(const std::string& file) {
    std::string_view base = base_name(file);
    std::string folder = parent_path(file);
    if (base == "mod.rs" || base == "lib.rs" || base == "main.rs") return folder;
    return joined_path(folder, base.substr(0, base.size() - std::min<size_t>(3, base.size())));
  }

  // Of the crate that the file is in.
  std::string crate_folder(const RustCrates& crates) const {
    const RustCrate* own = crates.around(path);
    if (own != nullptr) {
      // Files beside src/ (tests, examples, build.rs) are crates of one file each.
      std::string source = parent_path(own->root);
      return is_below(path, source) ? source : children_of_root(path);
    }
    size_t src = path.rfind("/src/");
    return src != std::string::npos      ? path.substr(0, src + 4)
           : path.substr(0, 4) == "src/" ? "src"
                                         : parent_path(path);
  }
  static std::string children_of_root(const std::string& file) { return parent_path(file); }

  ImportTarget rust(const Import& import) const {
    std::vector<std::string> parts;
    std::string_view rest = import.target;
    while (!rest.empty()) {
      size_t end = std::min(rest.find("::"), rest.size());
      parts.emplace_back(rest.substr(0, end));
      rest = rest.substr(std::min(end + 2, rest.size()));
    }
    if (parts.empty()) return {};
    auto crates = cache.rust_crates(*view.snapshot);
    std::string folder, root;  // root: the file that stands for the folder itself, if known
    size_t next = 1;
    auto is_module = [&](const std::string& in, const std::string& name) {
      return view.contains(joined_path(in, name + ".rs")) ||
             view.contains(joined_path(in, name + "/mod.rs"));
    };
    if (parts[0] == "crate") {
      folder = crate_folder(*crates);
      if (const RustCrate* own = crates->around(path)) root = own->root;
    } else if (parts[0] == "self") {
      folder = children_of(path);
      root = path;
    } else if (parts[0] == "super") {
      folder = parent_path(children_of(path));
      while (next < parts.size() && parts[next] == "super") {
        folder = parent_path(folder);
        ++next;
      }
    } else if (is_module(children_of(path), parts[0])) {
      folder = children_of(path);
      next = 0;
    } else if (const RustCrate* crate = crates->named(path, parts[0])) {
      folder = parent_path(crate->root);
      root = crate->root;
    } else {
      ImportTarget guess;
      by_suffix(replaced(parts[0], "_", "-") + "/src/lib.rs", &guess);
      if (!guess.found()) by_suffix(parts[0] + "/src/lib.rs", &guess);
      if (guess.found()) {
        folder = parent_path(guess.files[0]);
      } else {
        // 2015 edition: from the crate's root; or the crate's own name in tests and benches.
        folder = crate_folder(*crates);
        next = is_module(folder, parts[0]) ? 0 : 1;
        if (next == 1 && crates->around(path) == nullptr && view.contains("src/lib.rs")) {
          folder = "src";
        }
        if (next == 1 && crates->around(path) != nullptr) return {};
      }
    }
    // As deep as files go; what remains are items inside the file.
    ImportTarget target;
    for (size_t n = parts.size(); n + 1 > next; --n) {
      std::string module = folder;
      for (size_t i = next; i < n; ++i) module = joined_path(module, parts[i]);
      std::vector<std::string> candidates = {module + ".rs", joined_path(module, "mod.rs")};
      if (n == next) {
        candidates = {root, joined_path(module, "lib.rs"), joined_path(module, "main.rs"),
                      joined_path(module, "mod.rs"), module + ".rs"};
      }
      if (add_first(candidates, &target)) {
        target.n_parts_left = parts.size() - n;
        return target;
      }
      if (n == 0) break;
    }
    return target;
  }

  ImportTarget java(const Import& import) const {
    ImportTarget target;
    std::string package = replaced(import.target, ".", "/");
    if (import.name != "*") by_suffix(joined_path(package, import.name) + ".java", &target);
    // A static import or a nested class: the file is that of a class further up the path.
    for (std::string outer = package; !target.found() && !outer.empty();
         outer = parent_path(outer)) {
      by_suffix(outer + ".java", &target);
      // Past the first lower case part only packages follow.
      if (!isupper(static_cast<unsigned char>(base_name(outer)[0]))) break;
    }
    if (!target.found()) target = {{}, package, true, true};
    return target;
  }

  ImportTarget bash(const Import& import) const {
    ImportTarget target;
    for (const std::string& folder : {parent_path(path), std::string()}) {
      auto place = normal_path(joined_path(folder, import.target));
      if (place && add_first({std::move(*place)}, &target)) return target;
    }
    by_suffix(normal_path(import.target).value_or(std::string()), &target);
    return target;
  }
};

}  // namespace

ImportTarget Resolver::import_target(const std::string& path, const FileFacts& facts,
                                     const Import& import) {
  struct Row {
    std::string_view language;
    ImportTarget (Finder::*find)(const Import&) const;
    bool by_folder = false;  // target, level and the file's folder decide
  };
  static constexpr Row kRows[] = {
      {"python", &Finder::python, true},
      {"c", &Finder::c_include},
      {"cpp", &Finder::c_include},
      {"javascript", &Finder::javascript, true},
      {"typescript", &Finder::javascript, true},
      {"tsx", &Finder::javascript, true},
      {"go", &Finder::go},
      {"rust", &Finder::rust},
      {"java", &Finder::java},
      {"bash", &Finder::bash},
  };
  if (view_.snapshot == nullptr || import.target.size() + import.level == 0) return {};
  Finder finder{{view_, path, view_.snapshot->query_cache()}};
  const Row* row = std::find_if(std::begin(kRows), std::end(kRows),
                                [&](const Row& r) { return r.language == facts.language; });
  if (row == std::end(kRows)) return named_target(path, facts, import);
  if (!row->by_folder) return (finder.*row->find)(import);
  std::string key = facts.language == "python" ? "p\n" : "s\n";
  key += parent_path(path) + '\n' + std::to_string(import.level) + '\n' + import.target;
  if (auto known = import_targets_.find(key); known != import_targets_.end()) return known->second;
  ImportTarget target = (finder.*row->find)(import);
  if (finder.by_path) return target;  // another file of the folder may have a nearer one
  if (import_targets_.size() >= kMaxImportTargets) import_targets_.clear();
  return import_targets_[std::move(key)] = std::move(target);
}

}  // namespace engramd::repoindex
