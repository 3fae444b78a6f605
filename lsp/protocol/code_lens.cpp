#include "lsp/protocol/code_lens.h"

#include "lsp/json_reader.h"

namespace engramd::lsp {
namespace {

void put(JsonWriter& json, const CodeLens& lens) {
  json.begin_object().key("range");
  lsp::put(json, lens.range);
  if (lens.command) {
    json.key("command");
    lsp::put(json, *lens.command);
  } else {
    json.key("data").begin_object().field("uri", lens.uri).field("name", lens.name);
    json.field("container", lens.container).field("kind", lens.kind).field("nth", lens.nth);
    json.end_object();
  }
  json.end_object();
}

}  // namespace

Status read(const nlohmann::json& json, CodeLensParams& out) {
  return reader::reading(json, [&] { out.uri = reader::document_uri(json); });
}

Status read(const nlohmann::json& json, CodeLens& out) {
  return reader::reading(json, [&] {
    out.range = reader::range_at(json, "range");
    const reader::Json& data = reader::object_at(json, "data");
    out.uri = reader::string_at(data, "uri");
    out.name = reader::string_at(data, "name");
    out.container = reader::string_at(data, "container");
    out.kind = reader::uinteger_at(data, "kind");
    out.nth = reader::uinteger_at(data, "nth");
  });
}

std::string write(const CodeLensResult& result) {
  JsonWriter json;
  json.begin_array();
  for (const CodeLens& lens : result.lenses) put(json, lens);
  return json.end_array().take();
}

std::string write(const CodeLens& lens) {
  JsonWriter json;
  put(json, lens);
  return json.take();
}

}  // namespace engramd::lsp
