// daemon/shim/connect.h - reaching the daemon of this user, and starting it when it is absent.
//
// A newer build of ours retires the running daemon and starts its own; an older one is served.
// Blocking, with a deadline; any thread.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "daemon/server/handshake.h"

namespace engramd::daemon {

// A connected socket on which both greetings have passed. Closed with the object.
class DaemonLink {
 public:
  explicit DaemonLink(int fd) : fd_(fd) {}
  DaemonLink(DaemonLink&& other) noexcept;
  DaemonLink& operator=(DaemonLink&& other) noexcept;
  ~DaemonLink();
  int fd() const { return fd_; }

  Status send(std::string_view message);
  // One framed message; bytes after it are kept in rest.
  Result<std::string> receive(std::chrono::milliseconds timeout);

  Welcome welcome;
  std::string rest;

 private:
  int fd_ = -1;
};

struct ConnectOptions {
  std::chrono::milliseconds deadline = std::chrono::seconds(15);
  // What starts a daemon: this program with these arguments.
  std::vector<std::string> daemon_arguments = {"daemon"};
};

// kind: "lsp" or "control". The first never starts anything; not_found when nobody is there.
Result<DaemonLink> connect_running(const std::string& kind, std::chrono::milliseconds timeout);
Result<DaemonLink> connect_or_start(const std::string& kind, const ConnectOptions& options);

}  // namespace engramd::daemon
