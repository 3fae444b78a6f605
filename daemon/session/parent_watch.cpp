#include "daemon/session/parent_watch.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace engramd::daemon {
namespace {

constexpr int kLookEvery_ms = 2000;

bool is_there(pid_t process) {
  return ::kill(process, 0) == 0 || errno != ESRCH;
}

int open_process(pid_t process) {
#ifdef SYS_pidfd_open
  return static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
#else
  return -1;
#endif
}

}  // namespace

std::unique_ptr<ParentWatch> ParentWatch::start(pid_t process, std::function<void()> on_end) {
  if (process <= 0 || !is_there(process)) return nullptr;
  std::unique_ptr<ParentWatch> watch(new ParentWatch());
  watch->process_fd_ = open_process(process);
  watch->stop_fd_ = ::eventfd(0, EFD_CLOEXEC);
  if (watch->stop_fd_ < 0) return nullptr;
  watch->thread_ = std::thread(
      [self = watch.get(), process, on_end = std::move(on_end)] { self->wait(process, on_end); });
  return watch;
}

ParentWatch::~ParentWatch() {
  if (thread_.joinable()) {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(stop_fd_, &one, sizeof one);
    thread_.join();
  }
  if (process_fd_ >= 0) ::close(process_fd_);
  if (stop_fd_ >= 0) ::close(stop_fd_);
}

void ParentWatch::wait(pid_t process, const std::function<void()>& on_end) const {
  pollfd fds[2] = {{stop_fd_, POLLIN, 0}, {process_fd_, POLLIN, 0}};
  for (;;) {
    const int n = ::poll(fds, process_fd_ >= 0 ? 2 : 1, process_fd_ >= 0 ? -1 : kLookEvery_ms);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 || fds[0].revents != 0) return;
    if (fds[1].revents != 0 || !is_there(process)) return on_end();
  }
}

}  // namespace engramd::daemon
