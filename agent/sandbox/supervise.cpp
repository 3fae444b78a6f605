#include "agent/sandbox/supervise.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>

#include "agent/sandbox/process_watch.h"

namespace engramd::agent {
namespace {

constexpr long kGiveUpMs = 10000;  // after a kill; a process in an uninterruptible call may hang

long now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Our children, adopted ones included. What has none of its own left becomes ours in its turn.
void kill_children() {
  const int fd = ::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  char buffer[4096];
  pid_t pid = 0;
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n <= 0) break;
    for (ssize_t i = 0; i < n; ++i) {
      if (buffer[i] >= '0' && buffer[i] <= '9') {
        pid = pid * 10 + (buffer[i] - '0');
      } else {
        if (pid > 1) ::kill(pid, SIGKILL);
        pid = 0;
      }
    }
  }
  if (pid > 1) ::kill(pid, SIGKILL);
  ::close(fd);
}

[[noreturn]] void supervise(pid_t command, const sigset_t& awaited, ProcessWatch* watch) {
  // A pipe that we held open would never end for its reader.
  ::syscall(SYS_close_range, 0u, ~0u, 0u);
  // Only wakes us; the signals are taken one by one.
  const int signals = ::signalfd(-1, &awaited, SFD_CLOEXEC | SFD_NONBLOCK);
  int status = 0;
  bool killing = false;
  long give_up_at = 0;
  for (;;) {
    bool reaped = false;
    for (;;) {
      int one = 0;
      const pid_t pid = ::waitpid(-1, &one, WNOHANG);
      if (pid > 0) {
        reaped = true;
        if (pid == command) {
          status = one;
          killing = true;
        }
        continue;
      }
      if (pid < 0 && errno == ECHILD) {
        if (WIFSIGNALED(status)) {
          sigset_t all;
          ::sigemptyset(&all);
          ::signal(WTERMSIG(status), SIG_DFL);
          ::sigprocmask(SIG_SETMASK, &all, nullptr);
          ::kill(::getpid(), WTERMSIG(status));
        }
        ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
      }
      break;
    }
    if (killing) {
      if (give_up_at == 0) {
        give_up_at = now_ms() + kGiveUpMs;
        if (watch != nullptr) watch->kill_all();
      }
      kill_children();
      if (now_ms() > give_up_at) ::_exit(137);
      if (reaped) continue;
    }
    pollfd wake{signals, POLLIN, 0};
    int wait_ms = killing ? 1 : signals >= 0 ? 1000 : 20;
    if (watch != nullptr && !killing) wait_ms = std::min(wait_ms, watch->wait_ms());
    ::poll(&wake, 1, wait_ms);
    const timespec at_once{};
    for (int signal = 0; (signal = ::sigtimedwait(&awaited, nullptr, &at_once)) > 0;)
      if (signal != SIGCHLD) killing = true;
    if (watch != nullptr && !killing && watch->too_many()) killing = true;
  }
}

}  // namespace

int continue_under_supervisor(ProcessWatch* watch) {
  const pid_t parent = ::getppid();
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return errno;
  sigset_t awaited, before;
  ::sigemptyset(&awaited);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT})
    ::sigaddset(&awaited, signal);
  ::sigprocmask(SIG_BLOCK, &awaited, &before);
  if (::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0) return errno;
  if (::getppid() != parent) ::_exit(143);
  const pid_t command = ::fork();
  if (command < 0) return errno;
  if (command > 0) supervise(command, awaited, watch);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  return 0;
}

int drop_capabilities() {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (unsigned long capability = 0; capability < 64; ++capability)
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno == EINVAL) break;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[2] = {};
  return ::syscall(SYS_capset, &header, none) == 0 ? 0 : errno;
}

}  // namespace engramd::agent
