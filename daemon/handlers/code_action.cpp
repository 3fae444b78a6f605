// textDocument/codeAction and codeAction/resolve: what the model or the agent may do here. Nothing
// is asked of either before the user has chosen.
#include "lsp/protocol/code_action.h"

#include "daemon/handlers/handlers.h"
#include "daemon/handlers/proposal.h"
#include "daemon/handlers/rewrite.h"
#include "daemon/handlers/task.h"
#include "daemon/handlers/test_lens.h"

namespace engramd::daemon {
namespace {

using repoindex::SymbolHit;

std::string place_arguments(const std::string& uri, lsp::Position position,
                            const std::string& what) {
  lsp::JsonWriter json;
  json.begin_object().field("uri", uri).field("line", position.line);
  json.field("character", position.character);
  if (!what.empty()) json.field("what", what).field("apply", "review");
  return json.end_object().take();
}

lsp::CodeAction fix_test(const SymbolHit& hit, const std::string& command) {
  lsp::JsonWriter arguments;
  arguments.begin_object().field(
      "task", "Make the test " + hit.symbol.name + " in " + hit.place.path + " pass.");
  arguments.field("test", command).field("apply", "review").end_object();
  lsp::CodeAction action;
  action.title = "Fix the failing test " + hit.symbol.name;
  action.kind = "quickfix";
  action.by_model = true;
  action.command = lsp::Command{action.title, "engramd.fix", {arguments.take()}};
  return action;
}

lsp::CodeActionResult actions_at(const lsp::CodeActionParams& params, const Call& call,
                                 bool can_fix, bool can_ask) {
  lsp::CodeActionResult result;
  result.literals = call.client.has("textDocument.codeAction.codeActionLiteralSupport");
  result.tags = call.client.lists("textDocument.codeAction.tagSupport.valueSet", 1);
  const bool resolves =
      call.client.lists("textDocument.codeAction.resolveSupport.properties", "edit") &&
      call.client.flag("textDocument.codeAction.dataSupport");
  const bool applies = call.client.flag("workspace.applyEdit");
  const auto hit = definition_at(call.asked, params.range.start);
  if (!hit) return result;
  const auto add = [&](lsp::CodeAction action) {
    if (lsp::kind_is_wanted(params.only, action.kind)) result.actions.push_back(std::move(action));
  };
  const auto text = call.asked.view.text(call.asked.path);
  if (!text || hit->full_range.end > text->size()) return result;
  const std::string command = test_command(call.asked.path, *text, *hit);
  if (can_fix && applies && !command.empty()) add(fix_test(*hit, command));
  if (!can_ask) return result;
  const std::string definition =
      text->substr(hit->full_range.begin, hit->full_range.end - hit->full_range.begin);
  for (const Rewrite& rewrite : rewrites()) {
    if (!rewrite.fits(*hit, definition)) continue;
    lsp::CodeAction action;
    action.title = std::string(rewrite.title) + " " + hit->symbol.name;
    action.kind = rewrite.kind;
    action.by_model = true;
    if (resolves && result.literals) {
      action.data = lsp::CodeActionData{rewrite.what, params.uri, params.range.start};
    } else if (applies) {
      action.command =
          lsp::Command{action.title,
                       "engramd.rewrite",
                       {place_arguments(params.uri, params.range.start, rewrite.what)}};
    } else {
      continue;
    }
    add(std::move(action));
  }
  lsp::CodeAction explain;
  explain.title = "Explain " + hit->symbol.name;
  explain.kind = "engramd.explain";
  explain.by_model = true;
  explain.command = lsp::Command{
      explain.title, "engramd.explain", {place_arguments(params.uri, params.range.start, {})}};
  add(std::move(explain));
  return result;
}

void resolve(Session& session, const lsp::CodeActionResolveParams& params,
             const lsp::Reply<lsp::CodeActionResolveResult>& reply) {
  const Rewrite* rewrite = find_rewrite(params.data.what);
  const auto asked = session.editor().ask(params.data.uri);
  if (rewrite == nullptr || !asked) return reply({params.action, std::nullopt});
  Task task;
  task.title = rewrite->title;
  task.cancel = reply.token();
  task.on_failed = [reply](const Error& error) { reply.failed(error); };
  task.work = [asked = *asked, rewrite, params, reply, ports = session.services().ports](
                  const TaskProgress&, const CancelToken& cancel) -> Result<TaskEnd> {
    ENGRAMD_TRY(const FixedFile file,
                rewritten(ports, asked, params.data.position, *rewrite, cancel));
    const auto finish = [=](Session& self) {
      const auto edit =
          edit_of(self, {std::string("engramd: ") + rewrite->what, asked.root, {file}, true});
      if (!edit) return reply.failed(lsp::RpcError::content_modified, edit.error().message);
      reply({params.action, *edit});
    };
    return TaskEnd{"done", finish};
  };
  run_task(session, std::move(task));
}

}  // namespace

void bind_code_action(Session& session) {
  using namespace lsp;
  const Ports& ports = session.services().ports;
  const bool can_fix = static_cast<bool>(ports.fix), can_ask = static_cast<bool>(ports.ask);
  if (!can_fix && !can_ask) return;
  Offer offer;
  offer.capability = "codeActionProvider";
  offer.method = "textDocument/codeAction";
  offer.only_ours = true;
  offer.options = [can_ask](const ClientCapabilities& client) -> std::string {
    if (!client.has("textDocument.codeAction.codeActionLiteralSupport")) return "true";
    JsonWriter json;
    json.begin_object().key("codeActionKinds").begin_array().string("quickfix");
    if (can_ask) json.string("refactor.rewrite").string("engramd.explain");
    json.end_array();
    if (can_ask) json.field("resolveProvider", true);
    return json.end_object().take();
  };
  session.on_document<CodeActionParams, CodeActionResult>(
      std::move(offer), [can_fix, can_ask](const CodeActionParams& params, const Call& call) {
        return Result<CodeActionResult>(actions_at(params, call, can_fix, can_ask));
      });
  if (!can_ask) return;
  session.binder()->on_request<CodeActionResolveParams, CodeActionResolveResult>(
      "codeAction/resolve",
      [&session](CodeActionResolveParams params, Reply<CodeActionResolveResult> reply) {
        resolve(session, params, reply);
      });
}

}  // namespace engramd::daemon
