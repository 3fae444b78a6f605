#include "daemon/shim/connect.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <optional>
#include <thread>

#include "base/cancel.h"
#include "base/environment.h"
#include "base/file.h"
#include "daemon/config/settings.h"
#include "daemon/server/endpoint.h"
#include "lsp/framing.h"

namespace engramd::daemon {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

milliseconds left_until(Clock::time_point deadline) {
  return std::max(milliseconds(0),
                  std::chrono::duration_cast<milliseconds>(deadline - Clock::now()));
}

// The daemon outlives the editor that started it, so it gets none of that editor's environment
// but what says who the user is, where our folders and files are, and what finds programs. Our own
// settings are named by their table.
std::vector<std::string> daemon_environment() {
  std::vector<const char*> names = {
      "HOME",
      "USER",
      "LOGNAME",
      "PATH",
      "LANG",
      "LC_ALL",
      "LC_CTYPE",
      "LC_MESSAGES",
      "TMPDIR",
      "TZ",
      "XDG_RUNTIME_DIR",
      "XDG_CONFIG_HOME",
      "XDG_CACHE_HOME",
      "XDG_STATE_HOME",
      "XDG_DATA_HOME",
      "SSL_CERT_FILE",
      "SSL_CERT_DIR",
      "LD_LIBRARY_PATH",
      "ENGRAMD_DATA",
      "ENGRAMD_KERNELS",
      "ENGRAMD_STRICT",
      "ASAN_OPTIONS",
      "TSAN_OPTIONS",
  };
  for (const SettingRow& row : setting_rows())
    // What belongs to one repository must not reach the others that the daemon serves.
    if (row.environment != nullptr && !row.from_repository) names.push_back(row.environment);
  std::vector<std::string> kept;
  for (const char* name : names)
    if (const auto value = environment(name)) kept.push_back(std::string(name) + "=" + *value);
  return kept;
}

// Starts a daemon in a session of its own; returns its process id.
Result<pid_t> start_daemon(const std::vector<std::string>& arguments) {
  const fs::path log = state_folder() / "daemon.log";
  ENGRAMD_CHECK(make_directories(log.parent_path(), 0700));
  const int log_fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log_fd < 0) return fail(errno_error("cannot open " + log.string(), errno));
  const int null_fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  const std::string path = executable_path().string();
  std::vector<std::string> words = {path};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables = daemon_environment();
  std::vector<char*> argv, envp;
  for (std::string& word : words) argv.push_back(word.data());
  for (std::string& variable : variables) envp.push_back(variable.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);

  const pid_t child = ::fork();
  if (child == 0) {
    // Only async-signal-safe calls between fork and exec.
    ::setsid();
    ::dup2(null_fd, 0);
    ::dup2(log_fd, 1);
    ::dup2(log_fd, 2);
    ::syscall(SYS_close_range, 3u, ~0u, 0u);
    if (::chdir("/") != 0) ::_exit(127);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    ::execve(path.c_str(), argv.data(), envp.data());
    ::_exit(127);
  }
  const int reason = errno;
  ::close(log_fd);
  if (null_fd >= 0) ::close(null_fd);
  if (child < 0) return fail(errno_error("cannot start the daemon", reason));
  return child;
}

Result<DaemonLink> greet(int fd, const std::string& kind, milliseconds timeout) {
  DaemonLink link(fd);
  Hello hello;
  hello.identity = this_build();
  hello.kind = kind;
  std::error_code ignored;
  hello.cwd = fs::current_path(ignored).string();
  hello.environment = selected_environment();
  ENGRAMD_CHECK(link.send(hello_text(hello)));
  ENGRAMD_TRY(const std::string answer, link.receive(timeout));
  ENGRAMD_TRY(link.welcome, read_welcome(answer));
  return link;
}

Result<DaemonLink> try_connect(const Endpoint& endpoint, const std::string& kind,
                               milliseconds timeout) {
  ENGRAMD_TRY(const int fd, endpoint.connect());
  return greet(fd, kind, timeout);
}

Status ask_to_retire(const Endpoint& endpoint, milliseconds timeout) {
  ENGRAMD_TRY(DaemonLink link, try_connect(endpoint, "control", timeout));
  ENGRAMD_CHECK(link.send(control_text("retire")));
  auto answer = link.receive(timeout);
  if (!answer) return fail(answer.error());
  return {};
}

