// agent/tools/edit_rules.h - which files an edit may touch at all, and why not.
//
// Looks at one path and its texts; parsing and versions are the workbench's. Any thread.
#pragma once

#include <filesystem>
#include <string>

#include "agent/edit/unified_diff.h"
#include "base/result.h"

namespace engramd::agent {

// A zero byte in the first 8,000, as git says.
bool is_binary_text(std::string_view text);

// Refused with the reason: a path outside of the tree, a folder, a link, a binary file, one of more
// than Workbench::kMaxFileBytes, one that the user may not write, one that a program writes
// (unless consent was given: allow_protected).
Status check_may_edit(const std::filesystem::path& original, const FileChange& change,
                      bool allow_protected);

}  // namespace engramd::agent
