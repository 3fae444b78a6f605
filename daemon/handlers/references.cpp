// textDocument/references: every place that may mean the name, in pieces when the editor takes
// partial results.
#include "daemon/handlers/handlers.h"

namespace engramd::daemon {

void bind_references(Session& session) {
  using namespace lsp;
  session.binder()->on_request<ReferenceParams, ReferencesResult>(
      "textDocument/references", [&session](ReferenceParams params, Reply<ReferencesResult> reply) {
        const auto asked = session.editor().ask(params.uri);
        if (!asked) return reply(ReferencesResult{});
        session.answer_in<ReferencesResult>(
            session.services().queries, reply,
            [asked = *asked, params,
             binder = session.binder()](const CancelToken& cancel) -> Result<ReferencesResult> {
              constexpr size_t kLimit = 10000;
              constexpr size_t kPieceSize = 500;
              ReferencesResult result;
              PlaceMapper places(asked);
              const auto offset = places.offset(asked.path, params.position);
              if (!offset) return result;
              for (const auto& hit :
                   repoindex::find_references(asked.view, asked.path, *offset,
                                              params.include_declaration, kLimit, cancel)) {
                if (cancel.cancelled()) return fail(ErrorCode::cancelled, "cancelled");
                result.locations.push_back(places.location(hit.place));
                if (params.partial_token.empty() || result.locations.size() < kPieceSize) continue;
                binder->notify("$/progress",
                               write(PartialLocations{params.partial_token, result.locations}));
                result.locations.clear();
              }
              // LSP: once a piece was sent, the final answer adds nothing to the pieces.
              if (!params.partial_token.empty() && !result.locations.empty()) {
                binder->notify("$/progress",
                               write(PartialLocations{params.partial_token, result.locations}));
                result.locations.clear();
              }
              return result;
            });
      });
}

}  // namespace engramd::daemon
