// repoindex/syntax/folding.h - what can be folded in a file: blocks, imports, comments, regions.
//
// From the syntax tree; a file without one has its regions only. At most one fold begins on a line,
// the outermost. Bounded. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "repoindex/syntax/syntax_file.h"

namespace engramd::repoindex {

enum class FoldKind : uint8_t { block, comment, imports, region };

struct Fold {
  FoldKind kind = FoldKind::block;
  // For editors that fold whole lines: the first stays visible; a closing bracket that begins its
  // line stays visible too, so it is the line behind `last_line`.
  uint32_t first_line = 0, last_line = 0;
  ByteRange exact;      // what is hidden where folds need not be whole lines
  std::string summary;  // what to show in its place; empty: the editor's choice
  uint32_t depth = 0;   // of folds around it
};

// By first line. With more than `limit` folds the innermost blocks are left out first.
std::vector<Fold> folds(const SyntaxFile& file, size_t limit = 5000,
                        const CancelToken& cancel = {});

}  // namespace engramd::repoindex
