// From a red test to a patch, on small real projects, and what happens when that cannot be done.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "agent/sandbox/probe.h"
#include "agent/solve/solve.h"
#include "base/process.h"
#include "tests/support/processes.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::agent;
using engramd::test::Workspace;
namespace fs = std::filesystem;

namespace {

// A copy of a fixture in a git repository of its own.
Workspace project(const std::string& fixture) {
  Workspace ws("#init git\n//- /.gitignore\n__pycache__/\n");
  fs::copy(engramd::test::fixtures() / fixture, ws.root(), fs::copy_options::recursive);
  ws.git({"add", "-A"});
  ws.git({"commit", "-q", "-m", "project"});
  return ws;
}

struct Fixed {
  Report report;
  fs::path patch;
};

// Fixes it and checks what must hold for every fix: the tree is untouched, git takes the patch, and
// then the command is green.
void check_fixed(const std::string& fixture, std::optional<std::string> command,
                 const std::string& changed_file) {
  const Workspace ws = project(fixture);
  const Workspace out("//- /empty\n");
  SolveOptions options;
  options.repo = ws.root();
  options.tests.command = std::move(command);
  options.out = out.path("patch.diff");
  options.report = out.path("report.json");
  options.limits.wall_s = 200;          // generous: the machine may be busy
  options.limits.min_confidence = 0.1;  // these projects have few tests
  const auto report = solve(options);
  if (!report) FAIL(report.error().message);
  INFO(to_json_text(*report));
  REQUIRE(report->outcome == Outcome::resolved);
  CHECK(report->changed_files == std::vector<std::string>{changed_file});
  CHECK(ws.git({"status", "--porcelain"}).empty());
  REQUIRE_NOTHROW(ws.git({"apply", out.path("patch.diff").string()}));
  ProcessOptions again;
  again.argv = {"/bin/sh", "-c", report->test_command};
  again.cwd = ws.root();
  const auto ran = run_process(again);
  REQUIRE(ran);
  CHECK(ran->exit_code == 0);
  CHECK(out.read("report.json").find("\"state\": \"resolved\"") != std::string::npos);
}

bool have(const char* program) {
  if (!find_program(program).empty()) return true;
  WARN(std::string("skipped: no ") + program);
  return false;
}

SolveOptions small(const Workspace& ws, const std::string& command) {
  SolveOptions options;
  options.repo = ws.root();
  options.tests.command = command;
  options.limits.wall_s = 20;
  return options;
}

// Processes with this word among their arguments.
size_t n_running(const std::string& word) {
  size_t n = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string arguments = engramd::test::arguments_of(entry.path());
    n += arguments == std::string("sleep") + '\0' + word + '\0';
  }
  return n;
}

constexpr const char* kTiny = R"(#init git
//- /calc.py
def add(a, b):
    return a - b
//- /test_calc.py
from calc import add
def test_add():
    assert add(2, 3) == 5
)";

}  // namespace

TEST_CASE("a Python project turns green") {
  if (have("pytest")) check_fixed("agent/python_shelf", "pytest", "shelf/loans.py");
}
TEST_CASE("the quickstart's project turns green without being told the test command") {
  if (have("pytest")) check_fixed("projects/intervals", std::nullopt, "intervals/interval.py");
}
TEST_CASE("a JavaScript project turns green") {
  if (have("node")) check_fixed("agent/javascript_route", "node --test test/", "src/match.js");
}
TEST_CASE("a C++ project turns green") {
  if (have("g++") && have("make")) check_fixed("agent/cpp_ring", "make test", "ring.cpp");
}

TEST_CASE("apply writes the accepted change and keeps uncommitted work") {
  if (!have("pytest")) return;
  const Workspace ws(kTiny);
  const Workspace state("//- /empty\n");
  ws.write("notes.txt", "mine\n");
  ws.write("calc.py", "# not committed\n" + ws.read("calc.py"));
  SolveOptions options = small(ws, "pytest");
  options.limits.wall_s = 100;
  options.limits.min_confidence = 0.1;
  options.apply = true;
  options.journal_folder = state.path("journal");
  const auto report = solve(options);
  REQUIRE(report);
  INFO(to_json_text(*report));
  REQUIRE(report->applied);
  CHECK(ws.read("calc.py") == "# not committed\ndef add(a, b):\n    return a + b\n");
  CHECK(ws.read("notes.txt") == "mine\n");
  CHECK(fs::exists(report->journal / "manifest.json"));
}

