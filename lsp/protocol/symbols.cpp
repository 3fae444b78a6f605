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

void put(JsonWriter& json, const WorkspaceSymbol& symbol) {
  json.begin_object().field("name", symbol.name).field("kind", symbol.kind);
  json.key("location").begin_object().field("uri", symbol.uri);
  if (symbol.range) {
    json.key("range");
    lsp::put(json, *symbol.range);
  }
  json.end_object();
  if (!symbol.container.empty()) json.field("containerName", symbol.container);
  if (!symbol.range) {
    json.key("data").begin_object().field("name", symbol.name_in_file);
    json.field("container", symbol.container_in_file);
    json.field("kind", symbol.kind_in_file).field("nth", symbol.nth).end_object();
  }
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
  return reader::reading(json, [&] {
    out.query = reader::string_at(json, "query");
    out.partial_token = reader::token_at(json, "partialResultToken");
    out.work_done_token = reader::token_at(json, "workDoneToken");
  });
}

Status read(const nlohmann::json& json, WorkspaceSymbol& out) {
  return reader::reading(json, [&] {
    out.name = reader::string_at(json, "name");
    out.kind = static_cast<int>(reader::uinteger_at(json, "kind"));
    out.container = reader::optional_string(json, "containerName");
    const reader::Json& location = reader::object_at(json, "location");
    out.uri = reader::string_at(location, "uri");
    if (reader::present(location, "range")) out.range = reader::range_at(location, "range");
    const reader::Json& data = reader::member(json, "data");
    if (out.range && !reader::present(json, "data")) return;  // resolved already
    out.name_in_file = reader::string_at(data, "name");
    out.container_in_file = reader::string_at(data, "container");
    out.kind_in_file = reader::uinteger_at(data, "kind");
    out.nth = reader::uinteger_at(data, "nth");
  });
}

std::string write(const DocumentSymbolResult& result) {
  return result.hierarchical ? write_all(result.tree) : write_all(result.flat);
}

std::string write(const WorkspaceSymbolResult& result) {
  return write_all(result.symbols);
}

std::string write(const WorkspaceSymbol& symbol) {
  JsonWriter json;
  put(json, symbol);
  return json.take();
}

}  // namespace engramd::lsp
