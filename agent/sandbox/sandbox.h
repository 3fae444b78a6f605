// agent/sandbox/sandbox.h - running a command of the user's project without trusting it.
//
// Inside: no network but an own loopback, no home, no credentials, no /run, an environment from an
// allow-list, the system and known toolchain homes read-only, the task's copy of the tree writable
// at the path the user knows, .git read-only, own /tmp, /dev, /proc and process ids. When the
// command ends, passes its wall limit or is cancelled, every process it left behind is gone.
//
//   host                                   inside
//   <temp>/engramd-task…/tree          ->  /home/u/project        writable
//   /home/u/project/.git, node_modules ->  the same paths         read-only
//   helper files                       ->  /engramd/helpers       read-only
//   <temp>/engramd-task…               ->  /engramd/reports       writable
//
// run() may be called from several threads at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/sandbox/work_tree.h"
#include "base/cancel.h"
#include "base/process.h"
#include "base/result.h"

namespace engramd::agent {

enum class SandboxMode {
  automatic,  // bubblewrap, or an error that says how to get it
  bubblewrap,
  container,  // said by the user: we already are in a throw-away container, run plainly
};
// "auto", "bwrap", "container" (or its synonym "none").
Result<SandboxMode> read_sandbox_mode(std::string_view text);

struct SandboxLimits {
  int64_t wall_ms = 60000;
  uint64_t max_cpu_s = 600;
  uint64_t max_data_bytes = 8ull << 30;  // of one process; address space is not limited, since V8,
                                         // Go and sanitizers reserve terabytes they never touch
  uint64_t max_file_bytes = 2ull << 30;
  uint64_t max_processes = 512;
  size_t max_output_bytes = 1u << 20;
};

struct SandboxCommand {
  std::vector<std::string> argv;
  std::string folder;                                    // relative to the tree; empty: its root
  std::vector<std::pair<std::string, std::string>> env;  // on top of the allow-list
  SandboxLimits limits;
  std::vector<int> keep_fds;
};

class Sandbox {
 public:
  // Error of code unavailable, with the remedy, when bubblewrap is missing or refused.
  static Result<Sandbox> make(SandboxMode mode, const WorkTree& tree,
                              std::vector<std::pair<std::string, std::string>> helper_files = {});

  Result<ProcessResult> run(const SandboxCommand& command, const CancelToken& cancel = {}) const;

  // Where a helper file, the report folder and the tree are, as the command sees them.
  std::string helper_path(std::string_view name) const;
  std::string report_path(std::string_view name) const;
  const std::string& tree_path() const { return tree_inside_; }
  const std::filesystem::path& tree_host() const { return tree_host_; }
  // The report folder on our side.
  std::filesystem::path report_file(std::string_view name) const { return reports_.path() / name; }
  bool is_isolated() const { return isolated_; }
  const std::vector<std::string>& notes() const { return notes_; }  // stated fallbacks

 private:
  Sandbox(TemporaryFolder helpers, TemporaryFolder reports)
      : helpers_(std::move(helpers)), reports_(std::move(reports)) {}
  TemporaryFolder helpers_, reports_;
  bool isolated_ = true;
  std::string tree_inside_;
  std::filesystem::path tree_host_;
  std::vector<std::string> mounts_;  // bwrap arguments that are the same for every command
  std::vector<std::pair<std::string, std::string>> base_env_;
  std::vector<std::string> notes_;
};

}  // namespace engramd::agent
