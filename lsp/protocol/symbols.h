// lsp/protocol/symbols.h - textDocument/documentSymbol and workspace/symbol.
#pragma once

#include <string>
#include <vector>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

struct DocumentSymbolParams {
  std::string uri;
};
struct WorkspaceSymbolParams {
  std::string query;
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

Status read(const nlohmann::json&, DocumentSymbolParams&);
Status read(const nlohmann::json&, WorkspaceSymbolParams&);
std::string write(const DocumentSymbolResult&);
std::string write(const WorkspaceSymbolResult&);

}  // namespace engramd::lsp
