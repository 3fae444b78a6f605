#include "daemon/cli/fix_runs.h"

#include <algorithm>

#include "agent/loop/trajectory.h"
#include "base/environment.h"

namespace engramd::daemon::cli {

namespace fs = std::filesystem;

namespace {
constexpr size_t kMaxLookedAt = 50;
}

std::vector<fs::path> saved_runs() {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(state_folder() / "trajectories", error))
    if (entry.is_regular_file(error) && entry.path().extension() == ".jsonl")
      files.push_back(entry.path());
  std::sort(files.begin(), files.end(),
            [](const fs::path& a, const fs::path& b) { return a.filename() > b.filename(); });
  return files;
}

Result<fs::path> newest_open_run(const fs::path& repo) {
  size_t n = 0;
  for (const fs::path& file : saved_runs()) {
    if (++n > kMaxLookedAt) break;
    const auto run = agent::salvage_trajectory(file);
    if (run && run->trajectory.repo == repo.string() && run->trajectory.exit != "resolved" &&
        run->trajectory.exit != "finished" && run->trajectory.exit != "unresolved")
      return file;
  }
  return fail(ErrorCode::not_found, "there is no unfinished run of " + repo.string() +
                                        " to resume; `engramd trajectory` lists the saved ones");
}

}  // namespace engramd::daemon::cli
