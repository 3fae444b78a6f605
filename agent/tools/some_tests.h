// agent/tools/some_tests.h - the test command for some tests only.
//
// Pure functions: any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/tests/runner.h"

namespace engramd::agent {

// ids: as the framework writes them, or paths of test files. More than asked may run (whole files).
// Nothing when the framework cannot be told: run everything then.
std::optional<TestCommand> command_for_some(const TestCommand& command,
                                            const std::vector<std::string>& ids);

}  // namespace engramd::agent
