// agent/sandbox/probe.h - what this machine can isolate, for `engramd doctor` and for Sandbox.
//
// Any thread. Starts bubblewrap once or twice (some 10 ms each).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace engramd::agent {

struct SandboxProbe {
  // bubblewrap
  bool usable = false;
  bool can_disable_user_namespaces = false;
  std::filesystem::path program;  // of bwrap, empty when absent
  std::string version;            // "bubblewrap 0.8.0"
  std::string problem, remedy;    // one sentence each when not usable
  // The fallback: 0 when there is none, or when system calls cannot be filtered.
  int landlock_abi = 0;
  // What stops a fork bomb: "cgroup v1", "cgroup v2", "rlimit" (exactly under bubblewrap, else with
  // a watch), "watch" (ProcessWatch alone) or "none"; a memory hog: a group or "rlimit".
  std::string process_limit, memory_limit;
  bool process_watch = false;  // there can be one; asked only without a control group
  // Why a tree would be copied and not overlaid; empty: it is overlaid.
  std::string overlay_problem;
};

SandboxProbe probe_sandbox();

// What the Landlock fallback does not hold at this ABI, one phrase each, worst first.
std::vector<std::string> landlock_gaps(int abi);

}  // namespace engramd::agent
