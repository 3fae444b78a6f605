// lsp/protocol/references.h - textDocument/references.
#pragma once

#include <string>
#include <vector>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

struct ReferenceParams {
  std::string uri;
  Position position;
  bool include_declaration = false;
  std::string partial_token;    // JSON text; empty: no partial results
  std::string work_done_token;  // JSON text; empty: no progress
};
struct ReferencesResult {
  std::vector<Location> locations;
};

Status read(const nlohmann::json&, ReferenceParams&);
std::string write(const ReferencesResult&);

}  // namespace engramd::lsp
