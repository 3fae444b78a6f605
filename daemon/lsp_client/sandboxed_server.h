// daemon/lsp_client/sandboxed_server.h - the user's language servers as a run's source of
// diagnostics.
//
// A server runs inside the run's sandbox: it sees the edited tree at the user's own path, no
// network and no home, and is gone with the run, by force if need be. It talks through two named
// pipes in the sandbox's report folder. One server for a language and run, started at the first
// question and kept warm. The source is used by one thread; the server's process has a thread of
// its own.
#pragma once

#include "agent/verify/diagnostics.h"

namespace engramd::daemon {

// Looks for the servers of servers.h in the project (node_modules, virtual environments), then on
// PATH, as far as the sandbox shows them.
agent::DiagnosticsFactory language_server_factory();

// This program with these arguments, as the source; for tests and for settings that name one.
Result<std::unique_ptr<agent::DiagnosticsSource>> start_language_server(
    const std::string& name, const std::string& language, const std::vector<std::string>& argv,
    const std::string& initialization_options, const agent::Sandbox& sandbox,
    const CancelToken& cancel);

}  // namespace engramd::daemon
