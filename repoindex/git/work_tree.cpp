#include "repoindex/git/work_tree.h"

#include <git2.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/file.h"
#include "repoindex/git/ignore.h"

namespace fs = std::filesystem;

namespace engramd::repoindex {

namespace {

constexpr size_t kMaxFiles = 2'000'000;
constexpr size_t kMaxDepth = 200;

// libgit2 counts its users itself; each object that needs it holds one of these.
struct LibGit {
  LibGit() { git_libgit2_init(); }
  ~LibGit() { git_libgit2_shutdown(); }
  LibGit(const LibGit&) = delete;
};

struct RepositoryDeleter {
  void operator()(git_repository* r) const { git_repository_free(r); }
};
using RepositoryPtr = std::unique_ptr<git_repository, RepositoryDeleter>;

std::string last_git_error() {
  const git_error* error = git_error_last();
  return error != nullptr && error->message != nullptr ? error->message : "unknown error";
}

bool stat_file(const fs::path& path, ListedFile* out) {
  struct stat s {};
  if (lstat(path.c_str(), &s) != 0 || !S_ISREG(s.st_mode)) return false;
  out->n_bytes = static_cast<uint64_t>(s.st_size);
  out->mtime_ns = int64_t{s.st_mtim.tv_sec} * 1'000'000'000 + s.st_mtim.tv_nsec;
  out->inode = s.st_ino;
  return true;
}

bool is_plain_relative(const std::string& path) {
  if (path.empty() || path[0] == '/') return false;
  for (const fs::path& part : fs::path(path)) {
    if (part == ".." || part == ".") return false;
  }
  return true;
}

class WorkTreeImpl : public WorkTree {
 public:
  WorkTreeImpl(fs::path root, const std::vector<std::string>& include,
               const std::vector<std::string>& exclude)
      : root_(std::move(root)) {
    for (const std::string& p : include) include_.add_pattern(p, "");
    for (const std::string& p : exclude) exclude_.add_pattern(p, "");
  }

