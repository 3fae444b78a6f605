// repoindex/memory/piece_files.h - the pieces of one repository on disk.
//
//   <folder>/memory/<32 hex: root and tokenizer>/<16 hex: sum of the bytes>.piece
//
// A cache: may be deleted at any time, bounded over all repositories (least recently used goes
// first), written by rename, so several processes may share it. A damaged file is removed. Errors
// of the disk cost the cache, nothing else. One thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "repoindex/memory/piece.h"

namespace engramd::repoindex {

class PieceFiles {
 public:
  // An empty folder: nothing is kept.
  PieceFiles(std::filesystem::path folder, const std::filesystem::path& root, std::string tokenizer,
             uint64_t max_bytes);

  struct Stored {
    MemoryPiecePtr piece;
    std::string name;  // of its file
  };
  // Up to max_tokens, biggest first.
  std::vector<Stored> load(size_t depth, size_t max_tokens);
  // The name of its file; empty when it could not be kept.
  std::string save(const MemoryPiece& piece);
  void remove(const std::string& name);
  uint64_t bytes_on_disk() const;  // of this repository

 private:
  void evict(const std::filesystem::path& fresh);

  std::filesystem::path all_, folder_;  // of all repositories, of this one
  std::string tokenizer_;
  uint64_t max_bytes_;
};

}  // namespace engramd::repoindex
