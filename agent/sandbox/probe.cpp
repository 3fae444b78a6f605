#include "agent/sandbox/probe.h"

#include <unistd.h>

#include <vector>

#include "agent/sandbox/control_group.h"
#include "agent/sandbox/overlay.h"
#include "agent/sandbox/process_watch.h"
#include "base/file.h"
#include "base/landlock.h"
#include "base/process.h"
#include "base/syscall_filter.h"
#include "base/text.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;

std::string overlay_problem() {
  const auto folder = TemporaryFolder::make("engramd-probe");
  if (!folder) return folder.error().message;
  Overlay::Options options{folder->path() / "lower", folder->path() / "layers", 0};
  if (!make_directories(options.lower) || !make_directories(options.private_folder))
    return "the temporary folder is not writable";
  const auto made = Overlay::make(options);
  return made ? std::string() : made.error().message;
}

}  // namespace

SandboxProbe probe_sandbox() {
  SandboxProbe probe;
  {
    const ControlGroup group = ControlGroup::make({64, 64u << 20});
    probe.process_limit = group.limits_processes();
    probe.memory_limit = group.limits_memory();
  }
  if (probe.process_limit.empty()) {
    probe.process_watch = ProcessWatch::works_here();
    // RLIMIT_NPROC does not bind root.
    probe.process_limit = ::geteuid() != 0 ? "rlimit" : probe.process_watch ? "watch" : "none";
  }
  if (probe.memory_limit.empty()) probe.memory_limit = "rlimit";
  if (SyscallFilter::make({})) probe.landlock_abi = landlock_abi();
  probe.overlay_problem = overlay_problem();
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

  const auto run_trial = [&](std::vector<std::string> extra) {
    ProcessOptions trial;
    trial.argv = {probe.program.string(), "--unshare-all"};
    trial.argv.insert(trial.argv.end(), extra.begin(), extra.end());
    for (const char* argument :
         {"--die-with-parent", "--new-session", "--cap-drop", "ALL", "--ro-bind", "/", "/", "--dev",
          "/dev", "--proc", "/proc", "--size", "1048576", "--tmpfs", "/tmp", "--", "/bin/sh", "-c",
          "exit 0"})
      trial.argv.push_back(argument);
    trial.wall_ms = 10000;
    return run_process(trial);
  };
  auto ran = run_trial({"--unshare-user", "--disable-userns"});
  if (ran && ran->ok()) {
    probe.usable = probe.can_disable_user_namespaces = true;
    return probe;
  }
  ran = run_trial({});
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

std::vector<std::string> landlock_gaps(int abi) {
  std::vector<std::string> gaps;
  if (abi < 6) gaps.push_back("signals reach other processes of this user");
  gaps.push_back("modes and times of the user's files can be changed");
  gaps.push_back("names of files and running processes can be seen");
  gaps.push_back("tests cannot open sockets, also no local ones");
  if (abi < 2) gaps.push_back("files cannot be moved between folders");
  return gaps;
}

}  // namespace engramd::agent
