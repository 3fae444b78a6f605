// textDocument/declaration: prototypes and headers, imports, what a method overrides.
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/targets.h"
#include "repoindex/hierarchy.h"

namespace engramd::daemon {

void bind_declaration(Session& session) {
  using namespace lsp;
  session.on_document<DocumentPosition, DefinitionResult>(
      {"declarationProvider", "textDocument/declaration", {}},
      [](const DocumentPosition& params, const Call& call) -> Result<DefinitionResult> {
        DefinitionResult result;
        result.as_links = call.client.flag("textDocument.declaration.linkSupport");
        PlaceMapper places(call.asked);
        const auto at = asked_name(call.asked, params.position, places);
        if (!at) return result;
        add_targets(result,
                    repoindex::find_declarations(call.asked.view, call.asked.path, at->offset),
                    places, at->range);
        return result;
      });
}

}  // namespace engramd::daemon
