// textDocument/implementation: what derives from a class or interface, what overrides a method.
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/targets.h"
#include "repoindex/hierarchy.h"

namespace engramd::daemon {

void bind_implementation(Session& session) {
  using namespace lsp;
  session.on_document<DocumentPosition, DefinitionResult>(
      {"implementationProvider", "textDocument/implementation", {}},
      [](const DocumentPosition& params, const Call& call) -> Result<DefinitionResult> {
        constexpr size_t kLimit = 1000;
        DefinitionResult result;
        result.as_links = call.client.flag("textDocument.implementation.linkSupport");
        PlaceMapper places(call.asked);
        const auto at = asked_name(call.asked, params.position, places);
        if (!at) return result;
        add_targets(result,
                    repoindex::find_implementations(call.asked.view, call.asked.path, at->offset,
                                                    kLimit, call.cancel),
                    places, at->range);
        if (call.cancel.cancelled()) return fail(ErrorCode::cancelled, "cancelled");
        return result;
      });
}

}  // namespace engramd::daemon
