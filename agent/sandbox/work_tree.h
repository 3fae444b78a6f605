// agent/sandbox/work_tree.h - a private copy of the user's tree for one task, ignored files
// included.
//
// The copy is what tests run in and what candidates are written to; the user's tree is only read.
// Symbolic links stay links, devices and sockets are left out, file times are kept (so that build
// tools do not rebuild the world). Dependency folders that can be very large (node_modules, .venv)
// are not copied: the sandbox shows the user's own, read-only. One thread at a time per object.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/file.h"
#include "base/result.h"

namespace engramd::agent {

struct WorkTreeOptions {
  uint64_t max_bytes = 2ull << 30;
  size_t max_files = 400000;
};

class WorkTree {
 public:
  // Error of code exhausted when the tree is over the caps or the temporary folder is full.
  static Result<WorkTree> copy_of(const std::filesystem::path& original,
                                  const WorkTreeOptions& options = {},
                                  const CancelToken& cancel = {});

  const std::filesystem::path& original() const { return original_; }
  const std::filesystem::path& root() const { return root_; }  // of the copy
  // Folders of the original, relative, that are shown read-only in place of a copy.
  const std::vector<std::string>& read_only_folders() const { return read_only_folders_; }
  uint64_t n_bytes() const { return n_bytes_; }
  size_t n_files() const { return n_files_; }

  // In the copy; a path that leaves the tree, or goes through a symbolic link, is refused.
  Result<std::string> read(const std::string& relative) const;
  Status write(const std::string& relative, std::string_view text) const;

 private:
  WorkTree(TemporaryFolder folder, std::filesystem::path original)
      : folder_(std::move(folder)),
        root_(folder_.path() / "tree"),
        original_(std::move(original)) {}
  TemporaryFolder folder_;
  std::filesystem::path root_, original_;
  std::vector<std::string> read_only_folders_;
  uint64_t n_bytes_ = 0;
  size_t n_files_ = 0;
};

// False for absolute paths, "..", empty parts and anything below .git.
bool is_safe_relative_path(std::string_view path);

}  // namespace engramd::agent
