// textDocument/definition: where a name is defined; only answers of the best confidence are given,
// because an editor jumps to a single answer without asking.
#include "lsp/protocol/definition.h"
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/targets.h"

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
        const auto at = asked_name(asked, params.position, places);
        if (!at) return result;
        add_targets(
            result,
            as_sure_as_the_first(repoindex::find_definitions(asked.view, asked.path, at->offset)),
            places, at->range);
        if (!at->name) return result;  // in the quotes of an import
        // Another folder of the same window may define what this one only uses.
        for (const Asked& other : call.folders) {
          if (!result.targets.empty() || call.cancel.cancelled()) break;
          if (other.root == asked.root) continue;
          PlaceMapper other_places(other);
          add_targets(
              result,
              as_sure_as_the_first(repoindex::definitions_of(other.view, at->name->name, 20)),
              other_places, at->range);
        }
        return result;
      });
}

}  // namespace engramd::daemon
