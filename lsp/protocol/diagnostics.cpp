#include "lsp/protocol/diagnostics.h"

#include "lsp/json_reader.h"

namespace engramd::lsp {

namespace {

void put_items(JsonWriter& json, std::string_view key, const std::vector<Diagnostic>& items) {
  json.key(key).begin_array();
  for (const Diagnostic& item : items) {
    json.begin_object().key("range");
    put(json, item.range);
    json.field("severity", item.severity);
    if (!item.source.empty()) json.field("source", item.source);
    json.field("message", item.message).end_object();
  }
  json.end_array();
}

void put_report(JsonWriter& json, const DocumentDiagnosticResult& report) {
  json.field("kind", report.unchanged ? "unchanged" : "full");
  if (!report.result_id.empty()) json.field("resultId", report.result_id);
  if (!report.unchanged) put_items(json, "items", report.items);
}

}  // namespace

Status read(const nlohmann::json& json, DocumentDiagnosticParams& out) {
  return reader::reading(json, [&] {
    out.uri = reader::document_uri(json);
    out.previous_result_id = reader::optional_string(json, "previousResultId");
  });
}

Status read(const nlohmann::json& json, WorkspaceDiagnosticParams& out) {
  return reader::reading(json, [&] {
    reader::each(json, "previousResultIds", [&](const reader::Json& one) {
      out.previous[reader::string_at(one, "uri")] = reader::string_at(one, "value");
    });
    out.partial_token = reader::token_at(json, "partialResultToken");
  });
}

std::string write(const DocumentDiagnosticResult& result) {
  JsonWriter json;
  json.begin_object();
  put_report(json, result);
  return json.end_object().take();
}

std::string write(const WorkspaceDiagnosticResult& result) {
  JsonWriter json;
  json.begin_object().key("items").begin_array();
  for (const WorkspaceDocumentReport& item : result.items) {
    json.begin_object().field("uri", item.uri).key("version");
    if (item.version) {
      json.number(*item.version);
    } else {
      json.null();
    }
    put_report(json, item.report);
    json.end_object();
  }
  return json.end_array().end_object().take();
}

std::string write(const PublishDiagnosticsParams& params) {
  JsonWriter json;
  json.begin_object().field("uri", params.uri);
  if (params.version) json.field("version", *params.version);
  put_items(json, "diagnostics", params.items);
  return json.end_object().take();
}

}  // namespace engramd::lsp
