// lsp/protocol/linked_editing.h - textDocument/linkedEditingRange. Params: DocumentPosition.
#pragma once

#include <string>
#include <vector>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

struct LinkedEditingResult {
  std::vector<Range> ranges;  // of one text each; none: null
  std::string word_pattern;   // empty: the client's
};

std::string write(const LinkedEditingResult&);

}  // namespace engramd::lsp
