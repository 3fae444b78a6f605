// agent/edit/unified_diff.h - patches as text: written so that `git apply` takes them, read
// strictly.
//
// Pure functions: any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace engramd::agent {

struct FileChange {
  std::string path;                   // relative, '/' separated
  std::optional<std::string> before;  // nothing: the file is new
  std::optional<std::string> after;   // nothing: the file is removed
  bool executable = false;            // of a new file
};

// Unified diff with a/ and b/ prefixes and three lines of context; empty when nothing changes.
std::string unified_diff(const std::vector<FileChange>& changes);

// Reads a diff and applies it to the texts that `read` gives (nothing: the file does not exist).
// Hunks may have moved, but every context and removed line must be there, at one place only;
// otherwise an error that says which hunk of which file, and nothing is returned.
Result<std::vector<FileChange>> apply_unified_diff(
    std::string_view diff,
    const std::function<std::optional<std::string>(const std::string& path)>& read);

}  // namespace engramd::agent
