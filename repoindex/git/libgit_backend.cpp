#include <sys/stat.h>

#include <unordered_set>

#include "base/hash.h"
#include "repoindex/git/backend.h"
#include "repoindex/git/libgit.h"

namespace fs = std::filesystem;

namespace engramd::repoindex {

namespace {

using ObjectPtr = GitPtr<git_object, git_object_free>;
using TreePtr = GitPtr<git_tree, git_tree_free>;
using DiffPtr = GitPtr<git_diff, git_diff_free>;
using OdbPtr = GitPtr<git_odb, git_odb_free>;
using ReferencePtr = GitPtr<git_reference, git_reference_free>;

std::string hex_of(const git_oid& id) {
  char hex[GIT_OID_HEXSZ + 1];
  git_oid_tostr(hex, sizeof(hex), &id);
  return hex;
}

class LibGitBackend : public GitBackend {
 public:
  LibGitBackend(RepositoryPtr repository, IndexPtr index, const Scope& scope)
      : repository_(std::move(repository)),
        index_(std::move(index)),
        scope_(scope),
        prefix_(scope.place().prefix) {}

  std::string_view name() const override { return "libgit2"; }

  Status list(const Visitor& visit, const CancelToken& cancel) override {
    if (git_index_read(index_.get(), 0) != 0)
      return fail(ErrorCode::unsupported, "the index: " + last_git_error());
    ENGRAMD_CHECK(list_tracked(visit, cancel));
    return list_untracked(visit, cancel);
  }

  bool tracks(const std::string& path) override {
    git_index_read(index_.get(), 0);  // only when the file changed
    return git_index_get_bypath(index_.get(), (prefix_ + path).c_str(), 0) != nullptr;
  }

  Result<GitHead> head() override {
    GitHead head;
    git_reference* raw = nullptr;
    if (git_reference_lookup(&raw, repository_.get(), "HEAD") != 0)
      return fail(ErrorCode::corrupt, "no HEAD: " + last_git_error());
    ReferencePtr reference(raw);
    if (git_reference_type(raw) == GIT_REFERENCE_SYMBOLIC) {
      const std::string target = git_reference_symbolic_target(raw);
      constexpr std::string_view kHeads = "refs/heads/";
      head.branch =
          target.compare(0, kHeads.size(), kHeads) == 0 ? target.substr(kHeads.size()) : target;
    }
    git_oid id;
    if (git_reference_name_to_id(&id, repository_.get(), "HEAD") == 0) head.commit = hex_of(id);
    return head;
  }

  Result<std::vector<ChangedFile>> changed_files(const std::string& from, const std::string& to,
                                                 size_t max_files,
                                                 const CancelToken& cancel) override {
    ENGRAMD_TRY(TreePtr old_tree, tree_of(from));
    ENGRAMD_TRY(TreePtr new_tree, tree_of(to));
    ENGRAMD_CHECK(cancel.check());
    git_diff_options options = GIT_DIFF_OPTIONS_INIT;
    options.flags = GIT_DIFF_INCLUDE_TYPECHANGE | GIT_DIFF_SKIP_BINARY_CHECK;
    git_diff* raw = nullptr;
    if (git_diff_tree_to_tree(&raw, repository_.get(), old_tree.get(), new_tree.get(), &options) !=
        0)
      return fail(ErrorCode::corrupt,
                  "cannot compare " + from + " and " + to + ": " + last_git_error());
    DiffPtr diff(raw);
    std::vector<ChangedFile> out;
    const size_t n = std::min(git_diff_num_deltas(raw), max_files);
    for (size_t i = 0; i < n; ++i) {
      const git_diff_delta* delta = git_diff_get_delta(raw, i);
      const char* path =
          delta->new_file.path != nullptr ? delta->new_file.path : delta->old_file.path;
      out.push_back({git_diff_status_char(delta->status), path});
    }
    return out;
  }

  Result<uint64_t> blob_size(const std::string& blob_id) override {
    git_oid id;
    if (git_oid_fromstr(&id, blob_id.c_str()) != 0)
      return fail(ErrorCode::invalid_input, "expected a blob id, found '" + blob_id + "'");
    if (odb_ == nullptr) {
      git_odb* raw = nullptr;
      if (git_repository_odb(&raw, repository_.get()) != 0)
        return fail(ErrorCode::corrupt, "no object database: " + last_git_error());
      odb_.reset(raw);
    }
    size_t n_bytes = 0;
    git_object_t type = GIT_OBJECT_ANY;
    if (git_odb_read_header(&n_bytes, &type, odb_.get(), &id) != 0 || type != GIT_OBJECT_BLOB)
      return fail(ErrorCode::not_found, "no blob " + blob_id);
    return n_bytes;
  }

