#include "agent/fix.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <set>

#include "agent/edit/apply.h"
#include "agent/edit/unified_diff.h"
#include "agent/repair/candidate_log.h"
#include "agent/repair/confidence.h"
#include "agent/repair/coverage.h"
#include "agent/repair/donor_files.h"
#include "agent/repair/localise.h"
#include "agent/repair/propose.h"
#include "agent/repair/search.h"
#include "agent/repair/siblings.h"
#include "agent/tests/warm_pytest.h"
#include "base/environment.h"
#include "base/file.h"
#include "base/text.h"
#include "base/thread_pool.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;

// More red tests than that are no shorter to run than all.
constexpr size_t kMaxChosenTests = 50;
// With try_all: each is run from scratch and kept with its file's text.
constexpr size_t kPassingOfAll = 64;

double own_cpu_s() {
  // Of this thread; sandboxed processes report theirs, since their parent never waits for them.
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

class Fixer {
 public:
  Fixer(const FixOptions& options, const CancelToken& cancel)
      : options_(options),
        start_(Clock::now()),
        start_cpu_s_(own_cpu_s()),
        deadline_(start_ +
                  std::chrono::milliseconds(static_cast<int64_t>(1000 * options.limits.wall_s))),
        source_(cancel, deadline_),
        outer_(cancel) {}

  Result<Report> run() {
    Status done = work();
    workplaces_.clear();
    if (!done) {
      const ErrorCode code = done.error().code;
      if (outer_.cancelled())
        report_.outcome = Outcome::cancelled;
      else if (code == ErrorCode::exhausted && Clock::now() >= deadline_)
        report_.outcome = Outcome::budget;
      else
        return fail(done.error());
      report_.problem = report_.outcome == Outcome::budget ? ran_out() : done.error().message;
    }
    report_.wall_s = elapsed();
    report_.cpu_s += own_cpu_s() - start_cpu_s_;
    return std::move(report_);
  }

 private:
  mutable std::mutex progress_mutex_;  // one report at a time

  double elapsed() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  double left() const { return options_.limits.wall_s - elapsed(); }
  CancelToken token() const { return source_.token(); }
  void say(std::string stage, std::string detail, size_t done = 0, size_t total = 0) const {
    if (!options_.progress) return;
    std::lock_guard lock(progress_mutex_);  // candidates are tried on several threads
    options_.progress({std::move(stage), std::move(detail), done, total});
  }
  void note(const std::vector<std::string>& notes) {
    for (const std::string& text : notes)
      if (std::find(report_.notes.begin(), report_.notes.end(), text) == report_.notes.end())
        report_.notes.push_back(text);
  }

  Status work() {
    mode_ = options_.sandbox;
    std::error_code error;
    root_ = fs::canonical(options_.repo, error);
    if (error || !fs::is_directory(root_, error))
      return fail(ErrorCode::invalid_input,
                  "no such folder: " + options_.repo.string() + ", expected the project to fix");
    evidence_.emplace(evidence_options());
    if (!evidence_->find_command())
      return infra(
          "no test command was given and none was found in " + root_.string() +
          " (looked for pytest, unittest, npm test, node --test, cargo, go, make and ctest)");

    say("copy", root_.string());
    ENGRAMD_TRY(Workplace first, Workplace::make(root_, mode_, options_.unsaved, token()));
    for (const std::string& folder : first.tree->read_only_folders())
      note({folder + " is shown read-only to the tests, not copied"});
    workplaces_.push_back(std::move(first));

    ENGRAMD_TRY(const bool red, run_before());
    if (!red) return {};
    start_warm_runners();
    ENGRAMD_CHECK(token().check());
    find_red_command();
    traced_ = trace();
    ENGRAMD_CHECK(token().check());
    say("locate", "");
    ENGRAMD_TRY(Localisation places,
                localise({*workplaces_[0].tree, options_.task, before(), traced_,
                          options_.limits.max_files, options_.parse_hosts},
                         token()));
    note(places.notes);
    for (const SuspectFile& file : places.files) report_.files_considered.push_back(file.path);
    if (places.files.empty()) {
      report_.outcome = Outcome::unresolved;
      report_.problem = "no source file that could hold the mistake was found";
      return {};
    }
    const std::vector<Candidate> candidates = candidates_for(places);
    report_.n_candidates = candidates.size();
    return validate(candidates);
  }

  Status infra(std::string problem) {
    report_.outcome = Outcome::infra;
    report_.problem = std::move(problem);
    return {};
  }

  EvidenceOptions evidence_options() const {
    EvidenceOptions evidence;
    evidence.repo = root_;
    evidence.unsaved = options_.unsaved;
    evidence.sandbox = mode_;
    evidence.tests = options_.tests;
    // Half of the budget at most; a single pytest test that hangs may not eat that.
    evidence.run_s = options_.tests.run_s > 0 ? options_.tests.run_s
                                              : std::max(1.0, options_.limits.wall_s * 0.5);
    evidence.test_s = std::max(2.0, options_.limits.wall_s / 15);
    evidence.hang_s = options_.limits.wall_s / 6;
    // The second look comes when something passes: most searches end without.
    evidence.recheck_s = 0;
    evidence.pytest_data_bytes = 4ull << 30;
    evidence.plain_after = true;
    evidence.hang_is_red = true;
    evidence.progress = [this](const FixProgress& p) { say(p.stage, p.detail, p.done, p.total); };
    return evidence;
  }
  const TestCommand& command() const { return evidence_->command(); }
  const TestRun& before() const { return evidence_->before(); }
  std::string ran_out() const {
    if (evidence_ && hangs())
      return "the test command did not end within " +
             std::to_string(static_cast<int64_t>(before().wall_s)) +
             " s, nor with an edit that was tried; it was stopped with everything it had started";
    return "time or candidates ran out before a passing edit was found";
  }
  // The whole command hangs, and no test says where.
  bool hangs() const { return before().timed_out && before().tests.empty(); }

  // Whether there is something red to work on.
  Result<bool> run_before() {
    ENGRAMD_CHECK(evidence_->look_before_in(workplaces_[0], token()));
    note(evidence_->notes());
    report_.cpu_s += before().cpu_s;
    evidence_->describe(nullptr, report_);
    if (!evidence_->problem().empty()) return infra(evidence_->problem()), false;
    if (before().green) {
      report_.outcome = Outcome::nothing_to_fix;
      return false;
    }
    if (before().tests.empty() && !hangs())
      note({"the output of the tests was not understood: only the exit status is used"});
    return true;
  }

  std::vector<std::string> red_test_files() const {
    std::vector<std::string> files;
    for (const std::string& id : before().red_ids()) {
      const std::string file = id.substr(0, id.find("::"));
      if (std::find(files.begin(), files.end(), file) == files.end()) files.push_back(file);
    }
    return files;
  }

  void start_warm_runners() {
    const size_t n_jobs = std::clamp<size_t>(options_.limits.n_jobs, 1, 64);
    while (workplaces_.size() < n_jobs) {
      auto place = Workplace::make(root_, mode_, options_.unsaved, token());
      if (!place) {
        note({"fewer jobs than asked: " + place.error().message});
        break;
      }
      evidence_->warm_up(*place, token());
      workplaces_.push_back(std::move(*place));
    }
    if (!command().pytest) return;
    WarmPytest::Setup& setup = warm_setup_;
    setup.first = before().red_ids();
    // Ids are relative to pytest's root folder, which is the tree's in all but rare layouts.
    for (const std::string& file : red_test_files()) {
      std::error_code error;
      if (!fs::is_regular_file(workplaces_[0].tree->root() / file, error)) {
        setup.files.clear();
        break;
      }
      setup.files.push_back(file);
    }
    setup.start_s = std::max(3.0, left() / 4);
    say("tests", "loading pytest once");
    std::vector<std::string> problems(workplaces_.size());
    ThreadPool::parallel_for(workplaces_.size(), workplaces_.size(), [&](size_t i) {
      auto warm = WarmPytest::start(*workplaces_[i].sandbox, command(), setup, token());
      if (warm && (*warm)->n_items() > 0)
        workplaces_[i].warm = std::move(*warm);
      else
        problems[i] = warm ? "no test was collected" : warm.error().message;
    });
    for (const std::string& problem : problems)
      if (!problem.empty()) note({"candidates are tried by plain test runs: " + problem});
  }

  // The red tests alone, where the command can say so and they are red then, too.
  void find_red_command() {
    if (workplaces_[0].warm) return;
    const std::vector<std::string> red_ids = before().red_ids();
    if (red_ids.size() > kMaxChosenTests) return;
    const auto red = select_command(command(), red_ids);
    if (!red) return;
    TestRunOptions run;
    run.detailed = false;
    run.limits.wall_ms = static_cast<int64_t>(1000 * (before().wall_s + 5));
    const auto ran = run_tests(*workplaces_[0].sandbox, *red, run, token());
    if (!ran) return;
    report_.cpu_s += ran->cpu_s;
    if (ran->green || !ran->problem.empty() || ran->timed_out) return;
    // Red because a chosen test is: not because the runner does not take the choice.
    if (ran->tests.empty() || std::any_of(red_ids.begin(), red_ids.end(), [&](const auto& id) {
          const TestCase* test = ran->find(id);
          return test != nullptr && test->red();
        }))
      red_command_ = red;
  }

  std::vector<TracedTest> trace() {
    if (!command().pytest) {
      say("tests", "recording executed lines");
      auto traced = trace_coverage(
          {command(), red_command_, std::clamp(left() / 6, 2.0, 60.0),
           [&]() -> Result<Workplace> {
             ENGRAMD_TRY(Workplace place, Workplace::make(root_, mode_, options_.unsaved, token()));
             evidence_->warm_up(place, token());
             return place;
           }},
          token());
      if (traced) return std::move(*traced);
      note({"executed lines could not be recorded: " + traced.error().message});
    }
    if (!workplaces_[0].warm) return {};
    say("tests", "recording executed lines");
    auto traced = workplaces_[0].warm->trace(0.15, std::clamp(left() / 12, 2.0, 5.0), 60);
    if (!traced) {
      workplaces_[0].warm.reset();
      note({"executed lines could not be recorded: " + traced.error().message});
      return {};
    }
    // A test that is red from the command line and green in the loaded process (or the other way
    // round) says that the loaded process is no judge.
    const auto red = before().red_ids();
    const std::set<std::string> red_ids(red.begin(), red.end());
    size_t same = 0, different = 0;
    bool lines_of_sources = false;
    for (const TracedTest& test : *traced) {
      if (red_ids.count(test.id) != 0) ++(test.red ? same : different);
      if (test.red)
        for (const auto& [path, lines] : test.lines)
          lines_of_sources = lines_of_sources || is_editable_source(path);
    }
    if (same == 0) {
      note({"the failure does not show in a loaded pytest: plain test runs are used"});
      for (Workplace& place : workplaces_) place.warm.reset();
      return {};
    }
    // Without executed lines of ours the code runs in a subprocess: swapping it in memory is
    // futile.
    try_hot_ = lines_of_sources;
    return std::move(*traced);
  }

  std::vector<Candidate> candidates_for(const Localisation& places) {
    say("propose", "");
    MutateOptions mutate_options;
    mutate_options.max_candidates = options_.limits.max_candidates;
    mutate_options.hints = gather_hints(*workplaces_[0].tree, before(), options_.task);
    mutate_options.donors = gather_donors(*workplaces_[0].tree, report_.files_considered, token());
    Proposed proposed = propose({places, [&](const std::string& path) { return base_text(path); },
                                 std::move(mutate_options), options_.ranker, options_.infill,
                                 std::clamp(left() / 4, 1.0, 60.0)},
                                token());
    note(proposed.notes);
    return std::move(proposed.candidates);
  }

  std::optional<std::string> base_text(const std::string& path) const {
    auto text = read_file(root_ / path, 4u << 20);
    if (!text || !utf8_valid(*text)) return std::nullopt;
    // Only what was copied may be changed: the user may have saved the file since.
    auto copied = workplaces_[0].tree->read(path);
    if (!copied || *copied != *text)
      return copied ? std::optional<std::string>(*copied) : std::nullopt;
    return std::move(*text);
  }

  Result<Comparison> accept(const std::string& path, const std::string& text) {
    // What passed the quick check may finish a little after the deadline.
    const double run_s = std::max({10.0, left(), 3 * before().wall_s + 5});
    return evidence_->measure({{path, text}}, run_s, outer_);
  }

  SearchOptions search_options() {
    SearchOptions search_options;
    search_options.command = command();
    search_options.red_command = red_command_;
    double slowest = 0;
    // Red tests count too: what they compute when right may take as long as it does when wrong.
    for (const TestCase& test : before().tests)
      if (test.status == TestStatus::passed || test.status == TestStatus::failed)
        slowest = std::max(slowest, test.seconds);
    search_options.test_cpu_s = std::clamp(5 * slowest + 0.1, 0.15, 10.0);
    const double usual_wall_s = before().timed_out ? 5 : before().wall_s;
    search_options.trial_wall_s = std::clamp(3 * usual_wall_s + 3, 5.0, 120.0);
    // Nobody knows how long it takes when it ends, and most edits do not help.
    if (hangs()) {
      search_options.trial_wall_s = std::clamp(left() / 10, 3.0, 10.0);
      search_options.first_wall_s = std::clamp(left() / 40, 0.5, 2.0);
      search_options.more_s = 5;
    }
    search_options.try_hot = try_hot_;
    search_options.load_again = [this](const Workplace& place) -> std::unique_ptr<WarmPytest> {
      auto warm = WarmPytest::start(*place.sandbox, command(), warm_setup_, token());
      return warm && (*warm)->n_items() > 0 ? std::move(*warm) : nullptr;
    };
    search_options.max_candidates = options_.limits.max_candidates;
    search_options.cpu_s = options_.limits.cpu_s;
    search_options.try_all = options_.limits.try_all;
    if (search_options.try_all) search_options.max_passing = kPassingOfAll;
    return search_options;
  }

  Status validate(const std::vector<Candidate>& candidates) {
    SearchOptions how = search_options();
    how.on_progress = [&](size_t tried) { say("validate", "", tried, candidates.size()); };
    say("validate", "", 0, candidates.size());
    SearchResult found = search(
        workplaces_, candidates, [&](const std::string& path) { return base_text(path); },
        [&](const std::string& path, const std::string& text) {
          say("accept", path);
          return accept(path, text);
        },
        how, token());
    if (!options_.candidates.empty())
      ENGRAMD_CHECK(
          write_file_atomic(options_.candidates, candidate_log(candidates, found.trials)));
    report_.n_tried = found.n_tried;
    report_.cpu_s += found.cpu_s;
    note(found.notes);
    if (found.n_rejected_at_the_end > 0)
      note({std::to_string(found.n_rejected_at_the_end) +
            " candidates passed the red tests and then failed the whole command"});
    if (found.passing.empty()) return nothing_found(found);
    widen_to_siblings(candidates, found.passing);
    drop_flaky(found.passing);
    if (found.passing.empty()) {
      report_.outcome = Outcome::unresolved;
      report_.problem = "what passed did not pass again: the tests are not stable";
      return {};
    }
    const std::vector<Judged> judged =
        judge({candidates, found.passing, traced_, report_.n_red_before, report_.n_passed_before,
               token().cancelled(), found.n_tried});
    return finish(candidates, found.passing, judged);
  }

  // The same line close by was written by the same hand: what is wrong here is wrong there. Kept
  // when the tests pass with both changed.
  void widen_to_siblings(const std::vector<Candidate>& candidates, std::vector<Passing>& passing) {
    for (size_t i = 0; i < std::min<size_t>(passing.size(), 3); ++i) {
      const Candidate& candidate = candidates[passing[i].index];
      const auto before = base_text(candidate.path);
      if (!before) continue;
      const auto widened = at_siblings(*before, candidate);
      if (!widened) continue;
      auto after = accept(candidate.path, *widened);
      if (!after || !after->sure()) continue;
      report_.cpu_s += after->run.cpu_s;
      passing[i].text = *widened;
      passing[i].after = std::move(*after);
      note({"the same edit was made at the same line close by"});
    }
  }

  Status nothing_found(const SearchResult& found) {
    if (outer_.cancelled())
      report_.outcome = Outcome::cancelled;
    else
      report_.outcome = found.ran_out ? Outcome::budget : Outcome::unresolved;
    report_.problem = report_.outcome == Outcome::budget      ? ran_out()
                      : report_.outcome == Outcome::cancelled ? "cancelled"
                                                              : "no candidate passes the tests";
    return {};
  }

  // A test that is red now and then turns green without any help: the unchanged tree is run once
  // more. Only where runs are short.
  void drop_flaky(std::vector<Passing>& passing) {
    if (outer_.cancelled()) return;
    say("accept", "the unchanged tree once more");
    (void)evidence_->look_again(20, outer_);  // without it what passed stands as it is
    note(evidence_->notes());
    std::erase_if(passing, [&](const Passing& one) { return !evidence_->still_proves(one.after); });
  }

  std::string patch_of(const Candidate& candidate, const Passing& passing) {
    return unified_diff({{candidate.path, base_text(candidate.path), passing.text}});
  }

  Status finish(const std::vector<Candidate>& candidates, const std::vector<Passing>& passing,
                const std::vector<Judged>& judged) {
    const Judged& best = judged.front();
    const Passing& accepted = passing[best.place];
    const Candidate& candidate = candidates[accepted.index];
    report_.accepted_at = accepted.index + 1;
    report_.edit_kind = std::string(candidate.kind);
    report_.confidence = best.confidence;
    report_.reasons = best.reasons;
    report_.signs = best.signs;
    const bool sure = best.confidence >= options_.limits.min_confidence;
    for (size_t i = sure ? 1 : 0; i < judged.size(); ++i) {
      const Passing& other = passing[judged[i].place];
      const Candidate& edit = candidates[other.index];
      report_.suggestions.push_back({patch_of(edit, other), std::string(edit.kind), edit.path,
                                     judged[i].confidence, judged[i].reasons, judged[i].signs});
    }
    if (!sure) {
      report_.outcome = Outcome::unverified;
      report_.problem = "edits that pass the tests were found, none sure enough to be the fix";
      return {};
    }
    report_.outcome = Outcome::resolved;
    report_.changed_files = {candidate.path};
    const auto before = base_text(candidate.path);
    const std::vector<FileChange> changes{{candidate.path, before, accepted.text}};
    report_.patch = unified_diff(changes);
    evidence_->describe(&accepted.after, report_);
    if (options_.apply) {
      const fs::path journal =
          options_.journal_folder.empty() ? state_folder() / "journal" : options_.journal_folder;
      ENGRAMD_TRY(const Applied applied,
                  apply_changes(root_, changes, journal,
                                {options_.task.empty() ? command().text : options_.task, {}}));
      report_.applied = true;
      report_.journal = applied.journal;
    }
    return {};
  }

  const FixOptions& options_;
  const Clock::time_point start_;
  const double start_cpu_s_;
  const Clock::time_point deadline_;
  const CancelSource source_;  // the caller's token with our deadline
  const CancelToken outer_;
  SandboxMode mode_ = SandboxMode::automatic;
  fs::path root_;
  std::optional<Evidence> evidence_;  // what the tests say, before and after
  std::vector<Workplace> workplaces_;
  std::optional<TestCommand> red_command_;
  std::vector<TracedTest> traced_;
  WarmPytest::Setup warm_setup_;
  bool try_hot_ = true;
  Report report_;
};

}  // namespace

Result<Report> fix(const FixOptions& options, const CancelToken& cancel) {
  if (!(options.limits.wall_s > 0))
    return fail(ErrorCode::invalid_input, "the time budget must be more than 0 seconds");
  return Fixer(options, cancel).run();
}

}  // namespace engramd::agent
