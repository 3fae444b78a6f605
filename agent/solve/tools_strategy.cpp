#include "agent/solve/tools_strategy.h"

#include <algorithm>

#include "agent/edit/apply.h"
#include "agent/edit/unified_diff.h"
#include "agent/loop/prompts.h"
#include "agent/loop/trajectory.h"
#include "agent/sandbox/probe.h"
#include "agent/solve/evidence.h"
#include "agent/solve/minimise.h"
#include "agent/solve/select.h"
#include "base/environment.h"
#include "base/file.h"

namespace engramd::agent {
namespace {

constexpr double kToolsSeconds = 1800;
// A last look at a patch after the time is up.
constexpr double kGraceSeconds = 120;

Outcome outcome_of(const std::string& exit, bool has_patch) {
  struct Row {
    const char* exit;
    Outcome outcome;
  };
  static constexpr Row kRows[] = {
      {"resolved", Outcome::resolved}, {"format", Outcome::format},
      {"model", Outcome::model},       {"cancelled", Outcome::cancelled},
      {"steps", Outcome::budget},      {"tokens", Outcome::budget},
      {"cost", Outcome::budget},       {"wall", Outcome::budget},
      {"output", Outcome::budget},     {"context", Outcome::budget},
      {"stuck", Outcome::unresolved},  {"unresolved", Outcome::unresolved},
  };
  for (const Row& row : kRows)
    if (exit == row.exit) return row.outcome;
  return has_patch ? Outcome::unverified : Outcome::unresolved;
}

std::optional<std::string> text_before(const SolveOptions& options, const std::string& path) {
  if (const auto unsaved = options.unsaved.find(path); unsaved != options.unsaved.end())
    return unsaved->second;
  auto text = read_file(options.repo / path);
  return text ? std::optional<std::string>(std::move(*text)) : std::nullopt;
}

std::string patch_of(const SolveOptions& options, const Changes& changes) {
  std::vector<FileChange> list;
  for (const auto& [path, text] : changes) list.push_back({path, text_before(options, path), text});
  return unified_diff(list);
}

std::filesystem::path trajectory_of_sample(const std::filesystem::path& file, size_t sample) {
  if (sample == 0 || file.empty()) return file;
  return file.parent_path() /
         (file.stem().string() + "." + std::to_string(sample + 1) + file.extension().string());
}

class ToolsStrategy {
 public:
  ToolsStrategy(const SolveOptions& options, const CancelToken& cancel)
      : options_(options),
        wall_s_(options.limits.wall_s == 0 ? kToolsSeconds : options.limits.wall_s),
        outer_(cancel),
        source_(cancel, start_ + std::chrono::milliseconds(static_cast<int64_t>(1000 * wall_s_))) {}

  Result<Report> run() {
    if (!options_.model && !options_.model_for_sample)
      return fail(ErrorCode::invalid_input, "the tools strategy needs a model that can chat");
    std::error_code error;
    if (!std::filesystem::is_directory(options_.repo, error))
      return fail(ErrorCode::invalid_input, "no such folder: " + options_.repo.string() +
                                                ", expected the project to work on");
    ENGRAMD_CHECK(check_sandbox());
    Report report;
    const size_t n_samples = std::max<size_t>(options_.samples, 1);
    std::vector<Report> reports;
    std::vector<Changes> changes;
    for (size_t i = 0; i < n_samples; ++i) {
      if (i > 0 && source_.token().cancelled()) break;
      if (n_samples > 1)
        say("candidate " + std::to_string(i + 1) + " of " + std::to_string(n_samples), "");
      ENGRAMD_TRY(One one, run_one(i));
      reports.push_back(std::move(one.report));
      changes.push_back(std::move(one.changes));
      if (reports.back().outcome == Outcome::nothing_to_fix ||
          reports.back().outcome == Outcome::infra)
        break;
    }
    report = kept_of(reports);
    report.wall_s = std::chrono::duration<double>(Clock::now() - start_).count();
    if (options_.apply && report.ok() && !report.patch.empty()) ENGRAMD_CHECK(apply(report));
    return report;
  }

 private:
  struct One {
    Report report;
    Changes changes;
  };

  void say(const std::string& stage, const std::string& detail) const {
    if (options_.progress) options_.progress({stage, detail, 0, 0});
  }

  PermissionMode mode() const {
    return options_.permissions ? options_.permissions->mode() : PermissionMode::automatic;
  }

