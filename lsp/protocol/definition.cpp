#include "lsp/protocol/definition.h"

namespace engramd::lsp {

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

}  // namespace engramd::lsp
