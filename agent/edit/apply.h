// agent/edit/apply.h - putting accepted changes into the user's own tree, taking them back, and
// nothing else.
//
// Order: every file is compared with the text the change was made for; both images of every file
// and a manifest are written to the journal (journal.h) and synced; then each file is replaced by a
// rename. A kill at any moment leaves each file either old or new, and undo_changes, called again,
// completes what was begun. A file that holds neither text is the user's: it is named in the error,
// and nothing is written.
//
// Paths through symbolic links, outside of the tree or into .git are refused. Any thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agent/edit/journal.h"
#include "agent/edit/unified_diff.h"
#include "base/result.h"

namespace engramd::agent {

struct Applied {
  std::filesystem::path journal;  // of this change
  std::vector<std::string> paths;
  std::vector<std::string> pruned;  // ids of old entries that had to go
};

struct ApplyOptions {
  std::string label;  // what it is for, one line
  JournalLimits limits;
};

// Error invalid_input, and nothing is written, when a file no longer equals its `before`.
Result<Applied> apply_changes(const std::filesystem::path& root,
                              const std::vector<FileChange>& changes,
                              const std::filesystem::path& journal_folder,
                              const ApplyOptions& options = {});

// Puts the before-images of one entry back. Called again it changes nothing.
Result<Applied> undo_changes(const std::filesystem::path& entry);
// Puts the after-images of an undone entry back.
Result<Applied> redo_changes(const std::filesystem::path& entry);
// Undoes this entry and all later ones of the same tree, newest first. Everything is compared
// before the first file is written.
Result<std::vector<Applied>> undo_back_to(const std::filesystem::path& entry);

}  // namespace engramd::agent
