// agent/tests/shell_line.h - where in a shell line which program is called, without running it.
//
// Enough of the shell's grammar to find the call of a test program in what people write
// (`cd sub && FOO=1 npx jest src | tee log`) and to change only that call. What needs the shell to
// be known (variables, globs, substitutions) is marked, never guessed. Pure: any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace engramd::agent {

struct LineWord {
  size_t begin = 0, end = 0;  // in the line
  std::string text;           // without quotes
  bool plain = true;          // the shell expands nothing in it
};

struct ShellCall {
  std::vector<LineWord> words;  // assignments in front included; never empty
  bool redirected = false;      // its output or input goes elsewhere, or through a pipe
};

std::vector<ShellCall> shell_calls(std::string_view line);

// The program that a call runs, seen through what people put in front of it: assignments, env,
// timeout, npx, poetry run, coverage run -m, python -m …
struct ProgramCall {
  std::string name;        // without folders: "pytest", "go"
  bool as_module = false;  // python -m name
  size_t at = 0;           // index of the word that holds the name
  std::vector<std::string> arguments;
  size_t first_argument() const { return at + 1; }
  bool has(std::string_view argument) const;
  // "--reporter=x" and "--reporter x" are both found by "--reporter".
  bool has_option(std::string_view option) const;
};
ProgramCall program_of(const ShellCall& call);

std::string shell_quoted(std::string_view text);
bool is_assignment(std::string_view word);

}  // namespace engramd::agent