  Status check_sandbox() const {
    if (mode() != PermissionMode::automatic || options_.sandbox == SandboxMode::container)
      return {};
    const SandboxProbe probe = probe_sandbox();
    if (probe.usable) return {};
    return fail(ErrorCode::unavailable, "there is no automatic mode without a sandbox: " +
                                            probe.problem + "; " + probe.remedy);
  }

  CommandGate command_gate() const {
    if (!options_.permissions) return {};
    return [permissions = options_.permissions](const std::string& command) {
      return permissions->check_command(command);
    };
  }

  EvidenceOptions evidence_options() const {
    EvidenceOptions out;
    out.repo = options_.repo;
    out.unsaved = options_.unsaved;
    out.sandbox = options_.sandbox;
    out.tests = options_.tests;
    out.run_s =
        options_.tests.run_s > 0 ? options_.tests.run_s : std::clamp(wall_s_ / 3, 5.0, 1200.0);
    out.recheck_s = std::clamp(wall_s_ / 20, 5.0, 300.0);
    out.command_gate = command_gate();
    out.progress = options_.progress;
    return out;
  }

  LoopOptions loop_options(FinishJudge& judge, TestSetup tests, size_t sample) const {
    LoopOptions out;
    out.repo = options_.repo;
    out.task = options_.task.empty() ? "Make the failing tests pass." : options_.task;
    out.workbench.parse_hosts = options_.parse_hosts;
    out.workbench.tests = std::move(tests);
    out.workbench.sandbox = options_.sandbox;
    out.workbench.unsaved = options_.unsaved;
    out.workbench.verify = options_.verify;
    // What needs consent is asked for at the end, where the whole change can be seen.
    out.workbench.allow_protected = options_.allow_protected;
    if (const auto permissions = options_.permissions)
      out.workbench.edit_gate = [permissions](const FileChange& change) {
        return permissions->check_edit(change);
      };
    out.command_gate = command_gate();
    out.can_edit = mode() != PermissionMode::read_only;
    out.limits.max_steps = options_.limits.max_steps;
    out.limits.max_tokens = options_.limits.max_tokens;
    out.limits.max_cost = options_.limits.max_cost;
    out.limits.prices = options_.limits.prices;
    out.limits.max_malformed = options_.limits.max_malformed;
    out.limits.max_false_finishes = options_.limits.max_false_finishes;
    out.limits.context.max_tokens = options_.limits.context_tokens;
    out.limits.context.reply_tokens =
        std::min(out.limits.context.reply_tokens, options_.limits.context_tokens / 4);
    const double used_s = std::chrono::duration<double>(Clock::now() - start_).count();
    out.limits.wall_ms = static_cast<int64_t>(1000 * std::max(1.0, wall_s_ - used_s));
    out.trajectory = trajectory_of_sample(options_.trajectory, sample);
    out.resume = options_.resume;
    out.judge = &judge;
    out.instructions = options_.instructions;
    out.on_event = [this](const LoopEvent& event) {
      if (options_.on_event)
        options_.on_event(event);
      else
        tell(event);
    };
    return out;
  }

  // For those who follow stages only, an editor's progress for instance.
  void tell(const LoopEvent& event) const {
    if (!options_.progress) return;
    const std::string step = "step " + std::to_string(event.step);
    switch (event.kind) {
      case LoopEvent::Kind::running:
      case LoopEvent::Kind::step:
        options_.progress({step, event.tool + (event.detail.empty() ? "" : " " + event.detail),
                           event.step, static_cast<size_t>(options_.limits.max_steps)});
        break;
      case LoopEvent::Kind::resumed:
        say("resumed", "after " + step);
        break;
      case LoopEvent::Kind::note:
        say("note", event.detail);
        break;
      default:
        break;
    }
  }

  Result<One> run_one(size_t sample) {
    std::shared_ptr<ChatModel> model = options_.model;
    if (options_.model_for_sample) {
      ENGRAMD_TRY(model, options_.model_for_sample(sample));
    }
    One one;
    one.report.strategy = "tools";
    one.report.model = model->name();
    one.report.trajectory = trajectory_of_sample(options_.trajectory, sample);
    Evidence evidence(evidence_options());
    if (options_.look_before && mode() != PermissionMode::read_only) {
      if (Status looked = evidence.look_before(source_.token()); !looked) {
        if (!outer_.cancelled() && looked.error().code != ErrorCode::exhausted)
          return fail(looked.error());
        one.report.outcome = outer_.cancelled() ? Outcome::cancelled : Outcome::budget;
        one.report.exit = outer_.cancelled() ? "cancelled" : "wall";
        one.report.problem = "stopped while the tests ran for the first time";
        return one;
      }
      if (nothing_to_do(evidence, one.report)) return one;
    } else {
      evidence.skip_before();
    }
    TestSetup tests = options_.tests;
    if (!evidence.test_command().empty()) tests.command = evidence.test_command();
    const LoopOptions loop_options_now = loop_options(evidence, std::move(tests), sample);
    ENGRAMD_TRY(LoopReport loop, run_loop(*model, loop_options_now, outer_));
    return concluded(std::move(one), evidence, std::move(loop));
  }

