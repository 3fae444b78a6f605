// agent/tests/command.h - a project's test command: the user's own words, and what is known of it.
//
// Pure but for read_test_command with a folder, which reads package.json: any thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/tests/framework_list.h"

namespace engramd::agent {

enum class Framework {
#define ENGRAMD_ENUMERATOR(name) name,
  ENGRAMD_TEST_FRAMEWORKS(ENGRAMD_ENUMERATOR)
#undef ENGRAMD_ENUMERATOR
      unknown
};
std::string_view to_string(Framework framework);  // as people say it: "go test"

struct TestCommand {
  std::string text;  // what the user wrote, run by /bin/sh -c in the tree's root
  Framework framework = Framework::unknown;
  // What `npm test` and the like run; empty when `text` calls the framework itself. Arguments at
  // the end of `text` reach it, behind `argument_separator`.
  std::string script;
  std::string argument_separator;  // " -- " of npm, " " of pnpm, yarn and bun
  // What the command is started by, for an environment of its own (conda, a container): a shell
  // line in which {command} stands for `/bin/sh -c '…'` (or {word} for the line as one word), and
  // {tree}, {reports} and {helpers} for the folders that must be the same on both sides, as words.
  // Empty: started as it is.
  std::string wrapper;
  // Where the command itself leaves JUnit XML or TAP, relative to the tree: "build/**/TEST-*.xml".
  std::string report_glob;
  std::string why;  // it was chosen, when nobody said it: "pyproject.toml has [tool.pytest]"
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
// The same, and what a script of package.json, a Makefile, tox or nox runs underneath.
TestCommand read_test_command(std::string_view text, const std::filesystem::path& root);

// The command that runs only these tests; nothing when the framework cannot be told (then run
// everything). More than the asked ones may run: whole files, whole parents of subtests.
std::optional<TestCommand> select_command(const TestCommand& command,
                                          const std::vector<std::string>& ids);

}  // namespace engramd::agent
