// daemon/wiring/ports.h - the real engine and agent behind the functions that sessions ask.
//
// Weights are loaded at the first completion, not at start: the first editor must not wait for
// them. What cannot be had (no model file) is said once in the log and in `engramd status`, and
// completions are then empty. Any thread.
#pragma once

#include "daemon/config/settings.h"
#include "daemon/server/ports.h"

namespace engramd::daemon {

Ports make_ports(const Settings& settings);

}  // namespace engramd::daemon
