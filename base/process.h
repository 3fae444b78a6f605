// base/process.h - running another program to its end, within limits.
//
// The child gets its own session and process group; when the wall limit passes or the token is
// cancelled the whole group is killed (SIGTERM, then SIGKILL after grace_ms). Output beyond the
// cap keeps its head and its tail, with a line between that says how much is missing. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"

namespace engramd {

struct ProcessOptions {
  std::vector<std::string> argv;  // argv[0] is looked up on PATH unless it has a slash
  std::filesystem::path cwd;      // empty: ours
  // The child's whole environment; nothing: ours is inherited.
  std::optional<std::vector<std::pair<std::string, std::string>>> env;
  std::string stdin_text;
  std::optional<int64_t> wall_ms;
  int64_t grace_ms = 500;
  // In place of grace_ms, asked when the group is told to end; may depend on why.
  std::function<int64_t()> grace;
  size_t max_output_bytes = 1u << 20;  // of stdout, and again of stderr
  bool merge_stderr = false;           // stderr goes into stdout_text, in order
  // setrlimit in the child, before exec; nothing: unchanged.
  std::optional<uint64_t> max_cpu_s, max_address_bytes, max_file_bytes, max_processes;
  // Called in the child after the limits are set, before it changes folder and becomes the program:
  // only async-signal-safe calls, no allocation. Returns 0, or the errno to report as "cannot run".
  std::function<int()> in_child;
  // File descriptors to hand on as they are (otherwise everything above 2 is closed).
  std::vector<int> keep_fds;
  // Called on this thread with each piece of stdout as it comes, if set.
  std::function<void(std::string_view)> on_stdout;
};

struct ProcessResult {
  int exit_code = -1;  // of a normal exit; -1 otherwise
  int signal = 0;      // that ended it; 0 for a normal exit
  bool timed_out = false;
  bool cancelled = false;
  bool output_truncated = false;
  std::string stdout_text;
  std::string stderr_text;
  double wall_s = 0;
  double cpu_s = 0;  // of the child and its waited-for children
  bool ok() const { return exit_code == 0; }
};

// An error only when the program could not be started; how it ended is in the result.
Result<ProcessResult> run_process(const ProcessOptions& options, const CancelToken& cancel = {});

// The program's full path from PATH; empty when absent.
std::filesystem::path find_program(std::string_view name);

}  // namespace engramd
