#include "lsp/protocol/references.h"

#include "lsp/json_reader.h"

namespace engramd::lsp {

Status read(const nlohmann::json& json, ReferenceParams& out) {
  return reader::reading(json, [&] {
    out.uri = reader::document_uri(json);
    out.position = reader::position_at(json, "position");
    out.include_declaration =
        reader::flag(reader::object_at(json, "context"), "includeDeclaration");
    out.partial_token = reader::token_at(json, "partialResultToken");
    out.work_done_token = reader::token_at(json, "workDoneToken");
  });
}

std::string write(const ReferencesResult& result) {
  JsonWriter json;
  put_all(json, result.locations);
  return json.take();
}

}  // namespace engramd::lsp
