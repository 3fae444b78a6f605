// daemon/cli/fix_runs.h - the saved runs of the agent in the state folder.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"

namespace engramd::daemon::cli {

// The newest first: names begin with the time.
std::vector<std::filesystem::path> saved_runs();

// The newest run of this repository that can be resumed. Error not_found, with what can be done.
Result<std::filesystem::path> newest_open_run(const std::filesystem::path& repo);

}  // namespace engramd::daemon::cli
