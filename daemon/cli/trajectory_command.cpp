// Saved agent runs: one of them, or the list of those that there are.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/loop/trajectory_view.h"
#include "base/environment.h"
#include "daemon/cli/command.h"
#include "daemon/cli/fix_runs.h"
#include "daemon/cli/terminal.h"

namespace engramd::daemon::cli {
namespace {

namespace fs = std::filesystem;

struct TrajectoryCommand {
  std::string file;
  size_t step = 0, count = 20;
  bool json = false, diff = false;
};

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

Result<int> list_runs(const TrajectoryCommand& command) {
  agent::ViewOptions options;
  options.colour = shows_colour(STDOUT_FILENO);
  nlohmann::json list = nlohmann::json::array();
  size_t n_unreadable = 0, n = 0;
  for (const fs::path& file : saved_runs()) {
    if (n >= command.count) break;
    const auto run = agent::salvage_trajectory(file);
    if (!run) {
      ++n_unreadable;
      continue;
    }
    ++n;
    const agent::Trajectory& t = run->trajectory;
    if (command.json)
      list.push_back({{"file", file.string()},
                      {"started", t.started},
                      {"repo", t.repo},
                      {"task", t.task},
                      {"exit", t.exit},
                      {"steps", t.steps.size()}});
    else
      print(one_line(t, options) + "  " + painted(options.colour, kDim, file.string()) + "\n");
  }
  if (command.json)
    print(list.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  else if (n == 0)
    print("there are no saved runs; `engramd fix` with a model that calls tools makes one\n");
  if (n_unreadable > 0)
    std::fprintf(stderr, "%zu files in %s are no trajectories\n", n_unreadable,
                 (state_folder() / "trajectories").c_str());
  return 0;
}

Result<int> show_run(const TrajectoryCommand& command) {
  ENGRAMD_TRY(const agent::SalvagedTrajectory run, agent::salvage_trajectory(command.file));
  if (run.n_damaged_lines > 0)
    std::fprintf(stderr, "%zu damaged lines of %s are left out\n", run.n_damaged_lines,
                 command.file.c_str());
  const agent::Trajectory& t = run.trajectory;
  if (command.step > t.steps.size())
    return fail(ErrorCode::invalid_input, "there is no step " + std::to_string(command.step) +
                                              ", the run has " + std::to_string(t.steps.size()));
  agent::ViewOptions options;
  options.colour = shows_colour(STDOUT_FILENO);
  options.width = terminal_width(STDOUT_FILENO);
  options.step = command.step;
  if (command.json)
    print(trajectory_json(t));
  else if (command.diff)
    print(options.colour ? agent::readable_diff(t.patch, true) : t.patch);
  else
    print(readable(t, options));
  return 0;
}

}  // namespace

Action define_trajectory(CLI::App& app) {
  auto options = std::make_shared<TrajectoryCommand>();
  app.add_option("file", options->file, "a saved run; without it: the newest ones, in a list");
  app.add_option("--step", options->step, "only this step, in full")->check(CLI::PositiveNumber);
  app.add_option("--count", options->count, "of the list: at most this many")
      ->capture_default_str();
  app.add_flag("--diff", options->diff, "only the patch as of the last step");
  app.add_flag("--json", options->json, "print JSON");
  return [options]() -> Result<int> {
    return options->file.empty() ? list_runs(*options) : show_run(*options);
  };
}

}  // namespace engramd::daemon::cli
