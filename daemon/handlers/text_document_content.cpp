// workspace/textDocumentContent: proposed texts and explanations as read-only documents.
#include "lsp/protocol/text_document_content.h"

#include "daemon/handlers/handlers.h"

namespace engramd::daemon {

void bind_text_document_content(Session& session) {
  using namespace lsp;
  const Ports& ports = session.services().ports;
  if (!ports.fix && !ports.ask) return;
  session.offer({"workspace.textDocumentContent", "workspace/textDocumentContent",
                 [](const ClientCapabilities& client) -> std::string {
                   if (!client.has("workspace.textDocumentContent")) return {};
                   JsonWriter json;
                   json.begin_object().key("schemes").begin_array();
                   json.string(kProposalScheme).string(kAnswerScheme);
                   return json.end_array().end_object().take();
                 }});
  session.binder()->on_request<TextDocumentContentParams, TextDocumentContentResult>(
      "workspace/textDocumentContent",
      [&session](TextDocumentContentParams params, Reply<TextDocumentContentResult> reply) {
        auto text = session.virtual_documents().text(params.uri);
        if (!text)
          return reply.failed({ErrorCode::not_found, params.uri.substr(0, 200) + " is no more"});
        reply(TextDocumentContentResult{std::move(*text)});
      });
}

}  // namespace engramd::daemon
