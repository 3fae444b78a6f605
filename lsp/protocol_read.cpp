#include <nlohmann/json.hpp>

#include "lsp/json_writer.h"
#include "lsp/protocol.h"
#include "lsp/uri.h"

namespace engramd::lsp {
namespace {

using Json = nlohmann::json;

// Thrown inside this file only: one unreadable member ends the reading of the whole message.
struct Unreadable {
  std::string what;
};

[[noreturn]] void refuse(const std::string& name, const char* expected, const Json& found) {
  throw Unreadable{name + " is " + (found.is_null() ? "missing" : found.type_name()) +
                   ", expected " + expected};
}

const Json& member(const Json& object, const char* name) {
  static const Json kAbsent;
  if (!object.is_object()) return kAbsent;
  const auto at = object.find(name);
  return at == object.end() ? kAbsent : *at;
}

const Json& object_at(const Json& parent, const char* name) {
  const Json& value = member(parent, name);
  if (!value.is_object()) refuse(name, "an object", value);
  return value;
}

std::string string_at(const Json& parent, const char* name) {
  const Json& value = member(parent, name);
  if (!value.is_string()) refuse(name, "a string", value);
  return value.get<std::string>();
}

std::string optional_string(const Json& parent, const char* name) {
  const Json& value = member(parent, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

bool flag(const Json& parent, const char* name) {
  const Json& value = member(parent, name);
  return value.is_boolean() && value.get<bool>();
}

int64_t integer_at(const Json& parent, const char* name) {
  const Json& value = member(parent, name);
  if (!value.is_number_integer()) refuse(name, "an integer", value);
  return value.get<int64_t>();
}

// LSP's uinteger ends at 2^31-1, but clients send 2^32-1 and more for "to the end": clamped.
uint32_t uinteger_at(const Json& parent, const char* name) {
  const Json& value = member(parent, name);
  if (!value.is_number_integer()) refuse(name, "an integer", value);
  if (!value.is_number_unsigned() && value.get<int64_t>() < 0)
    throw Unreadable{std::string(name) + " is negative, expected 0 or more"};
  return static_cast<uint32_t>(std::min<uint64_t>(value.get<uint64_t>(), 0x7FFFFFFFu));
}

Position position_at(const Json& parent, const char* name) {
  const Json& value = object_at(parent, name);
  return Position{uinteger_at(value, "line"), uinteger_at(value, "character")};
}

Range range_of(const Json& value) {
  return Range{position_at(value, "start"), position_at(value, "end")};
}

std::string uri_at(const Json& params) {
  return string_at(object_at(params, "textDocument"), "uri");
}

// string | integer, kept as JSON text so that it goes back exactly as it came.
std::string token_at(const Json& params, const char* name) {
  const Json& value = member(params, name);
  if (value.is_string()) return json_string(value.get_ref<const std::string&>());
  return value.is_number_integer() ? value.dump() : std::string();
}

std::vector<WorkspaceFolder> folders_at(const Json& parent, const char* name) {
  std::vector<WorkspaceFolder> folders;
  const Json& value = member(parent, name);
  if (value.is_null()) return folders;
  if (!value.is_array()) refuse(name, "an array", value);
  for (const Json& folder : value)
    folders.push_back({string_at(folder, "uri"), optional_string(folder, "name")});
  return folders;
}

bool contains_string(const Json& array, const char* text) {
  if (!array.is_array()) return false;
  for (const Json& item : array)
    if (item.is_string() && item.get_ref<const std::string&>() == text) return true;
  return false;
}

ClientCapabilities capabilities_of(const Json& json) {
  ClientCapabilities out;
  const Json& encodings = member(member(json, "general"), "positionEncodings");
  if (encodings.is_array())
    for (const Json& encoding : encodings)
      if (encoding.is_string()) out.position_encodings.push_back(encoding.get<std::string>());
  out.work_done_progress = flag(member(json, "window"), "workDoneProgress");
  const Json& workspace = member(json, "workspace");
  out.apply_edit = flag(workspace, "applyEdit");
  const Json& edit = member(workspace, "workspaceEdit");
  out.document_changes = flag(edit, "documentChanges");
  out.create_files = contains_string(member(edit, "resourceOperations"), "create");
  out.watch_files = flag(member(workspace, "didChangeWatchedFiles"), "dynamicRegistration");
  out.all_workspace_symbol_kinds =
      member(member(member(workspace, "symbol"), "symbolKind"), "valueSet").is_array();
  const Json& document = member(json, "textDocument");
  out.inline_completion = member(document, "inlineCompletion").is_object();
  const Json& symbols = member(document, "documentSymbol");
  out.hierarchical_symbols = flag(symbols, "hierarchicalDocumentSymbolSupport");
  out.all_symbol_kinds = member(member(symbols, "symbolKind"), "valueSet").is_array();
  out.definition_links = flag(member(document, "definition"), "linkSupport");
  // The first entry is the client's preference.
  const Json& formats = member(member(document, "hover"), "contentFormat");
  out.hover_markdown = formats.is_array() && !formats.empty() && formats.front() == "markdown";
  return out;
}

template <class Body>
Status reading(const Json& params, Body body) {
  try {
    if (!params.is_object()) refuse("params", "an object", params);
    body();
    return {};
  } catch (const Unreadable& error) {
    return fail(ErrorCode::invalid_input, error.what);
  } catch (const Json::exception& error) {
    return fail(ErrorCode::invalid_input, error.what());
  }
}

}  // namespace

Status read(const Json&, NoParams&) {
  return {};
}

Status read(const Json& json, InitializeParams& out) {
  return reading(json, [&] {
    if (const Json& pid = member(json, "processId"); pid.is_number_integer())
      out.process_id = pid.get<int64_t>();
    out.client_name = optional_string(member(json, "clientInfo"), "name");
    out.client_version = optional_string(member(json, "clientInfo"), "version");
    out.folders = folders_at(json, "workspaceFolders");
    if (out.folders.empty()) {
      const std::string uri = optional_string(json, "rootUri");
      const std::string path = optional_string(json, "rootPath");
      if (!uri.empty()) {
        out.folders.push_back({uri, {}});
      } else if (!path.empty() && path.front() == '/') {
        out.folders.push_back({uri_of_path(path), {}});
      }
    }
    out.capabilities = capabilities_of(object_at(json, "capabilities"));
    if (const Json& options = member(json, "initializationOptions"); !options.is_null())
      out.options = options.dump(-1, ' ', false, Json::error_handler_t::replace);
  });
}

Status read(const Json& json, DidOpenParams& out) {
  return reading(json, [&] {
    const Json& document = object_at(json, "textDocument");
    out.document = {string_at(document, "uri"), optional_string(document, "languageId"),
                    integer_at(document, "version"), string_at(document, "text")};
  });
}

Status read(const Json& json, DidChangeParams& out) {
  return reading(json, [&] {
    const Json& document = object_at(json, "textDocument");
    out.uri = string_at(document, "uri");
    const Json& version = member(document, "version");  // null from LSP 3.0 clients
    out.version = version.is_number_integer() ? version.get<int64_t>() : 0;
    const Json& changes = member(json, "contentChanges");
    if (!changes.is_array()) refuse("contentChanges", "an array", changes);
    for (const Json& change : changes) {
      ContentChange one;
      if (const Json& range = member(change, "range"); !range.is_null())
        one.range = range_of(range);
      one.text = string_at(change, "text");
      out.changes.push_back(std::move(one));
    }
  });
}

Status read(const Json& json, DidCloseParams& out) {
  return reading(json, [&] { out.uri = uri_at(json); });
}

Status read(const Json& json, DidSaveParams& out) {
  return reading(json, [&] { out.uri = uri_at(json); });
}

Status read(const Json& json, DidChangeWatchedFilesParams& out) {
  return reading(json, [&] {
    const Json& changes = member(json, "changes");
    if (!changes.is_array()) refuse("changes", "an array", changes);
    for (const Json& change : changes)
      out.changes.push_back(
          {string_at(change, "uri"), static_cast<int>(integer_at(change, "type"))});
  });
}

Status read(const Json& json, DidChangeWorkspaceFoldersParams& out) {
  return reading(json, [&] {
    const Json& event = object_at(json, "event");
    out.added = folders_at(event, "added");
    out.removed = folders_at(event, "removed");
  });
}

Status read(const Json& json, DocumentSymbolParams& out) {
  return reading(json, [&] { out.uri = uri_at(json); });
}

Status read(const Json& json, WorkspaceSymbolParams& out) {
  return reading(json, [&] { out.query = string_at(json, "query"); });
}

Status read(const Json& json, DefinitionParams& out) {
  return reading(json, [&] {
    out.uri = uri_at(json);
    out.position = position_at(json, "position");
  });
}

Status read(const Json& json, HoverParams& out) {
  return reading(json, [&] {
    out.uri = uri_at(json);
    out.position = position_at(json, "position");
  });
}

Status read(const Json& json, ReferenceParams& out) {
  return reading(json, [&] {
    out.uri = uri_at(json);
    out.position = position_at(json, "position");
    out.include_declaration = flag(object_at(json, "context"), "includeDeclaration");
    out.partial_token = token_at(json, "partialResultToken");
  });
}

Status read(const Json& json, InlineCompletionParams& out) {
  return reading(json, [&] {
    out.uri = uri_at(json);
    out.position = position_at(json, "position");
    const Json& context = object_at(json, "context");
    out.trigger =
        integer_at(context, "triggerKind") == 1 ? InlineTrigger::invoked : InlineTrigger::automatic;
    if (const Json& selected = member(context, "selectedCompletionInfo"); selected.is_object()) {
      out.selected_range = range_of(object_at(selected, "range"));
      out.selected_text = string_at(selected, "text");
    }
  });
}

Status read(const Json& json, ExecuteCommandParams& out) {
  return reading(json, [&] {
    out.command = string_at(json, "command");
    const Json& arguments = member(json, "arguments");
    if (!arguments.is_null() && !arguments.is_array()) refuse("arguments", "an array", arguments);
    for (const Json& argument : arguments)
      out.arguments.push_back(argument.dump(-1, ' ', false, Json::error_handler_t::replace));
    out.work_done_token = token_at(json, "workDoneToken");
  });
}

Status read(const Json& json, WorkDoneCancelParams& out) {
  return reading(json, [&] {
    out.token = token_at(json, "token");
    if (out.token.empty()) refuse("token", "a string or an integer", member(json, "token"));
  });
}

Status read(const Json& json, ApplyEditResult& out) {
  return reading(json, [&] {
    out.applied = flag(json, "applied");
    out.failure = optional_string(json, "failureReason");
  });
}

Result<std::string> read_cancelled_id(const Json& json) {
  const std::string id = token_at(json, "id");
  if (id.empty()) return fail(ErrorCode::invalid_input, "$/cancelRequest has no id");
  return id;
}

Result<std::map<std::string, std::string>> read_flat_object(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object())
    return fail(ErrorCode::invalid_input, std::string("argument is ") +
                                              (json.is_discarded() ? "no json" : json.type_name()) +
                                              ", expected an object");
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : json.items()) {
    if (value.is_string()) {
      out[name] = value.get<std::string>();
    } else if (value.is_boolean() || value.is_number()) {
      out[name] = value.dump();
    } else if (!value.is_null()) {
      return fail(ErrorCode::invalid_input, "member " + name + " is " + value.type_name() +
                                                ", expected a string, number or boolean");
    }
  }
  return out;
}

std::string encoding_name(PositionEncoding encoding) {
  switch (encoding) {
    case PositionEncoding::utf8:
      return "utf-8";
    case PositionEncoding::utf32:
      return "utf-32";
    default:
      return "utf-16";
  }
}

PositionEncoding chosen_encoding(const std::vector<std::string>& offered) {
  for (const std::string& name : offered) {
    for (const PositionEncoding ours :
         {PositionEncoding::utf8, PositionEncoding::utf16, PositionEncoding::utf32}) {
      if (name == encoding_name(ours)) return ours;
    }
  }
  return PositionEncoding::utf16;
}

}  // namespace engramd::lsp
