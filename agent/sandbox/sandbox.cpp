#include "agent/sandbox/sandbox.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "agent/sandbox/compiler_cache.h"
#include "agent/sandbox/control_group.h"
#include "agent/sandbox/disk_watch.h"
#include "agent/sandbox/inside.h"
#include "agent/sandbox/process_watch.h"
#include "agent/sandbox/supervise.h"
#include "agent/sandbox/view.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;
using Variables = std::vector<std::pair<std::string, std::string>>;

// Stands for max_tmp_bytes of a command in the arguments that are the same for all.
constexpr const char* kTmpSize = "@tmp";
constexpr const char* kSmallSize = "67108864";  // of folders that hardly anybody writes to
constexpr const char* kShmSize = "268435456";
constexpr uint64_t kMinFreeBytes = 256u << 20;  // of the disk, for everybody else

class Mounts {
 public:
  void add(std::initializer_list<std::string> arguments) {
    list.insert(list.end(), arguments.begin(), arguments.end());
  }
  void read_only(const fs::path& path) { add({"--ro-bind", path.string(), path.string()}); }
  void tmpfs(const std::string& path, const char* size) { add({"--size", size, "--tmpfs", path}); }
  std::vector<std::string> list;
};

void set_variable(Variables& env, const std::string& name, const std::string& value) {
  for (auto& [known, text] : env)
    if (known == name) {
      text = value;
      return;
    }
  env.push_back({name, value});
}

// Since Linux 5.14 processes are counted per user namespace, so that a limit inside does not count
// what the user runs outside.
bool counts_processes_per_namespace() {
  utsname name{};
  int major = 0, minor = 0;
  return ::uname(&name) == 0 && std::sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
         (major > 5 || (major == 5 && minor >= 14));
}

// A descriptor that reads the text from its start, for bubblewrap to have.
OwnedFd memory_file(std::string_view text) {
  OwnedFd fd(::memfd_create("engramd-filter", MFD_CLOEXEC));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::lseek(fd.get(), 0, SEEK_SET) != 0)
    return {};
  return fd;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : "; ") + part;
  return out;
}

}  // namespace

Result<SandboxMode> read_sandbox_mode(std::string_view text) {
  if (text.empty() || text == "auto") return SandboxMode::automatic;
  if (text == "bwrap" || text == "bubblewrap") return SandboxMode::bubblewrap;
  if (text == "landlock") return SandboxMode::landlock;
  if (text == "container" || text == "none") return SandboxMode::container;
  return fail(ErrorCode::invalid_input, "unknown sandbox mode \"" + std::string(text) +
                                            "\", expected auto, bwrap, landlock or container");
}

std::string_view to_string(SandboxMode mode) {
  switch (mode) {
    case SandboxMode::automatic:
      return "auto";
    case SandboxMode::bubblewrap:
      return "bwrap";
    case SandboxMode::landlock:
      return "landlock";
    case SandboxMode::container:
      return "container";
  }
  return "auto";
}

Sandbox::Sandbox(Sandbox&&) noexcept = default;
Sandbox::~Sandbox() = default;

Result<Sandbox> Sandbox::make(SandboxMode mode, const WorkTree& tree, Variables helper_files) {
  const bool needs_probe = mode != SandboxMode::container;
  return make(mode, tree, std::move(helper_files), needs_probe ? probe_sandbox() : SandboxProbe{});
}

Result<Sandbox> Sandbox::make(SandboxMode mode, const WorkTree& tree, Variables helper_files,
                              const SandboxProbe& probe) {
  ENGRAMD_TRY(TemporaryFolder helpers, TemporaryFolder::make("engramd-helpers"));
  ENGRAMD_TRY(TemporaryFolder reports, TemporaryFolder::make("engramd-reports"));
  ENGRAMD_TRY(TemporaryFolder cache, TemporaryFolder::make("engramd-cache"));
  Sandbox sandbox(std::move(helpers), std::move(reports), std::move(cache));
  for (const auto& [name, text] : helper_files)
    ENGRAMD_CHECK(write_file_atomic(sandbox.helpers_.path() / name, text));
  sandbox.tree_ = &tree;
  sandbox.tree_host_ = tree.root();
  sandbox.notes_ = tree.notes();
  if (!tree.is_overlay()) sandbox.disk_before_ = tree.disk_use().n_bytes;

  if (mode == SandboxMode::automatic) {
    if (!probe.usable && probe.landlock_abi < 1)
      return fail(ErrorCode::unavailable,
                  probe.problem + "; this kernel has no Landlock either; " + probe.remedy);
    mode = probe.usable ? SandboxMode::bubblewrap : SandboxMode::landlock;
    if (mode == SandboxMode::landlock)
      sandbox.notes_.push_back(probe.problem + ": Landlock is used in its place; " + probe.remedy);
  }
  sandbox.mode_ = mode;
  if (mode == SandboxMode::bubblewrap) {
    if (!probe.usable) return fail(ErrorCode::unavailable, probe.problem + "; " + probe.remedy);
    ENGRAMD_CHECK(sandbox.prepare_bubblewrap(probe, tree));
  } else if (mode == SandboxMode::landlock) {
    if (probe.landlock_abi < 1)
      return fail(ErrorCode::unavailable,
                  "this kernel has no Landlock (Linux 5.13 and later, in the list of "
                  "/sys/kernel/security/lsm); install bubblewrap, or say --sandbox=container when "
                  "this already is a throw-away container");
    ENGRAMD_CHECK(sandbox.prepare_landlock(probe.landlock_abi, tree));
  } else {
    sandbox.prepare_container(tree);
  }
  sandbox.count_in_group_ =
      probe.process_limit.empty() || probe.process_limit.rfind("cgroup", 0) == 0;
  sandbox.process_watch_ = mode != SandboxMode::container && probe.process_watch;
  if (mode != SandboxMode::container && probe.process_limit == "none")
    sandbox.notes_.push_back(
        "running as root without a writable pids control group and without lists of children in "
        "/proc: the number of processes of a test command is limited by its time only");
  return sandbox;
}