  // True when the report is complete without asking a model.
  bool nothing_to_do(const Evidence& evidence, Report& report) const {
    if (!evidence.problem().empty() && options_.tests.command) {
      evidence.describe(nullptr, report);
      report.outcome = Outcome::infra;
      report.exit = "infra";
      report.problem = evidence.problem();
      report.notes = evidence.notes();
      return true;
    }
    if (evidence.green_before() && options_.task.empty()) {
      evidence.describe(nullptr, report);
      report.outcome = Outcome::nothing_to_fix;
      report.exit = "green";
      report.notes = evidence.notes();
      return true;
    }
    return false;
  }

  Result<One> concluded(One one, Evidence& evidence, LoopReport loop) {
    Report& report = one.report;
    report.exit = loop.exit;
    report.summary = loop.summary;
    report.problem = loop.problem;
    report.n_steps = loop.n_steps;
    report.n_malformed = loop.n_malformed;
    report.usage = loop.usage;
    report.cost = loop.cost;
    report.reused = loop.reused;
    report.model_s = loop.model_s;
    report.tools_s = loop.tools_s;
    one.changes = std::move(loop.changed);
    const bool dropped = drop_without_consent(one.changes, report);
    report.outcome = outcome_of(loop.exit, !one.changes.empty());

    std::optional<Comparison> after;
    if (loop.exit != "cancelled" && !one.changes.empty()) {
      // After the time is up there is a little more for this: an unjudged patch is worth less.
      CancelSource last_look(
          outer_, Clock::now() + std::chrono::milliseconds(static_cast<int64_t>(1000 * grace_s())));
      auto compared = evidence.compare(one.changes, last_look.token());
      if (compared) {
        after = std::move(*compared);
        report.outcome = judged(loop.exit, dropped, *after, report.outcome);
        if (report.outcome == Outcome::resolved) {
          ENGRAMD_CHECK(make_smaller(one.changes, evidence, *after, report, last_look.token()));
          report.problem.clear();
        }
      } else if (compared.error().code == ErrorCode::cancelled ||
                 compared.error().code == ErrorCode::exhausted) {
        report.notes.push_back("the patch was not tested: the time was up");
        if (report.outcome == Outcome::resolved) report.outcome = Outcome::unverified;
      } else {
        return fail(compared.error());
      }
    }
    evidence.describe(after ? &*after : nullptr, report);
    report.patch = patch_of(options_, one.changes);
    for (const auto& [path, text] : one.changes) report.changed_files.push_back(path);
    add_notes(evidence.notes(), report);
    add_notes(loop.notes, report);
    if (options_.permissions) add_notes(options_.permissions->notes(), report);
    if (!evidence.problem().empty()) report.notes.push_back(evidence.problem());
    return one;
  }

  static void add_notes(const std::vector<std::string>& notes, Report& report) {
    report.notes.insert(report.notes.end(), notes.begin(), notes.end());
  }

  double grace_s() const {
    const double used_s = std::chrono::duration<double>(Clock::now() - start_).count();
    return std::max(wall_s_ - used_s, std::min(kGraceSeconds, wall_s_));
  }

  // What the tests say of the patch, whatever made the loop end.
  static Outcome judged(const std::string& exit, bool dropped, const Comparison& after,
                        Outcome by_exit) {
    if (after.good() && after.proves()) return Outcome::resolved;
    if (!after.ran && !after.reproduction_passes)
      return exit == "finished" || exit == "resolved" ? Outcome::unverified : by_exit;
    if (after.good())
      return exit == "finished" || exit == "resolved" || dropped ? Outcome::unverified : by_exit;
    return by_exit == Outcome::resolved || by_exit == Outcome::unverified ? Outcome::unresolved
                                                                          : by_exit;
  }

  // Tests, CI, lock and hook files: kept only when the user said yes, to all or to this one.
  bool drop_without_consent(Changes& changes, Report& report) const {
    bool dropped = false;
    for (auto at = changes.begin(); at != changes.end();) {
      const bool keep =
          !is_protected_path(at->first) ||
          (options_.allow_protected &&
           (!options_.permissions || options_.permissions->mode() == PermissionMode::automatic ||
            options_.permissions->consents_to(
                {at->first, text_before(options_, at->first), at->second})));
      if (keep) {
        ++at;
        continue;
      }
      report.notes.push_back("the change of " + at->first +
                             " is left out: test, CI, lock and hook files need consent");
      at = changes.erase(at);
      dropped = true;
    }
    return dropped;
  }

