// lsp/protocol/definition.h - textDocument/definition and its likes: positions to places.
#pragma once

#include <string>
#include <vector>

#include "lsp/protocol/basic.h"

namespace engramd::lsp {

struct DefinitionResult {
  bool as_links = false;
  std::vector<LocationLink> targets;  // written as Location when !as_links
};

std::string write(const DefinitionResult&);

}  // namespace engramd::lsp
