// daemon/server/endpoint.h - where the daemon of this user lives: folder, lock and socket.
//
// The folder is ours alone (0700, our uid, no symbolic link), the socket 0600. Whoever holds the
// lock owns the socket's name. A path too long for a socket address is reached through /proc.
// Any thread.
#pragma once

#include <filesystem>

#include "base/file.h"
#include "base/result.h"

namespace engramd::daemon {

class Endpoint {
 public:
  // runtime_folder(), made and checked.
  static Result<Endpoint> open();

  std::filesystem::path socket_path() const { return folder_ / "daemon.sock"; }
  Result<FileLock> lock_daemon() const { return FileLock::try_acquire(folder_ / "daemon.lock"); }
  // Held by the shim that starts a daemon, so that ten editors at once start one.
  Result<FileLock> lock_start() const { return FileLock::try_acquire(folder_ / "start.lock"); }

  // Descriptors. bind replaces a socket that a dead daemon left: only with the daemon lock held.
  Result<int> bind() const;
  Result<int> connect() const;  // not_found when nobody listens
  void unlink() const;

 private:
  explicit Endpoint(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;
};

}  // namespace engramd::daemon
