// agent/sandbox/sandbox.h - running a command of the user's project without trusting it.
//
// Inside: no network but an own loopback, no home, no credentials, no /run, an environment from an
// allow-list, the system and known toolchain homes read-only, the task's tree writable at the path
// the user knows, .git read-only, own /tmp, /dev, /proc and process ids. When the command ends,
// passes a limit or is cancelled, every process it left behind is gone when run() returns.
//
//   host                                   inside
//   the task's tree (WorkTree)         ->  /home/u/project        writable
//   /home/u/project/.git               ->  the same path          read-only
//   helper files                       ->  /engramd/helpers       read-only
//   <temp>/engramd-reports…            ->  /engramd/reports       writable
//   <temp>/engramd-cache…              ->  /engramd/cache         writable, for all commands
//
// Where bubblewrap cannot run, Landlock and a filter of system calls hold a part of this; notes()
// says which. run() may be called from several threads at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/sandbox/probe.h"
#include "agent/sandbox/work_tree.h"
#include "base/cancel.h"
#include "base/landlock.h"
#include "base/process.h"
#include "base/result.h"
#include "base/syscall_filter.h"

namespace engramd::agent {

enum class SandboxMode {
  automatic,  // bubblewrap, else Landlock, or an error that says how to get one
  bubblewrap,
  landlock,
  container,  // said by the user: we already are in a throw-away container, run plainly
};
// "auto", "bwrap", "landlock", "container" (or its synonym "none").
Result<SandboxMode> read_sandbox_mode(std::string_view text);
std::string_view to_string(SandboxMode mode);

struct SandboxLimits {
  int64_t wall_ms = 60000;
  uint64_t max_cpu_s = 600;                // of one process
  uint64_t max_memory_bytes = 8ull << 30;  // of all together, where a control group can be made
  uint64_t max_data_bytes = 8ull << 30;  // of one process; address space is not limited, since V8,
                                         // Go and sanitizers reserve terabytes they never touch
  uint64_t max_file_bytes = 2ull << 30;  // one file
  uint64_t max_disk_bytes = 8ull << 30;  // what the task has written to its tree, all together
  uint64_t max_tmp_bytes = 1ull << 30;   // /tmp
  uint64_t max_processes = 512;
  size_t max_output_bytes = 1u << 20;  // head and tail are kept
};

struct SandboxCommand {
  std::vector<std::string> argv;
  std::string folder;                                    // relative to the tree; empty: its root
  std::vector<std::pair<std::string, std::string>> env;  // on top of the allow-list
  SandboxLimits limits;
  std::vector<int> keep_fds;
  std::string stdin_text;
  std::function<void(std::string_view)> on_output;  // each piece as it comes, on run's thread
};

struct SandboxResult : ProcessResult {
  bool over_disk = false;    // stopped for max_disk_bytes
  bool over_memory = false;  // the kernel ended a process for max_memory_bytes
  // One sentence when a limit or a cancel stopped it: "it wrote more than 8192 MiB"; else empty.
  std::string stopped;
};

class Sandbox {
 public:
  // Error of code unavailable, with the remedy, when the mode cannot be had. The tree must live at
  // the same address as long as the sandbox.
  static Result<Sandbox> make(SandboxMode mode, const WorkTree& tree,
                              std::vector<std::pair<std::string, std::string>> helper_files = {});
  // The same on what the caller found, or pretends to have found.
  static Result<Sandbox> make(SandboxMode mode, const WorkTree& tree,
                              std::vector<std::pair<std::string, std::string>> helper_files,
                              const SandboxProbe& probe);
  Sandbox(Sandbox&&) noexcept;
  ~Sandbox();

  Result<SandboxResult> run(const SandboxCommand& command, const CancelToken& cancel = {}) const;

  // Where a helper file, the report folder and the tree are, as the command sees them.
  std::string helper_path(std::string_view name) const;
  std::string report_path(std::string_view name) const;
  const std::string& tree_path() const { return tree_inside_; }
  // The tree on our side, for looking only (WorkTree::root).
  const std::filesystem::path& tree_host() const { return tree_host_; }
  // The report folder on our side. What lies there was written by the command: it may be a link.
  std::filesystem::path report_file(std::string_view name) const { return reports_.path() / name; }
  // What commands left in the compilers' caches, put aside into an empty folder and given to
  // another sandbox that has run nothing yet (copy_compiler_cache). While no command runs.
  Status save_compiler_cache(const std::filesystem::path& folder, const CancelToken& cancel) const;
  Status load_compiler_cache(const std::filesystem::path& folder, const CancelToken& cancel);
  SandboxMode mode() const { return mode_; }  // never automatic
  bool is_isolated() const { return mode_ != SandboxMode::container; }
  const std::vector<std::string>& notes() const { return notes_; }  // stated fallbacks

 private:
  Sandbox(TemporaryFolder helpers, TemporaryFolder reports, TemporaryFolder cache)
      : helpers_(std::move(helpers)), reports_(std::move(reports)), cache_(std::move(cache)) {}
  Status prepare_bubblewrap(const SandboxProbe& probe, const WorkTree& tree);
  Status prepare_landlock(int abi, const WorkTree& tree);
  void prepare_container(const WorkTree& tree);
  std::vector<std::string> command_line(const SandboxCommand& command, int filter_fd,
                                        bool limit_processes) const;

  TemporaryFolder helpers_, reports_, cache_;
  std::optional<TemporaryFolder> tmp_;  // /tmp of the modes without mounts
  SandboxMode mode_ = SandboxMode::bubblewrap;
  std::string tree_inside_;
  std::filesystem::path tree_host_;
  const WorkTree* tree_ = nullptr;
  uint64_t disk_before_ = 0;         // of a copy, before any command
  uint64_t cache_before_ = 0;        // of a cache that was given to us
  std::vector<std::string> mounts_;  // bwrap arguments that are the same for every command
  std::vector<std::pair<std::string, std::string>> base_env_;
  std::vector<std::string> notes_;
  bool count_in_group_ = true;  // processes, where a control group can be made
  bool process_watch_ = false;  // else by a watch, where that can be had
  std::optional<LandlockRules> rules_;
  std::optional<SyscallFilter> filter_;
};

}  // namespace engramd::agent