 private:
  Status list_tracked(const Visitor& visit, const CancelToken& cancel) {
    // An entry as young as the index may have changed after it was compared ("racily clean").
    int64_t index_mtime_ns = 0;
    struct stat s {};
    if (const char* path = git_index_path(index_.get()); path != nullptr && ::stat(path, &s) == 0)
      index_mtime_ns = int64_t{s.st_mtim.tv_sec} * 1'000'000'000 + s.st_mtim.tv_nsec;
    const size_t n = git_index_entrycount(index_.get());
    for (size_t i = 0; i < n; ++i) {
      if ((i & 1023) == 0) ENGRAMD_CHECK(cancel.check());
      const git_index_entry* entry = git_index_get_byindex(index_.get(), i);
      std::string_view path = entry->path;
      if (path.substr(0, prefix_.size()) != prefix_) continue;
      path.remove_prefix(prefix_.size());
      if (entry->mode == GIT_FILEMODE_COMMIT && visit.repository) visit.repository(path);
      if ((entry->mode & 0170000) != 0100000) continue;
      IndexedStat stat;
      stat.n_bytes = entry->file_size;
      stat.mtime_ns = int64_t{entry->mtime.seconds} * 1'000'000'000 + entry->mtime.nanoseconds;
      stat.inode = entry->ino;
      const bool vouches = git_index_entry_stage(entry) == 0 &&
                           (entry->flags & GIT_INDEX_ENTRY_VALID) == 0 &&
                           stat.mtime_ns < index_mtime_ns;
      if (vouches) stat.blob_id = hex_of(entry->id);
      visit.tracked(path, stat);
    }
    return {};
  }

  Status list_untracked(const Visitor& visit, const CancelToken& cancel) {
    std::unordered_set<std::string_view> tracked;
    const size_t n = git_index_entrycount(index_.get());
    tracked.reserve(n);
    for (size_t i = 0; i < n; ++i) tracked.emplace(git_index_get_byindex(index_.get(), i)->path);
    std::string full = scope_.place().prefix;
    const size_t n_prefix = full.size();
    Scope::Visitor each;
    each.known = [&](const std::string& path) {
      full.replace(n_prefix, std::string::npos, path);
      return tracked.count(full) != 0;
    };
    each.file = [&](const std::string& path) { visit.untracked(path); };
    each.unreadable = [&](const std::string& folder) {
      if (visit.unreadable) visit.unreadable(folder);
    };
    each.repository = [&](const std::string& folder) {
      full.replace(n_prefix, std::string::npos, folder);
      if (visit.repository && tracked.count(full) == 0) visit.repository(folder);
    };
    return scope_.walk("", each, cancel);
  }

  Result<TreePtr> tree_of(const std::string& revision) {
    git_object* raw = nullptr;
    if (git_revparse_single(&raw, repository_.get(), revision.c_str()) != 0)
      return fail(ErrorCode::not_found, "no revision " + revision + ": " + last_git_error());
    ObjectPtr object(raw);
    git_object* tree = nullptr;
    if (git_object_peel(&tree, raw, GIT_OBJECT_TREE) != 0)
      return fail(ErrorCode::not_found, revision + " has no tree: " + last_git_error());
    return TreePtr(reinterpret_cast<git_tree*>(tree));
  }

  LibGit libgit_;  // first in, last out
  RepositoryPtr repository_;
  IndexPtr index_;
  OdbPtr odb_;
  const Scope& scope_;
  const std::string prefix_;
};

}  // namespace

Result<uint64_t> tracked_paths_digest(const GitPlace& place) {
  LibGit libgit;
  git_index* raw = nullptr;
  if (git_index_open(&raw, (place.git_folder / "index").c_str()) != 0)
    return fail(ErrorCode::unsupported, last_git_error());
  IndexPtr index(raw);
  uint64_t digest = 0;
  const size_t n = git_index_entrycount(raw);
  for (size_t i = 0; i < n; ++i) digest = hash64(git_index_get_byindex(raw, i)->path, digest);
  return digest;
}

Result<std::unique_ptr<GitBackend>> open_libgit_backend(const Scope& scope) {
  LibGit libgit;
  git_repository* raw = nullptr;
  const fs::path& top = scope.place().top;
  if (git_repository_open_ext(&raw, top.c_str(), GIT_REPOSITORY_OPEN_NO_SEARCH, nullptr) != 0)
    return fail(ErrorCode::unsupported, last_git_error());
  RepositoryPtr repository(raw);
  const char* work_tree = git_repository_workdir(raw);
  std::error_code error;
  if (work_tree == nullptr || !fs::equivalent(work_tree, top, error))
    return fail(ErrorCode::unsupported, "core.worktree names another folder");
  git_index* raw_index = nullptr;
  if (git_repository_index(&raw_index, raw) != 0)
    return fail(ErrorCode::unsupported, last_git_error());
  IndexPtr index(raw_index);
  if (git_index_read(raw_index, 1) != 0) return fail(ErrorCode::unsupported, last_git_error());
  // Files that a sparse checkout leaves out would be reported as deleted.
  for (size_t i = 0; i < git_index_entrycount(raw_index); ++i) {
    if ((git_index_get_byindex(raw_index, i)->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) != 0)
      return fail(ErrorCode::unsupported, "a sparse checkout");
  }
  return std::make_unique<LibGitBackend>(std::move(repository), std::move(index), scope);
}

}  // namespace engramd::repoindex
