// agent/edit/apply.h - putting accepted changes into the user's own tree, and nothing else.
//
// Order: every file is compared with the text the change was made for; the before-images and a
// manifest are written to the journal and synced; then each file is replaced by a rename. A kill at
// any moment leaves each file either old or new, and the journal says what the old ones were.
//
//   <state folder>/journal/<time>-<hash>/manifest.json   {"root", "files": [{"path", "existed",
//   …}]}
//                                        0, 1, 2 …       before-images, in the manifest's order
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agent/edit/unified_diff.h"
#include "base/result.h"

namespace engramd::agent {

struct Applied {
  std::filesystem::path journal;  // of this change
  std::vector<std::string> paths;
};

// Error invalid_input, and nothing is written, when a file no longer equals its `before`.
Result<Applied> apply_changes(const std::filesystem::path& root,
                              const std::vector<FileChange>& changes,
                              const std::filesystem::path& journal_folder);

// Puts the before-images of one journal entry back; a file that was changed since then is kept and
// named in the error, and then nothing is written.
Result<Applied> undo_changes(const std::filesystem::path& journal);

}  // namespace engramd::agent
