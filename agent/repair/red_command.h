// agent/repair/red_command.h - the test command restricted to the tests that are red.
//
// Most candidates are wrong, and most wrong ones fail the red tests: those run first and alone. The
// caller checks that the restricted command is red before any edit; what passes it runs the whole
// command, so a restriction that says too little costs time and nothing else. Pure: any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/tests/runner.h"

namespace engramd::agent {

// Nothing when the framework or the command has no known way to say it.
std::optional<TestCommand> red_command(const TestCommand& command,
                                       const std::vector<std::string>& red_ids);

}  // namespace engramd::agent
