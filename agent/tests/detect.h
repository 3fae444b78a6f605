// agent/tests/detect.h - the test command of a project: the one its user names, or one that is
// found.
//
// Reads file names and a few small files, runs nothing of the project. Any thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/tests/command.h"
#include "base/result.h"

namespace engramd::agent {

// What somebody says of a project's tests; what is not said is found in the project.
struct TestSetup {
  std::optional<std::string> command;
  std::string wrapper, report_glob;  // as in TestCommand
  double run_s = 0;                  // wall time of one run; 0: a share of the time for everything
};

// A pattern of report files lies inside the tree; an error says what is wrong with it.
Status check_report_glob(std::string_view glob);

struct DetectOptions {
  // Paths (relative) that the task is about: changed files, files of red tests, files that the
  // issue names. In a tree of several projects the one that holds them is chosen.
  std::vector<std::string> touched;
};

struct DetectedTests {
  TestCommand command;  // command.why says why
  std::string folder;   // relative; empty: the root
  int sure = 0;         // 3: declared, 2: the usual files are there, 1: could be
};

// Best first, at most 50.
std::vector<DetectedTests> detect_all_tests(const std::filesystem::path& root,
                                            const DetectOptions& options = {});
// The best of them; `why` also names the others when there was a choice.
std::optional<TestCommand> detect_test_command(const std::filesystem::path& root,
                                               const DetectOptions& options = {});

// The command somebody named, else the best one found; nothing when there is neither.
std::optional<TestCommand> choose_test_command(const TestSetup& setup,
                                               const std::filesystem::path& root);

}  // namespace engramd::agent
