// workspace/symbol: fuzzy search over the definitions of all folders.
#include <algorithm>

#include "daemon/handlers/handlers.h"

namespace engramd::daemon {

void bind_workspace_symbol(Session& session) {
  using namespace lsp;
  session.binder()->on_request<WorkspaceSymbolParams, WorkspaceSymbolResult>(
      "workspace/symbol",
      [&session](WorkspaceSymbolParams params, Reply<WorkspaceSymbolResult> reply) {
        const bool all_kinds = session.capabilities().all_workspace_symbol_kinds;
        session.answer_in<WorkspaceSymbolResult>(
            session.services().queries, reply,
            [roots = session.editor().ask_all(), params,
             all_kinds](const CancelToken& cancel) -> Result<WorkspaceSymbolResult> {
              constexpr size_t kLimit = 200;
              WorkspaceSymbolResult result;
              for (const Asked& asked : roots) {
                PlaceMapper places(asked);
                for (const auto& hit :
                     repoindex::workspace_symbols(asked.view, params.query, kLimit, cancel)) {
                  if (cancel.cancelled()) return fail(ErrorCode::cancelled, "cancelled");
                  result.symbols.push_back(
                      {hit.symbol.name, lsp_symbol_kind(hit.symbol.kind, all_kinds),
                       places.location(hit.place),
                       hit.container.empty() ? asked.root.filename().string() + "/" + hit.place.path
                                             : hit.container});
                }
              }
              return result;
            });
      });
}

}  // namespace engramd::daemon
