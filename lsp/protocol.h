// lsp/protocol.h - the LSP 3.18 shapes that engramd reads and writes, as plain structs.
//
// read(json, x) checks types and ranges and says which member is wrong; write(x) gives JSON text.
// Client capabilities are flattened to the questions we ask. Members that we never look at are
// not here. Plain data, any thread.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/text.h"

namespace engramd::lsp {

// ---- positions and places; columns are in the negotiated encoding

struct Position {
  uint32_t line = 0, character = 0;
  bool operator==(const Position&) const = default;
};
struct Range {
  Position start, end;
  bool operator==(const Range&) const = default;
};
struct Location {
  std::string uri;
  Range range;
};
struct LocationLink {
  std::optional<Range> origin;
  std::string uri;
  Range range, selection;
};

// ---- life cycle

struct ClientCapabilities {
  std::vector<std::string> position_encodings;  // in order of preference; empty: utf-16
  bool work_done_progress = false;              // window/workDoneProgress/create may be sent
  bool apply_edit = false, document_changes = false, create_files = false;
  bool watch_files = false;  // dynamic registration of watched files
  bool hierarchical_symbols = false;
  bool all_symbol_kinds = false;  // false: only the kinds of LSP 1.0 (1 to 18)
  bool all_workspace_symbol_kinds = false;
  bool definition_links = false;
  bool hover_markdown = false;
  bool inline_completion = false;  // the editor shows ghost text
};
struct WorkspaceFolder {
  std::string uri, name;
};
struct InitializeParams {
  std::optional<int64_t> process_id;
  std::string client_name, client_version;
  std::vector<WorkspaceFolder> folders;  // rootUri and rootPath already folded in
  ClientCapabilities capabilities;
  std::string options;  // initializationOptions as JSON text; may be empty
};
struct ServerCapabilities {
  std::string position_encoding = "utf-16";
  bool inline_completion = false;
  std::vector<std::string> commands;
};
struct InitializeResult {
  ServerCapabilities capabilities;
  std::string version;
};
struct NoParams {};
struct NullResult {};

// ---- documents

struct TextDocumentItem {
  std::string uri, language;
  int64_t version = 0;
  std::string text;
};
struct DidOpenParams {
  TextDocumentItem document;
};
struct ContentChange {
  std::optional<Range> range;
  std::string text;
};  // no range: the whole text
struct DidChangeParams {
  std::string uri;
  int64_t version = 0;
  std::vector<ContentChange> changes;
};
struct DidCloseParams {
  std::string uri;
};
struct DidSaveParams {
  std::string uri;
};
struct FileEvent {
  std::string uri;
  int type = 2;
};
struct DidChangeWatchedFilesParams {
  std::vector<FileEvent> changes;
};
struct DidChangeWorkspaceFoldersParams {
  std::vector<WorkspaceFolder> added, removed;
};

// ---- features

// A token that the client gave for progress or partial results, as JSON text; empty: none.
struct DocumentSymbolParams {
  std::string uri;
};
struct WorkspaceSymbolParams {
  std::string query;
};
struct DefinitionParams {
  std::string uri;
  Position position;
};
struct HoverParams {
  std::string uri;
  Position position;
};
struct ReferenceParams {
  std::string uri;
  Position position;
  bool include_declaration = false;
  std::string partial_token;
};

struct DocumentSymbol {
  std::string name, detail;
  int kind = 0;
  Range range, selection;
  std::vector<DocumentSymbol> children;
};
struct SymbolInformation {
  std::string name;
  int kind = 0;
  Location location;
  std::string container;
};
struct DocumentSymbolResult {
  bool hierarchical = true;
  std::vector<DocumentSymbol> tree;     // when hierarchical
  std::vector<SymbolInformation> flat;  // otherwise
};
struct WorkspaceSymbolResult {
  std::vector<SymbolInformation> symbols;
};
struct DefinitionResult {
  bool as_links = false;
  std::vector<LocationLink> targets;  // written as Location when !as_links
};
struct ReferencesResult {
  std::vector<Location> locations;
};
struct Hover {
  bool markdown = true;
  std::string text;
  std::optional<Range> range;
};
struct HoverResult {
  std::optional<Hover> hover;
};

enum class InlineTrigger { invoked = 1, automatic = 2 };
struct InlineCompletionParams {
  std::string uri;
  Position position;
  InlineTrigger trigger = InlineTrigger::automatic;
  std::optional<Range> selected_range;  // of the item selected in the completion menu
  std::string selected_text;
};
struct InlineCompletionItem {
  std::string insert_text;
  std::optional<Range> range;
};
struct InlineCompletionResult {
  std::vector<InlineCompletionItem> items;
};

struct ExecuteCommandParams {
  std::string command;
  std::vector<std::string> arguments;  // each as JSON text
  std::string work_done_token;
};
struct JsonResult {
  std::string json = "null";
};

// ---- what the server sends

struct TextEdit {
  Range range;
  std::string new_text;
};
struct DocumentEdit {
  std::string uri;
  std::optional<int64_t> version;  // of the open document, when it is open
  bool create = false;
  std::vector<TextEdit> edits;
};
// Written as documentChanges, or as changes for a client without them (then create is refused
// by the caller, because that shape cannot say it).
struct ApplyEditParams {
  std::string label;
  std::vector<DocumentEdit> documents;
  bool document_changes = true;
};
struct ApplyEditResult {
  bool applied = false;
  std::string failure;
};
struct CreateProgressParams {
  std::string token;
};
struct ProgressBegin {
  std::string token, title, message;
  bool cancellable = false;
  std::optional<uint32_t> percentage;
};
struct ProgressReport {
  std::string token, message;
  std::optional<uint32_t> percentage;
};
struct ProgressEnd {
  std::string token, message;
};
struct PartialLocations {
  std::string token;
  std::vector<Location> locations;
};
struct WatchFilesRegistration {
  std::string id;
  std::vector<std::string> globs;
};
enum class MessageType { error = 1, warning = 2, info = 3, log = 4 };
struct ShowMessageParams {
  MessageType type = MessageType::info;
  std::string message;
};
struct WorkDoneCancelParams {
  std::string token;
};  // as JSON text

// ---- reading: an error of code invalid_input names the member

Status read(const nlohmann::json&, NoParams&);
Status read(const nlohmann::json&, InitializeParams&);
Status read(const nlohmann::json&, DidOpenParams&);
Status read(const nlohmann::json&, DidChangeParams&);
Status read(const nlohmann::json&, DidCloseParams&);
Status read(const nlohmann::json&, DidSaveParams&);
Status read(const nlohmann::json&, DidChangeWatchedFilesParams&);
Status read(const nlohmann::json&, DidChangeWorkspaceFoldersParams&);
Status read(const nlohmann::json&, DocumentSymbolParams&);
Status read(const nlohmann::json&, WorkspaceSymbolParams&);
Status read(const nlohmann::json&, DefinitionParams&);
Status read(const nlohmann::json&, HoverParams&);
Status read(const nlohmann::json&, ReferenceParams&);
Status read(const nlohmann::json&, InlineCompletionParams&);
Status read(const nlohmann::json&, ExecuteCommandParams&);
Status read(const nlohmann::json&, WorkDoneCancelParams&);
Status read(const nlohmann::json&, ApplyEditResult&);
// The id of a $/cancelRequest, as JSON text.
Result<std::string> read_cancelled_id(const nlohmann::json&);
// A flat JSON object of strings, numbers and booleans, for command arguments: values as text.
Result<std::map<std::string, std::string>> read_flat_object(const std::string& json);

// ---- writing: JSON text

std::string write(const NullResult&);
std::string write(const JsonResult&);
std::string write(const InitializeResult&);
std::string write(const DocumentSymbolResult&);
std::string write(const WorkspaceSymbolResult&);
std::string write(const DefinitionResult&);
std::string write(const ReferencesResult&);
std::string write(const HoverResult&);
std::string write(const InlineCompletionResult&);
std::string write(const ApplyEditParams&);
std::string write(const CreateProgressParams&);
std::string write(const ProgressBegin&);
std::string write(const ProgressReport&);
std::string write(const ProgressEnd&);
std::string write(const PartialLocations&);
std::string write(const WatchFilesRegistration&);
std::string write(const ShowMessageParams&);

// "utf-8", "utf-16", "utf-32".
std::string encoding_name(PositionEncoding encoding);
// utf-8 when offered, else utf-16, else utf-32; utf-16 for a client that offers nothing (LSP 3.16).
PositionEncoding chosen_encoding(const std::vector<std::string>& offered);

}  // namespace engramd::lsp
