// agent/sandbox/process_watch.h - the supervisor counts what a command has started, and ends it.
//
// For where the kernel does not count a command's processes for us (no pids control group, no count
// in a namespace of its own): RLIMIT_NPROC counts everything that the user runs and does not bind
// root. The supervisor adopts what loses its parent, so all that a command has started is below it
// in /proc, whatever session or group it has moved to. It looks some fifty times a second, at most
// a twentieth of the time. What is too many is first stopped, all of it, until two looks find the
// same: what is stopped keeps its place in RLIMIT_NPROC, so that nothing can take it, and a plain
// user's processes lose the right to fork besides. Then all of it is killed.
//
// What it does not hold: between two looks there can be more than the limit, and as root nothing
// bounds how many more. An endless bomb was not tried (docs/debt.md). Threads are not counted.
//
// A filter that asks before each fork (SECCOMP_RET_USER_NOTIF) was exact and was dropped: while it
// waits, fork returns EINTR for a signal whose handler does not restart, such as dash's of SIGCHLD,
// and `a | b` then fails with "Cannot fork".
//
// Made by the daemon; used in a child of a fork, without allocating.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

namespace engramd::agent {

class ProcessWatch {
 public:
  // max_processes: the command's own one included.
  explicit ProcessWatch(size_t max_processes);
  // Whether the kernel lists the children of a process.
  static bool works_here();

  // In the supervisor.
  int wait_ms() const;  // until the next look
  bool too_many();      // looks, when it is time; once true the command is to be ended
  void kill_all();      // stops and kills what is below

  // In the daemon, once the supervisor is gone.
  bool found_too_many() const { return found_ && found_->load(); }

 private:
  struct Unmap {
    void operator()(std::atomic<bool>* page) const;
  };
  size_t look(size_t room);

  const size_t max_processes_;
  std::vector<pid_t> pids_;                          // of the last look
  std::unique_ptr<std::atomic<bool>, Unmap> found_;  // memory that both processes see
  long next_look_us_ = 0;
};

}  // namespace engramd::agent
