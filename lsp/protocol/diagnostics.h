// lsp/protocol/diagnostics.h - textDocument/diagnostic, workspace/diagnostic (pull), and
// textDocument/publishDiagnostics (push).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

struct Diagnostic {
  Range range;
  int severity = 1;  // 1 error, 2 warning, 3 information, 4 hint
  std::string source, message;
};

struct DocumentDiagnosticParams {
  std::string uri, previous_result_id;  // empty: none
};
struct DocumentDiagnosticResult {
  bool unchanged = false;  // since result_id
  std::string result_id;   // empty: not said
  std::vector<Diagnostic> items;
};

struct WorkspaceDiagnosticParams {
  std::map<std::string, std::string> previous;  // URI to result id
  std::string partial_token;                    // JSON text; empty: no partial results
};
struct WorkspaceDocumentReport {
  std::string uri;
  std::optional<int64_t> version;  // of an open document
  DocumentDiagnosticResult report;
};
struct WorkspaceDiagnosticResult {
  std::vector<WorkspaceDocumentReport> items;
};

struct PublishDiagnosticsParams {
  std::string uri;
  std::optional<int64_t> version;  // not said to a client without versionSupport
  std::vector<Diagnostic> items;
};

Status read(const nlohmann::json&, DocumentDiagnosticParams&);
Status read(const nlohmann::json&, WorkspaceDiagnosticParams&);
std::string write(const DocumentDiagnosticResult&);
std::string write(const WorkspaceDiagnosticResult&);
std::string write(const PublishDiagnosticsParams&);

}  // namespace engramd::lsp
