// textDocument/documentSymbol: the outline of one file, as a tree where the editor takes trees.
#include "daemon/handlers/handlers.h"
#include "lsp/protocol/symbols.h"

namespace engramd::daemon {
namespace {

using Children = std::vector<std::vector<size_t>>;

// Symbols nested deeper than this are left out: JSON readers have limits too.
constexpr size_t kMaxDepth = 100;

lsp::DocumentSymbol node_of(const repoindex::SymbolHit& hit, PlaceMapper& places, bool all_kinds) {
  lsp::DocumentSymbol node;
  // LSP forbids an empty name.
  node.name = hit.symbol.name.empty() ? "(anonymous)" : hit.symbol.name;
  node.detail = hit.symbol.signature;
  node.kind = lsp_symbol_kind(hit.symbol.kind, all_kinds);
  node.range = places.range(hit.place.path, hit.full_start, hit.full_end);
  node.selection = places.range(hit.place.path, hit.place.start, hit.place.end);
  return node;
}

// Appends the symbol at `at` with all below it.
void add(std::vector<lsp::DocumentSymbol>& out, const std::vector<repoindex::SymbolHit>& hits,
         const Children& children, size_t at, PlaceMapper& places, bool all_kinds, size_t depth) {
  const size_t slot = out.size();
  out.push_back(node_of(hits[at], places, all_kinds));
  std::vector<lsp::DocumentSymbol> below;
  for (const size_t child : children[at])
    if (depth < kMaxDepth) add(below, hits, children, child, places, all_kinds, depth + 1);
  out[slot].children = std::move(below);
}

}  // namespace

void bind_document_symbol(Session& session) {
  using namespace lsp;
  session.on_document<DocumentSymbolParams, DocumentSymbolResult>(
      {"documentSymbolProvider", "textDocument/documentSymbol", {}},
      [](const DocumentSymbolParams&, const Call& call) -> Result<DocumentSymbolResult> {
        const Asked& asked = call.asked;
        const bool all_kinds = call.client.has("textDocument.documentSymbol.symbolKind.valueSet");
        DocumentSymbolResult result;
        result.hierarchical =
            call.client.flag("textDocument.documentSymbol.hierarchicalDocumentSymbolSupport");
        PlaceMapper places(asked);
        const auto hits = repoindex::document_symbols(asked.view, asked.path);
        if (!result.hierarchical) {
          for (const auto& hit : hits)
            result.flat.push_back(
                {hit.symbol.name.empty() ? "(anonymous)" : hit.symbol.name,
                 lsp_symbol_kind(hit.symbol.kind, all_kinds),
                 {places.uri(asked.path), places.range(asked.path, hit.full_start, hit.full_end)},
                 hit.container});
          return result;
        }
        Children children(hits.size());
        std::vector<size_t> tops;
        for (size_t i = 0; i < hits.size(); ++i) {
          const uint32_t parent = hits[i].symbol.parent;
          // Only a parent that comes earlier: the tree is then one whatever the facts say.
          (parent < i ? children[parent] : tops).push_back(i);
        }
        for (const size_t top : tops) add(result.tree, hits, children, top, places, all_kinds, 0);
        return result;
      });
}

}  // namespace engramd::daemon
