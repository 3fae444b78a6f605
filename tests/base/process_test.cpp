#include "base/process.h"

#include <signal.h>

#include <catch2/catch.hpp>
#include <thread>

#include "tests/support/workspace.h"

using namespace engramd;

namespace {

ProcessResult shell(const std::string& script, ProcessOptions options = {},
                    const CancelToken& cancel = {}) {
  options.argv = {"sh", "-c", script};
  auto result = run_process(options, cancel);
  REQUIRE(result);
  return *result;
}

}  // namespace

TEST_CASE("a process gives its output, its status and its standard input back") {
  ProcessOptions options;
  options.stdin_text = "hello";
  const ProcessResult result = shell("cat; echo problem >&2; exit 3", options);
  CHECK(result.exit_code == 3);
  CHECK(result.stdout_text == "hello");
  CHECK(result.stderr_text == "problem\n");
}

TEST_CASE("a program that is not there is an error, not a result") {
  ProcessOptions options;
  options.argv = {"no-such-program-anywhere"};
  CHECK(run_process(options).error().code == ErrorCode::not_found);
}

TEST_CASE("a wall limit ends the whole group, also children that ignore SIGTERM") {
  const test::Workspace ws("//- /x\n\n");
  ProcessOptions options;
  options.wall_ms = 300;
  options.grace_ms = 100;
  options.cwd = ws.root();
  const ProcessResult result =
      shell("trap '' TERM; (trap '' TERM; echo $$ >child; sleep 60) & wait", options);
  CHECK(result.timed_out);
  CHECK(result.signal == SIGKILL);
}

TEST_CASE("a background child that keeps the pipe open does not keep us") {
  const Clock::time_point start = Clock::now();
  CHECK(shell("sleep 60 & echo done").stdout_text == "done\n");
  CHECK(Clock::now() - start < std::chrono::seconds(30));
}

TEST_CASE("cancelling ends a process") {
  CancelSource source;
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    source.cancel();
  });
  const ProcessResult result = shell("sleep 60", {}, source.token());
  later.join();
  CHECK(result.cancelled);
}

TEST_CASE("endless output keeps its head and its tail") {
  ProcessOptions options;
  options.max_output_bytes = 1000;
  const ProcessResult result =
      shell("echo first; yes middle | head -c 500000; echo; echo last", options);
  CHECK(result.output_truncated);
  CHECK(result.stdout_text.size() < 1200);
  CHECK(result.stdout_text.starts_with("first\n"));
  CHECK(result.stdout_text.ends_with("last\n"));
  CHECK(result.stdout_text.find("bytes left out") != std::string::npos);
}

TEST_CASE("the environment and open files are not inherited unless said") {
  ProcessOptions options;
  options.env = std::vector<std::pair<std::string, std::string>>{{"ONLY", "this"}};
  CHECK(shell("echo $ONLY; echo ${HOME-none}", options).stdout_text == "this\nnone\n");
  CHECK(shell("ls /proc/self/fd | wc -l", options).stdout_text == "4\n");
}
