// repoindex/memory/piece.h - the tokens of some blobs with their suffix table: what a memory is
// made of, and what is kept on disk.
//
// A piece knows blobs, not paths: which of its documents a snapshot has is decided by whoever puts
// pieces together (store.h). On disk: docs/formats/memory-piece.md. Immutable: any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "repoindex/memory/suffix_table.h"

namespace engramd::repoindex {

class MemoryPiece {
 public:
  struct Document {
    std::string key;              // its blob's id, or a path where there are no blobs
    uint32_t begin = 0, end = 0;  // token positions in the table
    size_t n_tokens() const { return end - begin; }
  };

  static Result<std::shared_ptr<const MemoryPiece>> build(
      const std::vector<std::pair<std::string, std::vector<TokenId>>>& key_and_tokens, size_t depth,
      const CancelToken& cancel = {});

  const SuffixTable& table() const { return table_; }
  const std::vector<Document>& documents() const { return documents_; }  // by begin
  // The document that holds a position.
  size_t document_at(uint32_t position) const;
  std::vector<TokenId> tokens_of(const Document& document) const;
  size_t depth() const { return depth_; }
  size_t n_tokens() const { return table_.size(); }
  size_t n_bytes() const;  // resident

  // tokenizer: what the tokens mean; a piece of another one is an error when it is read.
  std::string encode(std::string_view tokenizer) const;
  static Result<std::shared_ptr<const MemoryPiece>> decode(std::string_view bytes,
                                                           std::string_view tokenizer);

 private:
  SuffixTable table_;
  std::vector<Document> documents_;
  size_t depth_ = 0;
};
using MemoryPiecePtr = std::shared_ptr<const MemoryPiece>;

}  // namespace engramd::repoindex
