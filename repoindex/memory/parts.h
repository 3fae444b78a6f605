// repoindex/memory/parts.h - pieces put together: which of their documents count, under what paths.
//
// What all memories of one state of a repository share. Immutable once sealed: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "repoindex/memory/memory.h"
#include "repoindex/memory/piece.h"

namespace engramd::repoindex {

// How often each token occurs in all pieces, documents that do not count included: they hardly move
// a distribution without context.
class UnigramCounts {
 public:
  void add(const SuffixTable& table);
  // Once, after the last add: the most frequent ones.
  void finish(size_t n_top);
  uint64_t count(TokenId token) const;
  uint64_t total() const { return total_; }
  size_t n_distinct() const { return n_distinct_; }
  const std::vector<TokenId>& top() const { return top_; }

 private:
  std::vector<uint32_t> small_;                  // by token
  std::unordered_map<TokenId, uint64_t> large_;  // ids beyond any vocabulary
  std::vector<TokenId> top_;
  uint64_t total_ = 0;
  size_t n_distinct_ = 0;
};

struct MemoryParts {
  using Ranges = std::vector<std::pair<uint32_t, uint32_t>>;
  struct Part {
    MemoryPiecePtr piece;
    std::vector<std::string> paths;  // of each document; empty: it does not count
    Ranges hidden;                   // positions of those: sorted, disjoint
    size_t n_live = 0;               // tokens that count
  };
  struct PlaceOfPath {
    uint32_t part = 0, document = 0;
  };

  std::vector<Part> parts;
  std::unordered_map<std::string, PlaceOfPath> places;
  std::vector<std::vector<uint32_t>> n_paths;  // of each part's documents
  UnigramCounts unigrams;

  void add(MemoryPiecePtr piece);
  void set_path(uint32_t part, uint32_t document, const std::string& path);
  void seal();  // after the last of these

  size_t n_tokens() const;
  size_t n_bytes() const;
  // The whole document, when no other path has it too.
  const MemoryPiece::Document* only_copy(const std::string& path, uint32_t& part) const;
};

std::shared_ptr<const RepositoryMemory> make_memory(std::shared_ptr<const MemoryParts> parts,
                                                    const MemoryOptions& options);
// The options as they are used: within their bounds.
MemoryOptions bounded(MemoryOptions options);

}  // namespace engramd::repoindex
