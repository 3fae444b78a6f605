#include "agent/swebench/work.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "agent/loop/trajectory.h"
#include "agent/swebench/apply_patch.h"
#include "agent/swebench/guard.h"
#include "agent/swebench/place.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"

namespace engramd::agent::swebench {
namespace {

namespace fs = std::filesystem;

// A change without its place: the added and removed lines, spaces left out.
std::string essence_of(std::string_view patch) {
  std::string out;
  for (const std::string_view line : split_lines(patch)) {
    if (line.starts_with("+++") || line.starts_with("---")) {
      out += std::string(line.substr(0, 3)) + std::string(trim(line.substr(3))) + "\n";
    } else if (line.starts_with('+') || line.starts_with('-')) {
      out += line.front();
      for (const char c : line.substr(1))
        if (c != ' ' && c != '\t') out += c;
      out += '\n';
    }
  }
  return out;
}

int rank_of(const Report& report) {
  if (report.patch.empty()) return 3;
  if (report.outcome == Outcome::resolved) return 0;
  return report.outcome == Outcome::unverified ? 1 : 2;
}

class Worker {
 public:
  Worker(const Job& job, const fs::path& folder, const WorkHooks& hooks, const CancelToken& cancel)
      : job_(job), settings_(job.settings), folder_(folder), hooks_(hooks), cancel_(cancel) {}

  Result<WorkStatus> run() {
    if (const auto before = read_status(folder_)) status_.attempts = before->attempts;
    status_.id = job_.instance.id;
    status_.state = WorkState::running;
    status_.host = host_name();
    status_.pid = static_cast<int>(::getpid());
    status_.started = utc_now();
    ++status_.attempts;
    ENGRAMD_CHECK(write_status(status_, folder_));
    const Clock::time_point start = Clock::now();
    const Status worked = work();
    status_.wall_s = std::chrono::duration<double>(Clock::now() - start).count();
    status_.ended = utc_now();
    if (cancel_.cancelled()) {
      status_.state = WorkState::interrupted;
      status_.reason = "stopped";
    } else if (!worked) {
      status_.state = WorkState::infra;
      status_.reason = worked.error().message;
    }
    ENGRAMD_CHECK(write_status(status_, folder_));
    return status_;
  }

 private:
  void say(const std::string& stage, const std::string& detail) const {
    if (hooks_.progress) hooks_.progress(stage, detail);
  }

  Status work() {
    ENGRAMD_TRY(const Environment environment, Environment::read(settings_.environment));
    ENGRAMD_TRY(const SandboxMode asked, read_sandbox_mode(settings_.sandbox));
    RepositoryOptions repositories;
    repositories.sources = settings_.repos;
    repositories.cache = settings_.cache;
    repositories.max_cache_bytes = settings_.cache_bytes;
    const RepositoryStore store(repositories);
    say("prepare", job_.instance.repo + " at " + job_.instance.base_commit.substr(0, 12));
    ENGRAMD_TRY(const TemporaryFolder place, TemporaryFolder::make("engramd-instance"));
    const fs::path tree =
        place.path() / job_.instance.repo.substr(job_.instance.repo.find('/') + 1);
    ENGRAMD_CHECK(store.check_out(job_.instance, tree, cancel_));
    if (settings_.reveal_tests) ENGRAMD_CHECK(show_tests(tree));

    const int n_samples = std::clamp(settings_.n_samples, 1, 64);
    std::vector<Report> reports;
    const Clock::time_point start = Clock::now();
    for (int sample = 0; sample < n_samples; ++sample) {
      const fs::path folder =
          n_samples == 1 ? folder_ : folder_ / ("sample-" + std::to_string(sample + 1));
      ENGRAMD_CHECK(make_directories(folder));
      const double spent = std::chrono::duration<double>(Clock::now() - start).count();
      const double left = settings_.timeout_s - spent;
      // What is left is shared by the samples that are left; at least the first one always runs.
      const double share = std::max(1.0, left / (n_samples - sample));
      if (sample > 0 && left < 1) break;
      ENGRAMD_TRY(Report report, solve_once(tree, folder, sample, share, environment, asked));
      add(report);
      const bool infra = report.outcome == Outcome::infra || report.outcome == Outcome::model;
      const std::string problem = report.problem.empty() ? report.exit : report.problem;
      reports.push_back(std::move(report));
      if (cancel_.cancelled()) break;
      if (infra && reports.size() == 1 && n_samples == 1 && reports[0].patch.empty()) {
        ENGRAMD_CHECK(keep(reports));
        return fail(ErrorCode::unavailable, problem);
      }
    }
    ENGRAMD_CHECK(keep(reports));
    if (!cancel_.cancelled()) status_.state = WorkState::done;
    return {};
  }

  // The fix's tests, committed so that they are part of the base for the agent.
  Status show_tests(const fs::path& tree) const {
    if (job_.instance.test_patch.empty())
      return fail(ErrorCode::invalid_input, "there is no test patch to reveal");
    ENGRAMD_TRY(const AppliedPatch applied,
                apply_model_patch(tree, job_.instance.test_patch, cancel_));
    if (applied.by.empty())
      return fail(ErrorCode::invalid_input, "the test patch does not apply to the base");
    return {};
  }

