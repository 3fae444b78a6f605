// agent/tests/detect.h - the test command of a project whose user has not named one.
//
// Reads file names and a few small files, runs nothing of the project. Any thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/tests/command.h"

namespace engramd::agent {

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

}  // namespace engramd::agent
