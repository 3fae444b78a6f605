#include "agent/solve/solve.h"

#include "agent/solve/tools_strategy.h"
#include "base/file.h"

namespace engramd::agent {
namespace {

constexpr double kRepairSeconds = 60;

Result<Report> solve_by_repair(const SolveOptions& options, const CancelToken& cancel) {
  FixOptions fix_options;
  fix_options.repo = options.repo;
  fix_options.task = options.task;
  fix_options.unsaved = options.unsaved;
  fix_options.tests = options.tests;
  fix_options.sandbox = options.sandbox;
  fix_options.limits.wall_s = options.limits.wall_s == 0 ? kRepairSeconds : options.limits.wall_s;
  fix_options.limits.max_candidates = options.limits.max_candidates;
  fix_options.limits.n_jobs = options.limits.n_jobs;
  fix_options.limits.min_confidence = options.limits.min_confidence;
  fix_options.limits.cpu_s = options.limits.cpu_s;
  fix_options.limits.try_all = options.limits.try_all;
  fix_options.candidates = options.candidates;
  fix_options.progress = options.progress;
  fix_options.ranker = options.ranker;
  fix_options.infill = options.infill;
  fix_options.parse_hosts = options.parse_hosts;
  fix_options.apply = options.apply;
  fix_options.journal_folder = options.journal_folder;
  ENGRAMD_TRY(Report report, fix(fix_options, cancel));
  report.strategy = "repair";
  report.notes.insert(report.notes.begin(), options.notes.begin(), options.notes.end());
  if (report.exit.empty()) report.exit = std::string(to_string(report.outcome));
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
  const bool with_tools =
      options.strategy == Strategy::tools ||
      (options.strategy == Strategy::automatic && (options.model || options.model_for_sample));
  // Before the work: that they can be written is known now, and nothing old is taken for ours after
  // a kill.
  if (!options.out.empty()) ENGRAMD_CHECK(write_file_atomic(options.out, ""));
  if (!options.report.empty()) {
    std::error_code error;
    std::filesystem::remove(options.report, error);
  }
  ENGRAMD_TRY(Report report,
              with_tools ? solve_with_tools(options, cancel) : solve_by_repair(options, cancel));
  // Written for every outcome: empty when there is no patch, never one of an earlier run.
  if (!options.out.empty()) ENGRAMD_CHECK(write_file_atomic(options.out, report.patch));
  if (!options.report.empty())
    ENGRAMD_CHECK(write_file_atomic(options.report, to_json_text(report)));
  return report;
}

}  // namespace engramd::agent
