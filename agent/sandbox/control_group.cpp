#include "agent/sandbox/control_group.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRoot = "/sys/fs/cgroup";

// The path below the controller's mount from a line of /proc/self/cgroup ("8:pids:/a/b" or
// "4:cpu,cpuacct:/a"). Empty controller: version 2's.
std::string own_group(std::string_view controller) {
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line)) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    std::istringstream names(line.substr(first + 1, second - first - 1));
    if (controller.empty() && names.str().empty()) return line.substr(second + 1);
    for (std::string name; std::getline(names, name, ',');)
      if (!controller.empty() && name == controller) return line.substr(second + 1);
  }
  return {};
}

fs::path below(const fs::path& mount, const std::string& group) {
  return group.size() > 1 ? mount / group.substr(1) : mount;
}

bool write_control(const fs::path& file, const std::string& value) {
  const OwnedFd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size());
}

// The number behind "<word> " in a file of such lines; 0 when it is not there.
uint64_t number_of(const fs::path& file, std::string_view word) {
  std::ifstream in(file);
  std::string name;
  for (uint64_t value = 0; in >> name >> value;)
    if (name == word) return value;
  return 0;
}

}  // namespace

bool ControlGroup::add(const fs::path& parent, const std::string& name, bool is_v2,
                       const std::vector<std::pair<const char*, uint64_t>>& settings) {
  Folder folder;
  folder.path = parent / name;
  folder.is_v2 = is_v2;
  if (::mkdir(folder.path.c_str(), 0755) != 0) return false;
  bool good = true;
  for (const auto& [file, value] : settings)
    good = good && write_control(folder.path / file, std::to_string(value));
  folder.procs = OwnedFd(::open((folder.path / "cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  if (!good || !folder.procs) {
    ::rmdir(folder.path.c_str());
    return false;
  }
  folders_.push_back(std::move(folder));
  return true;
}

ControlGroup ControlGroup::make(const Limits& limits) {
  static std::atomic<unsigned> counter{0};
  ControlGroup group;
  const std::string name =
      "engramd-" + std::to_string(::getpid()) + "-" + std::to_string(counter.fetch_add(1));
  // Version 2 with both controllers first; a mixed machine has them in version 1.
  const fs::path root(kRoot);
  if (const std::string own = own_group(""); !own.empty() && fs::exists(root / "cgroup.procs")) {
    const fs::path parent = below(root, own);
    if (limits.max_processes != 0 && limits.max_memory_bytes != 0 &&
        group.add(parent, name, true,
                  {{"pids.max", limits.max_processes}, {"memory.max", limits.max_memory_bytes}})) {
      write_control(parent / name / "memory.swap.max", "0");
      group.processes_ = group.memory_ = "cgroup v2";
      return group;
    }
    if (limits.max_processes != 0 &&
        group.add(parent, name, true, {{"pids.max", limits.max_processes}})) {
      group.processes_ = "cgroup v2";
      return group;
    }
  }
  if (const std::string own = own_group("pids"); limits.max_processes != 0 && !own.empty())
    if (group.add(below(root / "pids", own), name, false, {{"pids.max", limits.max_processes}}))
      group.processes_ = "cgroup v1";
  if (const std::string own = own_group("memory"); limits.max_memory_bytes != 0 && !own.empty()) {
    const fs::path parent = below(root / "memory", own);
    if (group.add(parent, name, false, {{"memory.limit_in_bytes", limits.max_memory_bytes}})) {
      // Absent without swap accounting.
      write_control(parent / name / "memory.memsw.limit_in_bytes",
                    std::to_string(limits.max_memory_bytes));
      group.memory_ = "cgroup v1";
    }
  }
  return group;
}

int ControlGroup::enter() const {
  for (const Folder& folder : folders_)
    if (::write(folder.procs.get(), "0", 1) != 1) return errno;
  return 0;
}

bool ControlGroup::ran_out_of_memory() const {
  for (const Folder& folder : folders_)
    if (number_of(folder.path / (folder.is_v2 ? "memory.events" : "memory.oom_control"),
                  "oom_kill") > 0)
      return true;
  return false;
}

ControlGroup::~ControlGroup() {
  for (Folder& folder : folders_) {
    folder.procs = OwnedFd();
    // Whatever is left in it is killed; an emptied group can be removed a moment later.
    for (int attempt = 0; attempt < 200; ++attempt) {
      if (::rmdir(folder.path.c_str()) == 0 || errno == ENOENT) break;
      if (!folder.is_v2 || !write_control(folder.path / "cgroup.kill", "1")) {
        std::ifstream procs(folder.path / "cgroup.procs");
        for (pid_t pid = 0; procs >> pid;)
          if (pid > 1 && pid != ::getpid()) ::kill(pid, SIGKILL);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(attempt < 20 ? 1 : 10));
    }
  }
}

}  // namespace engramd::agent
