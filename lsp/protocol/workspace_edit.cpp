#include "lsp/protocol/workspace_edit.h"

#include "lsp/json_reader.h"

namespace engramd::lsp {
namespace {

void put_document_changes(JsonWriter& json, const WorkspaceEdit& edit) {
  json.key("documentChanges").begin_array();
  for (const DocumentEdit& document : edit.documents) {
    if (document.create) {
      json.begin_object().field("kind", "create").field("uri", document.uri);
      if (!document.annotation.empty()) json.field("annotationId", document.annotation);
      json.end_object();
    }
    json.begin_object().key("textDocument").begin_object();
    json.field("uri", document.uri).key("version");
    if (document.version) {
      json.number(*document.version);
    } else {
      json.null();
    }
    json.end_object().key("edits");
    put_all(json, document.edits);
    json.end_object();
  }
  json.end_array();
  if (edit.annotations.empty()) return;
  json.key("changeAnnotations").begin_object();
  for (const auto& [id, annotation] : edit.annotations) {
    json.key(id).begin_object().field("label", annotation.label);
    if (annotation.needs_confirmation) json.field("needsConfirmation", true);
    if (!annotation.description.empty()) json.field("description", annotation.description);
    json.end_object();
  }
  json.end_object();
}

}  // namespace

Status read(const nlohmann::json& json, ApplyEditResult& out) {
  return reader::reading(json, [&] {
    out.applied = reader::flag(json, "applied");
    out.failure = reader::optional_string(json, "failureReason");
  });
}

void put(JsonWriter& json, const WorkspaceEdit& edit) {
  json.begin_object();
  if (edit.document_changes) {
    put_document_changes(json, edit);
  } else {
    json.key("changes").begin_object();
    for (const DocumentEdit& document : edit.documents) {
      json.key(document.uri);
      put_all(json, document.edits);
    }
    json.end_object();
  }
  json.end_object();
}

std::string write(const ApplyEditParams& params) {
  JsonWriter json;
  json.begin_object().field("label", params.label).key("edit");
  put(json, params.edit);
  return json.end_object().take();
}

bool takes_annotations(const ClientCapabilities& client) {
  return client.flag("workspace.workspaceEdit.documentChanges") &&
         client.has("workspace.workspaceEdit.changeAnnotationSupport");
}

}  // namespace engramd::lsp
