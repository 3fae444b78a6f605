#include "repoindex/git/work_tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "repoindex/git/attributes.h"
#include "repoindex/git/libgit.h"

namespace fs = std::filesystem;

namespace engramd::repoindex {

namespace {

bool stat_file(const std::string& path, ListedFile* out) {
  struct stat s {};
  if (lstat(path.c_str(), &s) != 0 || !S_ISREG(s.st_mode)) return false;
  out->n_bytes = static_cast<uint64_t>(s.st_size);
  out->mtime_ns = int64_t{s.st_mtim.tv_sec} * 1'000'000'000 + s.st_mtim.tv_nsec;
  out->inode = s.st_ino;
  return true;
}

FileOrigin origin_with_attributes(const std::string& path, const FileAttributes& said) {
  if (said.generated == Said::yes) return FileOrigin::generated;
  if (said.vendored == Said::yes) return FileOrigin::vendored;
  const FileOrigin by_path = origin_of_path(path);
  const bool taken_back = (by_path == FileOrigin::generated && said.generated == Said::no) ||
                          (by_path == FileOrigin::vendored && said.vendored == Said::no);
  return taken_back ? FileOrigin::source : by_path;
}

// Whether a folder can be reached without a symbolic link; remembers what it saw.
class RealFolders {
 public:
  explicit RealFolders(const fs::path& root) : root_(root) {}
  bool real(std::string_view folder) {
    if (folder.empty()) return true;
    if (folder == last_) return last_real_;  // files come sorted by folder
    auto [known, fresh] = seen_.try_emplace(std::string(folder), false);
    if (fresh) {
      const size_t slash = folder.rfind('/');
      std::error_code error;
      const bool above =
          real(slash == std::string_view::npos ? std::string_view() : folder.substr(0, slash));
      seen_[std::string(folder)] = above && !fs::is_symlink(root_ / folder, error);
      known = seen_.find(std::string(folder));
    }
    last_ = known->first;
    last_real_ = known->second;
    return last_real_;
  }

 private:
  const fs::path& root_;
  std::unordered_map<std::string, bool> seen_;
  std::string last_;
  bool last_real_ = false;
};

class WorkTreeImpl : public WorkTree {
 public:
  WorkTreeImpl(fs::path root, const std::vector<std::string>& include,
               const std::vector<std::string>& exclude, GitBackend::Wanted wanted)
      : scope_(std::move(root), include, exclude),
        root_(scope_.root().string() + "/"),
        wanted_(wanted) {}

  std::string_view backend_name() const override {
    return backend_ != nullptr ? backend_->name() : "walk";
  }

  Result<Listing> list(const CancelToken& cancel) override {
    ENGRAMD_CHECK(reopen(&notes_, cancel));
    Listing listing;
    listing.notes = notes_;
    n_repositories_ = 0;
    std::optional<Status> by_git;
    if (backend_ != nullptr) {
      by_git = list_git(&listing, cancel);
      if (!*by_git && wanted_ == GitBackend::Wanted::best && backend_->name() == "libgit2") {
        ENGRAMD_CHECK(cancel.check());
        // Opened, and yet not able to compare: the other one gets its turn.
        auto command = open_command_backend(scope_, cancel);
        if (command) {
          listing.notes.push_back("libgit2 cannot read the repository (" + by_git->error().message +
                                  "): git itself is asked");
          set_backend(std::move(*command));
          by_git = list_git(&listing, cancel);
        }
      }
    }
    ENGRAMD_CHECK(cancel.check());
    if (by_git && !*by_git) {
      listing.notes.push_back("the repository cannot be listed (" + by_git->error().message +
                              "): files are found by walking the folder");
      become_plain_folder();
    }
    listing.is_git = backend_ != nullptr;
    if (!listing.is_git) ENGRAMD_CHECK(list_folder(&listing, cancel));
    finish(&listing);
    return listing;
  }

  bool look_at(const std::string& path, ListedFile* out) override {
    if (!attributes_ && !reopen(&notes_, {})) return false;  // asked before the first list()
    if (scope_.leads_outside(path) || !scope_.wanted(path)) return false;
    *out = {};
    out->path = path;
    if (!stat_file(root_ + path, out)) return false;
    if (backend_ == nullptr || !backend_->tracks(path)) {
      if (scope_.in_nested_repository(path) || scope_.ignored(path, false)) return false;
    }
    out->origin = origin_with_attributes(path, attributes_->of(prefix_ + path));
    return true;
  }

  std::string direct_blob_id(const ListedFile& file) override {
    if (file.index_blob_id.empty()) return {};
    std::lock_guard lock(odb_mutex_);
    if (backend_ == nullptr) return {};
    // The attributes may have changed since git wrote the file: only equal sizes prove that no
    // line end was converted. A missing blob (partial clone) proves nothing.
    auto size = backend_->blob_size(file.index_blob_id);
    return size && *size == file.n_bytes ? file.index_blob_id : std::string();
  }