TEST_CASE("every candidate and what came of it can be kept") {
  if (!have("pytest")) return;
  const Workspace ws(kTiny);
  const Workspace out("//- /empty\n");
  SolveOptions options = small(ws, "pytest");
  options.limits.wall_s = 100;
  options.limits.try_all = true;
  options.limits.min_confidence = 1;  // so that what passes is a suggestion, with its signs
  options.candidates = out.path("candidates");
  options.notes = {"said by the caller"};
  const auto report = solve(options);
  REQUIRE(report);
  INFO(to_json_text(*report));
  CHECK(report->notes.at(0) == "said by the caller");
  CHECK(report->n_tried == report->n_candidates);
  size_t n = 0, n_passed = 0;
  bool right_passed = false;
  const std::string log = out.read("candidates");
  for (size_t at = 0; at < log.size(); at = log.find('\n', at) + 1) {
    const auto line = nlohmann::json::parse(log.substr(at, log.find('\n', at) - at));
    ++n;
    CHECK(line["trial"] != "untried");
    CHECK(line["path"] == "calc.py");
    CHECK(line["likelihood"].is_null());
    if (line["trial"] != "passed") continue;
    ++n_passed;
    std::string text = ws.read("calc.py");
    text.replace(line["begin"], line["end"].get<size_t>() - line["begin"].get<size_t>(),
                 line["text"].get<std::string>());
    right_passed = right_passed || text == "def add(a, b):\n    return a + b\n";
  }
  CHECK(n == report->n_candidates);
  CHECK(right_passed);
  const size_t n_judged = report->suggestions.size() + (report->patch.empty() ? 0 : 1);
  CHECK(n_judged >= 1);
  CHECK(n_judged <= n_passed);
  REQUIRE_FALSE(report->suggestions.empty());
  CHECK(report->suggestions.at(0).signs.place >= 1);
  CHECK(report->suggestions.at(0).signs.n_red == 1);
  CHECK(report->suggestions.at(0).signs.n_tried == n);
}

TEST_CASE("what passes and is not sure enough is a suggestion, not a patch") {
  if (!have("pytest")) return;
  const Workspace ws(kTiny);
  SolveOptions options = small(ws, "pytest");
  options.limits.wall_s = 100;
  options.limits.min_confidence = 1;
  options.apply = true;
  const auto report = solve(options);
  REQUIRE(report);
  INFO(to_json_text(*report));
  CHECK(report->outcome == Outcome::unverified);
  CHECK(report->patch.empty());
  CHECK_FALSE(report->applied);
  REQUIRE_FALSE(report->suggestions.empty());
  CHECK(report->suggestions[0].patch.find("+    return a + b") != std::string::npos);
  CHECK_FALSE(report->suggestions[0].reasons.empty());
  CHECK(ws.read("calc.py").find("a - b") != std::string::npos);
}

TEST_CASE("green tests leave nothing to fix") {
  const Workspace ws("//- /a.txt\nhello\n");
  const auto report = solve(small(ws, "grep -q hello a.txt"));
  REQUIRE(report);
  CHECK(report->outcome == Outcome::nothing_to_fix);
  CHECK(report->patch.empty());
}

TEST_CASE("a command that is not there is said to be missing") {
  const Workspace ws(kTiny);
  const auto report = solve(small(ws, "no-such-runner --all"));
  REQUIRE(report);
  CHECK(report->outcome == Outcome::infra);
  CHECK(report->problem.find("test command not found: no-such-runner") == 0);
}

TEST_CASE("a hanging command is stopped, with all that it started") {
  const Workspace ws(kTiny);
  SolveOptions options = small(ws, "sleep 4242 & sleep 4242");
  options.limits.wall_s = 4;
  const auto report = solve(options);
  REQUIRE(report);
  CHECK(report->outcome == Outcome::budget);
  CHECK(report->problem.find("did not end within") != std::string::npos);
  CHECK(n_running("4242") == 0);
}

