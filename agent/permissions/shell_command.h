// agent/permissions/shell_command.h - what a line of shell would run, command by command.
//
// Not a shell: it finds every simple command of a line (pipelines, lists, groups, subshells,
// substitutions, what `sh -c` and wrappers like env and timeout start), so that each can be held
// against rules. What it does not understand for sure is an error, never a guess. Pure functions:
// any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace engramd::agent {

struct ShellWord {
  std::string text;      // without quotes; of a dynamic word the parts that are known
  bool dynamic = false;  // holds a variable, a substitution or a pattern: known when it is run
};

struct SimpleCommand {
  std::vector<ShellWord> words;  // the program and its arguments; never empty
  std::string text() const;      // joined by blanks
};

struct ParsedCommand {
  // In the order of the text. A redirection that writes a file is a command of its own: > and the
  // file. What a wrapper starts follows the wrapper.
  std::vector<SimpleCommand> commands;
};

// Error unsupported, with what was not understood, for anything but the forms named above: loops,
// conditions, functions, here-documents, a program whose name is only known when it runs.
Result<ParsedCommand> parse_shell_command(std::string_view text);

}  // namespace engramd::agent
