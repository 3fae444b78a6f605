// lsp/protocol/text_document_content.h - workspace/textDocumentContent: documents that the server
// makes up, such as a proposal or an explanation (LSP 3.18).
#pragma once

#include <string>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

struct TextDocumentContentParams {
  std::string uri;
};
struct TextDocumentContentResult {
  std::string text;
};

Status read(const nlohmann::json&, TextDocumentContentParams&);
std::string write(const TextDocumentContentResult&);

}  // namespace engramd::lsp
