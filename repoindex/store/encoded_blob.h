// repoindex/store/encoded_blob.h - the facts of one blob, ready to go into a segment.
//
// Encoding is the costly part of writing a segment, so parsing threads do it, each for the file it
// has just parsed; the decoded facts can then go. Plain data: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "repoindex/facts.h"

namespace engramd::repoindex {

struct EncodedBlob {
  struct Definition {
    uint32_t symbol = 0;
    uint32_t container = kNone;  // index into terms
    SymbolKind kind = SymbolKind::variable;
    bool is_declaration = false, is_top_level = false, has_owner = false;
  };
  // A name that occurs, is defined, or contains something that is. The name is a range of pool.
  struct Term {
    uint32_t name = 0, name_size = 0;
    bool occurs = false;
    std::vector<Definition> definitions;
  };

  std::string blob_id;  // hex
  std::string language;
  uint32_t n_bytes = 0, n_lines = 0, n_symbols = 0, n_occurrences = 0;
  bool has_errors = false, truncated = false, marked_generated = false, is_ascii = false;
  // Compressed; both empty when what is above says it all.
  std::string outline, uses;
  std::string pool;
  std::vector<Term> terms;
  uint32_t n_names = 0;  // the first terms: FactsParts::names

  std::string_view name_of(const Term& term) const {
    return std::string_view(pool).substr(term.name, term.name_size);
  }
  size_t memory_bytes() const {
    return outline.size() + uses.size() + pool.size() + terms.size() * sizeof(Term) + sizeof *this +
           size_t{n_symbols} * sizeof(Definition);
  }
};

EncodedBlob encode_blob(std::string blob_id, const FileFacts& facts);

}  // namespace engramd::repoindex
