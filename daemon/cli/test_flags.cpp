#include "daemon/cli/test_flags.h"

#include <CLI/CLI.hpp>

#include "agent/tests/detect.h"

namespace engramd::daemon::cli {

void add_test_report_option(CLI::App& app, std::string& glob) {
  app.add_option("--test-report", glob,
                 "where the tests leave JUnit XML or TAP, relative to the project, such as "
                 "build/**/TEST-*.xml: for frameworks that are not known by name");
}

Result<std::string> test_report(const Settings& settings, const std::string& flag) {
  std::string glob = flag.empty() ? settings.text("agent.test_report") : flag;
  ENGRAMD_CHECK(agent::check_report_glob(glob));
  return glob;
}

}  // namespace engramd::daemon::cli
