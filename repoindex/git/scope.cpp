#include "repoindex/git/scope.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/file.h"

namespace fs = std::filesystem;

namespace engramd::repoindex {

namespace {
constexpr uint64_t kMaxRuleBytes = 1u << 20;

std::string joined(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + "/" + name;
}
}  // namespace

Scope::Scope(fs::path root, const std::vector<std::string>& include,
             const std::vector<std::string>& exclude)
    : root_(std::move(root)) {
  for (const std::string& p : include) include_.add_pattern(p, "");
  for (const std::string& p : exclude) exclude_.add_pattern(p, "");
  reload();
}

void Scope::reload() {
  scoped_ = exclude_;
  if (auto text = read_file(root_ / ".engramdignore", kMaxRuleBytes)) scoped_.add(*text, "");
  place_ = find_git_place(root_);
  settings_ = read_git_settings(place_);
}

void Scope::forget_repository() {
  place_ = {};
}

bool Scope::wanted(std::string_view path) const {
  if (!scoped_.empty() && scoped_.ignored_with_parents(path)) return false;
  return include_.empty() || include_.ignored_with_parents(path);
}

bool Scope::folder_wanted(std::string_view folder) const {
  return folder.empty() || scoped_.empty() || !scoped_.ignored_with_parents(folder, true);
}

void Scope::add_rules_of(const std::string& folder_below_top, IgnoreRules* rules) const {
  const fs::path top = in_git() ? place_.top : root_;
  const fs::path path = top / folder_below_top / ".gitignore";
  std::error_code error;
  if (!fs::is_regular_file(fs::symlink_status(path, error))) return;  // git follows no link here
  if (auto text = read_file(path, kMaxRuleBytes)) rules->add(*text, folder_below_top);
}

// The user's rules, the repository's and those of every folder above this one.
void Scope::add_rules_above(const std::string& folder_below_top, IgnoreRules* rules) const {
  if (in_git()) {
    if (auto text = read_file(settings_.excludes_file, kMaxRuleBytes)) rules->add(*text, "");
    if (auto text = read_file(place_.common_folder / "info/exclude", kMaxRuleBytes))
      rules->add(*text, "");
  }
  if (folder_below_top.empty()) return;
  add_rules_of("", rules);
  for (size_t slash = folder_below_top.find('/'); slash != std::string::npos;
       slash = folder_below_top.find('/', slash + 1)) {
    add_rules_of(folder_below_top.substr(0, slash), rules);
  }
}

std::string Scope::below_top(const std::string& folder) const {
  if (!in_git()) return folder;
  std::string full = place_.prefix + folder;
  if (!full.empty() && full.back() == '/') full.pop_back();
  return full;
}

bool Scope::ignored(const std::string& path, bool is_folder) const {
  return ignored_below_top(below_top(path), is_folder);
}

bool Scope::ignored_from_top(const std::string& folder) const {
  return ignored_below_top(folder, true);
}

bool Scope::ignored_below_top(const std::string& path, bool is_folder) const {
  IgnoreRules rules;
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash);
  add_rules_above(folder, &rules);
  add_rules_of(folder, &rules);
  // A rule of a deep folder cannot speak of the folders above it: one list serves all levels.
  return rules.ignored_with_parents(path, is_folder);
}

bool Scope::never_entered(const std::string& name) const {
  if (name == ".git") return true;
  // Without git's rules: what no editor wants indexed, and what a .gitignore would nearly always
  // name.
  return !in_git() &&
         (name == ".hg" || name == ".svn" || name == "node_modules" || name == "__pycache__");
}

bool Scope::leads_outside(const std::string& path) const {
  if (path.empty() || path[0] == '/' || path.find('\0') != std::string::npos) return true;
  for (const fs::path& part : fs::path(path)) {
    if (part == ".." || part == "." || part == ".git") return true;
  }
  fs::path folder = root_;
  for (const fs::path& part : fs::path(path).parent_path()) {
    if (never_entered(part.string())) return true;
    folder /= part;
    std::error_code error;
    if (fs::is_symlink(folder, error)) return true;
  }
  return false;
}

bool Scope::in_nested_repository(const std::string& path) const {
  if (!in_git()) return false;
  for (size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    if (is_nested_repository(root_ / path.substr(0, slash))) return true;
  }
  return false;
}

namespace {

struct FolderEntry {
  std::string name;
  bool is_folder = false;
};

// All of a folder at once, without links and without "." and ".."; false when it cannot be read.
bool read_folder(const std::string& path, std::vector<FolderEntry>* out) {
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) return false;
  bool whole = true;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(folder);
    if (entry == nullptr) {
      whole = errno == 0;
      break;
    }
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    unsigned char type = entry->d_type;
    if (type == DT_UNKNOWN) {  // some file systems do not say
      struct stat s {};
      if (::fstatat(::dirfd(folder), entry->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0) continue;
      type = S_ISDIR(s.st_mode) ? DT_DIR : S_ISLNK(s.st_mode) ? DT_LNK : DT_REG;
    }
    if (type != DT_LNK) out->push_back({std::string(name), type == DT_DIR});
  }
  ::closedir(folder);
  return whole;
}

}  // namespace

Status Scope::walk(const std::string& start, const Visitor& visit,
                   const CancelToken& cancel) const {
  struct Open {
    std::string path;
    std::vector<FolderEntry> entries;
    size_t next = 0;
    size_t n_rules = 0;
  };
  const std::string prefix = in_git() ? place_.prefix : std::string();
  const std::string root = root_.string();
  IgnoreRules rules;
  add_rules_above(below_top(start), &rules);
  std::vector<Open> stack;
  size_t n_files = 0;
  const auto enter = [&](const std::string& folder) {
    // Before the visitor is asked, who may begin to watch it.
    const bool inner = in_git() && !folder.empty();
    if (inner && visit.folder && is_nested_repository(root_ / folder)) {
      if (visit.repository) visit.repository(folder);
      return;
    }
    if (visit.folder && !visit.folder(folder)) return;
    Open open{folder, {}, 0, rules.size()};
    if (!read_folder(folder.empty() ? root : root + "/" + folder, &open.entries) &&
        visit.unreadable) {
      visit.unreadable(folder);
    }
    bool has_rules = false, has_git = false;
    for (const FolderEntry& entry : open.entries) {
      has_rules |= entry.name == ".gitignore";
      has_git |= entry.name == ".git";
    }
    if (inner && has_git) {
      if (visit.repository) visit.repository(folder);
      return;
    }
    if (has_rules) add_rules_of(below_top(folder), &rules);
    stack.push_back(std::move(open));
  };
  enter(start);
  while (!stack.empty()) {
    Open& top = stack.back();
    if (top.next == 0) ENGRAMD_CHECK(cancel.check());
    if (top.next == top.entries.size() || n_files >= kMaxListedFiles) {
      rules.truncate(top.n_rules);
      stack.pop_back();
      continue;
    }
    const FolderEntry& entry = top.entries[top.next++];
    if (entry.name == ".git") continue;
    const std::string path = joined(top.path, entry.name);
    if (entry.is_folder) {
      if (never_entered(entry.name) || stack.size() > kMaxFolderDepth) continue;
      if (rules.ignored(prefix.empty() ? path : prefix + path, true) || !folder_wanted(path))
        continue;
      enter(path);
      continue;
    }
    if (visit.known && visit.known(path)) continue;
    if (rules.ignored(prefix.empty() ? path : prefix + path, false) || !wanted(path)) continue;
    ++n_files;
    if (visit.file) visit.file(path);
  }
  return {};
}

}  // namespace engramd::repoindex
