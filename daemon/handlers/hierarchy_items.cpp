#include "daemon/handlers/hierarchy_items.h"

#include <algorithm>

#include "daemon/handlers/handlers.h"

namespace engramd::daemon {

using repoindex::SymbolHit;
using repoindex::SymbolKey;
using repoindex::SymbolKind;

lsp::HierarchyItem hierarchy_item(const Asked& asked, PlaceMapper& places, const SymbolHit& hit) {
  const std::string& path = hit.place.path;
  const SymbolKey key = repoindex::key_of(asked.view, hit);
  lsp::HierarchyItem item;
  item.name = hit.symbol.name;
  // These requests came with LSP 3.16: their clients know all kinds.
  item.kind = lsp_symbol_kind(hit.symbol.kind, true);
  item.detail = hit.container.empty() ? path : hit.container + " in " + path;
  item.uri = places.uri(path);
  item.selection = places.range(path, hit.place.start, hit.place.end);
  item.range = places.range(path, hit.full_start, hit.full_end);
  // A macro may push a name out of its definition; LSP wants it inside.
  item.range.start = std::min(item.range.start, item.selection.start);
  item.range.end = std::max(item.range.end, item.selection.end);
  item.key = {key.name, key.container, static_cast<uint32_t>(key.kind), key.nth};
  return item;
}

lsp::HierarchyItems hierarchy_items(const Asked& asked, PlaceMapper& places,
                                    const std::vector<SymbolHit>& hits) {
  lsp::HierarchyItems out;
  for (const SymbolHit& hit : hits) out.items.push_back(hierarchy_item(asked, places, hit));
  return out;
}

std::optional<SymbolKey> item_key(const Asked& asked, const lsp::HierarchyItemParams& params) {
  if (params.key && params.key->kind <= static_cast<uint32_t>(SymbolKind::heading)) {
    const SymbolKey key{asked.path, params.key->name, params.key->container,
                        static_cast<SymbolKind>(params.key->kind), params.key->nth};
    if (repoindex::symbol_of(asked.view, key)) return key;
    return std::nullopt;
  }
  PlaceMapper places(asked);
  const auto offset = places.offset(asked.path, params.position);
  if (!offset) return std::nullopt;
  for (const SymbolHit& hit : repoindex::find_definitions(asked.view, asked.path, *offset, 1))
    if (hit.place.path == asked.path) return repoindex::key_of(asked.view, hit);
  return std::nullopt;
}

}  // namespace engramd::daemon
