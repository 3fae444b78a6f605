// agent/verify/lint.h - the project's own linter, asked about one file.
//
// Only what the project has chosen: a row of the table applies when one of its configuration files
// is in the tree and its program can be found (in the tree's virtual environment or node_modules,
// else on PATH). It runs in the sandbox, within a time limit, and fixes nothing.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/sandbox/sandbox.h"
#include "agent/verify/diagnostics.h"
#include "base/cancel.h"

namespace engramd::agent {

struct LinterRow {
  std::string_view name;
  std::vector<std::string> languages;  // rows of the index's table
  // "ruff.toml", or "pyproject.toml:[tool.ruff" for a file that holds a text; in the root.
  std::vector<std::string> configured_by;
  std::string program;  // "pyflakes|pyflakes3": the first that is there
  // {file} is the path; {folder} its folder with "./" in front. With reads_stdin the text comes on
  // standard input, so that the base can be asked about too.
  std::vector<std::string> arguments;
  bool reads_stdin = false;
};
const std::vector<LinterRow>& linters();

// The first row that the project is set up for and whose program is there; null: none.
const LinterRow* linter_for(const std::filesystem::path& tree, const std::string& language);

// The program as a command inside the tree starts it; empty when it is not there.
std::string program_of_project(const std::filesystem::path& tree, const Sandbox& sandbox,
                               const std::string& program);

// What it says of a text of the file. The text is written to the sandbox's report folder for
// linters that read standard input; others read the tree. Error when it could not be run or took
// too long.
Result<std::vector<Diagnostic>> lint(const LinterRow& linter, const Sandbox& sandbox,
                                     const std::string& path, const std::string& text,
                                     int64_t wall_ms, const CancelToken& cancel);

// "path:line:column: message", "path:line: severity: message" and eslint's indented lines; what is
// not of that path is left out.
std::vector<Diagnostic> read_lint_output(std::string_view output, const std::string& path,
                                         std::string_view source);

}  // namespace engramd::agent
