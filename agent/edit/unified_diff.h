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

#include "agent/edit/text_edit.h"
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

// What turns before into after, as edits of whole lines in order; changes with at most two equal
// lines between them are one edit, so that each can be looked at by itself. Ranges are bytes of
// before.
std::vector<TextEdit> changed_blocks(std::string_view before, std::string_view after);

// Reads a diff and applies it to the texts that `read` gives (nothing: the file does not exist).
// Hunks may have moved, but every context and removed line must be there, at one place only;
// otherwise an error that says which hunk of which file, and nothing is returned.
Result<std::vector<FileChange>> apply_unified_diff(
    std::string_view diff,
    const std::function<std::optional<std::string>(const std::string& path)>& read);

}  // namespace engramd::agent
