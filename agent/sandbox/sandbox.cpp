#include "agent/sandbox/sandbox.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>

#include "agent/sandbox/probe.h"
#include "base/environment.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;
using Variables = std::vector<std::pair<std::string, std::string>>;

// Read-only inside, where they exist. Of /etc only what programs need to start and to name users:
// keys, shadow passwords and service configuration stay out.
constexpr const char* kSystemFolders[] = {"/usr", "/opt", "/nix", "/gnu/store", "/snap"};
constexpr const char* kRootFolders[] = {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
constexpr const char* kEtcEntries[] = {
    "alternatives", "debian_version", "default/locale",  "fonts",           "group",
    "host.conf",    "hosts",          "java-11-openjdk", "java-17-openjdk", "java-21-openjdk",
    "ld.so.cache",  "ld.so.conf",     "ld.so.conf.d",    "locale.alias",    "localtime",
    "lsb-release",  "magic",          "mime.types",      "nsswitch.conf",   "os-release",
    "passwd",       "perl",           "protocols",       "python3",         "python3.11",
    "services",     "ssl/certs",      "ssl/openssl.cnf", "timezone"};

// Toolchains that people keep in their home. Only these come back after home is hidden.
constexpr const char* kHomeToolchains[] = {".pyenv",
                                           ".rbenv",
                                           ".nodenv",
                                           ".goenv",
                                           ".jenv",
                                           ".asdf",
                                           ".local/share/mise",
                                           ".local/share/uv",
                                           ".local/share/pnpm",
                                           ".local/lib",
                                           ".local/pipx",
                                           ".local/share/pipx",
                                           ".virtualenvs",
                                           ".nvm",
                                           ".volta",
                                           ".fnm",
                                           ".local/share/fnm",
                                           ".bun/bin",
                                           ".deno/bin",
                                           ".cargo/bin",
                                           ".cargo/registry",
                                           ".cargo/git",
                                           ".rustup",
                                           "go",
                                           ".sdkman/candidates",
                                           ".m2/repository",
                                           ".gradle/wrapper",
                                           ".conan2/p",
                                           "miniconda3",
                                           "anaconda3",
                                           "miniforge3",
                                           "mambaforge",
                                           ".conda/envs",
                                           ".npm-global",
                                           ".yarn"};

// Variables of ours that a test command may see, as they are.
constexpr const char* kPassedVariables[] = {"VIRTUAL_ENV",
                                            "CONDA_PREFIX",
                                            "CONDA_DEFAULT_ENV",
                                            "PYENV_ROOT",
                                            "PYENV_VERSION",
                                            "PYTHONPATH",
                                            "NVM_DIR",
                                            "NODE_PATH",
                                            "VOLTA_HOME",
                                            "RUSTUP_TOOLCHAIN",
                                            "GOROOT",
                                            "GOFLAGS",
                                            "JAVA_HOME",
                                            "LD_LIBRARY_PATH",
                                            "CC",
                                            "CXX",
                                            "CFLAGS",
                                            "CXXFLAGS",
                                            "CMAKE_PREFIX_PATH",
                                            "PKG_CONFIG_PATH",
                                            "LANG",
                                            "LC_ALL",
                                            "TZ"};

bool is_below(const fs::path& path, const fs::path& folder) {
  const std::string a = path.string(), b = folder.string();
  return a == b || (a.size() > b.size() && a.compare(0, b.size(), b) == 0 && a[b.size()] == '/');
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

fs::path home_folder() {
  const auto home = environment("HOME");
  return home && home->front() == '/' && *home != "/" ? fs::path(*home).lexically_normal()
                                                      : fs::path();
}

class Mounts {
 public:
  void add(std::initializer_list<std::string> arguments) {
    list.insert(list.end(), arguments.begin(), arguments.end());
  }
  void read_only(const fs::path& path) {
    if (!is_there(path)) return;
    add({"--ro-bind", path.string(), path.string()});
    shown.push_back(path);
  }
  bool is_shown(const fs::path& path) const {
    return std::any_of(shown.begin(), shown.end(),
                       [&](const fs::path& folder) { return is_below(path, folder); });
  }
  std::vector<std::string> list;
  std::vector<fs::path> shown;
};

void mount_system(Mounts& mounts) {
  for (const char* folder : kSystemFolders) mounts.read_only(folder);
  for (const char* folder : kRootFolders) {
    std::error_code error;
    if (fs::is_symlink(fs::symlink_status(folder, error))) {
      mounts.add({"--symlink", fs::read_symlink(folder, error).string(), folder});
      mounts.shown.push_back(folder);
    } else {
      mounts.read_only(folder);
    }
  }
  for (const char* entry : kEtcEntries) {
    // Through the link: what it names may lie outside of what is shown.
    std::error_code error;
    const fs::path path = fs::path("/etc") / entry;
    const fs::path real = fs::canonical(path, error);
    if (!error) mounts.add({"--ro-bind", real.string(), path.string()});
  }
  mounts.add({"--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/run", "--tmpfs",
              "/var/tmp", "--dir", "/tmp/home"});
}

void mount_toolchains(Mounts& mounts) {
  const fs::path home = home_folder();
  if (!home.empty())
    for (const char* name : kHomeToolchains) mounts.read_only(home / name);
  // Environments named by the caller: a virtualenv or a JDK outside of the tree.
  for (const char* name :
       {"VIRTUAL_ENV", "CONDA_PREFIX", "PYENV_ROOT", "JAVA_HOME", "GOROOT", "NVM_DIR"}) {
    const auto value = environment(name);
    if (!value || value->front() != '/') continue;
    const fs::path folder = fs::path(*value).lexically_normal();
    if (folder == home || folder == "/" || mounts.is_shown(folder)) continue;
    mounts.read_only(folder);
  }
}

// The output of the shell's `times`: own user and system time, then the children's: "0m0.01s".
double seconds_in_times(const std::string& text) {
  double total = 0;
  const char* at = text.c_str();
  for (int i = 0; i < 4; ++i) {
    double minutes = 0, seconds = 0;
    int n = 0;
    if (std::sscanf(at, " %lfm%lfs%n", &minutes, &seconds, &n) < 2) break;
    total += 60 * minutes + seconds;
    at += n;
  }
  return total;
}

}  // namespace

Result<SandboxMode> read_sandbox_mode(std::string_view text) {
  if (text.empty() || text == "auto") return SandboxMode::automatic;
  if (text == "bwrap" || text == "bubblewrap") return SandboxMode::bubblewrap;
  if (text == "container" || text == "none") return SandboxMode::container;
  return fail(ErrorCode::invalid_input, "unknown sandbox mode \"" + std::string(text) +
                                            "\", expected auto, bwrap or container");
}

Result<Sandbox> Sandbox::make(SandboxMode mode, const WorkTree& tree, Variables helper_files) {
  ENGRAMD_TRY(TemporaryFolder helpers, TemporaryFolder::make("engramd-helpers"));
  ENGRAMD_TRY(TemporaryFolder reports, TemporaryFolder::make("engramd-reports"));
  Sandbox sandbox(std::move(helpers), std::move(reports));
  for (const auto& [name, text] : helper_files)
    ENGRAMD_CHECK(write_file_atomic(sandbox.helpers_.path() / name, text));
  sandbox.tree_host_ = tree.root();
  sandbox.isolated_ = mode != SandboxMode::container;

  std::string path_variable = environment("PATH").value_or("/usr/local/bin:/usr/bin:/bin");
  for (const char* name : kPassedVariables)
    if (const auto value = environment(name)) sandbox.base_env_.push_back({name, *value});
  const auto is_set = [&](std::string_view name) {
    return std::any_of(sandbox.base_env_.begin(), sandbox.base_env_.end(),
                       [&](const auto& entry) { return entry.first == name; });
  };
  if (!is_set("LANG") && !is_set("LC_ALL")) sandbox.base_env_.push_back({"LANG", "C.UTF-8"});
  sandbox.base_env_.push_back({"PATH", path_variable});
  sandbox.base_env_.push_back({"TERM", "dumb"});
  sandbox.base_env_.push_back({"PYTHONDONTWRITEBYTECODE", "1"});

  if (!sandbox.isolated_) {
    sandbox.tree_inside_ = tree.root().string();
    sandbox.base_env_.push_back({"HOME", sandbox.reports_.path().string()});
    for (const std::string& folder : tree.read_only_folders()) {
      // No mounts without a sandbox: the copy's empty folder becomes a link to the user's own.
      std::error_code error;
      fs::remove(tree.root() / folder, error);
      fs::create_directory_symlink(tree.original() / folder, tree.root() / folder, error);
    }
    sandbox.notes_.push_back("tests ran without a sandbox, as asked (container mode)");
    return sandbox;
  }

  const SandboxProbe probe = probe_sandbox();
  if (!probe.usable) return fail(ErrorCode::unavailable, probe.problem + "; " + probe.remedy);
  if (probe.process_limit == "none")
    sandbox.notes_.push_back(
        "running as root without a writable pids control group: the number of processes of a test "
        "command is limited by its time only");

  const fs::path home = home_folder();
  if (!home.empty()) {
    sandbox.base_env_.push_back({"HOME", "/tmp/home"});
    if (is_there(home / ".rustup"))
      sandbox.base_env_.push_back({"RUSTUP_HOME", (home / ".rustup").string()});
    if (is_there(home / "go")) sandbox.base_env_.push_back({"GOPATH", (home / "go").string()});
    if (is_there(home / ".pyenv") && !is_set("PYENV_ROOT"))
      sandbox.base_env_.push_back({"PYENV_ROOT", (home / ".pyenv").string()});
  } else {
    sandbox.base_env_.push_back({"HOME", "/tmp/home"});
  }
  sandbox.base_env_.push_back({"TMPDIR", "/tmp"});
  sandbox.base_env_.push_back({"GOCACHE", "/tmp/home/go-cache"});
  sandbox.base_env_.push_back({"CARGO_NET_OFFLINE", "true"});

  Mounts mounts;
  mounts.add({probe.program.string(), "--unshare-all", "--die-with-parent", "--new-session",
              "--cap-drop", "ALL", "--hostname", "sandbox"});
  mount_system(mounts);
  mount_toolchains(mounts);
  sandbox.tree_inside_ = tree.original().string();
  mounts.add({"--bind", tree.root().string(), sandbox.tree_inside_});
  for (const std::string& folder : tree.read_only_folders()) {
    const std::string path = (tree.original() / folder).string();
    mounts.add({"--ro-bind", path, path});
  }
  if (const fs::path git = tree.original() / ".git"; is_there(git))
    mounts.add({"--ro-bind", git.string(), git.string()});
  mounts.add({"--ro-bind", sandbox.helpers_.path().string(), "/engramd/helpers", "--bind",
              sandbox.reports_.path().string(), "/engramd/reports"});
  sandbox.mounts_ = std::move(mounts.list);
  return sandbox;
}

std::string Sandbox::helper_path(std::string_view name) const {
  return (isolated_ ? fs::path("/engramd/helpers") / name : helpers_.path() / name).string();
}
std::string Sandbox::report_path(std::string_view name) const {
  return (isolated_ ? fs::path("/engramd/reports") / name : reports_.path() / name).string();
}

Result<ProcessResult> Sandbox::run(const SandboxCommand& command, const CancelToken& cancel) const {
  if (command.argv.empty()) return fail(ErrorCode::invalid_input, "no command to run");
  if (!command.folder.empty() && !is_safe_relative_path(command.folder))
    return fail(ErrorCode::invalid_input, "not a folder of the work tree: " + command.folder);
  const ControlGroup group = ControlGroup::make(command.limits.max_processes);

  ProcessOptions options;
  // A small shell step sets what must be set inside the child but before bubblewrap: the data
  // limit and the control group. A refusal there is no reason not to run (the wall limit holds).
  options.argv = {"/bin/sh",
                  "-c",
                  "ulimit -d \"$1\" 2>/dev/null; [ -n \"$2\" ] && echo $$ > \"$2\" 2>/dev/null; "
                  "shift 2; exec \"$@\"",
                  "engramd-sandbox",
                  std::to_string(command.limits.max_data_bytes >> 10),
                  group.exists() ? group.procs_file() : ""};
  const std::string cwd =
      command.folder.empty() ? tree_inside_ : tree_inside_ + "/" + command.folder;
  Variables env = base_env_;
  for (const auto& [name, value] : command.env) {
    const auto same = std::find_if(env.begin(), env.end(),
                                   [&](const auto& entry) { return entry.first == name; });
    if (same != env.end())
      same->second = value;
    else
      env.push_back({name, value});
  }
  if (isolated_) {
    options.argv.insert(options.argv.end(), mounts_.begin(), mounts_.end());
    options.argv.insert(options.argv.end(), {"--chdir", cwd, "--"});
  } else {
    options.cwd = cwd;
  }
  // bubblewrap leaves without waiting for its child, so the processor time is asked for inside.
  static std::atomic<unsigned> counter{0};
  const std::string times_name = "times-" + std::to_string(counter.fetch_add(1));
  options.argv.insert(
      options.argv.end(),
      {"/bin/sh", "-c", "t=$1; shift; \"$@\"; s=$?; times >\"$t\" 2>/dev/null; exit $s",
       "engramd-command", report_path(times_name)});
  options.argv.insert(options.argv.end(), command.argv.begin(), command.argv.end());
  options.env = std::move(env);
  options.wall_ms = command.limits.wall_ms;
  options.max_cpu_s = command.limits.max_cpu_s;
  options.max_file_bytes = command.limits.max_file_bytes;
  options.max_output_bytes = command.limits.max_output_bytes;
  options.merge_stderr = true;
  options.grace_ms = 200;
  options.keep_fds = command.keep_fds;
  // Binds a plain user only, and counts all processes of that user: so leave room for those.
  if (!group.exists() && ::geteuid() != 0)
    options.max_processes = command.limits.max_processes + 4096;
  auto ran = run_process(options, cancel);
  const std::filesystem::path times = report_file(times_name);
  if (ran)
    if (const auto text = read_file(times, 4096))
      ran->cpu_s = std::max(ran->cpu_s, seconds_in_times(*text));
  std::error_code error;
  fs::remove(times, error);
  return ran;
}

}  // namespace engramd::agent
