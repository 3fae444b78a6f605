// repoindex/syntax/selection.h - the ranges that "expand selection" goes through at a place.
//
// The word, what is in its brackets or quotes, the node, what is around it, …, the whole file.
// Innermost first; each contains the one before and is larger; all contain the place. Without a
// syntax tree: word, line, file. Bounded. Any thread.
#pragma once

#include <cstddef>
#include <vector>

#include "repoindex/syntax/syntax_file.h"

namespace engramd::repoindex {

std::vector<ByteRange> selection_steps(const SyntaxFile& file, size_t offset);

}  // namespace engramd::repoindex