  Status make_smaller(Changes& changes, Evidence& evidence, Comparison& after, Report& report,
                      const CancelToken& cancel) {
    if (options_.minimise == Minimise::nothing) return {};
    MinimiseOptions minimise_options;
    minimise_options.hunks = options_.minimise == Minimise::hunks;
    minimise_options.max_runs = options_.limits.max_minimise_runs;
    const size_t n_fixed = after.fixed.size();
    std::optional<Comparison> smaller;
    auto done = minimise(
        changes, [&](const std::string& path) { return text_before(options_, path); },
        [&](const Changes& trial) -> Result<bool> {
          say("minimise", "without one part of the patch");
          auto compared = evidence.compare(trial, cancel);
          if (!compared) {
            if (cancel.cancelled()) return false;
            return fail(compared.error());
          }
          const bool is_good =
              compared->good() && compared->proves() && compared->fixed.size() >= n_fixed;
          if (is_good) smaller = std::move(*compared);
          return is_good;
        },
        minimise_options, cancel);
    if (!done) return fail(done.error());
    if (done->n_dropped > 0) {
      report.notes.push_back(std::to_string(done->n_dropped) +
                             " parts that no test needs were dropped from the patch");
      changes = std::move(done->changes);
      after = std::move(*smaller);
    }
    return {};
  }

  Report kept_of(std::vector<Report>& reports) const {
    std::vector<PatchCandidate> candidates;
    for (const Report& report : reports)
      candidates.push_back({report.outcome, report.patch, report.broken.size()});
    const Selection selected = select_patch(candidates);
    Report kept = std::move(reports[selected.index]);
    kept.n_samples = reports.size();
    kept.n_agreeing = selected.n_agreeing;
    for (size_t i = 0; i < reports.size(); ++i) {
      if (i == selected.index) continue;
      // The bill is for all of them.
      kept.usage.prompt_tokens += reports[i].usage.prompt_tokens;
      kept.usage.cached_tokens += reports[i].usage.cached_tokens;
      kept.usage.completion_tokens += reports[i].usage.completion_tokens;
      kept.cost += reports[i].cost;
      kept.model_s += reports[i].model_s;
      kept.tools_s += reports[i].tools_s;
    }
    if (reports.size() > 1)
      kept.notes.push_back("candidate " + std::to_string(selected.index + 1) + " of " +
                           std::to_string(reports.size()) + " was kept; " +
                           std::to_string(selected.n_agreeing) + " made this same change");
    return kept;
  }

  // Through the same checks and the same journal as a repair's.
  Status apply(Report& report) const {
    const auto read = [&](const std::string& path) { return text_before(options_, path); };
    ENGRAMD_TRY(const auto changes, apply_unified_diff(report.patch, read));
    ENGRAMD_TRY(const Applied applied,
                apply_changes(options_.repo, changes,
                              options_.journal_folder.empty() ? state_folder() / "journal"
                                                              : options_.journal_folder));
    report.applied = true;
    report.journal = applied.journal;
    return {};
  }

  const SolveOptions& options_;
  const Clock::time_point start_ = Clock::now();
  const double wall_s_;
  const CancelToken outer_;
  const CancelSource source_;
};

}  // namespace

Result<Report> solve_with_tools(const SolveOptions& given, const CancelToken& cancel) {
  SolveOptions options = given;
  std::error_code error;
  if (options.resume && std::filesystem::exists(options.trajectory, error)) {
    // A resumed run is about what it was about; nobody has to say it again.
    ENGRAMD_TRY(const Trajectory saved, load_trajectory(options.trajectory));
    if (options.task.empty()) options.task = saved.task;
    if (!options.tests.command && !saved.test_command.empty())
      options.tests.command = saved.test_command;
    if (options.tests.report_glob.empty()) options.tests.report_glob = saved.test_report;
    std::error_code saved_error;
    if (std::filesystem::canonical(saved.repo, saved_error) !=
        std::filesystem::canonical(options.repo, error))
      return fail(ErrorCode::invalid_input, options.trajectory.string() + " is a run in " +
                                                saved.repo + ", not in " + options.repo.string());
  }
  return ToolsStrategy(options, cancel).run();
}

}  // namespace engramd::agent
