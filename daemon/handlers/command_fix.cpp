// engramd.fix: runs the agent; returns its patch, applies it, or offers it for review.
#include <filesystem>

#include "daemon/handlers/commands.h"
#include "daemon/handlers/proposal.h"
#include "daemon/handlers/task.h"
#include "lsp/json_writer.h"
#include "lsp/uri.h"

namespace engramd::daemon {
namespace {

namespace fs = std::filesystem;
using lsp::JsonResult;

struct Offered {
  std::optional<bool> applied;
  std::string why_not;
  std::vector<ProposedDocument> documents;
};

JsonResult answer(const FixReport& report, const Offered& offered) {
  lsp::JsonWriter json;
  json.begin_object().field("fixed", report.fixed).field("patch", report.patch);
  json.key("report").raw(report.report_json.empty() ? "{}" : report.report_json);
  if (offered.applied) json.field("applied", *offered.applied);
  if (!offered.why_not.empty()) json.field("failureReason", offered.why_not);
  if (!offered.documents.empty()) {
    json.key("proposals").begin_array();
    for (const ProposedDocument& one : offered.documents)
      json.begin_object()
          .field("path", one.path)
          .field("uri", one.uri)
          .field("proposedUri", one.proposed_uri)
          .end_object();
    json.end_array();
  }
  return {json.end_object().take()};
}

Result<fs::path> repository(Session& session, const std::string& where) {
  fs::path repo;
  if (where.rfind("file://", 0) == 0) {
    ENGRAMD_TRY(repo, lsp::path_of_uri(where));
  } else if (!where.empty()) {
    repo = where;
  } else if (const auto roots = session.editor().roots(); !roots.empty()) {
    repo = roots.front()->path;
  }
  if (!repo.is_absolute())
    return fail(ErrorCode::invalid_input,
                "repo is '" + repo.string() + "', expected an absolute path or a file uri");
  return repo;
}

}  // namespace

void run_fix_command(Session& session, const CommandCall& call) {
  const std::string apply = call.value("apply");
  if (!apply.empty() && apply != "true" && apply != "false" && apply != "review")
    return call.reply.failed({ErrorCode::invalid_input, "apply is '" + apply.substr(0, 60) +
                                                            "', expected true, false or review"});
  const bool wanted = apply == "true" || apply == "review";
  if (wanted && !session.capabilities().flag("workspace.applyEdit"))
    return call.reply.failed(
        {ErrorCode::invalid_input, "apply: this editor has no workspace/applyEdit"});
  const auto repo = repository(session, call.value("repo"));
  if (!repo) return call.reply.failed(repo.error());

  FixQuery query;
  query.repo = *repo;
  query.test_command = call.value("test");
  query.task = call.value("task");
  query.client_environment = session.client().environment;
  for (Asked& asked : session.editor().ask_all())
    if (asked.root == *repo) query.view = asked.view;

  Task task;
  task.title = "Fixing " + repo->filename().string();
  task.work_done_token = call.work_done_token;
  task.cancel = call.reply.token();
  task.on_failed = [reply = call.reply](const Error& error) { reply.failed(error); };
  task.work = [query, wanted, review = apply == "review", reply = call.reply,
               run = session.services().ports.fix](const TaskProgress& progress,
                                                   const CancelToken& cancel) -> Result<TaskEnd> {
    FixQuery now = query;
    now.progress = progress;
    ENGRAMD_TRY(const FixReport report, run(now, cancel));
    const auto finish = [=](Session& self) {
      if (!wanted || report.files.empty()) return reply(answer(report, {}));
      const Proposal proposal{"engramd: fix", query.repo, report.files, review};
      Offered offered;
      if (review) offered.documents = publish(self, proposal);
      const auto edit = edit_of(self, proposal);
      if (!edit) {
        offered.applied = false;
        offered.why_not = edit.error().message;
        return reply(answer(report, offered));
      }
      offer(self, proposal.label, *edit, [=](const lsp::ApplyEditResult& result) {
        Offered done = offered;
        done.applied = result.applied;
        done.why_not = result.failure;
        reply(answer(report, done));
      });
    };
    return TaskEnd{report.fixed ? "fixed" : "not fixed", finish};
  };
  run_task(session, std::move(task));
}

}  // namespace engramd::daemon
