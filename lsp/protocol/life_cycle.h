// lsp/protocol/life_cycle.h - initialize, workspace folders, settings, registration, cancellation.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "lsp/protocol/basic.h"
#include "lsp/protocol/capabilities.h"

namespace engramd::lsp {

struct WorkspaceFolder {
  std::string uri, name;
};
struct InitializeParams {
  std::optional<int64_t> process_id;
  std::string client_name, client_version;
  std::vector<WorkspaceFolder> folders;  // rootUri and rootPath already folded in
  ClientCapabilities capabilities;
  std::string options;  // initializationOptions as JSON text; may be empty
  bool trace = false;   // "messages" or "verbose"
};
struct InitializeResult {
  std::string position_encoding = "utf-16";
  // Member of ServerCapabilities (one inside another joined with '.') to its JSON text.
  std::map<std::string, std::string> capabilities;
  std::string version;
};
struct DidChangeWorkspaceFoldersParams {
  std::vector<WorkspaceFolder> added, removed;
};
struct DidChangeConfigurationParams {
  std::string settings;  // JSON text; empty: none
};
struct SetTraceParams {
  bool trace = false;
};
struct Registration {
  std::string id, method;
  std::string options;  // JSON text; empty: none
};
struct RegistrationParams {
  std::vector<Registration> registrations;
};
struct UnregistrationParams {
  std::vector<Registration> unregistrations;  // id and method
};
struct ConfigurationParams {
  std::string section;
};

Status read(const nlohmann::json&, InitializeParams&);
Status read(const nlohmann::json&, DidChangeWorkspaceFoldersParams&);
Status read(const nlohmann::json&, DidChangeConfigurationParams&);
Status read(const nlohmann::json&, SetTraceParams&);
// The first item of an array, as JSON text: the answer to one item of workspace/configuration.
std::string first_item(const nlohmann::json& array);
// The id of a $/cancelRequest, as JSON text.
Result<std::string> read_cancelled_id(const nlohmann::json&);

std::string write(const InitializeResult&);
std::string write(const RegistrationParams&);
std::string write(const UnregistrationParams&);
std::string write(const ConfigurationParams&);

// "utf-8", "utf-16", "utf-32".
std::string encoding_name(PositionEncoding encoding);
// The first of the client's list that we know; utf-16 for a client that offers nothing (LSP 3.16).
PositionEncoding chosen_encoding(const std::vector<std::string>& offered);

}  // namespace engramd::lsp
