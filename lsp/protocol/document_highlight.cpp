#include "lsp/protocol/document_highlight.h"

namespace engramd::lsp {

std::string write(const DocumentHighlightResult& result) {
  JsonWriter json;
  json.begin_array();
  for (const DocumentHighlight& highlight : result.highlights) {
    json.begin_object().key("range");
    put(json, highlight.range);
    json.field("kind", static_cast<int>(highlight.kind)).end_object();
  }
  return json.end_array().take();
}

}  // namespace engramd::lsp
