#include "lsp/protocol/basic.h"

#include "lsp/json_reader.h"

namespace engramd::lsp {

Status read(const nlohmann::json&, NoParams&) {
  return {};
}

Status read(const nlohmann::json& json, DocumentPosition& out) {
  return reader::reading(json, [&] { out = reader::document_position(json); });
}

std::string write(const NullResult&) {
  return "null";
}

std::string write(const JsonResult& result) {
  return result.json;
}

std::string partial_result(const std::string& token, const std::string& value) {
  JsonWriter json;
  return json.begin_object().key("token").raw(token).key("value").raw(value).end_object().take();
}

void put(JsonWriter& json, const Position& position) {
  json.begin_object()
      .field("line", position.line)
      .field("character", position.character)
      .end_object();
}

void put(JsonWriter& json, const Range& range) {
  json.begin_object().key("start");
  put(json, range.start);
  json.key("end");
  put(json, range.end);
  json.end_object();
}

void put(JsonWriter& json, const Location& location) {
  json.begin_object().field("uri", location.uri).key("range");
  put(json, location.range);
  json.end_object();
}

void put(JsonWriter& json, const LocationLink& link) {
  json.begin_object();
  if (link.origin) {
    json.key("originSelectionRange");
    put(json, *link.origin);
  }
  json.field("targetUri", link.uri).key("targetRange");
  put(json, link.range);
  json.key("targetSelectionRange");
  put(json, link.selection);
  json.end_object();
}

void put(JsonWriter& json, const TextEdit& edit) {
  json.begin_object().key("range");
  put(json, edit.range);
  json.field("newText", edit.new_text);
  if (!edit.annotation.empty()) json.field("annotationId", edit.annotation);
  json.end_object();
}

void put(JsonWriter& json, const Markup& markup) {
  json.begin_object()
      .field("kind", markup.markdown ? "markdown" : "plaintext")
      .field("value", markup.text)
      .end_object();
}

void put(JsonWriter& json, const Command& command) {
  json.begin_object().field("title", command.title).field("command", command.command);
  if (!command.arguments.empty()) {
    json.key("arguments").begin_array();
    for (const std::string& argument : command.arguments) json.raw(argument);
    json.end_array();
  }
  json.end_object();
}

}  // namespace engramd::lsp
