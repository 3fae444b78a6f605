// textDocument/inlineCompletion: ghost text from the resident model, through the completion port.
#include "daemon/handlers/handlers.h"

namespace engramd::daemon {

void bind_inline_completion(Session& session) {
  using namespace lsp;
  if (!session.services().ports.complete) return;
  session.offer({"inlineCompletionProvider", "textDocument/inlineCompletion", {}});
  session.binder()->on_request<InlineCompletionParams, InlineCompletionResult>(
      "textDocument/inlineCompletion",
      [&session](InlineCompletionParams params, Reply<InlineCompletionResult> reply) {
        const auto asked = session.editor().ask(params.uri);
        if (!asked) return reply(InlineCompletionResult{});
        // Cancelled by the client, by a newer request for this document, or by an edit of it.
        const CancelSource cancel(reply.token());
        session.supersede_completion(params.uri, Session::RunningCompletion{reply, cancel});
        session.answer_in<InlineCompletionResult>(
            session.services().completions, reply,
            [asked = *asked, params, token = cancel.token(),
             complete = session.services().ports.complete](
                const CancelToken&) -> Result<InlineCompletionResult> {
              PlaceMapper places(asked);
              const auto offset = places.offset(asked.path, params.position);
              if (!offset || token.cancelled()) return InlineCompletionResult{};
              CompletionQuery query;
              query.view = asked.view;
              query.path = asked.path;
              query.offset = *offset;
              query.invoked = params.trigger == InlineTrigger::invoked;
              if (params.selected_range) {
                const auto begin = places.offset(asked.path, params.selected_range->start);
                const auto end = places.offset(asked.path, params.selected_range->end);
                if (begin && end && *begin <= *end) {
                  query.selected_text = params.selected_text;
                  query.selected_range = ByteRange{*begin, *end};
                }
              }
              ENGRAMD_TRY(const auto suggestions, complete(query, token));
              InlineCompletionResult result;
              for (const CompletionSuggestion& one : suggestions)
                result.items.push_back({one.text, places.range(asked.path, one.replaced)});
              return result;
            });
      });
}

}  // namespace engramd::daemon
