#include "lsp/protocol/symbols.h"

#include "lsp/json_reader.h"

namespace engramd::lsp {
namespace {

void put(JsonWriter& json, const DocumentSymbol& symbol) {
  json.begin_object().field("name", symbol.name);
  if (!symbol.detail.empty()) json.field("detail", symbol.detail);
  json.field("kind", symbol.kind).key("range");
  lsp::put(json, symbol.range);
  json.key("selectionRange");
  lsp::put(json, symbol.selection);
  if (!symbol.children.empty()) {
    json.key("children").begin_array();
    for (const DocumentSymbol& child : symbol.children) put(json, child);
    json.end_array();
  }
  json.end_object();
}

void put(JsonWriter& json, const SymbolInformation& symbol) {
  json.begin_object().field("name", symbol.name).field("kind", symbol.kind).key("location");
  lsp::put(json, symbol.location);
  if (!symbol.container.empty()) json.field("containerName", symbol.container);
  json.end_object();
}

template <class T>
std::string write_all(const std::vector<T>& items) {
  JsonWriter json;
  json.begin_array();
  for (const T& item : items) put(json, item);
  return json.end_array().take();
}

}  // namespace

Status read(const nlohmann::json& json, DocumentSymbolParams& out) {
  return reader::reading(json, [&] { out.uri = reader::document_uri(json); });
}

Status read(const nlohmann::json& json, WorkspaceSymbolParams& out) {
  return reader::reading(json, [&] { out.query = reader::string_at(json, "query"); });
}

std::string write(const DocumentSymbolResult& result) {
  return result.hierarchical ? write_all(result.tree) : write_all(result.flat);
}

std::string write(const WorkspaceSymbolResult& result) {
  return write_all(result.symbols);
}

}  // namespace engramd::lsp
