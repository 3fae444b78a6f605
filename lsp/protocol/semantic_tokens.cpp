#include "lsp/protocol/semantic_tokens.h"

#include "lsp/json_reader.h"

namespace engramd::lsp {

namespace {

void put_data(JsonWriter& json, const TokenData& data) {
  json.key("data").begin_array();
  for (const uint32_t number : data) json.number(number);
  json.end_array();
}

void put_names(JsonWriter& json, std::string_view key, const std::vector<std::string>& names) {
  json.key(key).begin_array();
  for (const std::string& name : names) json.string(name);
  json.end_array();
}

}  // namespace

Status read(const nlohmann::json& json, SemanticTokensParams& out) {
  return reader::reading(json, [&] { out.uri = reader::document_uri(json); });
}
Status read(const nlohmann::json& json, SemanticTokensDeltaParams& out) {
  return reader::reading(json, [&] {
    out.uri = reader::document_uri(json);
    out.previous_result_id = reader::string_at(json, "previousResultId");
  });
}
Status read(const nlohmann::json& json, SemanticTokensRangeParams& out) {
  return reader::reading(json, [&] {
    out.uri = reader::document_uri(json);
    out.range = reader::range_at(json, "range");
  });
}

std::string write(const SemanticTokensResult& result) {
  JsonWriter json;
  json.begin_object();
  if (!result.result_id.empty()) json.field("resultId", result.result_id);
  put_data(json, result.data);
  return json.end_object().take();
}

std::string write(const SemanticTokensDeltaResult& result) {
  if (!result.is_delta) return write(result.full);
  JsonWriter json;
  json.begin_object();
  if (!result.full.result_id.empty()) json.field("resultId", result.full.result_id);
  json.key("edits").begin_array();
  for (const SemanticTokensEdit& edit : result.edits) {
    json.begin_object().field("start", edit.start).field("deleteCount", edit.delete_count);
    if (!edit.data.empty()) put_data(json, edit.data);
    json.end_object();
  }
  return json.end_array().end_object().take();
}

std::string write(const SemanticTokensOptions& options) {
  JsonWriter json;
  json.begin_object().key("legend").begin_object();
  put_names(json, "tokenTypes", options.types);
  put_names(json, "tokenModifiers", options.modifiers);
  json.end_object();
  if (options.range) json.field("range", true);
  if (options.delta) {
    json.key("full").begin_object().field("delta", true).end_object();
  } else {
    json.field("full", true);
  }
  return json.end_object().take();
}

}  // namespace engramd::lsp
