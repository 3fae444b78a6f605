// agent/tests/runner.h - runs a project's tests in the sandbox and says what each test did.
//
// The user's own command is what counts: its exit status decides, and what it printed only
// explains. A run whose output says "all passed" and whose exit status is not 0 is red.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/sandbox/sandbox.h"
#include "base/cancel.h"
#include "base/result.h"

namespace engramd::agent {

enum class TestStatus { passed, failed, error, skipped, timed_out };
std::string_view to_string(TestStatus status);

struct Frame {
  std::string path;   // relative to the tree
  uint32_t line = 0;  // 1-based
};

struct TestCase {
  std::string id;
  TestStatus status = TestStatus::passed;
  double seconds = 0;
  std::string message;        // the tail of its failure report
  std::vector<Frame> frames;  // outermost first
  bool red() const {
    return status == TestStatus::failed || status == TestStatus::error ||
           status == TestStatus::timed_out;
  }
};

enum class Framework { pytest, unittest, node, tap, ctest, go, cargo, gtest, unknown };
std::string_view to_string(Framework framework);

struct TestCommand {
  std::string text;  // what the user wrote, run by /bin/sh -c
  Framework framework = Framework::unknown;
  // Only when the command is a plain call of pytest: what a warm runner needs to do the same.
  struct Pytest {
    std::string program;                                   // "pytest", "python3", as written
    bool as_module = false;                                // python -m pytest
    std::vector<std::string> arguments;                    // after "pytest"
    std::vector<std::pair<std::string, std::string>> env;  // VAR=value before it
  };
  std::optional<Pytest> pytest;
};

TestCommand read_test_command(std::string_view text);
// From the files of the project: pytest, unittest, npm test, node --test, ctest, make, cargo, go.
std::optional<TestCommand> detect_test_command(const std::filesystem::path& root);

struct TestRun {
  std::vector<TestCase> tests;  // empty when the output could not be understood
  bool green = false;           // exit status 0, nothing timed out, no red test
  bool timed_out = false, cancelled = false;
  int exit_code = -1, signal = 0;
  std::string problem;        // set when the tests could not be run at all: one sentence
  std::vector<Frame> frames;  // all places in the tree that the output names, last ones first
  std::string output;         // capped
  double wall_s = 0, cpu_s = 0;
  size_t count(TestStatus status) const;
  std::vector<std::string> red_ids() const;
};

struct TestRunOptions {
  SandboxLimits limits;
  double test_seconds = 0;  // for one pytest test; 0: no limit of ours
  double run_seconds = 0;   // once a test has hung, stop after this long; 0: never
  bool detailed = true;     // ask for per-test reports through our pytest plugin
};

// An error when the sandbox cannot start; a red or hanging run is a TestRun.
Result<TestRun> run_tests(const Sandbox& sandbox, const TestCommand& command,
                          const TestRunOptions& options, const CancelToken& cancel = {});

// The output of a run without a plugin, understood as far as possible.
std::vector<TestCase> parse_test_output(Framework framework, std::string_view output);
// Places like `File "a.py", line 3`, `a.cpp:12:` and `(file:///x/a.js:4:2)` inside the tree.
std::vector<Frame> find_frames(std::string_view output, const std::filesystem::path& tree_on_host,
                               std::string_view tree_inside);

// The Python file that is both our pytest plugin and the warm runner's driver.
std::string_view pytest_driver_source();
inline constexpr const char* kPytestDriverName = "engramd_pytest.py";

}  // namespace engramd::agent
