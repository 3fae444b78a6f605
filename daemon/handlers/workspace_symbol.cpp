// workspace/symbol: fuzzy search over the definitions of all folders.
#include "daemon/handlers/handlers.h"
#include "lsp/protocol/symbols.h"

namespace engramd::daemon {

void bind_workspace_symbol(Session& session) {
  using namespace lsp;
  session.on_workspace<WorkspaceSymbolParams, WorkspaceSymbolResult>(
      {"workspaceSymbolProvider", "workspace/symbol", {}},
      [](const WorkspaceSymbolParams& params, const Call& call) -> Result<WorkspaceSymbolResult> {
        constexpr size_t kLimit = 200;
        const bool all_kinds = call.client.has("workspace.symbol.symbolKind.valueSet");
        WorkspaceSymbolResult result;
        for (const Asked& asked : call.folders) {
          PlaceMapper places(asked);
          for (const auto& hit :
               repoindex::workspace_symbols(asked.view, params.query, kLimit, call.cancel)) {
            if (call.cancel.cancelled()) return fail(ErrorCode::cancelled, "cancelled");
            if (call.coexistence->leaves_language(repoindex::language_of(hit.place.path),
                                                  "workspace/symbol"))
              continue;
            result.symbols.push_back({hit.symbol.name, lsp_symbol_kind(hit.symbol.kind, all_kinds),
                                      places.location(hit.place),
                                      hit.container.empty()
                                          ? asked.root.filename().string() + "/" + hit.place.path
                                          : hit.container});
          }
        }
        return result;
      });
}

}  // namespace engramd::daemon
