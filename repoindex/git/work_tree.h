// repoindex/git/work_tree.h - which files belong to the repository (or plain folder), and hashes.
//
// Tracked files plus untracked ones that no rule ignores; symbolic links, submodules and nested
// repositories are left out (they are roots of their own). Without git, or when neither libgit2
// nor git can open the repository, the folder is walked with the .gitignore files in it, and a
// note says so. One thread at a time, but for direct_blob_id.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "repoindex/file_source.h"
#include "repoindex/git/backend.h"
#include "repoindex/origin.h"

namespace engramd::repoindex {

struct ListedFile {
  std::string path;  // relative to the root, '/' separated
  uint64_t n_bytes = 0;
  int64_t mtime_ns = 0;
  uint64_t inode = 0;
  FileOrigin origin = FileOrigin::source;  // by path and attributes; see origin_of()
  // The blob that git's index says these bytes are; not to be used but through direct_blob_id.
  std::string index_blob_id;
};

struct Listing {
  std::vector<ListedFile> files;  // regular files, sorted by path
  std::vector<std::string> notes;
  size_t n_unreadable = 0;  // folders or files that could not be looked at
  bool is_git = false;
};

class WorkTree {
 public:
  // include (when not empty: only these) and exclude are gitignore-style patterns. A file
  // .engramdignore in the root adds to exclude.
  static std::unique_ptr<WorkTree> open(const std::filesystem::path& root,
                                        const std::vector<std::string>& include,
                                        const std::vector<std::string>& exclude,
                                        GitBackend::Wanted wanted = GitBackend::Wanted::best);
  virtual ~WorkTree() = default;
  // An error of code invalid_input for a bare repository, which has commits (git/commit_tree.h) and
  // no files.
  virtual Result<Listing> list(const CancelToken& cancel) = 0;
  // Looks at one path again. Nothing when it is gone, ignored, no regular file, or leads outside.
  virtual bool look_at(const std::string& path, ListedFile* out) = 0;
  // The hash of the file's bytes without reading them; empty when only reading can tell. Serves
  // when the index entry matches the file's stat, no attribute rewrites the bytes, and blob and
  // file have the same size (a converted line end would show there). Any thread.
  virtual std::string direct_blob_id(const ListedFile& file) = 0;
  // Where the bytes of the listed files are when it is not the folder; null before list(). The
  // source may outlive the tree.
  virtual std::shared_ptr<const FileSource> source() const { return nullptr; }
  // libgit2, git, walk or commit: what the last list() used.
  virtual std::string_view backend_name() const = 0;
};

// The id git gives these bytes as a blob: 40 hex digits.
std::string git_blob_id(std::string_view bytes);

}  // namespace engramd::repoindex
