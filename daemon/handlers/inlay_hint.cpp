// textDocument/inlayHint and inlayHint/resolve: names of parameters at the calls in sight.
#include "lsp/protocol/inlay_hint.h"

#include "daemon/handlers/described.h"
#include "daemon/handlers/handlers.h"
#include "repoindex/complete/complete.h"
#include "repoindex/complete/signature.h"
#include "repoindex/complete/writing.h"

namespace engramd::daemon {
namespace {

constexpr size_t kMaxHints = 1000;

Result<lsp::InlayHintResult> hints(const lsp::InlayHintParams& params, const Call& call) {
  const Asked& asked = call.asked;
  PlaceMapper places(asked);
  const auto begin = places.offset(asked.path, params.range.start);
  const auto end = places.offset(asked.path, params.range.end);
  if (!begin || !end || *begin > *end) return lsp::InlayHintResult{};
  const auto facts = asked.view.facts(asked.path);
  if (!facts) return lsp::InlayHintResult{};
  // As the language writes a named argument.
  const std::string_view as_named = repoindex::writing_of(facts->language).argument_name_end;
  const std::string behind = as_named.empty() ? ":" : std::string(as_named);
  lsp::InlayHintResult result;
  result.with_data =
      call.client.lists("textDocument.inlayHint.resolveSupport.properties", "tooltip");
  for (const auto& hint :
       repoindex::argument_hints(asked.view, asked.path, {*begin, *end}, kMaxHints, call.cancel)) {
    const lsp::Range at = places.range(asked.path, ByteRange{hint.offset, hint.offset});
    result.hints.push_back(
        {at.start, hint.name + behind, {params.uri, hint.path, static_cast<int64_t>(hint.symbol)}});
  }
  return result;
}

Result<lsp::ResolveInlayHintResult> resolve(const lsp::ResolveInlayHintParams& params,
                                            const Asked& asked) {
  lsp::ResolveInlayHintResult result;
  result.hint = params.hint;
  const auto facts = asked.view.facts(params.data.path);
  const auto symbol = static_cast<size_t>(params.data.symbol);
  if (params.data.symbol < 0 || !facts || symbol >= facts->symbols.size()) return result;
  const repoindex::Symbol& found = facts->symbols[symbol];
  // A tooltip has no capability of its own: those that show one take markdown.
  result.tooltip = described(true, facts->language,
                             found.signature.empty() ? found.name : found.signature, found.doc);
  return result;
}

}  // namespace

void bind_inlay_hint(Session& session) {
  using namespace lsp;
  session.on_document<InlayHintParams, InlayHintResult>(
      {"inlayHintProvider", "textDocument/inlayHint",
       [](const ClientCapabilities& client) {
         // Clients before 3.17 have no such request.
         if (!client.has("textDocument.inlayHint")) return std::string();
         return std::string(R"({"resolveProvider":true})");
       },
       false, "workspace/inlayHint/refresh", "workspace.inlayHint.refreshSupport"},
      hints);
  session.binder()->on_request<ResolveInlayHintParams, ResolveInlayHintResult>(
      "inlayHint/resolve",
      [&session](ResolveInlayHintParams params, Reply<ResolveInlayHintResult> reply) {
        auto asked = session.editor().ask(params.data.uri);
        if (!asked) {
          ResolveInlayHintResult same;
          same.hint = std::move(params.hint);
          return reply(same);
        }
        session.answer_in<ResolveInlayHintResult>(
            session.services().queries, reply,
            [asked = std::move(*asked), params = std::move(params)](const CancelToken&) {
              return resolve(params, asked);
            });
      });
}

}  // namespace engramd::daemon
