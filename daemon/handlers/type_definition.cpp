// textDocument/typeDefinition: the class that a value is an instance of.
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/targets.h"
#include "repoindex/hierarchy.h"

namespace engramd::daemon {

void bind_type_definition(Session& session) {
  using namespace lsp;
  session.on_document<DocumentPosition, DefinitionResult>(
      {"typeDefinitionProvider", "textDocument/typeDefinition", {}},
      [](const DocumentPosition& params, const Call& call) -> Result<DefinitionResult> {
        DefinitionResult result;
        result.as_links = call.client.flag("textDocument.typeDefinition.linkSupport");
        PlaceMapper places(call.asked);
        const auto at = asked_name(call.asked, params.position, places);
        if (!at) return result;
        add_targets(result,
                    repoindex::find_type_definitions(call.asked.view, call.asked.path, at->offset),
                    places, at->range);
        return result;
      });
}

}  // namespace engramd::daemon
