// textDocument/documentLink: addresses, imports and relative links of one file.
//
// Targets come at once: a link to a file is one only when the file is there, so it has been found
// by then and documentLink/resolve would have nothing left to do.
#include "lsp/protocol/document_link.h"
#include "daemon/handlers/handlers.h"
#include "repoindex/syntax/links.h"

namespace engramd::daemon {

void bind_document_link(Session& session) {
  using namespace lsp;
  session.on_document<DocumentLinkParams, DocumentLinkResult>(
      {.capability = "documentLinkProvider",
       .method = "textDocument/documentLink",
       .options = [](const ClientCapabilities&) { return R"({"resolveProvider":false})"; }},
      [](const DocumentLinkParams&, const Call& call) -> Result<DocumentLinkResult> {
        constexpr size_t kLimit = 2000;
        const Asked& asked = call.asked;
        DocumentLinkResult result;
        const auto file =
            repoindex::syntax_file(asked.view, asked.path, repoindex::WithTree::no, call.cancel);
        if (!file) return result;
        const bool tooltips = call.client.flag("textDocument.documentLink.tooltipSupport");
        PlaceMapper places(asked);
        for (const repoindex::Link& link :
             repoindex::links(asked.view, *file, kLimit, call.cancel)) {
          DocumentLink out;
          out.range = places.range(asked.path, link.range);
          out.target = link.path.empty() ? link.url : places.uri(link.path);
          if (tooltips && !link.path.empty()) out.tooltip = link.path;
          result.links.push_back(std::move(out));
        }
        return result;
      });
}

}  // namespace engramd::daemon
