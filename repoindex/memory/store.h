// repoindex/memory/store.h - the memory of one repository, kept up to date at the cost of what
// changed.
//
// Its pieces hold blobs. An update encodes the blobs that no piece has, sorts them into a piece of
// their own and passes over documents that the snapshot no longer has. tidy() merges small pieces
// and rewrites those that are mostly dead, a step a call, so that their number stays logarithmic
// and a save costs milliseconds. Pieces beyond a few thousand tokens are kept on disk.
//
// update() and tidy() exclude each other; memory() never waits for them. Any thread.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "repoindex/memory/memory.h"
#include "repoindex/memory/parts.h"
#include "repoindex/memory/piece_files.h"

namespace engramd::repoindex {

struct MemoryStoreOptions {
  MemoryOptions memory;
  // The cache folder of the index; empty: nothing is kept on disk.
  std::filesystem::path folder;
  // Which tokenizer made the tokens: any text that changes with it. Empty: nothing on disk.
  std::string tokenizer;
  uint64_t max_disk_bytes = 256u << 20;  // of all repositories together
  size_t max_piece_tokens = 2u << 20;
  // The first piece of a repository that is new is small, so that there is an answer soon.
  size_t first_piece_tokens = 128u << 10;
};

struct MemoryStoreStats {
  size_t n_pieces = 0;
  size_t n_tokens = 0, n_dead_tokens = 0;
  size_t n_encoded = 0;        // blobs, so far
  size_t n_sorted_tokens = 0;  // so far, merges included
  size_t n_loaded = 0;         // pieces from disk
  uint64_t bytes_on_disk = 0;
};

class MemoryStore {
 public:
  MemoryStore(std::filesystem::path root, TokenEncoder encoder, MemoryStoreOptions options = {});

  // The memory of the view's snapshot. Unsaved buffers come first, but with their saved text: what
  // is typed is for with_recent. near: as in RepositoryMemory::build. The first small piece of a
  // new repository is published at once. A cancelled update keeps the pieces it has made.
  Result<std::shared_ptr<const RepositoryMemory>> update(const View& view, const std::string& near,
                                                         const CancelToken& cancel = {});
  // One merge of pieces; false: there is nothing to merge.
  Result<bool> tidy(const CancelToken& cancel = {});

  // The newest published one; null before the first.
  std::shared_ptr<const RepositoryMemory> memory() const;
  MemoryStoreStats stats() const;

 private:
  struct Owned {
    MemoryPiecePtr piece;
    std::string file;  // its name on disk, or empty
  };
  struct Place {
    uint32_t piece = 0, document = 0;
  };
  using Documents = std::vector<std::pair<std::string, std::vector<TokenId>>>;

  // All with work_ held.
  void load();
  void index_pieces();
  Status add_piece(Documents& documents, const CancelToken& cancel);
  void publish();
  std::vector<size_t> pieces_to_merge() const;

  const std::filesystem::path root_;
  const TokenEncoder encoder_;
  const MemoryStoreOptions options_;

  mutable std::mutex work_;  // guards all but memory_; held by the one who updates or tidies
  PieceFiles files_;
  bool loaded_ = false;
  std::vector<Owned> pieces_;
  std::unordered_map<std::string, Place> place_of_blob_;
  std::unordered_set<std::string> not_learnt_;               // blobs
  std::vector<std::pair<std::string, std::string>> wanted_;  // path and blob, of the last update
  std::shared_ptr<const MemoryParts> parts_;                 // as published
  MemoryStoreStats stats_;

  mutable std::mutex published_;
  std::shared_ptr<const RepositoryMemory> memory_;  // guarded by published_
};

}  // namespace engramd::repoindex