  Result<Listing> list(const CancelToken& cancel) override {
    Listing listing;
    scoped_ = exclude_;
    if (auto text = read_file(root_ / ".engramdignore", 1u << 20)) scoped_.add(*text, "");
    bool done = false;
    open_repository(&listing.notes);
    if (repository_ != nullptr) {
      ENGRAMD_TRY(done, list_git(&listing, cancel));
    }
    if (!done) {
      repository_.reset();
      listing.files.clear();
      ENGRAMD_CHECK(list_folder(&listing, cancel));
    }
    listing.is_git = done;
    std::sort(listing.files.begin(), listing.files.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    listing.files.erase(std::unique(listing.files.begin(), listing.files.end(),
                                    [](const auto& a, const auto& b) { return a.path == b.path; }),
                        listing.files.end());
    if (listing.files.size() >= kMaxFiles) {
      listing.notes.push_back("more than " + std::to_string(kMaxFiles) +
                              " files: the rest is left out");
    }
    return listing;
  }

  bool look_at(const std::string& path, ListedFile* out) override {
    if (!is_plain_relative(path) || !wanted(path)) return false;
    // A folder on the way that is a link may lead out of the root.
    fs::path folder = root_;
    for (const fs::path& part : fs::path(path).parent_path()) {
      folder /= part;
      std::error_code error;
      if (fs::is_symlink(folder, error) || part == ".git") return false;
    }
    out->path = path;
    if (!stat_file(root_ / path, out)) return false;
    if (repository_ != nullptr) {
      if (is_tracked(prefix_ + path)) return true;
      int ignored = 0;
      return git_ignore_path_is_ignored(&ignored, repository_.get(), (prefix_ + path).c_str()) == 0
                 ? ignored == 0
                 : true;
    }
    IgnoreRules rules;
    std::string base;
    read_ignore_file(base, &rules);
    for (size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      if (rules.ignored(path.substr(0, slash), true)) return false;
      read_ignore_file(path.substr(0, slash), &rules);
    }
    return !rules.ignored(path, false);
  }

 private:
  bool wanted(std::string_view path) const {
    if (!scoped_.empty() && scoped_.ignored_with_parents(path)) return false;
    return include_.empty() || include_.ignored_with_parents(path);
  }

  void open_repository(std::vector<std::string>* notes) {
    repository_.reset();
    git_repository* raw = nullptr;
    int code = git_repository_open_ext(&raw, root_.c_str(), 0, nullptr);
    if (code == GIT_ENOTFOUND) {
      notes->push_back("no git repository: files are found by walking the folder");
      return;
    }
    if (code != 0) {
      notes->push_back("libgit2 cannot open the repository (" + last_git_error() +
                       "): files are found by walking the folder");
      return;
    }
    RepositoryPtr repository(raw);
    const char* work_tree = git_repository_workdir(raw);
    if (work_tree == nullptr) {
      notes->push_back("a bare repository has no files: the folder itself is walked");
      return;
    }
    std::error_code error;
    fs::path top = fs::weakly_canonical(work_tree, error);
    fs::path here = fs::weakly_canonical(root_, error);
    fs::path below = here.lexically_relative(top);
    prefix_ = below.empty() || below == "." ? "" : below.generic_string() + "/";
    if (prefix_.substr(0, 2) == "..") return;
    if (!prefix_.empty()) {
      int ignored = 0;
      if (git_ignore_path_is_ignored(&ignored, raw, prefix_.c_str()) == 0 && ignored != 0) {
        notes->push_back("the folder is ignored by the git repository around it: it is walked");
        return;
      }
    }
    repository_ = std::move(repository);
  }

  // False when libgit2 fails on this repository (a split or sparse index, say).
  Result<bool> list_git(Listing* listing, const CancelToken& cancel) {
    git_index* index = nullptr;
    if (git_repository_index(&index, repository_.get()) != 0 || git_index_read(index, 1) != 0) {
      listing->notes.push_back("libgit2 cannot read the index (" + last_git_error() +
                               "): files are found by walking the folder");
      if (index != nullptr) git_index_free(index);
      return false;
    }
    std::unique_ptr<git_index, void (*)(git_index*)> index_owner(index, git_index_free);
    size_t n = git_index_entrycount(index);
    for (size_t i = 0; i < n && listing->files.size() < kMaxFiles; ++i) {
      if ((i & 1023) == 0) ENGRAMD_CHECK(cancel.check());
      const git_index_entry* entry = git_index_get_byindex(index, i);
      if ((entry->mode & 0170000) != 0100000) continue;  // links and submodules
      add(entry->path, listing);
    }
    git_status_options options = GIT_STATUS_OPTIONS_INIT;
    options.show = GIT_STATUS_SHOW_WORKDIR_ONLY;
    options.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_RECURSE_UNTRACKED_DIRS |
                    GIT_STATUS_OPT_EXCLUDE_SUBMODULES | GIT_STATUS_OPT_DISABLE_PATHSPEC_MATCH;
    char* pathspec = prefix_.data();
    if (!prefix_.empty()) {
      options.pathspec.strings = &pathspec;
      options.pathspec.count = 1;
    }
    struct Payload {
      WorkTreeImpl* self;
      Listing* listing;
      const CancelToken* cancel;
    } payload{this, listing, &cancel};
    auto visit = [](const char* path, unsigned status, void* opaque) -> int {
      auto* p = static_cast<Payload*>(opaque);
      if (p->cancel->cancelled() || p->listing->files.size() >= kMaxFiles) return GIT_EUSER;
      if ((status & GIT_STATUS_WT_NEW) != 0) p->self->add(path, p->listing);
      if ((status & GIT_STATUS_WT_UNREADABLE) != 0) ++p->listing->n_unreadable;
      return 0;
    };
    int code = git_status_foreach_ext(repository_.get(), &options, visit, &payload);
    ENGRAMD_CHECK(cancel.check());
    if (code != 0 && code != GIT_EUSER) {
      listing->notes.push_back("libgit2 cannot compare the work tree (" + last_git_error() +
                               "): files are found by walking the folder");
      return false;
    }
    return true;
  }

  void add(std::string_view git_path, Listing* listing) {
    if (git_path.substr(0, prefix_.size()) != prefix_) return;
    std::string_view path = git_path.substr(prefix_.size());
    if (path.empty() || path.back() == '/' || !wanted(path)) return;  // "x/": a repository inside
    ListedFile file;
    file.path = std::string(path);
    if (stat_file(root_ / file.path, &file)) listing->files.push_back(std::move(file));
  }

  void read_ignore_file(const std::string& folder, IgnoreRules* rules) const {
    fs::path path = root_ / folder / ".gitignore";
    std::error_code error;
    if (!fs::is_regular_file(path, error)) return;
    if (auto text = read_file(path, 1u << 20)) rules->add(*text, folder);
  }

  Status list_folder(Listing* listing, const CancelToken& cancel) {
    struct Open {
      fs::directory_iterator it;
      std::string path;
      size_t n_rules;
    };
    IgnoreRules rules;
    std::vector<Open> stack;
    auto enter = [&](const std::string& folder) {
      size_t n_rules = rules.size();
      std::error_code error;
      fs::directory_iterator it(folder.empty() ? root_ : root_ / folder, error);
      if (error) {
        ++listing->n_unreadable;
        return;
      }
      read_ignore_file(folder, &rules);
      stack.push_back({std::move(it), folder, n_rules});
    };
    enter("");
    while (!stack.empty()) {
      ENGRAMD_CHECK(cancel.check());
      Open& top = stack.back();
      if (top.it == fs::directory_iterator() || listing->files.size() >= kMaxFiles) {
        rules.truncate(top.n_rules);
        stack.pop_back();
        continue;
      }
      fs::directory_entry entry = *top.it;
      std::error_code error;
      top.it.increment(error);
      if (error) ++listing->n_unreadable;
      std::string name = entry.path().filename().string();
      std::string path = top.path.empty() ? name : top.path + "/" + name;
      if (entry.is_symlink(error)) continue;
      if (entry.is_directory(error)) {
        // What no editor wants indexed, and what a .gitignore would nearly always name.
        if (name == ".git" || name == ".hg" || name == ".svn" || name == "node_modules" ||
            name == "__pycache__" || stack.size() > kMaxDepth) {
          continue;
        }
        if (!rules.ignored(path, true) && !(scoped_.ignored(path, true))) enter(path);
        continue;
      }
      if (rules.ignored(path, false) || !wanted(path)) continue;
      ListedFile file;
      file.path = path;
      if (stat_file(entry.path(), &file)) listing->files.push_back(std::move(file));
    }
    return {};
  }

  bool is_tracked(const std::string& path) {
    git_index* index = nullptr;
    if (git_repository_index(&index, repository_.get()) != 0) return false;
    bool tracked = git_index_get_bypath(index, path.c_str(), 0) != nullptr;
    git_index_free(index);
    return tracked;
  }

  LibGit libgit_;
  fs::path root_;
  std::string prefix_;  // of the root below the work tree: "" or "a/b/"
  RepositoryPtr repository_;
  IgnoreRules include_, exclude_, scoped_;
};

}  // namespace

std::unique_ptr<WorkTree> WorkTree::open(const fs::path& root,
                                         const std::vector<std::string>& include,
                                         const std::vector<std::string>& exclude) {
  return std::make_unique<WorkTreeImpl>(root, include, exclude);
}

std::string git_blob_id(std::string_view bytes) {
  LibGit libgit;
  git_oid id;
  if (git_odb_hash(&id, bytes.data(), bytes.size(), GIT_OBJECT_BLOB) != 0) return {};
  char hex[GIT_OID_HEXSZ + 1];
  git_oid_tostr(hex, sizeof(hex), &id);
  return hex;
}

}  // namespace engramd::repoindex
