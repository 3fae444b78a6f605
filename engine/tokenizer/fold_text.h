// engine/tokenizer/fold_text.h - texts that Engram takes for one: the same but for width, accents,
// case and the kind of white space.
//
// NFKC, NFD, without nonspacing marks, lower case, each run of blanks, tabs and line ends one
// blank, white space at both ends off (a lone blank stays). Per code point, which gives the same as
// the normal forms of whole texts but for the order of spacing marks. No state: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace engramd::engine::tokenizer {

// The text is valid UTF-8. May become empty.
std::string folded_text(std::string_view text);

// Token ids to the ids of what they fold to, numbered in the order of their first token (the
// DeepSeek-V4.1 release, TileKernels' torch/engram.py). A token whose bytes alone are no UTF-8
// keeps its spelling, one that folds to nothing its text. Special tokens are texts too.
struct FoldedVocabulary {
  std::vector<int32_t> ids;
  int32_t n_ids = 0;
};
// tokens: spellings in the byte alphabet, or as they are where is_text.
FoldedVocabulary fold_vocabulary(std::span<const std::string> tokens,
                                 const std::vector<bool>& is_text);

// What fold_table.cpp holds, sorted by code point.
struct FoldTable {
  struct Range {
    uint32_t first, last;
  };
  struct One {
    uint32_t from, to;
  };
  struct Many {
    uint32_t from;
    uint16_t offset, length;
  };
  std::span<const Range> removed;
  std::span<const One> one;
  std::span<const Many> many;
  std::span<const char32_t> pool;
};
FoldTable fold_table();

}  // namespace engramd::engine::tokenizer
