// lsp/protocol/document_highlight.h - textDocument/documentHighlight. Params: DocumentPosition.
#pragma once

#include <string>
#include <vector>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

enum class HighlightKind { text = 1, read = 2, write = 3 };
struct DocumentHighlight {
  Range range;
  HighlightKind kind = HighlightKind::text;
};
struct DocumentHighlightResult {
  std::vector<DocumentHighlight> highlights;
};

std::string write(const DocumentHighlightResult&);

}  // namespace engramd::lsp
