// agent/sandbox/control_group.h - a control group that a fork bomb or a memory hog is put in.
//
// Version 1 (one folder per controller) and 2, where one of them lets us make a group below our
// own. Removed with the object, which first kills what is left in it. One thread at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "agent/sandbox/overlay.h"

namespace engramd::agent {

class ControlGroup {
 public:
  struct Limits {
    uint64_t max_processes = 0;     // 0: none
    uint64_t max_memory_bytes = 0;  // 0: none
  };
  // Nothing of the kind on this machine, or not ours to write: an empty one, which is no error.
  static ControlGroup make(const Limits& limits);
  ControlGroup() = default;
  ControlGroup(ControlGroup&& other) noexcept = default;
  ControlGroup& operator=(ControlGroup&&) = delete;
  ~ControlGroup();

  // "cgroup v1", "cgroup v2", or empty when that limit is not held by a group.
  const char* limits_processes() const { return processes_; }
  const char* limits_memory() const { return memory_; }
  bool ran_out_of_memory() const;
  // In the child of a fork: becomes a member. Async-signal-safe. 0 or an errno.
  int enter() const;

 private:
  struct Folder {
    std::filesystem::path path;
    OwnedFd procs;
    bool is_v2 = false;
  };
  bool add(const std::filesystem::path& parent, const std::string& name, bool is_v2,
           const std::vector<std::pair<const char*, uint64_t>>& settings);
  std::vector<Folder> folders_;
  const char *processes_ = "", *memory_ = "";
};

}  // namespace engramd::agent
