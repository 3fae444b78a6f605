#include "lsp/protocol/folding.h"

#include "lsp/json_reader.h"

namespace engramd::lsp {

Status read(const nlohmann::json& json, FoldingRangeParams& out) {
  return reader::reading(json, [&] { out.uri = reader::document_uri(json); });
}

std::string write(const FoldingRangeResult& result) {
  JsonWriter json;
  json.begin_array();
  for (const FoldingRange& range : result.ranges) {
    json.begin_object().field("startLine", range.start_line).field("endLine", range.end_line);
    if (range.start_character) json.field("startCharacter", *range.start_character);
    if (range.end_character) json.field("endCharacter", *range.end_character);
    if (!range.kind.empty()) json.field("kind", range.kind);
    if (!range.collapsed_text.empty()) json.field("collapsedText", range.collapsed_text);
    json.end_object();
  }
  return json.end_array().take();
}

}  // namespace engramd::lsp