 private:
  Status reopen(std::vector<std::string>* notes, const CancelToken& cancel) {
    notes->clear();
    set_backend(nullptr);
    scope_.reload();
    if (scope_.place().kind == GitPlace::Kind::bare) {
      const bool inside = scope_.root().filename() == ".git";
      return fail(ErrorCode::invalid_input,
                  scope_.root().string() +
                      (inside ? " is git's own folder: name the work tree around it"
                              : " is a bare git repository and has no files: make a work tree of "
                                "it first (git worktree add)"));
    }
    if (scope_.place().kind == GitPlace::Kind::none) {
      notes->push_back("no git repository: files are found by walking the folder");
    } else {
      auto opened = GitBackend::open(scope_, wanted_, cancel);
      ENGRAMD_CHECK(cancel.check());
      *notes = std::move(opened.notes);
      set_backend(std::move(opened.backend));
      if (backend_ == nullptr) become_plain_folder();
      const std::string& prefix = scope_.place().prefix;
      if (backend_ != nullptr && !prefix.empty() &&
          scope_.ignored_from_top(prefix.substr(0, prefix.size() - 1))) {
        notes->push_back("the folder is ignored by the git repository around it: it is walked");
        become_plain_folder();
      }
    }
    prefix_ = scope_.place().prefix;
    attributes_.emplace(scope_.in_git() ? scope_.place().top : scope_.root(), scope_.place(),
                        scope_.settings());
    return {};
  }

  void set_backend(std::unique_ptr<GitBackend> next) {
    std::lock_guard lock(odb_mutex_);
    backend_ = std::move(next);
  }

  void become_plain_folder() {
    set_backend(nullptr);
    scope_.forget_repository();
    prefix_.clear();
  }

  Status list_git(Listing* listing, const CancelToken& cancel) {
    listing->files.clear();
    listing->n_unreadable = 0;
    n_repositories_ = 0;
    RealFolders folders(scope_.root());
    GitBackend::Visitor visit;
    visit.tracked = [&](std::string_view path, const IndexedStat& stat) {
      add(path, &stat, &folders, listing);
    };
    visit.untracked = [&](std::string_view path) { add(path, nullptr, &folders, listing); };
    visit.repository = [&](std::string_view) { ++n_repositories_; };
    visit.unreadable = [&](std::string_view) { ++listing->n_unreadable; };
    return backend_->list(visit, cancel);
  }

  void add(std::string_view path, const IndexedStat* stat, RealFolders* folders, Listing* listing) {
    if (listing->files.size() >= kMaxListedFiles || !scope_.wanted(path)) return;
    const size_t slash = path.rfind('/');
    if (slash != std::string_view::npos && !folders->real(path.substr(0, slash))) return;
    ListedFile file;
    file.path = std::string(path);
    if (!stat_file(root_ + file.path, &file)) return;
    const FileAttributes said = attributes_->of(prefix_ + file.path);
    file.origin = origin_with_attributes(file.path, said);
    // A filter may have written the file before its attribute went: only the bytes can tell then.
    const bool as_in_blob = !said.rewritten && !scope_.settings().has_filters;
    if (stat != nullptr && as_in_blob && stat->mtime_ns == file.mtime_ns &&
        stat->n_bytes == (file.n_bytes & 0xFFFFFFFFu) &&
        stat->inode == static_cast<uint32_t>(file.inode)) {
      file.index_blob_id = stat->blob_id;
    }
    listing->files.push_back(std::move(file));
  }

  Status list_folder(Listing* listing, const CancelToken& cancel) {
    listing->files.clear();
    Scope::Visitor visit;
    visit.file = [&](const std::string& path) {
      ListedFile file;
      file.path = path;
      if (!stat_file(root_ + path, &file)) return;
      file.origin = origin_with_attributes(path, attributes_->of(path));
      listing->files.push_back(std::move(file));
    };
    visit.unreadable = [&](const std::string&) { ++listing->n_unreadable; };
    return scope_.walk("", visit, cancel);
  }

  void finish(Listing* listing) const {
    auto& files = listing->files;
    std::sort(files.begin(), files.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    files.erase(std::unique(files.begin(), files.end(),
                            [](const auto& a, const auto& b) { return a.path == b.path; }),
                files.end());
    if (files.size() >= kMaxListedFiles) {
      listing->notes.push_back("more than " + std::to_string(kMaxListedFiles) +
                               " files: the rest is left out");
    }
    if (n_repositories_ > 0 && listing->is_git) {
      listing->notes.push_back(std::to_string(n_repositories_) +
                               (n_repositories_ == 1 ? " submodule or nested repository is"
                                                     : " submodules or nested repositories are") +
                               " left out: open it as a root of its own");
    }
  }

  Scope scope_;
  const std::string root_;  // with the slash
  const GitBackend::Wanted wanted_;
  std::string prefix_;  // of the root below the work tree: "" or "a/b/"
  std::optional<Attributes> attributes_;
  std::mutex odb_mutex_;  // guards backend_ against direct_blob_id from the index's workers
  std::unique_ptr<GitBackend> backend_;
  std::vector<std::string> notes_;
  size_t n_repositories_ = 0;
};

}  // namespace

std::unique_ptr<WorkTree> WorkTree::open(const fs::path& root,
                                         const std::vector<std::string>& include,
                                         const std::vector<std::string>& exclude,
                                         GitBackend::Wanted wanted) {
  return std::make_unique<WorkTreeImpl>(root, include, exclude, wanted);
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
