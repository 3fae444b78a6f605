// workspace/executeCommand: engramd.fix, engramd.status and engramd.reindex, as described in
// docs/lsp-extensions.md.
#include <algorithm>
#include <map>

#include "base/log.h"
#include "daemon/handlers/handlers.h"
#include "lsp/json_writer.h"
#include "lsp/protocol/execute_command.h"
#include "lsp/protocol/workspace_edit.h"
#include "lsp/uri.h"

namespace engramd::daemon {
namespace {

namespace fs = std::filesystem;
using lsp::JsonResult;
using CommandReply = lsp::Reply<JsonResult>;
using Arguments = std::map<std::string, std::string>;

Status known_only(const Arguments& arguments, std::initializer_list<const char*> known) {
  for (const auto& [name, value] : arguments)
    if (std::find(known.begin(), known.end(), name) == known.end())
      return fail(ErrorCode::invalid_input, "unknown argument '" + name.substr(0, 60) + "'");
  return {};
}

std::string value_of(const Arguments& arguments, const char* name) {
  const auto at = arguments.find(name);
  return at == arguments.end() ? std::string() : at->second;
}

// ---- engramd.fix

// One edit from the first to the last differing line: small enough to read, and it leaves the
// cursor and the marks of the rest of the file alone.
lsp::TextEdit edit_between(const std::string& before, const std::string& after,
                           PositionEncoding encoding) {
  const size_t shorter = std::min(before.size(), after.size());
  size_t head = 0;
  for (size_t i = 0; i < shorter && before[i] == after[i]; ++i)
    if (before[i] == '\n') head = i + 1;
  size_t tail = 0;
  for (size_t i = 1; i <= shorter - head; ++i) {
    if (before[before.size() - i] != after[after.size() - i]) break;
    // A tail that begins a line: what stands before it ends one.
    const bool starts_line = (i == before.size() || before[before.size() - i - 1] == '\n') &&
                             (i == after.size() || after[after.size() - i - 1] == '\n');
    if (starts_line) tail = i;
  }
  const LineIndex lines(before);
  const auto position_of = [&](size_t offset) {
    const LineColumn place = lines.position(offset);
    return lsp::Position{place.line, lines.column_in(encoding, place, before)};
  };
  return {{position_of(head), position_of(before.size() - tail)},
          after.substr(head, after.size() - head - tail),
          {}};
}

struct Unsaved {
  std::string text;
  int64_t version = 0;
};

// The patch as an edit of the editor's; an error when a file moved on since the work began.
Result<lsp::ApplyEditParams> edit_for(const FixReport& report, const fs::path& repo,
                                      const std::map<std::string, Unsaved>& open,
                                      const lsp::ClientCapabilities& can,
                                      PositionEncoding encoding) {
  lsp::ApplyEditParams params;
  params.label = "engramd: fix";
  params.edit.document_changes = can.flag("workspace.workspaceEdit.documentChanges");
  const bool can_create = params.edit.document_changes &&
                          can.lists("workspace.workspaceEdit.resourceOperations", "create");
  for (const FixedFile& file : report.files) {
    lsp::DocumentEdit edit;
    edit.uri = lsp::uri_of_path(repo / file.path);
    edit.create = !file.before;
    if (edit.create && !can_create)
      return fail(ErrorCode::unsupported,
                  "the patch makes " + file.path + ", and this editor takes no new files");
    const std::string before = file.before.value_or("");
    if (const auto at = open.find(edit.uri); at != open.end()) {
      if (at->second.text != before)
        return fail(ErrorCode::invalid_input, file.path + " has changed since the work began");
      edit.version = at->second.version;
    }
    edit.edits.push_back(edit_between(before, file.after, encoding));
    params.edit.documents.push_back(std::move(edit));
  }
  return params;
}

std::string fix_answer(const FixReport& report, std::optional<bool> applied,
                       const std::string& why) {
  lsp::JsonWriter json;
  json.begin_object().field("fixed", report.fixed).field("patch", report.patch);
  json.key("report").raw(report.report_json.empty() ? "{}" : report.report_json);
  if (applied) json.field("applied", *applied);
  if (!why.empty()) json.field("failureReason", why);
  return json.end_object().take();
}

// After the work: offers the patch to the editor, then answers with what became of it. On the
// strand, because it looks at the open documents of now.
void offer(Session& session, const FixReport& report, const fs::path& repo, CommandReply reply) {
  std::map<std::string, Unsaved> open;
  for (const FixedFile& file : report.files) {
    const std::string uri = lsp::uri_of_path(repo / file.path);
    if (const auto text = session.editor().text(uri))
      open[uri] = {*text, session.editor().version(uri).value_or(0)};
  }
  const auto edit =
      edit_for(report, repo, open, session.capabilities(), session.editor().encoding());
  if (!edit) return reply(JsonResult{fix_answer(report, false, edit.error().message)});
  session.binder()->request("workspace/applyEdit", lsp::write(*edit),
                            [report, reply](const auto& answer) {
                              lsp::ApplyEditResult result;
                              if (!answer) {
                                result.failure = answer.error().message;
                              } else if (Status ok = read(**answer, result); !ok) {
                                result.failure = ok.error().message;
                              }
                              reply(JsonResult{fix_answer(report, result.applied, result.failure)});
                            });
}

void fix(Session& session, const lsp::ExecuteCommandParams& params, const Arguments& arguments,
         CommandReply reply) {
  if (Status ok = known_only(arguments, {"repo", "test", "task", "apply"}); !ok)
    return reply.failed(ok.error());
  const bool apply = value_of(arguments, "apply") == "true";
  if (apply && !session.capabilities().flag("workspace.applyEdit"))
    return reply.failed(
        {ErrorCode::invalid_input, "apply: this editor has no workspace/applyEdit"});
  fs::path repo;
  std::string where = value_of(arguments, "repo");
  if (where.rfind("file://", 0) == 0) {
    const auto path = lsp::path_of_uri(where);
    if (!path) return reply.failed(path.error());
    repo = *path;
  } else if (!where.empty()) {
    repo = where;
  } else if (const auto roots = session.editor().roots(); !roots.empty()) {
    repo = roots.front()->path;
  }
  if (!repo.is_absolute())
    return reply.failed(
        {ErrorCode::invalid_input,
         "repo is '" + repo.string() + "', expected an absolute path or a file uri"});

  FixQuery query;
  query.repo = repo;
  query.test_command = value_of(arguments, "test");
  query.task = value_of(arguments, "task");
  query.client_environment = session.client().environment;
  for (Asked& asked : session.editor().ask_all())
    if (asked.root == repo) query.view = asked.view;

  auto cancel = std::make_shared<CancelSource>(reply.token());
  const auto progress = session.begin_progress(
      "Fixing " + repo.filename().string(), params.work_done_token, [cancel] { cancel->cancel(); });
  query.progress = [progress](const std::string& message, std::optional<uint32_t> percentage) {
    if (progress) progress->report(message, percentage);
  };
  const auto ended = [weak = session.weak_from_this(), progress](const std::string& how) {
    if (const auto self = weak.lock()) self->end_progress(progress, how);
  };
  const bool queued = session.services().tasks.try_submit([query, apply, reply, ended, cancel,
                                                           weak = session.weak_from_this(),
                                                           run = session.services().ports.fix] {
    Result<FixReport> report = fail(ErrorCode::cancelled, "cancelled");
    try {
      if (!cancel->token().cancelled()) report = run(query, cancel->token());
    } catch (const std::exception& error) {
      report = fail(ErrorCode::internal, std::string("the agent failed: ") + error.what());
    }
    ended(!report ? report.error().message : report->fixed ? "fixed" : "not fixed");
    if (!report) return reply.failed(report.error());
    if (!apply || report->files.empty())
      return reply(JsonResult{fix_answer(*report, std::nullopt, {})});
    if (const auto self = weak.lock())
      self->on_strand([self, report = *report, repo = query.repo, reply] {
        offer(*self, report, repo, reply);
      });
  });
  if (!queued) {
    ended("refused");
    reply.failed({ErrorCode::exhausted, "too many agent runs wait already"});
  }
}

// ---- the small ones

void status(Session& session, CommandReply reply) {
  session.answer_in<JsonResult>(session.services().queries, reply,
                                [&services = session.services()](const CancelToken&) {
                                  return Result<JsonResult>(JsonResult{services.status_json()});
                                });
}

void reindex(Session& session, CommandReply reply) {
  for (const auto& root : session.editor().roots()) session.refresh_root(root);
  reply(JsonResult{});
}

// The capability's options: the commands that these ports can serve.
std::string options(const Ports& ports) {
  std::vector<std::string> commands = {"engramd.reindex", "engramd.status"};
  if (ports.fix) commands.push_back("engramd.fix");
  lsp::JsonWriter json;
  json.begin_object().key("commands").begin_array();
  for (const std::string& command : commands) json.string(command);
  return json.end_array().field("workDoneProgress", true).end_object().take();
}

}  // namespace

void bind_execute_command(Session& session) {
  session.offer({"executeCommandProvider", "workspace/executeCommand",
                 [list = options(session.services().ports)](const auto&) { return list; }});
  session.binder()->on_request<lsp::ExecuteCommandParams, JsonResult>(
      "workspace/executeCommand", [&session](lsp::ExecuteCommandParams params, CommandReply reply) {
        Arguments arguments;
        if (params.arguments.size() > 1)
          return reply.failed(
              {ErrorCode::invalid_input, params.command + " takes one object as its argument"});
        if (!params.arguments.empty()) {
          auto read = lsp::read_flat_object(params.arguments.front());
          if (!read) return reply.failed(read.error());
          arguments = std::move(*read);
        }
        if (params.command == "engramd.status") return status(session, reply);
        if (params.command == "engramd.reindex") return reindex(session, reply);
        if (params.command == "engramd.fix" && session.services().ports.fix)
          return fix(session, params, arguments, reply);
        reply.failed(
            {ErrorCode::invalid_input, "unknown command '" + params.command.substr(0, 60) + "'"});
      });
}

}  // namespace engramd::daemon
