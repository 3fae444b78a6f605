#include "lsp/protocol/document_link.h"

#include "lsp/json_reader.h"

namespace engramd::lsp {

Status read(const nlohmann::json& json, DocumentLinkParams& out) {
  return reader::reading(json, [&] { out.uri = reader::document_uri(json); });
}

std::string write(const DocumentLinkResult& result) {
  JsonWriter json;
  json.begin_array();
  for (const DocumentLink& link : result.links) {
    json.begin_object().key("range");
    put(json, link.range);
    json.field("target", link.target);
    if (!link.tooltip.empty()) json.field("tooltip", link.tooltip);
    json.end_object();
  }
  return json.end_array().take();
}

}  // namespace engramd::lsp
