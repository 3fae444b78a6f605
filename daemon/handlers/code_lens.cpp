// textDocument/codeLens and codeLens/resolve: how often a function or class is used, and for a test
// "run and fix" when there is an agent; a longer one can be asked about when there is a model that
// talks. Counting waits until the editor shows the lens.
#include "lsp/protocol/code_lens.h"

#include <algorithm>

#include "daemon/handlers/handlers.h"
#include "daemon/handlers/test_lens.h"
#include "lsp/json_writer.h"
#include "repoindex/hierarchy.h"

namespace engramd::daemon {
namespace {

using lsp::CodeLens;
using lsp::CodeLensResult;
using repoindex::SymbolHit;
using repoindex::SymbolKind;

constexpr size_t kMaxLenses = 2000;
constexpr size_t kMaxCounted = 1000;
constexpr uint32_t kLinesWorthAsking = 8;
// What VS Code calls its own list of places; an editor that has it says so in
// experimental.commands.commands, as other servers' extensions do.
constexpr const char* kShowReferences = "editor.action.showReferences";

bool has_lens(SymbolKind kind) {
  switch (kind) {
    case SymbolKind::class_:
    case SymbolKind::struct_:
    case SymbolKind::enum_:
    case SymbolKind::interface_:
    case SymbolKind::function:
    case SymbolKind::method:
    case SymbolKind::constructor:
      return true;
    default:
      return false;
  }
}

CodeLens lens_to_ask(const CodeLens& beside) {
  lsp::JsonWriter argument;
  argument.begin_object().field("uri", beside.uri).field("line", beside.range.start.line);
  argument.field("character", beside.range.start.character).end_object();
  CodeLens lens = beside;
  lens.command = lsp::Command{"ask", "engramd.explain", {argument.take()}};
  return lens;
}

CodeLensResult lenses_of(const Call& call, bool with_fix, bool with_ask) {
  const Asked& asked = call.asked;
  PlaceMapper places(asked);
  CodeLensResult result;
  const std::vector<SymbolHit> symbols = repoindex::document_symbols(asked.view, asked.path);
  const std::string text =
      with_fix ? asked.view.text(asked.path).value_or(std::string()) : std::string();
  for (const SymbolHit& hit : symbols) {
    if (result.lenses.size() >= kMaxLenses || call.cancel.cancelled()) break;
    if (hit.symbol.local || !has_lens(hit.symbol.kind)) continue;
    const repoindex::SymbolKey key = repoindex::key_of(asked.view, hit);
    CodeLens lens;
    lens.range = places.range(asked.path, hit.place.start, hit.place.end);
    lens.uri = places.uri(asked.path);
    lens.name = key.name;
    lens.container = key.container;
    lens.kind = static_cast<uint32_t>(key.kind);
    lens.nth = key.nth;
    result.lenses.push_back(lens);
    if (with_ask && hit.full_end.line - hit.full_start.line >= kLinesWorthAsking)
      result.lenses.push_back(lens_to_ask(lens));
    if (!with_fix) continue;
    const std::string command = test_command(asked.path, text, hit);
    if (command.empty()) continue;
    lsp::JsonWriter argument;
    argument.begin_object().field("repo", asked.root.string()).field("test", command);
    argument.field("apply", call.client.flag("workspace.applyEdit") ? "review" : "false");
    argument.end_object();
    lens.command = lsp::Command{"run and fix this test", "engramd.fix", {argument.take()}};
    result.lenses.push_back(std::move(lens));
  }
  return result;
}

Result<CodeLens> resolved(const Asked& asked, CodeLens lens, bool can_show,
                          const CancelToken& cancel) {
  lens.command = lsp::Command{"no references", "", {}};
  if (lens.kind > static_cast<uint32_t>(SymbolKind::heading)) return lens;
  const auto hit = repoindex::symbol_of(asked.view, {asked.path, lens.name, lens.container,
                                                     static_cast<SymbolKind>(lens.kind), lens.nth});
  if (!hit) return lens;
  PlaceMapper places(asked);
  std::vector<lsp::Location> found;
  for (const auto& use : repoindex::find_references(asked.view, asked.path, hit->symbol.name_begin,
                                                    false, kMaxCounted, cancel)) {
    if (use.confidence == repoindex::Confidence::possible) continue;
    found.push_back(can_show ? places.location(use.place) : lsp::Location{});
  }
  if (cancel.cancelled()) return fail(ErrorCode::cancelled, "cancelled");
  const size_t n = found.size();
  if (n == 0) return lens;
  lens.command->title =
      std::to_string(n) + (n >= kMaxCounted ? "+" : "") + (n == 1 ? " reference" : " references");
  if (!can_show) return lens;
  lens.command->command = kShowReferences;
  lsp::JsonWriter position, locations;
  lsp::put(position, lens.range.start);
  lsp::put_all(locations, found);
  lens.command->arguments = {lsp::json_string(lens.uri), position.take(), locations.take()};
  return lens;
}

}  // namespace

void bind_code_lens(Session& session) {
  using namespace lsp;
  Offer offer{"codeLensProvider", "textDocument/codeLens",
              [](const auto&) { return R"({"resolveProvider":true})"; }};
  offer.refresh = "workspace/codeLens/refresh";
  offer.refresh_flag = "workspace.codeLens.refreshSupport";
  session.on_document<CodeLensParams, CodeLensResult>(
      std::move(offer),
      [with_fix = static_cast<bool>(session.services().ports.fix),
       with_ask = static_cast<bool>(session.services().ports.ask)](
          const CodeLensParams&, const Call& call) -> Result<CodeLensResult> {
        return lenses_of(call, with_fix, with_ask);
      });
  session.binder()->on_request<CodeLens, CodeLens>(
      "codeLens/resolve", [&session](CodeLens lens, Reply<CodeLens> reply) {
        auto asked = session.editor().ask(lens.uri);
        if (!asked) return reply.failed(asked.error());
        const bool can_show =
            session.capabilities().lists("experimental.commands.commands", kShowReferences);
        session.answer_in<CodeLens>(
            session.services().queries, reply,
            [asked = std::move(*asked), lens = std::move(lens), can_show](
                const CancelToken& cancel) { return resolved(asked, lens, can_show, cancel); });
      });
}

}  // namespace engramd::daemon
