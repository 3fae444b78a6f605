// repoindex/memory/excerpts.h - other places of a repository that look like the text at a cursor.
//
// Every token of the lines around the cursor is widened to the left until it is rare enough; the
// places of these short runs vote, weighted by how rare the run is and how near to the cursor it
// stands, for blocks of eight positions. The best windows of six blocks are moved to line
// borders and returned, best first, without copies of each other or of what is visible already.
//
// Work is bounded: about a hundred runs, each at no more than max_places places. The same question
// over the same sources has the same answer. Pure functions: any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "repoindex/memory/suffix_table.h"

namespace engramd::repoindex {

// Whether a token holds a line break; a line ends after such a token.
using EndsLine = std::function<bool(TokenId)>;

struct ExcerptOptions {
  size_t max_excerpts = 4;
  size_t max_tokens = 48;  // of one excerpt; a longer line is cut
  size_t max_places = 64;  // a run of tokens found more often than this is widened, then ignored
};

// A table to look in. Positions in `hidden` (sorted, disjoint) neither vote nor are quoted.
struct ExcerptSource {
  const SuffixTable* table = nullptr;
  std::vector<std::pair<uint32_t, uint32_t>> hidden;
};

struct ExcerptPlace {
  size_t source = 0;
  uint32_t begin = 0, end = 0;  // positions in the source's tokens
  double score = 0;             // summed idf, in nats
};

std::vector<ExcerptPlace> find_excerpts(std::span<const ExcerptSource> sources,
                                        std::span<const TokenId> before,
                                        std::span<const TokenId> after, const EndsLine& ends_line,
                                        const ExcerptOptions& options = {});

}  // namespace engramd::repoindex
