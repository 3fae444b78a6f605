// daemon/cli/swebench_commands.h - the parts of `engramd swebench`, each a file: the flags of one
// command, and what it does. Called once, while the command line is read.
#pragma once

#include "daemon/cli/command.h"

namespace engramd::daemon::cli {

Action define_swebench_run(CLI::App& app);
Action define_swebench_work(CLI::App& app);
Action define_swebench_grade(CLI::App& app);

}  // namespace engramd::daemon::cli
