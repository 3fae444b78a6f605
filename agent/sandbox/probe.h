// agent/sandbox/probe.h - what this machine can isolate, for `engramd doctor` and for Sandbox.
//
// Any thread. Starts bubblewrap once (about 10 ms).
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace engramd::agent {

struct SandboxProbe {
  bool usable = false;
  std::filesystem::path program;  // of bwrap, empty when absent
  std::string version;            // "bubblewrap 0.8.0"
  std::string problem, remedy;    // one sentence each when not usable
  std::string
      process_limit;  // "cgroup v1", "cgroup v2", "rlimit" or "none": what stops a fork bomb
};

SandboxProbe probe_sandbox();

// A control group that a fork bomb or a memory hog is put in, removed with the object.
class ControlGroup {
 public:
  // Nothing of the kind on this machine, or not ours to write: an empty one, which is no error.
  static ControlGroup make(uint64_t max_processes);
  ControlGroup() = default;
  ControlGroup(ControlGroup&& other) noexcept
      : folder_(std::move(other.folder_)), kind_(other.kind_) {
    other.folder_.clear();
  }
  ControlGroup& operator=(ControlGroup&&) = delete;
  ~ControlGroup();
  bool exists() const { return !folder_.empty(); }
  std::string procs_file() const { return (folder_ / "cgroup.procs").string(); }
  const char* kind() const { return kind_; }

 private:
  std::filesystem::path folder_;
  const char* kind_ = "";
};

}  // namespace engramd::agent