  Result<Report> solve_once(const fs::path& tree, const fs::path& folder, int sample,
                            double seconds, const Environment& environment, SandboxMode asked) {
    SolveOptions options;
    options.repo = tree;
    options.task = job_.instance.problem;
    options.sandbox = environment.sandbox_mode(asked);
    options.limits.wall_s = seconds;
    options.limits.max_steps = settings_.max_steps;
    options.limits.max_tokens = settings_.max_tokens;
    options.limits.n_jobs = 1;  // instances run side by side, see --jobs
    // No patch is a failure for sure, so the best one that passes is handed in, however unsure.
    options.limits.min_confidence = 0;
    options.trajectory = folder / "trajectory.jsonl";
    options.report = folder / "report.json";
    options.out = folder / "solution.diff";
    std::error_code error;
    options.resume = job_.resume && fs::exists(options.trajectory, error);
    if (const std::string command = test_command(); !command.empty())
      options.tests.command = command;
    options.tests.wrapper = environment.wrapper(job_.instance);
    options.tests.report_glob = settings_.test_report;
    if (settings_.strategy == "repair") options.strategy = Strategy::repair;
    if (settings_.strategy == "tools") options.strategy = Strategy::tools;
    options.progress = [this](const FixProgress& progress) {
      say(progress.stage, progress.detail);
    };
    if (hooks_.prepare_model) ENGRAMD_CHECK(hooks_.prepare_model(options, settings_, sample));
    if (!options.model && options.strategy != Strategy::tools) options.strategy = Strategy::repair;
    say("solve", sample == 0 ? "" : "sample " + std::to_string(sample + 1));
    return solve(options, cancel_);
  }

  // The instance's command over everything; over the fix's test files only when they are shown,
  // since their names alone say where the fix is.
  std::string test_command() const {
    if (job_.instance.test_command.empty() && job_.instance.eval_script.empty()) return {};
    return with_files(test_command_for(job_.instance), settings_.reveal_tests
                                                           ? job_.instance.test_files
                                                           : std::vector<std::string>());
  }

  void add(const Report& report) {
    status_.prompt_tokens += report.usage.prompt_tokens;
    status_.cached_tokens += report.usage.cached_tokens;
    status_.completion_tokens += report.usage.completion_tokens;
    status_.n_steps += report.n_steps;
    status_.cpu_s += report.cpu_s;
    const auto tokens = [](int64_t n) { return static_cast<double>(n) / 1e6; };
    status_.cost = tokens(status_.prompt_tokens - status_.cached_tokens) * settings_.price_in +
                   tokens(status_.cached_tokens) * settings_.price_cached +
                   tokens(status_.completion_tokens) * settings_.price_out;
  }

  Status keep(const std::vector<Report>& reports) {
    if (reports.empty()) return {};
    const size_t chosen = choose_sample(reports);
    const Report& report = reports[chosen];
    status_.outcome = std::string(to_string(report.outcome));
    status_.exit = report.exit.empty() ? status_.outcome : report.exit;
    status_.strategy = report.strategy;
    status_.model = report.model;
    const Submission submission = submission_of(report.patch);
    status_.left_out = submission.left_out;
    status_.patch_bytes = submission.patch.size();
    if (reports.size() > 1)
      ENGRAMD_CHECK(write_file_atomic(folder_ / "report.json", agent::to_json_text(report)));
    // The prompt that the model was given, by its hash: the manifest tells runs apart by it.
    if (!report.trajectory.empty())
      if (const auto trajectory = load_trajectory(report.trajectory);
          trajectory && !trajectory->messages.empty())
        status_.prompts_hash = hash128_hex(trajectory->messages.front().text);
    return write_file_atomic(folder_ / "patch.diff", submission.patch);
  }

  const Job& job_;
  const WorkSettings& settings_;
  const fs::path folder_;
  const WorkHooks& hooks_;
  const CancelToken cancel_;
  WorkStatus status_;
};

}  // namespace

size_t choose_sample(const std::vector<Report>& reports) {
  std::map<std::string, size_t> votes;
  for (const Report& report : reports)
    if (!report.patch.empty()) ++votes[essence_of(report.patch)];
  size_t best = 0;
  const auto better = [&](const Report& a, const Report& b) {
    if (rank_of(a) != rank_of(b)) return rank_of(a) < rank_of(b);
    const size_t votes_a = votes[essence_of(a.patch)], votes_b = votes[essence_of(b.patch)];
    if (votes_a != votes_b) return votes_a > votes_b;
    return a.patch.size() < b.patch.size();
  };
  for (size_t i = 1; i < reports.size(); ++i)
    if (better(reports[i], reports[best])) best = i;
  return best;
}

Result<WorkStatus> run_job(const Job& job, const fs::path& folder, const WorkHooks& hooks,
                           const CancelToken& cancel) {
  return Worker(job, folder, hooks, cancel).run();
}

}  // namespace engramd::agent::swebench