TEST_CASE("a loop that never ends is a mistake like others, when an edit ends it") {
  if (!have("python3")) return;
  const Workspace ws(R"(#init git
//- /steps.py
def steps(n):
    i = 0
    while i < n:
        i -= 1
    return i
//- /check.py
from steps import steps
assert steps(3) == 3
)");
  SolveOptions options = small(ws, "/usr/bin/python3 check.py");
  // It ends a few seconds after the run before was given up; the rest is for busy machines.
  options.tests.run_s = 3;
  options.limits.wall_s = 120;
  options.limits.min_confidence = 0;
  const auto report = solve(options);
  REQUIRE(report);
  INFO(to_json_text(*report));
  CHECK(report->outcome == Outcome::resolved);
  CHECK(report->patch.find("+        i += 1") != std::string::npos);
  CHECK(report->fixed == std::vector<std::string>{"/usr/bin/python3 check.py"});
}

TEST_CASE("a command that starts too many processes ends with all of them") {
  const SandboxProbe probe = probe_sandbox();
  if (!probe.usable || probe.process_limit == "none") {
    WARN("skipped: nothing here limits the number of processes");
    return;
  }
  const Workspace ws(kTiny);
  // More than the 512 of a command, and no more than that: dash gives up when it cannot fork.
  SolveOptions options = small(
      ws, "i=0; while [ $i -lt 600 ]; do i=$((i+1)); sleep 4243 & done; touch all; sleep 4243");
  options.limits.wall_s = 6;
  const auto report = solve(options);
  REQUIRE(report);
  CHECK_FALSE(report->ok());
  CHECK_FALSE(report->problem.empty());
  CHECK(n_running("4243") == 0);
}

TEST_CASE("tests see neither the network, nor home, nor secrets, and git is read-only") {
  const Workspace ws(kTiny);
  ::setenv("ENGRAMD_TEST_SECRET", "hunter2", 1);
  const auto green = [&](const std::string& command) {
    const auto report = solve(small(ws, command));
    REQUIRE(report);
    INFO(command << "\n" << to_json_text(*report));
    CHECK(report->outcome == Outcome::nothing_to_fix);
  };
  green("test -z \"$ENGRAMD_TEST_SECRET\"");
  green("test ! -e ~/.ssh && test ! -e /etc/shadow && test -z \"$(ls -A /run)\"");
  green("! touch .git/x 2>/dev/null && touch y && test \"$PWD\" = '" + ws.root().string() + "'");
  green(
      "! python3 -c 'import socket; socket.create_connection((\"192.0.2.1\", 80), 1)' 2>/dev/null");
  ::unsetenv("ENGRAMD_TEST_SECRET");
  CHECK_FALSE(fs::exists(ws.path("y")));
}

TEST_CASE("without bubblewrap there is a remedy, not a silent fallback") {
  const Workspace ws(kTiny);
  const Workspace programs("//- /empty\n");
  fs::create_symlink("/bin/sh", programs.path("sh"));
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", programs.root().c_str(), 1);
  SolveOptions strict = small(ws, "exit 0");
  strict.sandbox = SandboxMode::bubblewrap;
  const auto refused = solve(strict);
  SolveOptions allowed = small(ws, "exit 0");
  allowed.sandbox = SandboxMode::container;
  const auto plain = solve(allowed);
  ::setenv("PATH", path.c_str(), 1);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::unavailable);
  CHECK(refused.error().message.find("apt-get install bubblewrap") != std::string::npos);
  REQUIRE(plain);
  CHECK(plain->outcome == Outcome::nothing_to_fix);
  CHECK(plain->notes.at(0).find("without a sandbox") != std::string::npos);
}

TEST_CASE("folders that cannot be worked on give one clear sentence") {
  SolveOptions options;
  options.repo = "/no/such/folder";
  const auto missing = solve(options);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ErrorCode::invalid_input);

  const Workspace empty("//- /empty\n");
  options.repo = empty.root();
  const auto nothing = solve(options);
  REQUIRE(nothing);
  CHECK(nothing->outcome == Outcome::infra);
  CHECK(nothing->problem.find("no test command was given and none was found") == 0);
}

TEST_CASE("a cancelled fix stops and leaves the tree alone") {
  const Workspace ws(kTiny);
  CancelSource source;
  SolveOptions options = small(ws, "sleep 60; exit 1");
  options.progress = [&](const FixProgress& progress) {
    if (progress.stage == "tests") source.cancel();
  };
  const auto report = solve(options, source.token());
  REQUIRE(report);
  CHECK(report->outcome == Outcome::cancelled);
  CHECK(report->wall_s < 15);
  CHECK(ws.git({"status", "--porcelain"}).empty());
}