Error refused(const Welcome& welcome) {
  return {ErrorCode::unavailable, "the running daemon (version " + welcome.identity.version +
                                      ", pid " + std::to_string(welcome.pid) +
                                      ") refused: " + welcome.error};
}

}  // namespace

DaemonLink::DaemonLink(DaemonLink&& other) noexcept
    : welcome(std::move(other.welcome)),
      rest(std::move(other.rest)),
      fd_(std::exchange(other.fd_, -1)) {}

DaemonLink& DaemonLink::operator=(DaemonLink&& other) noexcept {
  std::swap(welcome, other.welcome);
  std::swap(rest, other.rest);
  std::swap(fd_, other.fd_);
  return *this;
}

DaemonLink::~DaemonLink() {
  if (fd_ >= 0) ::close(fd_);
}

Status DaemonLink::send(std::string_view message) {
  const std::string bytes = lsp::framed(message);
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::send(fd_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errno_error("cannot write to the daemon", errno));
    done += static_cast<size_t>(n);
  }
  return {};
}

Result<std::string> DaemonLink::receive(milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  lsp::FrameParser parser;
  parser.feed(rest);
  rest.clear();
  for (;;) {
    ENGRAMD_TRY(auto message, parser.next());
    if (message) {
      // What came behind it belongs to the LSP stream.
      rest = parser.take_unread();
      return *std::move(message);
    }
    pollfd ready{fd_, POLLIN, 0};
    const int n_ready = ::poll(&ready, 1, static_cast<int>(left_until(deadline).count()));
    if (n_ready < 0 && errno == EINTR) continue;
    if (n_ready == 0) return fail(ErrorCode::exhausted, "the daemon did not answer in time");
    char buffer[16384];
    const ssize_t n = ::read(fd_, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail(ErrorCode::not_found, "the daemon closed the connection");
    parser.feed({buffer, static_cast<size_t>(n)});
  }
}

Result<DaemonLink> connect_running(const std::string& kind, milliseconds timeout) {
  ENGRAMD_TRY(const Endpoint endpoint, Endpoint::open());
  ENGRAMD_TRY(DaemonLink link, try_connect(endpoint, kind, timeout));
  if (!link.welcome.ok) return fail(refused(link.welcome));
  return link;
}

Result<DaemonLink> connect_or_start(const std::string& kind, const ConnectOptions& options) {
  const auto deadline = Clock::now() + options.deadline;
  ENGRAMD_TRY(const Endpoint endpoint, Endpoint::open());
  const BuildIdentity mine = this_build();
  std::optional<FileLock> start_lock;  // ours while we start a daemon
  pid_t child = 0;                     // the daemon we started, as long as it has not ended
  Error last{ErrorCode::unavailable, "the daemon did not start"};
  while (Clock::now() < deadline) {
    auto link = try_connect(endpoint, kind, left_until(deadline));
    if (link) {
      if (newer_than(mine, link->welcome.identity)) {
        // It may have been retired by another shim a moment ago; the loop finds out.
        if (Status retired = ask_to_retire(endpoint, std::chrono::seconds(5)); !retired)
          last = retired.error().with("while retiring the older daemon");
        std::this_thread::sleep_for(milliseconds(10));
        continue;
      }
      if (!link->welcome.ok) return fail(refused(link->welcome));
      return link;
    }
    if (link.error().code != ErrorCode::not_found && link.error().code != ErrorCode::io)
      return fail(link.error());
    if (!start_lock) {
      if (auto lock = endpoint.lock_start()) start_lock = std::move(*lock);
    } else if (child == 0) {
      // Only after one more failed look with the lock held: the shim before us may have started it.
      ENGRAMD_TRY(child, start_daemon(options.daemon_arguments));
    } else {
      int how = 0;
      if (::waitpid(child, &how, WNOHANG) == child) {
        if (!WIFEXITED(how) || WEXITSTATUS(how) != 0)
          return fail(ErrorCode::unavailable,
                      "the daemon did not start (" +
                          (WIFSIGNALED(how) ? "signal " + std::to_string(WTERMSIG(how))
                                            : "exit status " + std::to_string(WEXITSTATUS(how))) +
                          "), see " + (state_folder() / "daemon.log").string());
        // Another daemon had the lock: it is starting, or it was ending and we must try again.
        child = 0;
        std::this_thread::sleep_for(milliseconds(50));
      }
    }
    std::this_thread::sleep_for(milliseconds(10));
  }
  return fail(last.with("no daemon within " + std::to_string(options.deadline.count()) + " ms"));
}

}  // namespace engramd::daemon
