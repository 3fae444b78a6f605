// lsp/protocol/symbols.h - textDocument/documentSymbol, workspace/symbol and its resolve.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

struct DocumentSymbolParams {
  std::string uri;
};
struct WorkspaceSymbolParams {
  std::string query;
  std::string partial_token;    // JSON text; empty: no partial results
  std::string work_done_token;  // JSON text; empty: no progress
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
// WorkspaceSymbol; without a range it is one that the client resolves.
struct WorkspaceSymbol {
  std::string name;
  int kind = 0;
  std::string uri;
  std::optional<Range> range;
  std::string container;
  std::string name_in_file;  // its key: what it is called, around what, which of those alike
  std::string container_in_file;
  uint32_t kind_in_file = 0, nth = 0;
};
struct WorkspaceSymbolResult {
  std::vector<WorkspaceSymbol> symbols;
};

Status read(const nlohmann::json&, DocumentSymbolParams&);
Status read(const nlohmann::json&, WorkspaceSymbolParams&);
Status read(const nlohmann::json&, WorkspaceSymbol&);
std::string write(const DocumentSymbolResult&);
std::string write(const WorkspaceSymbolResult&);
std::string write(const WorkspaceSymbol&);

}  // namespace engramd::lsp
