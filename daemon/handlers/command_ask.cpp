// engramd.explain and engramd.rewrite: what a model that talks says of a definition.
#include <charconv>

#include "daemon/handlers/commands.h"
#include "daemon/handlers/proposal.h"
#include "daemon/handlers/rewrite.h"
#include "daemon/handlers/task.h"
#include "lsp/json_writer.h"

namespace engramd::daemon {
namespace {

using lsp::JsonResult;

struct AskedPlace {
  Asked asked;
  lsp::Position position;
};

Result<uint32_t> number(const CommandCall& call, const char* name) {
  const std::string text = call.value(name);
  uint32_t value = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || end.ptr != text.data() + text.size())
    return fail(ErrorCode::invalid_input,
                std::string(name) + " is '" + text.substr(0, 60) + "', expected a number");
  return value;
}

Result<AskedPlace> place_of(Session& session, const CommandCall& call) {
  AskedPlace place;
  ENGRAMD_TRY(place.asked, session.editor().ask(call.value("uri")));
  ENGRAMD_TRY(place.position.line, number(call, "line"));
  ENGRAMD_TRY(place.position.character, number(call, "character"));
  return place;
}

Task task_for(const CommandCall& call, std::string title) {
  Task task;
  task.title = std::move(title);
  task.work_done_token = call.work_done_token;
  task.cancel = call.reply.token();
  task.on_failed = [reply = call.reply](const Error& error) { reply.failed(error); };
  return task;
}

}  // namespace

void run_explain_command(Session& session, const CommandCall& call) {
  const auto place = place_of(session, call);
  if (!place) return call.reply.failed(place.error());
  Task task = task_for(call, "Explaining");
  task.work = [place = *place, reply = call.reply, ports = session.services().ports](
                  const TaskProgress&, const CancelToken& cancel) -> Result<TaskEnd> {
    const auto hit = definition_at(place.asked, place.position);
    if (!hit) return fail(ErrorCode::not_found, "there is no definition at this place");
    ENGRAMD_TRY(const std::string text,
                ports.ask({place.asked.view, place.asked.path, hit->full_range,
                           "Explain what this definition does, why it is written so, and what a "
                           "caller must know. Markdown, at most 300 words."},
                          cancel));
    const auto finish = [=](Session& self) {
      const std::string uri = VirtualDocuments::uri_in(
          self.virtual_documents().new_group(kAnswerScheme), hit->symbol.name + ".md");
      self.virtual_documents().add(uri, text);
      lsp::JsonWriter json;
      json.begin_object().field("text", text).field("uri", uri);
      const bool shown = self.capabilities().flag("window.showDocument.support") &&
                         self.capabilities().has("workspace.textDocumentContent");
      if (shown)
        self.binder()->request("window/showDocument",
                               lsp::write(lsp::ShowDocumentParams{uri, false, false, {}}),
                               [](const auto&) {});
      reply(JsonResult{json.field("shown", shown).end_object().take()});
    };
    return TaskEnd{"explained", finish};
  };
  run_task(session, std::move(task));
}

void run_rewrite_command(Session& session, const CommandCall& call) {
  const Rewrite* rewrite = find_rewrite(call.value("what"));
  if (rewrite == nullptr)
    return call.reply.failed(
        {ErrorCode::invalid_input,
         "what is '" + call.value("what").substr(0, 60) + "', expected implement or document"});
  if (!session.capabilities().flag("workspace.applyEdit"))
    return call.reply.failed({ErrorCode::invalid_input, "this editor has no workspace/applyEdit"});
  const auto place = place_of(session, call);
  if (!place) return call.reply.failed(place.error());
  Task task = task_for(call, std::string(rewrite->title));
  task.work = [place = *place, rewrite, review = call.value("apply") == "review",
               reply = call.reply, ports = session.services().ports](
                  const TaskProgress&, const CancelToken& cancel) -> Result<TaskEnd> {
    ENGRAMD_TRY(const FixedFile file,
                rewritten(ports, place.asked, place.position, *rewrite, cancel));
    const auto finish = [=](Session& self) {
      const Proposal proposal{
          std::string("engramd: ") + rewrite->what, place.asked.root, {file}, review};
      const auto edit = edit_of(self, proposal);
      if (!edit) return reply.failed(edit.error());
      offer(self, proposal.label, *edit, [reply](const lsp::ApplyEditResult& result) {
        lsp::JsonWriter json;
        json.begin_object().field("applied", result.applied);
        if (!result.failure.empty()) json.field("failureReason", result.failure);
        reply(JsonResult{json.end_object().take()});
      });
    };
    return TaskEnd{"done", finish};
  };
  run_task(session, std::move(task));
}

}  // namespace engramd::daemon
