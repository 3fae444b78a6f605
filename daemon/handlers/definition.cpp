// textDocument/definition: where a name is defined; only answers of the best confidence are given,
// because an editor jumps to a single answer without asking.
#include "lsp/protocol/definition.h"
#include "daemon/handlers/handlers.h"

namespace engramd::daemon {
namespace {

using repoindex::SymbolHit;

// Hits are best first; those as sure as the first.
std::vector<SymbolHit> as_sure_as_the_first(std::vector<SymbolHit> hits) {
  size_t n = 0;
  while (n < hits.size() && hits[n].confidence == hits[0].confidence) ++n;
  hits.resize(n);
  return hits;
}

void add(lsp::DefinitionResult& result, const std::vector<SymbolHit>& hits, PlaceMapper& places,
         const std::optional<lsp::Range>& origin) {
  for (const SymbolHit& hit : hits) {
    const std::string& path = hit.place.path;
    result.targets.push_back({origin, places.uri(path),
                              places.range(path, hit.full_start, hit.full_end),
                              places.range(path, hit.place.start, hit.place.end)});
  }
}

}  // namespace

void bind_definition(Session& session) {
  using namespace lsp;
  session.on_document<DocumentPosition, DefinitionResult>(
      {"definitionProvider", "textDocument/definition", {}},
      [](const DocumentPosition& params, const Call& call) -> Result<DefinitionResult> {
        const Asked& asked = call.asked;
        DefinitionResult result;
        result.as_links = call.client.flag("textDocument.definition.linkSupport");
        PlaceMapper places(asked);
        const auto offset = places.offset(asked.path, params.position);
        if (!offset) return result;
        const auto name = repoindex::name_at(asked.view, asked.path, *offset);
        if (!name) return result;
        const Range origin = places.range(asked.path, name->range);
        add(result,
            as_sure_as_the_first(repoindex::find_definitions(asked.view, asked.path, *offset)),
            places, origin);
        // Another folder of the same window may define what this one only uses.
        for (const Asked& other : call.folders) {
          if (!result.targets.empty() || call.cancel.cancelled()) break;
          if (other.root == asked.root) continue;
          PlaceMapper other_places(other);
          add(result, as_sure_as_the_first(repoindex::definitions_of(other.view, name->name, 20)),
              other_places, origin);
        }
        return result;
      });
}

}  // namespace engramd::daemon
