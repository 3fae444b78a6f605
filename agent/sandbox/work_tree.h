// agent/sandbox/work_tree.h - a private view of the user's tree for one task: uncommitted,
// untracked and ignored files included, and nothing written to it reaches the user's own.
//
// open() makes an overlay (overlay.h): it takes the same few milliseconds for any size, and
// commands see the tree at the user's own path. Where the kernel does not let us, or the tree has
// mounts in it, it is copied: symbolic links stay links, devices and sockets are left out, file
// times are kept (so that build tools do not rebuild the world), and very large dependency folders
// (node_modules, .venv) are not copied but shown read-only. notes() says so.
//
// read, write, remove and changes may be called while commands run in the tree, from one thread at
// a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/edit/unified_diff.h"
#include "agent/sandbox/inside.h"
#include "agent/sandbox/overlay.h"
#include "base/cancel.h"
#include "base/file.h"
#include "base/result.h"

namespace engramd::agent {

struct WorkTreeOptions {
  // Of a copy.
  uint64_t max_bytes = 2ull << 30;
  size_t max_files = 400000;
  // Of what a task may write where the upper layer has to lie in memory.
  uint64_t max_memory_bytes = 1ull << 30;
};

// One file that differs from the user's tree.
struct TreeChange : FileChange {
  // The user has written the file since the tree was opened: `before` is the newer text, and
  // `after` may have been made from an older one.
  bool base_changed = false;
};

struct TreeChanges {
  std::vector<TreeChange> files;      // sorted by path
  std::vector<std::string> left_out;  // "path: why": binary, too large, a link, only its mode
  bool complete = true;               // false: a limit was reached
};

struct ChangeLimits {
  size_t max_entries = 200000;  // looked at
  size_t max_files = 2000;      // reported, and again left out
  uint64_t max_file_bytes = 4u << 20;
  uint64_t max_bytes = 64u << 20;  // of all texts
  // Folders and files to pass over, besides .git, dependencies and caches: what git ignores, say.
  std::function<bool(const std::string& path, bool is_folder)> skip;
};

class WorkTree {
 public:
  // An overlay, else a copy. Refused: a folder that holds the user's home.
  static Result<WorkTree> open(const std::filesystem::path& original,
                               const WorkTreeOptions& options = {}, const CancelToken& cancel = {});
  // Always a copy. Error of code exhausted when the tree is over the caps or the temporary folder
  // is full.
  static Result<WorkTree> copy_of(const std::filesystem::path& original,
                                  const WorkTreeOptions& options = {},
                                  const CancelToken& cancel = {});

  const std::filesystem::path& original() const { return original_; }
  // A path by which this process can look at the tree as it is now. Of an overlay it has no other
  // name outside of a sandbox, and its canonical form is the user's own folder: never write by it,
  // and give an index original() and the changed texts. What runs in the tree may plant links:
  // read() does not follow them.
  const std::filesystem::path& root() const { return root_; }
  bool is_overlay() const { return overlay_.has_value(); }
  const Overlay* overlay() const { return overlay_ ? &*overlay_ : nullptr; }
  // Folders of the original, relative, that are shown read-only in place of a copy.
  const std::vector<std::string>& read_only_folders() const { return read_only_folders_; }
  const std::vector<std::string>& notes() const { return notes_; }  // stated fallbacks
  uint64_t n_bytes() const { return n_bytes_; }                     // copied
  size_t n_files() const { return n_files_; }

  // A path that leaves the tree, names .git, or goes through a symbolic link, is refused.
  Result<std::string> read(const std::string& relative) const;
  Status write(const std::string& relative, std::string_view text) const;
  Status remove(const std::string& relative) const;

  // What differs from the user's tree now, whoever wrote it: edits and commands alike.
  TreeChanges changes(const ChangeLimits& limits = {}) const;
  // What the task has put on the disk (or, of a copy, what the copy takes), bounded.
  DiskUse disk_use(size_t max_entries = 1000000) const;

 private:
  WorkTree(TemporaryFolder folder, std::filesystem::path original);
  static Result<WorkTree> begin(const std::filesystem::path& given);
  int fd() const { return overlay_ ? overlay_->merged_fd() : root_fd_.get(); }

  struct CopiedFile {
    int64_t mtime_ns = 0;
    uint64_t n_bytes = 0;
  };
  TemporaryFolder folder_;
  std::optional<FileLock> lock_;  // says that the folder is in use
  std::filesystem::path root_, original_;
  std::optional<Overlay> overlay_;
  OwnedFd root_fd_, original_fd_;             // of a copy
  std::map<std::string, CopiedFile> copied_;  // as they were after copying
  int64_t opened_ns_ = 0;
  std::vector<std::string> read_only_folders_, notes_;
  uint64_t n_bytes_ = 0;
  size_t n_files_ = 0;
};

}  // namespace engramd::agent
