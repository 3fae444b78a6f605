// workspace/symbol: fuzzy search over the definitions of all folders; workspaceSymbol/resolve, for
// an editor that asks for the place of the one symbol that is chosen.
#include "daemon/handlers/handlers.h"
#include "lsp/protocol/symbols.h"
#include "repoindex/hierarchy.h"

namespace engramd::daemon {
namespace {

using lsp::WorkspaceSymbol;
using lsp::WorkspaceSymbolResult;

constexpr size_t kLimit = 200;

bool resolves_range(const lsp::ClientCapabilities& client) {
  return client.lists("workspace.symbol.resolveSupport.properties", "location.range");
}

WorkspaceSymbol shown(const Asked& asked, PlaceMapper& places, const repoindex::SymbolHit& hit,
                      bool all_kinds, bool later) {
  WorkspaceSymbol symbol;
  symbol.name = hit.symbol.name;
  symbol.kind = lsp_symbol_kind(hit.symbol.kind, all_kinds);
  symbol.container =
      hit.container.empty() ? asked.root.filename().string() + "/" + hit.place.path : hit.container;
  symbol.uri = places.uri(hit.place.path);
  if (!later) {
    symbol.range = places.range(hit.place.path, hit.place.start, hit.place.end);
    return symbol;
  }
  const repoindex::SymbolKey key = repoindex::key_of(asked.view, hit);
  symbol.name_in_file = key.name;
  symbol.container_in_file = key.container;
  symbol.kind_in_file = static_cast<uint32_t>(key.kind);
  symbol.nth = key.nth;
  return symbol;
}

Result<WorkspaceSymbolResult> search(const lsp::WorkspaceSymbolParams& params, const Call& call) {
  const bool all_kinds = call.client.has("workspace.symbol.symbolKind.valueSet");
  const bool later = resolves_range(call.client);
  WorkspaceSymbolResult result;
  for (const Asked& asked : call.folders) {
    PlaceMapper places(asked);
    for (const auto& hit :
         repoindex::workspace_symbols(asked.view, params.query, kLimit, call.cancel)) {
      if (call.cancel.cancelled()) return fail(ErrorCode::cancelled, "cancelled");
      if (call.coexistence->leaves_language(repoindex::language_of(hit.place.path),
                                            "workspace/symbol"))
        continue;
      result.symbols.push_back(shown(asked, places, hit, all_kinds, later));
    }
    // One piece for each folder: within one the order is the ranking, known at the end only.
    if (params.partial_token.empty() || result.symbols.empty()) continue;
    call.binder->notify("$/progress", lsp::partial_result(params.partial_token, write(result)));
    result.symbols.clear();
  }
  return result;
}

Result<WorkspaceSymbol> resolve(const Asked& asked, WorkspaceSymbol symbol) {
  if (symbol.range) return symbol;
  symbol.range = lsp::Range{};  // the file's top when it has no such definition any more
  if (symbol.kind_in_file > static_cast<uint32_t>(repoindex::SymbolKind::heading)) return symbol;
  const auto hit = repoindex::symbol_of(
      asked.view, {asked.path, symbol.name_in_file, symbol.container_in_file,
                   static_cast<repoindex::SymbolKind>(symbol.kind_in_file), symbol.nth});
  if (hit) {
    PlaceMapper places(asked);
    symbol.range = places.range(asked.path, hit->place.start, hit->place.end);
  }
  return symbol;
}

}  // namespace

void bind_workspace_symbol(Session& session) {
  using namespace lsp;
  session.on_workspace<WorkspaceSymbolParams, WorkspaceSymbolResult>(
      {"workspaceSymbolProvider", "workspace/symbol",
       [](const ClientCapabilities& client) -> std::string {
         return resolves_range(client) ? R"({"resolveProvider":true,"workDoneProgress":true})"
                                       : R"({"workDoneProgress":true})";
       }},
      [](const WorkspaceSymbolParams& params, const Call& call) -> Result<WorkspaceSymbolResult> {
        std::shared_ptr<WorkProgress> progress;
        if (!params.work_done_token.empty())
          progress = WorkProgress::begin(call.binder, params.work_done_token, false, "Symbols");
        auto result = search(params, call);
        if (progress) progress->end("");
        return result;
      });
  session.binder()->on_request<WorkspaceSymbol, WorkspaceSymbol>(
      "workspaceSymbol/resolve", [&session](WorkspaceSymbol symbol, Reply<WorkspaceSymbol> reply) {
        auto asked = session.editor().ask(symbol.uri);
        if (!asked) return reply.failed(asked.error());
        session.answer_in<WorkspaceSymbol>(
            session.services().queries, reply,
            [asked = std::move(*asked), symbol = std::move(symbol)](const CancelToken&) {
              return resolve(asked, symbol);
            });
      });
}

}  // namespace engramd::daemon
