// engramd swebench run | grade | report: benchmarks in SWE-bench's shape, headless.
#include "daemon/cli/swebench_commands.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "agent/swebench/compare.h"

namespace engramd::daemon::cli {
namespace {

namespace sb = agent::swebench;

Action define_report(CLI::App& app) {
  auto files = std::make_shared<std::vector<std::string>>();
  auto options = std::make_shared<CommonOptions>();
  app.add_option("runs", *files,
                 "one or two of: predictions (with .run and .graded beside them), a summary of a "
                 "grading, a folder with one")
      ->required()
      ->expected(1, 2);
  add_json_option(app, *options);
  return [files, options]() -> Result<int> {
    ENGRAMD_TRY(const sb::RunResult a, sb::read_run(files->front()));
    std::optional<sb::RunResult> b;
    if (files->size() == 2) {
      ENGRAMD_TRY(b, sb::read_run(files->back()));
    }
    std::cout << (options->json ? report_json(a, b ? &*b : nullptr)
                                : report_text(a, b ? &*b : nullptr));
    return 0;
  };
}

}  // namespace

Action define_swebench(CLI::App& app) {
  app.require_subcommand(1);
  struct Row {
    const char *name, *summary;
    Action (*define)(CLI::App&);
  };
  static constexpr Row kRows[] = {
      {"run", "let the agent work on instances; resumable", define_swebench_run},
      {"grade", "which patches resolve their instance; without docker", define_swebench_grade},
      {"report", "figures of one run, or of two with a paired test", define_report},
      {"work", "", define_swebench_work}};
  auto chosen = std::make_shared<Action>();
  for (const Row& row : kRows) {
    CLI::App* command = app.add_subcommand(row.name, row.summary);
    if (*row.summary == '\0') command->group("");
    command->callback([chosen, action = row.define(*command)] { *chosen = action; });
  }
  return [chosen] { return (*chosen)(); };
}

}  // namespace engramd::daemon::cli
