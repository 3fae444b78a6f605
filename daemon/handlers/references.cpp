// textDocument/references: every place that may mean the name, in pieces when the editor takes
// partial results.
#include "lsp/protocol/references.h"
#include "daemon/handlers/handlers.h"

namespace engramd::daemon {

void bind_references(Session& session) {
  using namespace lsp;
  session.on_document<ReferenceParams, ReferencesResult>(
      {"referencesProvider", "textDocument/references", {}},
      [](const ReferenceParams& params, const Call& call) -> Result<ReferencesResult> {
        constexpr size_t kLimit = 10000;
        constexpr size_t kPieceSize = 500;
        const Asked& asked = call.asked;
        ReferencesResult result;
        const auto send_piece = [&] {
          call.binder->notify("$/progress", partial_result(params.partial_token, write(result)));
          result.locations.clear();
        };
        PlaceMapper places(asked);
        const auto offset = places.offset(asked.path, params.position);
        if (!offset) return result;
        for (const auto& hit :
             repoindex::find_references(asked.view, asked.path, *offset, params.include_declaration,
                                        kLimit, call.cancel)) {
          if (call.cancel.cancelled()) return fail(ErrorCode::cancelled, "cancelled");
          result.locations.push_back(places.location(hit.place));
          if (!params.partial_token.empty() && result.locations.size() >= kPieceSize) send_piece();
        }
        // LSP: once a piece was sent, the final answer adds nothing to the pieces.
        if (!params.partial_token.empty() && !result.locations.empty()) send_piece();
        return result;
      });
}

}  // namespace engramd::daemon
