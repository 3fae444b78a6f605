// repoindex/view.h - what one asker sees: a published snapshot plus the asker's unsaved buffers.
//
// A Snapshot is immutable and shared. An Overlay belongs to one attachment (an editor
// connection), never to all. A View is a cheap value: copy it, hand it to a worker, keep it while
// answering. Any thread.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "repoindex/facts.h"
#include "repoindex/origin.h"

namespace engramd::repoindex {

class TextTree;  // parse/text_tree.h

// One unsaved document, as text and facts of the same version.
struct OpenDocument {
  std::shared_ptr<const std::string> text;
  std::shared_ptr<const LineIndex> lines;
  FileFactsPtr facts;
  int64_t version = 0;
  std::shared_ptr<const TextTree> tree;  // null: no grammar, or the text is not to be parsed
};
using Overlay = std::map<std::string, OpenDocument>;  // key: path relative to the root

struct FileEntry {
  std::string path;     // relative to the root, '/' separated
  std::string blob_id;  // hex git hash of the bytes that were parsed
  uint64_t n_bytes = 0;
  // Snapshot::facts() has facts of it. False for a file that is only listed: binary, too big, or
  // not reached yet by the first refresh.
  bool indexed = false;
  FileOrigin origin = FileOrigin::source;
};

class Snapshot;  // repoindex/snapshot.h
using SnapshotPtr = std::shared_ptr<const Snapshot>;
struct Uncommitted;  // repoindex/git/uncommitted.h

struct View {
  SnapshotPtr snapshot;
  std::shared_ptr<const Overlay> overlay;  // may be null
  // What was changed since the last commit; may be null, and a moment older than the snapshot.
  std::shared_ptr<const Uncommitted> uncommitted;

  const std::filesystem::path& root() const;
  FileFactsPtr facts(const std::string& path) const;  // null when unknown
  // The overlay's text, or the file's from disk (capped); nothing when neither can be had.
  std::optional<std::string> text(const std::string& path) const;
  // All files, overlay ones included, sorted by path.
  std::vector<std::string> paths() const;
  bool contains(const std::string& path) const;
};

struct Place {
  std::string path;
  ByteRange range;        // of the name
  LineColumn start, end;  // byte columns
};

}  // namespace engramd::repoindex
