#include "base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/environment.h"

namespace engramd {
namespace {

namespace fs = std::filesystem;

constexpr int kPollMs = 20;  // how late a cancel or a deadline may be seen

struct Pipe {
  int read_end = -1, write_end = -1;
  ~Pipe() {
    close_read();
    close_write();
  }
  Status open() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) return fail(errno_error("cannot make a pipe", errno));
    read_end = fds[0];
    write_end = fds[1];
    return {};
  }
  void close_read() {
    if (read_end >= 0) ::close(read_end);
    read_end = -1;
  }
  void close_write() {
    if (write_end >= 0) ::close(write_end);
    write_end = -1;
  }
};

// Keeps the first and the last half of a stream that is longer than its cap.
class CappedOutput {
 public:
  explicit CappedOutput(size_t cap) : half_(std::max<size_t>(cap / 2, 1)) {}
  void append(std::string_view piece) {
    const size_t to_head = std::min(piece.size(), half_ - std::min(half_, head_.size()));
    head_.append(piece.substr(0, to_head));
    piece.remove_prefix(to_head);
    tail_.append(piece);
    if (tail_.size() > 2 * half_) {
      dropped_ += tail_.size() - half_;
      tail_.erase(0, tail_.size() - half_);
    }
  }
  bool truncated() const { return dropped_ > 0 || tail_.size() > half_; }
  std::string take() {
    if (tail_.size() > half_) {
      dropped_ += tail_.size() - half_;
      tail_.erase(0, tail_.size() - half_);
    }
    if (dropped_ > 0) head_ += "\n... " + std::to_string(dropped_) + " bytes left out ...\n";
    return std::move(head_) + tail_;
  }

 private:
  const size_t half_;
  std::string head_, tail_;
  size_t dropped_ = 0;
};

// Everything the child needs after fork, laid out before it: no allocation happens in the child.
struct ChildPlan {
  std::string program;
  std::vector<char*> argv, envp;
  std::vector<std::string> env_strings;
  std::string cwd;
  std::vector<std::pair<int, rlimit>> limits;
  std::vector<int> keep_fds;
  const std::function<int()>* in_child = nullptr;
  int stdin_fd = -1, stdout_fd = -1, stderr_fd = -1, report_fd = -1;
};

[[noreturn]] void child_main(const ChildPlan& plan) {
  const auto give_up = [&] {
    const int reason = errno;
    (void)!::write(plan.report_fd, &reason, sizeof reason);
    ::_exit(127);
  };
  ::setsid();
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (::dup2(plan.stdin_fd, 0) < 0 || ::dup2(plan.stdout_fd, 1) < 0 ||
      ::dup2(plan.stderr_fd, 2) < 0)
    give_up();
  // Close everything above 2 but what is to be kept, and the report pipe (which closes on exec).
  ::syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
  for (const int fd : plan.keep_fds) ::fcntl(fd, F_SETFD, 0);
  for (const auto& [resource, limit] : plan.limits)
    ::setrlimit(static_cast<__rlimit_resource>(resource), &limit);
  if (plan.in_child != nullptr && *plan.in_child) {
    if (const int reason = (*plan.in_child)(); reason != 0) {
      errno = reason;
      give_up();
    }
  }
  if (!plan.cwd.empty() && ::chdir(plan.cwd.c_str()) != 0) give_up();
  ::execve(plan.program.c_str(), plan.argv.data(), plan.envp.data());
  give_up();
  ::_exit(127);
}

Result<ChildPlan> make_plan(const ProcessOptions& options) {
  if (options.argv.empty() || options.argv[0].empty())
    return fail(ErrorCode::invalid_input, "no program to run");
  ChildPlan plan;
  plan.program = find_program(options.argv[0]).string();
  if (plan.program.empty())
    return fail(ErrorCode::not_found, "program not found: " + options.argv[0]);
  for (const std::string& arg : options.argv) plan.argv.push_back(const_cast<char*>(arg.c_str()));
  plan.argv.push_back(nullptr);
  if (options.env) {
    for (const auto& [name, value] : *options.env) plan.env_strings.push_back(name + "=" + value);
    for (std::string& entry : plan.env_strings) plan.envp.push_back(entry.data());
  } else {
    for (char** entry = environ; *entry != nullptr; ++entry) plan.envp.push_back(*entry);
  }
  plan.envp.push_back(nullptr);
  plan.cwd = options.cwd.string();
  plan.keep_fds = options.keep_fds;
  plan.in_child = &options.in_child;
  const auto limit = [&](int resource, const std::optional<uint64_t>& value) {
    if (value) plan.limits.push_back({resource, rlimit{*value, *value}});
  };
  limit(RLIMIT_CPU, options.max_cpu_s);
  limit(RLIMIT_AS, options.max_address_bytes);
  limit(RLIMIT_FSIZE, options.max_file_bytes);
  limit(RLIMIT_NPROC, options.max_processes);
  return plan;
}

// Reads what is there; false at the end of the stream.
template <class Sink>
bool pump(int fd, Sink&& sink) {
  std::array<char, 65536> buffer;
  const ssize_t n = ::read(fd, buffer.data(), buffer.size());
  if (n < 0) return errno == EINTR || errno == EAGAIN;
  if (n == 0) return false;
  sink(std::string_view(buffer.data(), static_cast<size_t>(n)));
  return true;
}

class SigpipeBlocked {
 public:
  SigpipeBlocked() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &set, &old_);
  }
  ~SigpipeBlocked() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGPIPE);
    const timespec zero{};
    while (::sigtimedwait(&set, nullptr, &zero) > 0) {
    }
    ::pthread_sigmask(SIG_SETMASK, &old_, nullptr);
  }

 private:
  sigset_t old_;
};

