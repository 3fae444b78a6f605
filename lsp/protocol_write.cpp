#include "lsp/json_writer.h"
#include "lsp/protocol.h"

namespace engramd::lsp {
namespace {

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

void put(JsonWriter& json, const DocumentSymbol& symbol) {
  json.begin_object().field("name", symbol.name);
  if (!symbol.detail.empty()) json.field("detail", symbol.detail);
  json.field("kind", symbol.kind).key("range");
  put(json, symbol.range);
  json.key("selectionRange");
  put(json, symbol.selection);
  if (!symbol.children.empty()) {
    json.key("children").begin_array();
    for (const DocumentSymbol& child : symbol.children) put(json, child);
    json.end_array();
  }
  json.end_object();
}

void put(JsonWriter& json, const SymbolInformation& symbol) {
  json.begin_object().field("name", symbol.name).field("kind", symbol.kind).key("location");
  put(json, symbol.location);
  if (!symbol.container.empty()) json.field("containerName", symbol.container);
  json.end_object();
}

void put(JsonWriter& json, const TextEdit& edit) {
  json.begin_object().key("range");
  put(json, edit.range);
  json.field("newText", edit.new_text).end_object();
}

template <class T>
void put_all(JsonWriter& json, const std::vector<T>& items) {
  json.begin_array();
  for (const T& item : items) put(json, item);
  json.end_array();
}

}  // namespace

std::string write(const NullResult&) {
  return "null";
}

std::string write(const JsonResult& result) {
  return result.json;
}

std::string write(const InitializeResult& result) {
  const ServerCapabilities& can = result.capabilities;
  JsonWriter json;
  json.begin_object().key("capabilities").begin_object();
  json.field("positionEncoding", can.position_encoding);
  json.key("textDocumentSync").begin_object();
  json.field("openClose", true).field("change", 2).field("save", true).end_object();
  json.field("documentSymbolProvider", true);
  json.field("workspaceSymbolProvider", true);
  json.field("definitionProvider", true);
  json.field("referencesProvider", true);
  json.field("hoverProvider", true);
  if (can.inline_completion) json.field("inlineCompletionProvider", true);
  if (!can.commands.empty()) {
    json.key("executeCommandProvider").begin_object().key("commands").begin_array();
    for (const std::string& command : can.commands) json.string(command);
    json.end_array().field("workDoneProgress", true).end_object();
  }
  json.key("workspace").begin_object().key("workspaceFolders").begin_object();
  json.field("supported", true).field("changeNotifications", true).end_object().end_object();
  json.end_object();
  json.key("serverInfo").begin_object();
  json.field("name", "engramd").field("version", result.version).end_object();
  return json.end_object().take();
}

std::string write(const DocumentSymbolResult& result) {
  JsonWriter json;
  if (result.hierarchical) {
    put_all(json, result.tree);
  } else {
    put_all(json, result.flat);
  }
  return json.take();
}

std::string write(const WorkspaceSymbolResult& result) {
  JsonWriter json;
  put_all(json, result.symbols);
  return json.take();
}

std::string write(const DefinitionResult& result) {
  JsonWriter json;
  json.begin_array();
  for (const LocationLink& target : result.targets) {
    if (result.as_links) {
      put(json, target);
    } else {
      put(json, Location{target.uri, target.selection});
    }
  }
  return json.end_array().take();
}

std::string write(const ReferencesResult& result) {
  JsonWriter json;
  put_all(json, result.locations);
  return json.take();
}

std::string write(const HoverResult& result) {
  if (!result.hover) return "null";
  JsonWriter json;
  json.begin_object().key("contents").begin_object();
  json.field("kind", result.hover->markdown ? "markdown" : "plaintext");
  json.field("value", result.hover->text).end_object();
  if (result.hover->range) {
    json.key("range");
    put(json, *result.hover->range);
  }
  return json.end_object().take();
}

std::string write(const InlineCompletionResult& result) {
  JsonWriter json;
  json.begin_object().key("items").begin_array();
  for (const InlineCompletionItem& item : result.items) {
    json.begin_object().field("insertText", item.insert_text);
    if (item.range) {
      json.key("range");
      put(json, *item.range);
    }
    json.end_object();
  }
  return json.end_array().end_object().take();
}

std::string write(const ApplyEditParams& params) {
  JsonWriter json;
  json.begin_object().field("label", params.label).key("edit").begin_object();
  if (params.document_changes) {
    json.key("documentChanges").begin_array();
    for (const DocumentEdit& document : params.documents) {
      if (document.create)
        json.begin_object().field("kind", "create").field("uri", document.uri).end_object();
      json.begin_object()
          .key("textDocument")
          .begin_object()
          .field("uri", document.uri)
          .key("version");
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
  } else {
    json.key("changes").begin_object();
    for (const DocumentEdit& document : params.documents) {
      json.key(document.uri);
      put_all(json, document.edits);
    }
    json.end_object();
  }
  return json.end_object().end_object().take();
}

std::string write(const CreateProgressParams& params) {
  JsonWriter json;
  return json.begin_object().key("token").raw(params.token).end_object().take();
}

std::string write(const ProgressBegin& params) {
  JsonWriter json;
  json.begin_object().key("token").raw(params.token).key("value").begin_object();
  json.field("kind", "begin").field("title", params.title).field("cancellable", params.cancellable);
  if (!params.message.empty()) json.field("message", params.message);
  if (params.percentage) json.field("percentage", *params.percentage);
  return json.end_object().end_object().take();
}

std::string write(const ProgressReport& params) {
  JsonWriter json;
  json.begin_object().key("token").raw(params.token).key("value").begin_object();
  json.field("kind", "report");
  if (!params.message.empty()) json.field("message", params.message);
  if (params.percentage) json.field("percentage", *params.percentage);
  return json.end_object().end_object().take();
}

std::string write(const ProgressEnd& params) {
  JsonWriter json;
  json.begin_object()
      .key("token")
      .raw(params.token)
      .key("value")
      .begin_object()
      .field("kind", "end");
  if (!params.message.empty()) json.field("message", params.message);
  return json.end_object().end_object().take();
}

std::string write(const PartialLocations& params) {
  JsonWriter json;
  json.begin_object().key("token").raw(params.token).key("value");
  put_all(json, params.locations);
  return json.end_object().take();
}

std::string write(const WatchFilesRegistration& params) {
  JsonWriter json;
  json.begin_object().key("registrations").begin_array().begin_object();
  json.field("id", params.id).field("method", "workspace/didChangeWatchedFiles");
  json.key("registerOptions").begin_object().key("watchers").begin_array();
  for (const std::string& glob : params.globs)
    json.begin_object().field("globPattern", glob).end_object();
  return json.end_array().end_object().end_object().end_array().end_object().take();
}

std::string write(const ShowMessageParams& params) {
  JsonWriter json;
  return json.begin_object()
      .field("type", static_cast<int>(params.type))
      .field("message", params.message)
      .end_object()
      .take();
}

}  // namespace engramd::lsp
