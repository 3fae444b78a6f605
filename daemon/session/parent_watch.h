// daemon/session/parent_watch.h - tells when the editor's process is gone.
//
// An editor that is killed often leaves its pipes to a helper of its own, so the end of the input
// may never come; the protocol names the process for that (InitializeParams.processId). One small
// thread waits for it without polling where the kernel has pidfd_open (Linux 5.3), else it looks
// every two seconds.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <thread>

namespace engramd::daemon {

class ParentWatch {
 public:
  // Null when there is no such process now: the number may be of another PID namespace (an editor
  // beside a container), and then it says nothing. on_end is called once, on the watch's thread; it
  // must not destroy the watch.
  static std::unique_ptr<ParentWatch> start(pid_t process, std::function<void()> on_end);
  ~ParentWatch();  // on_end is not called any more afterwards
  ParentWatch(const ParentWatch&) = delete;

 private:
  ParentWatch() = default;
  void wait(pid_t process, const std::function<void()>& on_end) const;

  int process_fd_ = -1, stop_fd_ = -1;
  std::thread thread_;
};

}  // namespace engramd::daemon