double seconds_of(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
}

}  // namespace

Result<ProcessResult> run_process(const ProcessOptions& options, const CancelToken& cancel) {
  ENGRAMD_CHECK(cancel.check());
  ENGRAMD_TRY(ChildPlan plan, make_plan(options));
  // The vectors hold pointers into strings that must not move any more.
  if (options.env) {
    plan.envp.clear();
    for (std::string& entry : plan.env_strings) plan.envp.push_back(entry.data());
    plan.envp.push_back(nullptr);
  }
  Pipe in, out, err, report;
  for (Pipe* pipe : {&in, &out, &err, &report}) ENGRAMD_CHECK(pipe->open());
  plan.stdin_fd = in.read_end;
  plan.stdout_fd = out.write_end;
  plan.stderr_fd = options.merge_stderr ? out.write_end : err.write_end;
  plan.report_fd = report.write_end;

  const SigpipeBlocked sigpipe_blocked;
  const Clock::time_point start = Clock::now();
  const pid_t pid = ::fork();
  if (pid < 0) return fail(errno_error("cannot fork", errno));
  if (pid == 0) child_main(plan);
  in.close_read();
  out.close_write();
  err.close_write();
  report.close_write();

  int exec_errno = 0;
  ssize_t reported = 0;
  do {
    reported = ::read(report.read_end, &exec_errno, sizeof exec_errno);
  } while (reported < 0 && errno == EINTR);
  if (reported == static_cast<ssize_t>(sizeof exec_errno)) {
    ::waitpid(pid, nullptr, 0);
    return fail(errno_error("cannot run " + options.argv[0], exec_errno));
  }

  for (const int fd : {in.write_end, out.read_end, err.read_end})
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  ProcessResult result;
  CappedOutput stdout_output(options.max_output_bytes), stderr_output(options.max_output_bytes);
  std::string_view to_write = options.stdin_text;
  if (to_write.empty()) in.close_write();

  enum class Phase { running, terminating, killed } phase = Phase::running;
  Clock::time_point kill_at{}, drain_until{};
  bool exited = false;
  int status = 0;
  rusage usage{};
  for (;;) {
    const Clock::time_point now = Clock::now();
    if (!exited && ::wait4(pid, &status, WNOHANG, &usage) == pid) {
      exited = true;
      // Whatever it left behind in its group goes too; then its output is drained briefly, for a
      // grandchild that left the group may hold the pipe open for ever.
      ::kill(-pid, SIGKILL);
      drain_until = now + std::chrono::milliseconds(500);
    }
    if (!exited && phase == Phase::running) {
      const bool late =
          options.wall_ms && now - start >= std::chrono::milliseconds(*options.wall_ms);
      if (late || cancel.cancelled()) {
        (late ? result.timed_out : result.cancelled) = true;
        ::kill(-pid, SIGTERM);
        phase = Phase::terminating;
        kill_at =
            now + std::chrono::milliseconds(options.grace ? options.grace() : options.grace_ms);
      }
    } else if (!exited && phase == Phase::terminating && now >= kill_at) {
      ::kill(-pid, SIGKILL);
      phase = Phase::killed;
    }
    const bool streams_open = out.read_end >= 0 || err.read_end >= 0;
    if (exited && (!streams_open || now >= drain_until)) break;

    std::vector<pollfd> fds;
    if (in.write_end >= 0) fds.push_back({in.write_end, POLLOUT, 0});
    if (out.read_end >= 0) fds.push_back({out.read_end, POLLIN, 0});
    if (err.read_end >= 0) fds.push_back({err.read_end, POLLIN, 0});
    ::poll(fds.data(), fds.size(), exited ? 5 : kPollMs);
    for (const pollfd& ready : fds) {
      if (ready.revents == 0) continue;
      if (ready.fd == in.write_end) {
        const ssize_t n = ::write(in.write_end, to_write.data(), to_write.size());
        if (n > 0) to_write.remove_prefix(static_cast<size_t>(n));
        if (to_write.empty() || (n < 0 && errno != EAGAIN && errno != EINTR)) in.close_write();
      } else if (ready.fd == out.read_end) {
        if (!pump(out.read_end, [&](std::string_view piece) {
              stdout_output.append(piece);
              if (options.on_stdout) options.on_stdout(piece);
            }))
          out.close_read();
      } else if (!pump(err.read_end,
                       [&](std::string_view piece) { stderr_output.append(piece); })) {
        err.close_read();
      }
    }
  }
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  result.output_truncated = stdout_output.truncated() || stderr_output.truncated();
  result.stdout_text = stdout_output.take();
  result.stderr_text = stderr_output.take();
  result.wall_s = std::chrono::duration<double>(Clock::now() - start).count();
  result.cpu_s = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  return result;
}

fs::path find_program(std::string_view name) {
  const auto usable = [](const fs::path& path) {
    std::error_code error;
    return ::access(path.c_str(), X_OK) == 0 && !fs::is_directory(path, error);
  };
  if (name.find('/') != std::string_view::npos) return usable(name) ? fs::path(name) : fs::path();
  const std::string path = environment("PATH").value_or("/usr/local/bin:/usr/bin:/bin");
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find(':', begin), path.size());
    const std::string folder = path.substr(begin, end - begin);
    // A relative entry would let the current folder choose the program.
    if (!folder.empty() && folder[0] == '/')
      if (fs::path candidate = fs::path(folder) / name; usable(candidate)) return candidate;
    begin = end + 1;
  }
  return {};
}

}  // namespace engramd
