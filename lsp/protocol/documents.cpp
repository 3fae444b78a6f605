#include "lsp/protocol/documents.h"

#include <nlohmann/json.hpp>

#include "lsp/json_reader.h"

namespace engramd::lsp {

using reader::Json;

Status read(const Json& json, DidOpenParams& out) {
  return reader::reading(json, [&] {
    const Json& document = reader::object_at(json, "textDocument");
    out.document = {reader::string_at(document, "uri"),
                    reader::optional_string(document, "languageId"),
                    reader::integer_at(document, "version"), reader::string_at(document, "text")};
  });
}

Status read(const Json& json, DidChangeParams& out) {
  return reader::reading(json, [&] {
    const Json& document = reader::object_at(json, "textDocument");
    out.uri = reader::string_at(document, "uri");
    const Json& version = reader::member(document, "version");  // null from LSP 3.0 clients
    out.version = version.is_number_integer() ? version.get<int64_t>() : 0;
    for (const Json& change : reader::array_at(json, "contentChanges")) {
      ContentChange one;
      if (const Json& range = reader::member(change, "range"); !range.is_null())
        one.range = reader::range_of(range);
      one.text = reader::string_at(change, "text");
      out.changes.push_back(std::move(one));
    }
  });
}

Status read(const Json& json, DidCloseParams& out) {
  return reader::reading(json, [&] { out.uri = reader::document_uri(json); });
}

Status read(const Json& json, DidSaveParams& out) {
  return reader::reading(json, [&] { out.uri = reader::document_uri(json); });
}

Status read(const Json& json, DidChangeWatchedFilesParams& out) {
  return reader::reading(json, [&] {
    for (const Json& change : reader::array_at(json, "changes"))
      out.changes.push_back(
          {reader::string_at(change, "uri"), static_cast<int>(reader::integer_at(change, "type"))});
  });
}

std::string watch_options(const std::vector<std::string>& globs) {
  JsonWriter json;
  json.begin_object().key("watchers").begin_array();
  for (const std::string& glob : globs) json.begin_object().field("globPattern", glob).end_object();
  return json.end_array().end_object().take();
}

}  // namespace engramd::lsp