Status Sandbox::prepare_bubblewrap(const SandboxProbe& probe, const WorkTree& tree) {
  const fs::path& original = tree.original();
  // A project can put a folder of its own in front of PATH (node_modules/.bin).
  std::error_code ignored;
  if (is_below(fs::weakly_canonical(probe.program, ignored), original))
    return fail(ErrorCode::unavailable, probe.program.string() +
                                            " lies inside the project; install bubblewrap outside "
                                            "of it, or put that first in PATH");
  const SandboxView view = sandbox_view();
  base_env_ = sandbox_environment(view);
  set_variable(base_env_, "HOME", "/tmp/home");
  set_variable(base_env_, "TMPDIR", "/tmp");
  for (const auto& [name, value] : compiler_cache_variables("/engramd/cache"))
    set_variable(base_env_, name, value);
  filter_.reset();
  if (auto filter =
          SyscallFilter::make({.refuse_user_namespaces = !probe.can_disable_user_namespaces}))
    filter_.emplace(std::move(*filter));

  Mounts mounts;
  mounts.add({probe.program.string(), "--unshare-all"});
  if (probe.can_disable_user_namespaces) mounts.add({"--unshare-user", "--disable-userns"});
  mounts.add({"--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "sandbox"});
  for (const fs::path& path : view.read_only) mounts.read_only(path);
  for (const auto& [target, path] : view.links) mounts.add({"--symlink", target, path});
  for (const auto& [real, path] : view.etc) mounts.add({"--ro-bind", real, path});
  mounts.add({"--dev", "/dev", "--proc", "/proc"});
  mounts.tmpfs("/dev/shm", kShmSize);
  mounts.tmpfs("/tmp", kTmpSize);
  mounts.tmpfs("/run", kSmallSize);
  mounts.tmpfs("/var/tmp", kSmallSize);
  mounts.add({"--dir", "/tmp/home"});
  // Writable, since cargo and others keep locks beside what they read; and empty.
  if (!view.home.empty()) mounts.tmpfs(view.home.string(), kSmallSize);
  for (const fs::path& path : view.toolchains) mounts.read_only(path);
  tree_inside_ = original.string();
  mounts.add({"--bind", tree.is_overlay() ? tree_inside_ : tree.root().string(), tree_inside_});
  for (const std::string& folder : tree.read_only_folders()) mounts.read_only(original / folder);
  for (const fs::path& folder : git_folders(original)) mounts.read_only(folder);
  mounts.add({"--ro-bind", helpers_.path().string(), "/engramd/helpers", "--bind",
              reports_.path().string(), "/engramd/reports", "--bind", cache_.path().string(),
              "/engramd/cache"});
  // These are in memory and have no bound of their own.
  mounts.add({"--remount-ro", "/dev", "--remount-ro", "/"});
  mounts_ = std::move(mounts.list);
  return {};
}

Status Sandbox::prepare_landlock(int abi, const WorkTree& tree) {
  const SandboxView view = sandbox_view();
  ENGRAMD_TRY(LandlockRules rules, LandlockRules::make(abi));
  ENGRAMD_TRY(TemporaryFolder tmp, TemporaryFolder::make("engramd-tmp"));
  for (const fs::path& path : view.read_only) ENGRAMD_CHECK(rules.allow_reading(path));
  for (const auto& [target, path] : view.links) ENGRAMD_CHECK(rules.allow_reading(path));
  for (const auto& [real, path] : view.etc) ENGRAMD_CHECK(rules.allow_reading(real));
  for (const fs::path& path : view.toolchains) ENGRAMD_CHECK(rules.allow_reading(path));
  // Other processes' environments and memory stay closed: Landlock refuses to look into them.
  ENGRAMD_CHECK(rules.allow_reading("/proc"));
  for (const char* device : {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom",
                             "/dev/tty", "/dev/ptmx", "/dev/pts"})
    ENGRAMD_CHECK(rules.allow_device(device));
  // By the descriptor: of an overlay the path means the user's own folder.
  ENGRAMD_CHECK(rules.allow_all(tree.root()));
  // Where the tree is copied its environments and .git are the user's own, read-only.
  for (const std::string& folder : tree.read_only_folders())
    ENGRAMD_CHECK(rules.allow_reading(tree.original() / folder));
  for (const fs::path& folder : git_folders(tree.original()))
    ENGRAMD_CHECK(rules.allow_reading(folder));
  ENGRAMD_CHECK(rules.allow_reading(helpers_.path()));
  for (const fs::path& folder : {reports_.path(), cache_.path(), tmp.path()})
    ENGRAMD_CHECK(rules.allow_all(folder));
  ENGRAMD_TRY(SyscallFilter filter,
              SyscallFilter::make({.refuse_sockets = true,
                                   .refuse_user_namespaces = true,
                                   .refuse_blind_truncation = rules.abi() < 3}));
  base_env_ = sandbox_environment(view);
  tmp_.emplace(std::move(tmp));
  prepare_container(tree);
  notes_.push_back("the sandbox is Landlock (ABI " + std::to_string(rules.abi()) +
                   "): " + joined(landlock_gaps(rules.abi())));
  rules_.emplace(std::move(rules));
  filter_.emplace(std::move(filter));
  return {};
}

// Also the second half of Landlock's: the same without mounts.
void Sandbox::prepare_container(const WorkTree& tree) {
  if (mode_ == SandboxMode::container) {
    base_env_ = sandbox_environment(sandbox_view());
    notes_.push_back("tests ran without a sandbox, as asked (container mode)");
  }
  tree_inside_ = tree.is_overlay() ? tree.original().string() : tree.root().string();
  const fs::path home = (tmp_ ? tmp_->path() : reports_.path()) / "home";
  std::error_code ignored;
  fs::create_directory(home, ignored);
  set_variable(base_env_, "HOME", home.string());
  if (tmp_) set_variable(base_env_, "TMPDIR", tmp_->path().string());
  for (const auto& [name, value] : compiler_cache_variables(cache_.path()))
    set_variable(base_env_, name, value);
  if (tree.is_overlay()) return;
  // No mounts: the copy's empty folder becomes a link to the user's own.
  for (const std::string& folder : tree.read_only_folders()) {
    fs::remove(tree.root() / folder, ignored);
    fs::create_directory_symlink(tree.original() / folder, tree.root() / folder, ignored);
  }
}

std::string Sandbox::helper_path(std::string_view name) const {
  const bool mounted = mode_ == SandboxMode::bubblewrap;
  return (mounted ? fs::path("/engramd/helpers") / name : helpers_.path() / name).string();
}
std::string Sandbox::report_path(std::string_view name) const {
  const bool mounted = mode_ == SandboxMode::bubblewrap;
  return (mounted ? fs::path("/engramd/reports") / name : reports_.path() / name).string();
}

Status Sandbox::save_compiler_cache(const fs::path& folder, const CancelToken& cancel) const {
  return copy_compiler_cache(cache_.path(), folder, cancel);
}
Status Sandbox::load_compiler_cache(const fs::path& folder, const CancelToken& cancel) {
  const Status copied = copy_compiler_cache(folder, cache_.path(), cancel);
  if (const OwnedFd cache(::open(cache_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); cache)
    cache_before_ = disk_use(cache.get(), 1'000'000).n_bytes;
  return copied;
}

std::vector<std::string> Sandbox::command_line(const SandboxCommand& command, int filter_fd,
                                               bool limit_processes) const {
  std::vector<std::string> argv;
  if (mode_ == SandboxMode::bubblewrap) {
    argv = mounts_;
    std::replace(argv.begin(), argv.end(), std::string(kTmpSize),
                 std::to_string(command.limits.max_tmp_bytes));
    if (filter_fd >= 0) {
      argv.push_back("--seccomp");
      argv.push_back(std::to_string(filter_fd));
    }
    const std::string cwd =
        command.folder.empty() ? tree_inside_ : tree_inside_ + "/" + command.folder;
    argv.insert(argv.end(), {"--chdir", cwd, "--"});
  }
  if (limit_processes)
    argv.insert(
        argv.end(),
        {"/bin/sh", "-c", "n=$1; shift; { ulimit -p $n || ulimit -u $n; } 2>/dev/null; exec \"$@\"",
         "engramd-command", std::to_string(command.limits.max_processes)});
  argv.insert(argv.end(), command.argv.begin(), command.argv.end());
  return argv;
}

Result<SandboxResult> Sandbox::run(const SandboxCommand& command, const CancelToken& cancel) const {
  if (command.argv.empty()) return fail(ErrorCode::invalid_input, "no command to run");
  if (!command.folder.empty() && !is_safe_relative_path(command.folder))
    return fail(ErrorCode::invalid_input, "not a folder of the work tree: " + command.folder);
  const SandboxLimits& limits = command.limits;
  const ControlGroup group =
      ControlGroup::make({count_in_group_ ? limits.max_processes : 0, limits.max_memory_bytes});
  const bool processes_in_group = *group.limits_processes() != '\0';
  const bool mounted = mode_ == SandboxMode::bubblewrap;
  const bool processes_in_namespace =
      mounted && !processes_in_group && ::geteuid() != 0 && counts_processes_per_namespace();
  std::optional<ProcessWatch> processes;
  if (process_watch_ && !processes_in_group && !processes_in_namespace)
    processes.emplace(limits.max_processes);

  OwnedFd filter_file;
  if (mounted && filter_) filter_file = memory_file(filter_->bytes());
  ProcessOptions options;
  options.argv = command_line(command, filter_file.get(), processes_in_namespace);
  options.env = base_env_;
  for (const auto& [name, value] : command.env) set_variable(*options.env, name, value);
  options.stdin_text = command.stdin_text;
  options.wall_ms = limits.wall_ms;
  options.max_cpu_s = limits.max_cpu_s;
  options.max_file_bytes = limits.max_file_bytes;
  options.max_output_bytes = limits.max_output_bytes;
  options.merge_stderr = true;
  // The supervisor answers a SIGTERM by killing everything at once; this is for a machine that is
  // too busy to let it, and longer than the supervisor's own patience.
  options.grace_ms = 12000;
  options.keep_fds = command.keep_fds;
  if (filter_file) options.keep_fds.push_back(filter_file.get());
  options.on_stdout = command.on_output;
  // Binds a plain user only, and counts all processes and threads of that user: so leave room.
  if (!processes_in_group && ::geteuid() != 0) options.max_processes = limits.max_processes + 4096;
  std::string cwd;
  if (!mounted) cwd = command.folder.empty() ? tree_inside_ : tree_inside_ + "/" + command.folder;
  const Overlay* overlay = tree_->overlay();
  const rlimit data{limits.max_data_bytes, limits.max_data_bytes}, no_core{0, 0};
  options.in_child = [&]() -> int {
    // A group that cannot be entered is no reason not to run: the other limits hold.
    (void)group.enter();
    ::setrlimit(RLIMIT_DATA, &data);
    ::setrlimit(RLIMIT_CORE, &no_core);
    if (const int reason = continue_under_supervisor(processes ? &*processes : nullptr);
        reason != 0)
      return reason;
    if (overlay != nullptr)
      if (const int reason = overlay->join(); reason != 0) return reason;
    if (!cwd.empty() && ::chdir(cwd.c_str()) != 0) return errno;
    if (!rules_) return 0;
    if (const int reason = drop_capabilities(); reason != 0) return reason;
    if (const int reason = rules_->restrict_self(); reason != 0) return reason;
    return filter_->install();
  };

  CancelSource stop(cancel);
  std::vector<DiskWatch::Folder> folders{
      {tree_->overlay() != nullptr ? path_of_fd(overlay->upper_fd()) : tree_->root(), disk_before_},
      {reports_.path(), 0},
      {cache_.path(), cache_before_}};
  if (tmp_) folders.push_back({tmp_->path(), 0});
  const DiskWatch watch(std::move(folders), limits.max_disk_bytes, kMinFreeBytes,
                        [&] { stop.cancel(); });
  ENGRAMD_TRY(ProcessResult ran, run_process(options, stop.token()));
  SandboxResult result{std::move(ran)};
  result.over_memory = group.ran_out_of_memory();
  const std::string disk_problem = watch.problem();
  if (!disk_problem.empty()) {
    result.over_disk = true;
    result.cancelled = false;
    result.stopped = disk_problem;
  } else if (processes && processes->found_too_many()) {
    result.stopped = "it started more than " + std::to_string(limits.max_processes) + " processes";
  } else if (result.timed_out) {
    result.stopped = "it did not end within " + std::to_string(limits.wall_ms) + " ms";
  } else if (result.cancelled) {
    result.stopped = "it was cancelled";
  } else if (result.over_memory) {
    result.stopped =
        "it used more than " + std::to_string(limits.max_memory_bytes >> 20) + " MiB of memory";
  }
  return result;
}

}  // namespace engramd::agent
