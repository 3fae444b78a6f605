#include "agent/solve/solve.h"

#include "agent/edit/apply.h"
#include "agent/edit/unified_diff.h"
#include "agent/loop/loop.h"
#include "base/environment.h"
#include "base/file.h"

namespace engramd::agent {
namespace {

constexpr double kRepairSeconds = 60, kToolsSeconds = 1800;

Result<Report> solve_by_repair(const SolveOptions& options, const CancelToken& cancel) {
  FixOptions fix_options;
  fix_options.repo = options.repo;
  fix_options.task = options.task;
  fix_options.unsaved = options.unsaved;
  fix_options.test_command = options.test_command;
  fix_options.sandbox = options.sandbox;
  fix_options.limits.wall_s = options.limits.wall_s == 0 ? kRepairSeconds : options.limits.wall_s;
  fix_options.limits.max_candidates = options.limits.max_candidates;
  fix_options.limits.n_jobs = options.limits.n_jobs;
  fix_options.limits.min_confidence = options.limits.min_confidence;
  fix_options.limits.cpu_s = options.limits.cpu_s;
  fix_options.progress = options.progress;
  fix_options.ranker = options.ranker;
  fix_options.propose_lines = options.propose_lines;
  fix_options.parse_hosts = options.parse_hosts;
  fix_options.apply = options.apply;
  fix_options.journal_folder = options.journal_folder;
  ENGRAMD_TRY(Report report, fix(fix_options, cancel));
  report.strategy = "repair";
  if (report.exit.empty()) report.exit = std::string(to_string(report.outcome));
  return report;
}

Outcome outcome_of(const LoopReport& loop) {
  if (loop.exit == "resolved") return Outcome::resolved;
  if (loop.exit == "finished")
    return loop.patch.empty() ? Outcome::unresolved : Outcome::unverified;
  if (loop.exit == "format") return Outcome::format;
  if (loop.exit == "cancelled") return Outcome::cancelled;
  if (loop.exit == "steps" || loop.exit == "tokens" || loop.exit == "time") return Outcome::budget;
  return Outcome::unresolved;
}

// The patch is applied through the same checks and the same journal as a repair's.
Status apply_patch(const SolveOptions& options, Report& report) {
  const auto read = [&](const std::string& path) -> std::optional<std::string> {
    auto text = read_file(options.repo / path);
    return text ? std::optional<std::string>(std::move(*text)) : std::nullopt;
  };
  ENGRAMD_TRY(const auto changes, apply_unified_diff(report.patch, read));
  ENGRAMD_TRY(const Applied applied,
              apply_changes(options.repo, changes,
                            options.journal_folder.empty() ? state_folder() / "journal"
                                                           : options.journal_folder,
                            {options.task.empty() ? report.test_command : options.task, {}}));
  report.applied = true;
  report.journal = applied.journal;
  return {};
}

Result<Report> solve_with_tools(const SolveOptions& options, const CancelToken& cancel) {
  if (!options.model)
    return fail(ErrorCode::invalid_input, "the tools strategy needs a model that can chat");
  LoopOptions loop_options;
  loop_options.repo = options.repo;
  loop_options.task = options.task.empty() ? "Make the failing tests pass." : options.task;
  loop_options.workbench.parse_hosts = options.parse_hosts;
  loop_options.workbench.test_command = options.test_command.value_or("");
  loop_options.workbench.sandbox = options.sandbox;
  loop_options.workbench.unsaved = options.unsaved;
  loop_options.workbench.verify = options.verify;
  loop_options.limits.max_steps = options.limits.max_steps;
  loop_options.limits.max_tokens = options.limits.max_tokens;
  const double wall_s = options.limits.wall_s == 0 ? kToolsSeconds : options.limits.wall_s;
  loop_options.limits.wall_ms = static_cast<int64_t>(1000 * wall_s);
  loop_options.trajectory = options.trajectory;
  loop_options.resume = options.resume;
  loop_options.on_progress = [&](const std::string& line) {
    if (options.progress) options.progress({line, "", 0, 0});
  };
  ENGRAMD_TRY(const LoopReport loop, run_loop(*options.model, loop_options, cancel));
  Report report;
  report.outcome = outcome_of(loop);
  report.exit = loop.exit;
  report.strategy = "tools";
  report.model = options.model->name();
  report.summary = loop.summary;
  report.patch = loop.patch;
  report.test_command = loop_options.workbench.test_command;
  report.n_steps = loop.n_steps;
  report.usage = loop.usage;
  report.trajectory = options.trajectory;
  report.wall_s = loop.wall_s;
  if (options.apply && report.ok() && !report.patch.empty())
    ENGRAMD_CHECK(apply_patch(options, report));
  return report;
}

}  // namespace

std::string_view to_string(Strategy strategy) {
  switch (strategy) {
    case Strategy::automatic:
      return "auto";
    case Strategy::tools:
      return "tools";
    case Strategy::repair:
      return "repair";
  }
  return "auto";
}

Result<Report> solve(const SolveOptions& options, const CancelToken& cancel) {
  const bool with_tools = options.strategy == Strategy::tools ||
                          (options.strategy == Strategy::automatic && options.model);
  ENGRAMD_TRY(Report report,
              with_tools ? solve_with_tools(options, cancel) : solve_by_repair(options, cancel));
  // Written for every outcome: empty when there is no patch, never one of an earlier run.
  if (!options.out.empty()) ENGRAMD_CHECK(write_file_atomic(options.out, report.patch));
  if (!options.report.empty())
    ENGRAMD_CHECK(write_file_atomic(options.report, to_json_text(report)));
  return report;
}

}  // namespace engramd::agent
