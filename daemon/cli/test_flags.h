// daemon/cli/test_flags.h - how a project's tests tell what they did, for the commands that run
// them.
#pragma once

#include <string>

#include "base/result.h"
#include "daemon/config/settings.h"

namespace CLI {
class App;
}

namespace engramd::daemon::cli {

// --test-report GLOB
void add_test_report_option(CLI::App& app, std::string& glob);

// The flag's, else the setting agent.test_report; an error when it leaves the project.
Result<std::string> test_report(const Settings& settings, const std::string& flag);

}  // namespace engramd::daemon::cli
