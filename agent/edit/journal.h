// agent/edit/journal.h - what was applied to the user's trees, and how to take it back.
//
// One entry is one applied change. Its layout is docs/formats/journal.md: the manifest and both
// images of every file are on the disk before the first file is written, so an entry that has a
// manifest can always be finished or taken back, whoever was killed meanwhile. No git is needed.
//
// It is state, not cache: entries go by prune() only, which says what it removed. Any thread; the
// journal's lock keeps two processes from applying or undoing at the same time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace engramd::agent {

enum class JournalState { applying, applied, undoing, undone, redoing };
std::string_view to_string(JournalState state);

struct JournalFile {
  std::string path;  // relative to the root
  bool existed = false, exists_after = false;
  std::string before_hash, after_hash;  // empty when there is no such file
  unsigned mode_before = 0644, mode_after = 0644;
};

struct JournalEntry {
  std::filesystem::path folder;
  std::filesystem::path root;  // of the user's tree
  std::string label;           // what it was for, one line; may be empty
  int64_t time_ms = 0;         // since 1970
  JournalState state = JournalState::applied;
  std::vector<JournalFile> files;
  std::vector<std::string> made_folders;  // by the change, outermost first
  std::string id() const { return folder.filename().string(); }
  // Was it interrupted? Undo finishes such an entry.
  bool unfinished() const {
    return state != JournalState::applied && state != JournalState::undone;
  }
  std::filesystem::path before_image(size_t i) const { return folder / std::to_string(i); }
  std::filesystem::path after_image(size_t i) const {
    return folder / (std::to_string(i) + ".after");
  }
  // Where the new text of a file waits to be renamed; known, so that a kill leaves no litter.
  std::filesystem::path waiting_file(size_t i) const;
};

Result<JournalEntry> read_journal_entry(const std::filesystem::path& folder);
// Newest first; of one root only when it is given. Folders without a manifest are no entries.
std::vector<JournalEntry> list_journal(const std::filesystem::path& journal,
                                       const std::filesystem::path& root = {});

// The manifest, synced.
Status write_journal_entry(const JournalEntry& entry);
Status set_journal_state(JournalEntry& entry, JournalState state);

// Waits up to five seconds for another process.
Result<FileLock> lock_journal(const std::filesystem::path& journal);

struct JournalLimits {
  size_t max_entries = 256;
  uint64_t max_bytes = 1ull << 30;
  size_t keep_newest = 16;  // whatever they take
};
// Removes undone entries first, then applied ones, oldest first, until the limits hold; unfinished
// ones stay. Returns the ids that went.
std::vector<std::string> prune_journal(const std::filesystem::path& journal,
                                       const JournalLimits& limits);

}  // namespace engramd::agent
