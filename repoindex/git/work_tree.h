// repoindex/git/work_tree.h - which files belong to the repository (or plain folder), and hashes.
//
// The only place with libgit2. Tracked files plus untracked ones that no rule ignores; symbolic
// links and submodules are left out. Without git, or when libgit2 cannot open the repository, the
// folder is walked with the .gitignore files in it. One thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"

namespace engramd::repoindex {

struct ListedFile {
  std::string path;  // relative to the root, '/' separated
  uint64_t n_bytes = 0;
  int64_t mtime_ns = 0;
  uint64_t inode = 0;
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
                                        const std::vector<std::string>& exclude);
  virtual ~WorkTree() = default;
  virtual Result<Listing> list(const CancelToken& cancel) = 0;
  // Looks at one path again. Nothing when it is gone, ignored, no regular file, or leads outside.
  virtual bool look_at(const std::string& path, ListedFile* out) = 0;
};

// The id git gives these bytes as a blob: 40 hex digits.
std::string git_blob_id(std::string_view bytes);

}  // namespace engramd::repoindex
