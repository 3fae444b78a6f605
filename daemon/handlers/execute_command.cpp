// workspace/executeCommand: looks the command up in the table and checks its arguments.
#include "lsp/protocol/execute_command.h"

#include <algorithm>

#include "daemon/handlers/commands.h"
#include "daemon/handlers/handlers.h"
#include "lsp/json_writer.h"

namespace engramd::daemon {
namespace {

using lsp::JsonResult;

bool always(const Ports&) {
  return true;
}

void status(Session& session, const CommandCall& call) {
  session.answer_in<JsonResult>(session.services().queries, call.reply,
                                [&services = session.services()](const CancelToken&) {
                                  return Result<JsonResult>(JsonResult{services.status_json()});
                                });
}

void reindex(Session& session, const CommandCall& call) {
  for (const auto& root : session.editor().roots()) session.refresh_root(root);
  call.reply(JsonResult{});
}

// The capability's options: the commands that these ports can serve.
std::string options(const Ports& ports) {
  lsp::JsonWriter json;
  json.begin_object().key("commands").begin_array();
  for (const CommandRow& row : command_rows())
    if (row.available(ports)) json.string(row.name);
  return json.end_array().field("workDoneProgress", true).end_object().take();
}

}  // namespace

const std::vector<CommandRow>& command_rows() {
  static const std::vector<CommandRow> kRows = {
      {"engramd.reindex", {}, always, reindex},
      {"engramd.status", {}, always, status},
      {"engramd.fix",
       {"repo", "test", "task", "apply"},
       [](const Ports& ports) { return static_cast<bool>(ports.fix); },
       run_fix_command},
      {"engramd.explain",
       {"uri", "line", "character"},
       [](const Ports& ports) { return static_cast<bool>(ports.ask); },
       run_explain_command},
      {"engramd.rewrite",
       {"uri", "line", "character", "what", "apply"},
       [](const Ports& ports) { return static_cast<bool>(ports.ask); },
       run_rewrite_command},
  };
  return kRows;
}

void bind_execute_command(Session& session) {
  session.offer({"executeCommandProvider", "workspace/executeCommand",
                 [list = options(session.services().ports)](const auto&) { return list; }});
  session.binder()->on_request<lsp::ExecuteCommandParams, JsonResult>(
      "workspace/executeCommand",
      [&session](lsp::ExecuteCommandParams params, lsp::Reply<JsonResult> reply) {
        const auto refuse = [&](const std::string& why) {
          reply.failed({ErrorCode::invalid_input, why});
        };
        const auto& rows = command_rows();
        const auto row = std::find_if(rows.begin(), rows.end(), [&](const CommandRow& one) {
          return params.command == one.name && one.available(session.services().ports);
        });
        if (row == rows.end())
          return refuse("unknown command '" + params.command.substr(0, 60) + "'");
        CommandCall call{{}, params.work_done_token, reply};
        if (params.arguments.size() > 1)
          return refuse(params.command + " takes one object as its argument");
        if (!params.arguments.empty()) {
          auto read = lsp::read_flat_object(params.arguments.front());
          if (!read) return reply.failed(read.error());
          call.arguments = std::move(*read);
        }
        for (const auto& [name, value] : call.arguments)
          if (std::find(row->arguments.begin(), row->arguments.end(), name) == row->arguments.end())
            return refuse("unknown argument '" + name.substr(0, 60) + "'");
        row->run(session, call);
      });
}

}  // namespace engramd::daemon
