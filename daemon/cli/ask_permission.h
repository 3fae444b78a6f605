// daemon/cli/ask_permission.h - the agent's question to the person at the terminal.
#pragma once

#include <functional>

#include "agent/permissions/permissions.h"

namespace engramd::daemon::cli {

// Empty when nobody can be asked: standard input or stderr is no terminal. before: called first,
// for whatever moves on the screen. Ctrl-C and the end of input are a no.
agent::AskPermission terminal_permission(std::function<void()> before);

}  // namespace engramd::daemon::cli
