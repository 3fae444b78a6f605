// textDocument/documentHighlight: what else in the file is the thing under the cursor.
#include "lsp/protocol/document_highlight.h"
#include "daemon/handlers/handlers.h"

namespace engramd::daemon {

void bind_document_highlight(Session& session) {
  using namespace lsp;
  session.on_document<DocumentPosition, DocumentHighlightResult>(
      {.capability = "documentHighlightProvider", .method = "textDocument/documentHighlight"},
      [](const DocumentPosition& params, const Call& call) -> Result<DocumentHighlightResult> {
        constexpr size_t kLimit = 5000;
        const Asked& asked = call.asked;
        DocumentHighlightResult result;
        PlaceMapper places(asked);
        const auto offset = places.offset(asked.path, params.position);
        if (!offset) return result;
        for (const auto& hit :
             repoindex::references_in_file(asked.view, asked.path, *offset, kLimit, call.cancel)) {
          const bool writes =
              hit.role == repoindex::Role::definition || hit.role == repoindex::Role::write;
          result.highlights.push_back({places.range(asked.path, hit.place.start, hit.place.end),
                                       writes ? HighlightKind::write : HighlightKind::read});
        }
        return result;
      });
}

}  // namespace engramd::daemon
