// repoindex/git/uncommitted.h - lines that stand in the folder and in no commit yet.
//
// What somebody works on, also after it was saved. By libgit2 alone, and of the bytes as they are
// on disk, so no filter and no other program is run; a repository that only git itself can open has
// none, nor has one without commits. Bounded: the youngest files, each up to a size.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "repoindex/git/history.h"
#include "repoindex/view.h"

namespace engramd::repoindex {

struct UncommittedFile {
  std::string path;  // relative to the root
  int64_t mtime_ns = 0;
  std::vector<LineSpan> lines;  // of the file on disk, by line; a new file has one span
};

struct Uncommitted {
  std::vector<UncommittedFile> files;  // youngest first
};
using UncommittedPtr = std::shared_ptr<const Uncommitted>;

// Compares the snapshot's blobs with HEAD's and reads only files that differ; some milliseconds for
// ten thousand files. Never null: empty where there is nothing to compare with. Any thread.
Result<UncommittedPtr> find_uncommitted(const Snapshot& snapshot, const CancelToken& cancel = {});

}  // namespace engramd::repoindex
