// lsp/protocol/document_link.h - textDocument/documentLink.
#pragma once

#include <string>
#include <vector>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

struct DocumentLinkParams {
  std::string uri;
};
struct DocumentLink {
  Range range;
  std::string target;   // a URI
  std::string tooltip;  // empty: none
};
struct DocumentLinkResult {
  std::vector<DocumentLink> links;
};

Status read(const nlohmann::json&, DocumentLinkParams&);
std::string write(const DocumentLinkResult&);

}  // namespace engramd::lsp
