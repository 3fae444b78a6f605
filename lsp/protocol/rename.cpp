#include "lsp/protocol/rename.h"

#include "lsp/json_reader.h"

namespace engramd::lsp {

Status read(const nlohmann::json& json, RenameParams& out) {
  return reader::reading(json, [&] {
    const DocumentPosition at = reader::document_position(json);
    out.uri = at.uri;
    out.position = at.position;
    out.new_name = reader::string_at(json, "newName");
  });
}

Status read(const nlohmann::json& json, RenameFilesParams& out) {
  return reader::reading(json, [&] {
    reader::each(json, "files", [&](const reader::Json& file) {
      out.files.push_back({reader::string_at(file, "oldUri"), reader::string_at(file, "newUri")});
    });
  });
}

std::string write(const PrepareRenameResult& result) {
  if (!result.range) return "null";
  JsonWriter json;
  json.begin_object().key("range");
  put(json, *result.range);
  return json.field("placeholder", result.placeholder).end_object().take();
}

std::string write(const RenameResult& result) {
  if (!result.edit) return "null";
  JsonWriter json;
  put(json, *result.edit);
  return json.take();
}

}  // namespace engramd::lsp
