// daemon/handlers/commands.h - the table of commands of workspace/executeCommand, described in
// docs/lsp-extensions.md: one row each, one file for those that do more than look.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "daemon/session/session.h"

namespace engramd::daemon {

struct CommandCall {
  std::map<std::string, std::string> arguments;  // only those of the row
  std::string work_done_token;                   // JSON text; may be empty
  lsp::Reply<lsp::JsonResult> reply;

  std::string value(const char* name) const {
    const auto at = arguments.find(name);
    return at == arguments.end() ? std::string() : at->second;
  }
};

struct CommandRow {
  const char* name;
  std::vector<const char*> arguments;
  bool (*available)(const Ports&);
  void (*run)(Session&, const CommandCall&);  // on the strand
};
const std::vector<CommandRow>& command_rows();

void run_fix_command(Session&, const CommandCall&);
void run_explain_command(Session&, const CommandCall&);
void run_rewrite_command(Session&, const CommandCall&);

}  // namespace engramd::daemon
