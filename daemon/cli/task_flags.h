// daemon/cli/task_flags.h - how a person hands over an issue text, for the commands that work on
// one.
#pragma once

#include <string>

#include "base/result.h"

namespace CLI {
class App;
}

namespace engramd::daemon::cli {

struct TaskText {
  std::string file, issue;

  bool empty() const { return file.empty() && issue.empty(); }
};

// --task FILE and --issue TEXT
void add_task_options(CLI::App& app, TaskText& task);

// What was given, "" for nothing; an error for both, and for a text over 64 MiB. Reads standard
// input to its end for --task -.
Result<std::string> read_task(const TaskText& task);

}  // namespace engramd::daemon::cli
