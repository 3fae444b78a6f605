// textDocument/linkedEditingRange: the two names of an element of HTML or JSX.
#include "lsp/protocol/linked_editing.h"
#include "daemon/handlers/handlers.h"
#include "repoindex/languages/language.h"
#include "repoindex/syntax/linked_tags.h"

namespace engramd::daemon {

void bind_linked_editing(Session& session) {
  using namespace lsp;
  session.on_document<DocumentPosition, LinkedEditingResult>(
      {.capability = "linkedEditingRangeProvider",
       .method = "textDocument/linkedEditingRange",
       .options =
           [](const ClientCapabilities& client) {
             return client.has("textDocument.linkedEditingRange") ? "true" : "";
           }},
      [](const DocumentPosition& params, const Call& call) -> Result<LinkedEditingResult> {
        const Asked& asked = call.asked;
        LinkedEditingResult result;
        PlaceMapper places(asked);
        const auto offset = places.offset(asked.path, params.position);
        const auto file =
            repoindex::syntax_file(asked.view, asked.path, repoindex::WithTree::yes, call.cancel);
        if (!offset || !file) return result;
        const auto tags = repoindex::linked_tags(*file, *offset);
        if (!tags) return result;
        result.ranges = {places.range(asked.path, tags->open),
                         places.range(asked.path, tags->close)};
        // Components have dots, elements of one's own dashes.
        result.word_pattern = file->language->name == "html" ? "[A-Za-z][-A-Za-z0-9._:]*"
                                                             : "[A-Za-z_$][-A-Za-z0-9_$.:]*";
        return result;
      });
}

}  // namespace engramd::daemon
