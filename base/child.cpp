#include "base/child.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace engramd {
namespace {

// What posix_spawn is told; the two objects have to be given back.
class SpawnPlan {
 public:
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

double seconds_of(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
}

}  // namespace

Result<Child> Child::start(const Options& options) {
  if (options.argv.empty()) return fail(ErrorCode::invalid_input, "no program to start");
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
    return fail(errno_error("cannot make a socket pair", errno));
  }
  SpawnPlan plan;
  ::posix_spawn_file_actions_adddup2(&plan.actions, fds[1], 0);
  ::posix_spawn_file_actions_addopen(&plan.actions, 1, "/dev/null", O_RDWR, 0);
  ::posix_spawn_file_actions_adddup2(&plan.actions, 1, 2);
  ::posix_spawn_file_actions_addclosefrom_np(&plan.actions, 3);
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&plan.attributes, &none);
  ::posix_spawnattr_setsigdefault(&plan.attributes, &all);
  // A session of its own: an interrupt at our terminal is ours to handle.
  ::posix_spawnattr_setflags(&plan.attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  std::vector<char*> argv, envp;
  std::vector<std::string> env;
  for (const std::string& argument : options.argv) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  for (const auto& [name, value] : options.env) env.push_back(name + "=" + value);
  for (std::string& entry : env) envp.push_back(entry.data());
  envp.push_back(nullptr);
  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, argv[0], &plan.actions, &plan.attributes, argv.data(), envp.data());
  ::close(fds[1]);
  if (error != 0) {
    ::close(fds[0]);
    return fail(errno_error("cannot start " + options.argv[0], error));
  }
  return Child(pid, fds[0]);
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), socket_(std::exchange(other.socket_, -1)) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    end();
    pid_ = std::exchange(other.pid_, -1);
    socket_ = std::exchange(other.socket_, -1);
  }
  return *this;
}

Child::~Child() {
  end();
}

std::optional<double> Child::cpu_s() const {
  clockid_t clock{};
  timespec t{};
  if (pid_ < 0 || ::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &t) != 0) {
    return std::nullopt;
  }
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

ProcessMemory memory_of(pid_t pid) {
  ProcessMemory out;
  const std::string path = "/proc/" + std::to_string(pid) + "/status";
  FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return out;
  char line[256];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    unsigned long kb = 0;
    if (std::sscanf(line, "VmHWM: %lu", &kb) == 1) out.peak_bytes = uint64_t{kb} * 1024;
    if (std::sscanf(line, "VmRSS: %lu", &kb) == 1) out.now_bytes = uint64_t{kb} * 1024;
  }
  std::fclose(file);
  return out;
}

Child::End Child::end() {
  End out;
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  if (pid_ < 0) return out;
  // One that is ending already keeps the status it has.
  ::kill(pid_, SIGKILL);
  int status = 0;
  rusage usage{};
  pid_t waited = 0;
  do {
    waited = ::wait4(pid_, &status, 0, &usage);
  } while (waited < 0 && errno == EINTR);
  pid_ = -1;
  if (waited < 0) return out;
  if (WIFEXITED(status)) out.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) out.signal = WTERMSIG(status);
  out.cpu_s = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  return out;
}

}  // namespace engramd
