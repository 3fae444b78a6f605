#include "lsp/protocol/text_document_content.h"

#include "lsp/json_reader.h"

namespace engramd::lsp {

Status read(const nlohmann::json& json, TextDocumentContentParams& out) {
  return reader::reading(json, [&] { out.uri = reader::string_at(json, "uri"); });
}

std::string write(const TextDocumentContentResult& result) {
  JsonWriter json;
  return json.begin_object().field("text", result.text).end_object().take();
}

}  // namespace engramd::lsp
