// daemon/shim/shim.h - `engramd lsp`: the editor's stdio on one side, the daemon on the other.
//
// Relays whole messages in both directions and remembers which of the editor's requests are open:
// when the daemon is lost each of them is answered with an error before the shim exits. Single
// thread; bounded: a side that does not read stops the other from being read.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/result.h"
#include "daemon/server/ports.h"
#include "daemon/shim/connect.h"
#include "repoindex/index.h"

namespace engramd::daemon {

struct ShimOptions {
  ConnectOptions connect;
  int input_fd = 0, output_fd = 1;
  // One process without a daemon; make_ports and index are for this case only.
  bool standalone = false;
  std::function<Ports()> make_ports;
  repoindex::IndexOptions index;
};

// The exit code of LSP: 0 after shutdown and exit, 1 for an exit without shutdown, for the end of
// input without it, and for a lost daemon.
Result<int> run_lsp_shim(const ShimOptions& options);

// status, stop or retire, to the running daemon: its answer as JSON text. After stop it has ended
// (or the timeout has passed). not_found when no daemon runs.
Result<std::string> control_request(const std::string& method,
                                    std::chrono::milliseconds timeout = std::chrono::seconds(10));

}  // namespace engramd::daemon
