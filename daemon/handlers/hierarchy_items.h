// daemon/handlers/hierarchy_items.h - between definitions and the items of call and type hierarchy.
//
// The thread of the call.
#pragma once

#include <optional>

#include "daemon/session/session.h"
#include "lsp/protocol/hierarchy.h"
#include "repoindex/hierarchy.h"

namespace engramd::daemon {

lsp::HierarchyItem hierarchy_item(const Asked& asked, PlaceMapper& places,
                                  const repoindex::SymbolHit& hit);
lsp::HierarchyItems hierarchy_items(const Asked& asked, PlaceMapper& places,
                                    const std::vector<repoindex::SymbolHit>& hits);
// What an item that came back stands for now: by its key, else by what stands at its position.
std::optional<repoindex::SymbolKey> item_key(const Asked& asked,
                                             const lsp::HierarchyItemParams& params);

}  // namespace engramd::daemon
