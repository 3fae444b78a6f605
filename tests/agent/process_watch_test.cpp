// The number of processes where no control group counts them: the supervisor's watch does.
//
// Every program here is bounded: some sixty sleepers, some hundred short generations.
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "agent/sandbox/process_watch.h"
#include "base/landlock.h"
#include "tests/agent/sandbox_stage.h"
#include "tests/support/processes.h"

using namespace engramd;
using namespace engramd::agent;
using engramd::test::Stage;
using engramd::test::Workspace;
namespace fs = std::filesystem;

namespace {

// Only this process waits for it: tests may run beside each other.
std::string mark(const std::string& seconds) {
  return seconds + "." + std::to_string(::getpid());
}

size_t n_marked(const std::string& marked) {
  size_t n = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error))
    n += engramd::test::arguments_of(entry.path()).find(marked) != std::string::npos;
  return n;
}

// This machine, as if it let nobody make a control group.
SandboxProbe without_groups() {
  SandboxProbe probe = probe_sandbox();
  probe.process_limit = "watch";
  probe.process_watch = true;
  return probe;
}

std::vector<SandboxMode> watched_modes() {
  std::vector<SandboxMode> modes;
  if (!ProcessWatch::works_here()) {
    WARN("skipped: this kernel does not list the children of a process");
    return modes;
  }
  if (landlock_abi() > 0) modes.push_back(SandboxMode::landlock);
  // A plain user's namespace counts by itself.
  if (::geteuid() == 0 && probe_sandbox().usable) modes.push_back(SandboxMode::bubblewrap);
  return modes;
}

std::string python(const std::string& code) {
  return "/usr/bin/python3 - <<'END'\n" + code + "\nEND\n";
}

void check_in_each_mode(const std::function<void(const Stage&)>& check) {
  for (const SandboxMode mode : watched_modes()) {
    INFO(to_string(mode));
    const Workspace ws("//- /a.txt\nx\n");
    check(Stage(ws, mode, without_groups()));
  }
}

SandboxLimits at_most(uint64_t n_processes) {
  SandboxLimits limits;
  limits.max_processes = n_processes;
  return limits;
}

}  // namespace

TEST_CASE("sixty processes where forty may be: the command is ended, with all of them",
          "[processes]") {
  // Sixty and no more, each for a minute.
  const std::string program = R"(
import os, sys, time
how, mark = sys.argv[1:]
for i in range(60):
    pid = os.fork()
    if pid == 0:
        if "session" in how: os.setsid()
        if "orphan" in how and os.fork() != 0: os._exit(0)
        os.execvp("sleep", ["sleep", mark])
    if "orphan" in how: os.waitpid(pid, 0)
print("all of them", flush=True)
time.sleep(60)
)";
  for (const std::string how : {"plain", "session", "orphan", "session and orphan"})
    check_in_each_mode([&](const Stage& stage) {
      INFO(how);
      REQUIRE(stage.tree->write("many.py", program));
      const auto ran =
          stage.run("exec /usr/bin/python3 many.py '" + how + "' " + mark("60"), at_most(40));
      INFO(ran.stdout_text);
      CHECK(ran.stopped == "it started more than 40 processes");
      CHECK_FALSE(ran.cancelled);
      CHECK(ran.exit_code != 0);
      CHECK(n_marked(mark("60")) == 0);
    });
}

TEST_CASE("what leaves its session again and again is ended with the command", "[processes]") {
  // At most 2,000 generations without a pause, each a new session whose parent has gone.
  const std::string program = R"(
import os, time
if os.fork() == 0:
    for i in range(2000):
        if os.fork() != 0: os._exit(0)
        os.setsid()
        if i == 20: open("on_its_way", "w").close()
    time.sleep(60)
time.sleep(60)
)";
  for (const int64_t wall_ms : {1200, 2500})
    check_in_each_mode([&](const Stage& stage) {
      SandboxLimits limits = at_most(40);
      limits.wall_ms = wall_ms;
      REQUIRE(stage.tree->write("comet.py", program));
      const auto ran = stage.run("exec /usr/bin/python3 comet.py " + mark("61"), limits);
      INFO(ran.stdout_text);
      CHECK(ran.stopped == "it did not end within " + std::to_string(wall_ms) + " ms");
      CHECK(n_marked(mark("61")) == 0);
    });
}

TEST_CASE("what has ended counts no more, and threads are no processes", "[processes]") {
  check_in_each_mode([&](const Stage& stage) {
    const auto many = stage.run(
        "i=0; while [ $i -lt 200 ]; do i=$((i+1)); /bin/true || exit 1; done; (/bin/true | "
        "/bin/cat) && echo all",
        at_most(12));
    CHECK(many.stopped.empty());
    CHECK(many.stdout_text == "all\n");
    const auto threads = stage.run(
        python("import threading, time\n"
               "threads = [threading.Thread(target=time.sleep, args=(0.5,)) for i in range(30)]\n"
               "for thread in threads: thread.start()\n"
               "for thread in threads: thread.join()\n"
               "print('all')"),
        at_most(12));
    CHECK(threads.stopped.empty());
    CHECK(threads.stdout_text == "all\n");
  });
}

TEST_CASE("the children of a process with many threads are counted", "[processes]") {
  check_in_each_mode([&](const Stage& stage) {
    const auto ran =
        stage.run(python("import subprocess, threading, time\n"
                         "def start(): subprocess.run(['sleep', '" +
                         mark("62") +
                         "'])\n"
                         "for i in range(20): threading.Thread(target=start).start()\n"),
                  at_most(12));
    CHECK(ran.stopped == "it started more than 12 processes");
    CHECK(n_marked(mark("62")) == 0);
  });
}
