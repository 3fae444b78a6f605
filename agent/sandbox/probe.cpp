#include "agent/sandbox/probe.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;

// The path below the controller's mount from a line of /proc/self/cgroup ("8:pids:/a/b").
std::string own_group(std::string_view controller) {
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line)) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    if (std::string_view(line).substr(first + 1, second - first - 1) == controller)
      return line.substr(second + 1);
  }
  return {};
}

bool write_control(const fs::path& file, const std::string& value) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written =
      ::write(fd, value.data(), value.size()) == static_cast<ssize_t>(value.size());
  ::close(fd);
  return written;
}

}  // namespace

ControlGroup ControlGroup::make(uint64_t max_processes) {
  static std::atomic<unsigned> counter{0};
  ControlGroup group;
  const std::string name =
      "engramd-" + std::to_string(::getpid()) + "-" + std::to_string(counter.fetch_add(1));
  const auto try_at = [&](const fs::path& parent, const char* kind) {
    const fs::path folder = parent / name;
    if (::mkdir(folder.c_str(), 0755) != 0) return false;
    if (::access((folder / "cgroup.procs").c_str(), W_OK) != 0 ||
        !write_control(folder / "pids.max", std::to_string(max_processes))) {
      ::rmdir(folder.c_str());
      return false;
    }
    group.folder_ = folder;
    group.kind_ = kind;
    return true;
  };
  const std::string v1 = own_group("pids");
  if (!v1.empty() && try_at(fs::path("/sys/fs/cgroup/pids") / v1.substr(1), "cgroup v1"))
    return group;
  const std::string v2 = own_group("");
  if (!v2.empty()) try_at(fs::path("/sys/fs/cgroup") / v2.substr(1), "cgroup v2");
  return group;
}

ControlGroup::~ControlGroup() {
  if (folder_.empty()) return;
  // Whatever is left in it is killed; an emptied group can be removed a moment later.
  for (int attempt = 0; attempt < 100; ++attempt) {
    if (::rmdir(folder_.c_str()) == 0 || errno == ENOENT) return;
    std::ifstream procs(folder_ / "cgroup.procs");
    for (pid_t pid = 0; procs >> pid;)
      if (pid > 1) ::kill(pid, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

SandboxProbe probe_sandbox() {
  SandboxProbe probe;
  if (const ControlGroup group = ControlGroup::make(64); group.exists())
    probe.process_limit = group.kind();
  else
    probe.process_limit = ::geteuid() == 0 ? "none" : "rlimit";
  probe.program = find_program("bwrap");
  if (probe.program.empty()) {
    probe.problem = "bubblewrap (bwrap) is not installed, and tests are not run without a sandbox";
    probe.remedy =
        "install it (apt-get install bubblewrap), or say --sandbox=container when this already is "
        "a throw-away container";
    return probe;
  }
  ProcessOptions version;
  version.argv = {probe.program.string(), "--version"};
  version.wall_ms = 5000;
  if (const auto ran = run_process(version)) probe.version = std::string(trim(ran->stdout_text));

  ProcessOptions trial;
  trial.argv = {probe.program.string(),
                "--unshare-all",
                "--die-with-parent",
                "--new-session",
                "--cap-drop",
                "ALL",
                "--ro-bind",
                "/",
                "/",
                "--dev",
                "/dev",
                "--proc",
                "/proc",
                "--tmpfs",
                "/tmp",
                "--",
                "/bin/sh",
                "-c",
                "exit 0"};
  trial.wall_ms = 10000;
  const auto ran = run_process(trial);
  if (ran && ran->ok()) {
    probe.usable = true;
    return probe;
  }
  std::string said = ran ? std::string(trim(ran->stderr_text)) : ran.error().message;
  if (const size_t line_end = said.find('\n'); line_end != std::string::npos) said.resize(line_end);
  probe.problem = "bubblewrap cannot make a sandbox here: " +
                  (said.empty() ? std::string("it ended without a message") : said);
  probe.remedy =
      "allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, and on "
      "Ubuntu kernel.apparmor_restrict_unprivileged_userns=0), or say --sandbox=container when "
      "this already is a throw-away container";
  return probe;
}

}  // namespace engramd::agent
