// daemon/handlers/targets.h - what the features share whose answers are definitions.
//
// Pure functions of their arguments: the thread of the call.
#pragma once

#include <optional>
#include <vector>

#include "daemon/session/session.h"
#include "lsp/protocol/definition.h"

namespace engramd::daemon {

// The offset of a position in the asked document, and the range of the name that stands there.
struct AskedName {
  size_t offset = 0;
  std::optional<repoindex::NameAt> name;
  std::optional<lsp::Range> range;
};
std::optional<AskedName> asked_name(const Asked& asked, lsp::Position position,
                                    PlaceMapper& places);

void add_targets(lsp::DefinitionResult& result, const std::vector<repoindex::SymbolHit>& hits,
                 PlaceMapper& places, const std::optional<lsp::Range>& origin);

}  // namespace engramd::daemon
