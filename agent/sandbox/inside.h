// agent/sandbox/inside.h - files below a folder that untrusted programs write to.
//
// Every step of a path is opened without following links, so a link that was planted, also one that
// is swapped in between two of our calls, leads nowhere. Any thread.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/sandbox/overlay.h"
#include "base/result.h"

namespace engramd::agent {

// False for absolute paths, "..", empty parts and anything below .git.
bool is_safe_relative_path(std::string_view path);

// lstat; nothing when it is not there or a link is on the way.
std::optional<struct stat> stat_inside(int folder_fd, const std::string& relative);
// Of a regular file; not_found when it is not there.
Result<std::string> read_inside(int folder_fd, const std::string& relative, uint64_t max_bytes);
// By a temporary name and a rename; folders on the way are made. A file that is there keeps its
// mode.
Status write_inside(int folder_fd, const std::string& relative, std::string_view text);
// A file or a link; not_found when it is not there.
Status remove_inside(int folder_fd, const std::string& relative);
// An open folder of the tree; empty relative: the tree itself.
Result<OwnedFd> open_folder_inside(int folder_fd, const std::string& relative);

struct DiskUse {
  uint64_t n_bytes = 0;  // as allocated
  size_t n_entries = 0;
  bool complete = true;  // false: stopped at max_entries
};
DiskUse disk_use(int folder_fd, size_t max_entries);

}  // namespace engramd::agent
