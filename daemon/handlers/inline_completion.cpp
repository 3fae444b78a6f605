// textDocument/inlineCompletion: ghost text from the resident model, through the completion port.
// What is typed or accepted along the last suggestion is answered from that, without the model.
#include "daemon/completion/kept_suggestions.h"
#include "daemon/completion/suggestion_tracker.h"
#include "daemon/completion/typed_over.h"
#include "daemon/handlers/handlers.h"
#include "daemon/session/delayed_jobs.h"

namespace engramd::daemon {
namespace {

// The rest of a suggestion that is being typed along; nothing when the model has to be asked.
std::optional<lsp::InlineCompletionResult> typed_along(Session& session, KeptSuggestions& kept,
                                                       const lsp::InlineCompletionParams& params) {
  // Who asks for it wants to see something else than what is there.
  if (params.trigger != lsp::InlineTrigger::automatic || params.selected_range) return std::nullopt;
  const auto text = session.editor().text(params.uri);
  if (!text) return std::nullopt;
  const LineIndex lines(*text);
  const LineColumn at = lines.from_encoded(session.editor().encoding(), params.position.line,
                                           params.position.character, *text);
  const size_t offset = lines.offset(at, *text);
  const auto rest = kept.rest(params.uri, *text, offset);
  if (rest.empty()) return std::nullopt;
  lsp::InlineCompletionResult result;
  for (const std::string& one : rest) {
    const LineColumn end =
        lines.position(offset + n_typed_over(one, std::string_view(*text).substr(offset)));
    result.items.push_back(
        {one, lsp::Range{params.position,
                         {end.line, lines.column_in(session.editor().encoding(), end, *text)}}});
  }
  return result;
}

// What the answers of one session leave behind.
struct Suggestions {
  explicit Suggestions(SuggestionCounts& counts) : tracker(counts) {}
  KeptSuggestions kept;
  SuggestionTracker tracker;
  DelayedJobs later;  // last: its thread uses the others
};

Result<lsp::InlineCompletionResult> ask_model(const lsp::InlineCompletionParams& params,
                                              const Asked& asked, const Ports& ports,
                                              const std::string& language, double min_confidence,
                                              Suggestions& suggested, const CancelToken& cancel) {
  using namespace lsp;
  PlaceMapper places(asked);
  const auto offset = places.offset(asked.path, params.position);
  if (!offset || cancel.cancelled()) return InlineCompletionResult{};
  CompletionQuery query;
  query.view = asked.view;
  query.path = asked.path;
  query.offset = *offset;
  query.invoked = params.trigger == InlineTrigger::invoked;
  query.min_confidence = min_confidence;
  if (params.selected_range) {
    const auto begin = places.offset(asked.path, params.selected_range->start);
    const auto end = places.offset(asked.path, params.selected_range->end);
    if (begin && end && *begin <= *end) {
      query.selected_text = params.selected_text;
      query.selected_range = ByteRange{*begin, *end};
    }
  }
  ENGRAMD_TRY(const auto suggestions, ports.complete(query, cancel));
  InlineCompletionResult result;
  std::vector<std::string> at_cursor;
  const auto text = asked.view.text(asked.path);
  for (const CompletionSuggestion& one : suggestions) {
    ByteRange replaced = one.replaced;
    if (text && replaced.end <= text->size())
      replaced.end += n_typed_over(one.text, std::string_view(*text).substr(replaced.end));
    result.items.push_back({one.text, places.range(asked.path, replaced)});
    if (one.replaced == ByteRange{*offset, *offset}) at_cursor.push_back(one.text);
  }
  if (text && !cancel.cancelled()) {
    if (!at_cursor.empty())
      suggested.tracker.shown(params.uri, language, *text, *offset, at_cursor.front());
    suggested.kept.keep(params.uri, *text, *offset, std::move(at_cursor));
  }
  return result;
}

}  // namespace

void bind_inline_completion(Session& session) {
  using namespace lsp;
  if (!session.services().ports.complete) return;
  session.offer({"inlineCompletionProvider", "textDocument/inlineCompletion", {}});
  const auto suggested = std::make_shared<Suggestions>(session.services().suggestions);
  session.listen([&session, suggested](DocumentEvent event, const std::string& uri) {
    if (event == DocumentEvent::closed) return suggested->tracker.closed(uri);
    if (event != DocumentEvent::changed) return;
    const auto text = session.editor().text(uri);
    if (!text || !suggested->tracker.changed(uri, *text, Clock::now())) return;
    // Accepted: whether it stays is seen later, also when nothing is typed until then.
    suggested->later.after(uri, SuggestionCounts::kKeptFor + std::chrono::milliseconds(100),
                           [post = session.post(), weak = session.weak_from_this(),
                            held = std::weak_ptr(suggested), uri] {
                             post([weak, held, uri] {
                               const auto self = weak.lock();
                               const auto now = held.lock();
                               if (self == nullptr || now == nullptr) return;
                               if (const auto later_text = self->editor().text(uri))
                                 now->tracker.look(uri, *later_text, Clock::now());
                             });
                           });
  });
  session.binder()->on_request<InlineCompletionParams, InlineCompletionResult>(
      "textDocument/inlineCompletion",
      [&session, suggested](InlineCompletionParams params, Reply<InlineCompletionResult> reply) {
        if (const auto along = typed_along(session, suggested->kept, params)) return reply(*along);
        // A key waits for no parser where nobody looks at what it would find.
        const auto& reads_facts = session.services().ports.completion_reads_facts;
        const auto asked = reads_facts && !reads_facts() ? session.editor().ask_text(params.uri)
                                                         : session.editor().ask(params.uri);
        if (!asked) return reply(InlineCompletionResult{});
        // Cancelled by the client, by a newer request for this document, or by an edit of it.
        const CancelSource cancel(reply.token());
        const auto superseded_at = std::make_shared<std::atomic<int64_t>>(0);
        session.supersede_completion(params.uri,
                                     Session::RunningCompletion{reply, cancel, superseded_at});
        session.answer_in<InlineCompletionResult>(
            session.services().completions, reply,
            [asked = *asked, params, token = cancel.token(), suggested, superseded_at,
             language = session.editor().language(params.uri),
             min_confidence = session.services().suggestions.threshold(),
             &stats = session.services().stats, ports = session.services().ports](
                const CancelToken&) -> Result<InlineCompletionResult> {
              auto answer =
                  ask_model(params, asked, ports, language, min_confidence, *suggested, token);
              // How long the engine went on for a text that was no more.
              if (const int64_t since = superseded_at->load(); since != 0) {
                const auto now = std::chrono::steady_clock::now().time_since_epoch();
                stats.add("textDocument/inlineCompletion, until a cancel is heard",
                          std::chrono::nanoseconds(now) - std::chrono::nanoseconds(since), true);
              }
              return answer;
            });
      });
}

}  // namespace engramd::daemon
