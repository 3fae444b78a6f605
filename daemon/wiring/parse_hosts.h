// daemon/wiring/parse_hosts.h - the parse hosts of this program: itself, as `engramd parse-host`.
#pragma once

#include <memory>

#include "repoindex/parse_hosts.h"

namespace engramd::daemon {

// One for a process; no host is started before there is work. What is in quarantine is remembered
// in the cache folder of the index.
std::shared_ptr<repoindex::ParseHosts> make_parse_hosts();

}  // namespace engramd::daemon
