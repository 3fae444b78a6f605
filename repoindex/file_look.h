// repoindex/file_look.h - what a refresh finds out about one listed file: by its state alone when
// that tells, else by its bytes.
#pragma once

#include <filesystem>

#include "base/cancel.h"
#include "repoindex/blob_maker.h"
#include "repoindex/git/work_tree.h"
#include "repoindex/index.h"
#include "repoindex/store/root_table.h"
#include "repoindex/store/segment_store.h"

namespace engramd::repoindex {

struct Outcome {
  FileEntry entry;
  RootRow row;
  BlobPlace place;
  bool has_facts = false;  // in the store, under row.blob_id and row.language
  FileOrigin listed_origin = FileOrigin::source;
  bool binary = false, large = false, unreadable = false, parsed = false, racy = false;
};

// Holds references only: make one for a refresh. Any thread.
class FileLook {
 public:
  FileLook(const std::filesystem::path& root, const IndexOptions& options, WorkTree& tree,
           SegmentStore& store)
      : root_(root), options_(options), tree_(tree), store_(store) {}

  // Without reading the file: by what was known of it, and by what git says. False when it must be
  // read. known and old may be null.
  bool at_state(const ListedFile& file, const RootRow* known, const FileEntry* old,
                const BlobPlace& old_place, Outcome& o) const;
  // Reads the file and stores its facts unless the blob is known. Returns the facts when they were
  // made now and are wanted.
  FileFactsPtr inside(const ListedFile& file, BlobMaker& maker, const CancelToken& cancel,
                      bool want_facts, Outcome& o, bool* made_segment) const;

 private:
  bool from_known_blob(const ListedFile& file, Outcome& o) const;

  const std::filesystem::path& root_;
  const IndexOptions& options_;
  WorkTree& tree_;
  SegmentStore& store_;
};

}  // namespace engramd::repoindex
