// daemon/server/daemon.h - the resident process: `engramd daemon`.
//
// One per user, by a lock; serves attachments on a Unix socket until it is told to stop, has been
// idle for idle_exit, or has been retired by a newer build and its last attachment has gone.
// Main thread, once per process (it changes the umask for a moment and takes the signals).
#pragma once

#include <chrono>
#include <functional>

#include "base/result.h"
#include "daemon/server/ports.h"
#include "repoindex/index.h"

namespace engramd::daemon {

struct DaemonOptions {
  std::chrono::milliseconds idle_exit = std::chrono::minutes(30);
  // Called once, when the socket is there; must not load weights before they are needed, because
  // the first editor waits meanwhile.
  std::function<Ports()> make_ports;
  repoindex::IndexOptions index;
  bool log_to_file = true;  // state_folder()/daemon.log; false: stderr
};

// 0 also when another daemon runs already: then there is nothing to do.
Result<int> run_daemon(const DaemonOptions& options);

}  // namespace engramd::daemon
