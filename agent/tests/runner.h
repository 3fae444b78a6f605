// agent/tests/runner.h - runs a project's tests in the sandbox and says what each test did.
//
// The user's own command is what counts: its exit status decides, and the list of tests explains. A
// framework that is recognised is asked for a report beside what the tests print (the rows in
// framework.h say how); when it refuses, the command is run once more as it was written. A run
// whose output says "all passed" and whose exit status is not 0 is red, and so is a run whose
// report was not ended. Any thread; a sandbox may run several at once.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/sandbox/sandbox.h"
#include "agent/tests/command.h"
#include "agent/tests/detect.h"
#include "agent/tests/output_text.h"
#include "agent/tests/test_run.h"
#include "base/cancel.h"
#include "base/result.h"

namespace engramd::agent {

struct TestRunOptions {
  SandboxLimits limits;
  double test_seconds =
      0;  // for one test, where the framework has such a limit; 0: no limit of ours
  double run_seconds = 0;  // pytest: once a test has hung, stop after this long; 0: never
  // Our plugin in the process of pytest or unittest. Without it nothing of ours runs beside the
  // tests, and the list comes from what they print.
  bool detailed = true;
  // Only these tests, as far as the framework can choose: more may run, and a note says when all
  // do.
  std::vector<std::string> only;
  std::vector<std::pair<std::string, std::string>> env;  // exported in front of the command
};

// An error when the sandbox cannot start; a red or hanging run is a TestRun.
Result<TestRun> run_tests(const Sandbox& sandbox, const TestCommand& command,
                          const TestRunOptions& options, const CancelToken& cancel = {});

// A line for /bin/sh -c, started by a wrapper (TestCommand::wrapper) when there is one. Whatever is
// set in the line is set inside.
std::string in_wrapper(const std::string& wrapper, const std::string& line, const Sandbox& sandbox);

// The output of a run without a report, understood as far as possible. Framework::unknown: the
// format that explains most tests is taken.
std::vector<TestCase> parse_test_output(Framework framework, std::string_view output);

// The files of ours that frameworks load: to be given to Sandbox::make.
std::vector<std::pair<std::string, std::string>> test_helper_files();

}  // namespace engramd::agent
