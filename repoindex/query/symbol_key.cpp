// Definitions that are found again by what they are called.
#include <algorithm>

#include "repoindex/query/symbol_key.h"

namespace engramd::repoindex {

std::string container_of(const FileFacts& facts, uint32_t symbol) {
  std::string out = facts.symbols[symbol].qualifier;
  uint32_t parent = facts.symbols[symbol].parent;
  for (int i = 0; i < 50 && parent != kNone; ++i) {
    const Symbol& above = facts.symbols[parent];
    out = out.empty() ? above.name : above.name + "." + out;
    parent = above.parent;
  }
  return out;
}

std::optional<Found> found_by_key(const View& view, const SymbolKey& key) {
  FileFactsPtr facts = view.facts(key.path);
  if (facts == nullptr) return std::nullopt;
  if (key.kind == SymbolKind::file) return Found{key.path, facts, kNone, Confidence::certain};
  std::optional<Found> last;
  uint32_t n = 0;
  for (uint32_t s = 0; s < facts->symbols.size(); ++s) {
    const Symbol& symbol = facts->symbols[s];
    if (symbol.kind != key.kind || symbol.name != key.name) continue;
    if (container_of(*facts, s) != key.container) continue;
    last = Found{key.path, facts, s, Confidence::certain};
    if (n++ == key.nth) break;
  }
  return last;  // one of several alike may be gone: the last that is left
}

SymbolKey key_of(const View& view, const SymbolHit& hit) {
  SymbolKey key{hit.place.path, hit.symbol.name, hit.container, hit.symbol.kind, 0};
  FileFactsPtr facts = view.facts(hit.place.path);
  if (facts == nullptr || hit.symbol.kind == SymbolKind::file) return key;
  for (uint32_t s = 0; s < facts->symbols.size(); ++s) {
    const Symbol& symbol = facts->symbols[s];
    if (symbol.name_begin >= hit.symbol.name_begin) break;
    key.nth += symbol.kind == key.kind && symbol.name == key.name &&
               container_of(*facts, s) == key.container;
  }
  return key;
}

std::optional<SymbolHit> symbol_of(const View& view, const SymbolKey& key) {
  std::optional<Found> found = found_by_key(view, key);
  if (!found) return std::nullopt;
  return Resolver(view).hit(*found);
}

}  // namespace engramd::repoindex
