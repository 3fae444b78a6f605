#include "agent/fix.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <set>

#include "agent/edit/apply.h"
#include "agent/edit/unified_diff.h"
#include "agent/repair/localise.h"
#include "agent/repair/mutate.h"
#include "agent/repair/search.h"
#include "agent/tests/warm_pytest.h"
#include "base/environment.h"
#include "base/file.h"
#include "base/text.h"
#include "base/thread_pool.h"

namespace engramd::agent {
namespace {

namespace fs = std::filesystem;

constexpr size_t kRanked = 256;        // candidates a ranker is asked about, per file
constexpr size_t kProposedLines = 12;  // lines a proposer is asked about

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
      report_.problem = done.error().message;
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
    std::optional<TestCommand> command;
    if (options_.test_command)
      command = read_test_command(*options_.test_command);
    else
      command = detect_test_command(root_);
    if (!command || command->text.empty())
      return infra(
          "no test command was given and none was found in " + root_.string() +
          " (looked for pytest, unittest, npm test, node --test, cargo, go, make and ctest)");
    command_ = *command;
    report_.test_command = command_.text;
    report_.framework = std::string(to_string(command_.framework));

    say("copy", root_.string());
    ENGRAMD_TRY(Workplace first, Workplace::make(root_, mode_, options_.unsaved, token()));
    note(first.sandbox->notes());
    for (const std::string& folder : first.tree->read_only_folders())
      note({folder + " is shown read-only to the tests, not copied"});
    workplaces_.push_back(std::move(first));

    ENGRAMD_TRY(const bool red, run_before());
    if (!red) return {};
    start_warm_runners();
    ENGRAMD_CHECK(token().check());
    const std::vector<TracedTest> traced = trace();
    ENGRAMD_CHECK(token().check());
    say("locate", "");
    ENGRAMD_TRY(Localisation places, localise({*workplaces_[0].tree, options_.task, before_, traced,
                                               options_.limits.max_files, options_.parse_hosts},
                                              token()));
    note(places.notes);
    for (const SuspectFile& file : places.files) report_.files_considered.push_back(file.path);
    if (places.files.empty()) {
      report_.outcome = Outcome::unresolved;
      report_.problem = "no source file that could hold the mistake was found";
      return {};
    }
    std::vector<Candidate> candidates = propose(places);
    report_.n_candidates = candidates.size();
    return validate(candidates);
  }

  Status infra(std::string problem) {
    report_.outcome = Outcome::infra;
    report_.problem = std::move(problem);
    return {};
  }

  // Whether there is something red to work on.
  Result<bool> run_before() {
    say("tests", command_.text);
    TestRunOptions run;
    const double budget = options_.limits.wall_s;
    // Half of the budget at most; a single pytest test that hangs may not eat that.
    run.limits.wall_ms = static_cast<int64_t>(1000 * std::max(1.0, budget * 0.5));
    run.test_seconds = std::max(2.0, budget / 15);
    run.run_seconds = budget / 6;
    if (command_.pytest) run.limits.max_data_bytes = 4ull << 30;
    ENGRAMD_TRY(before_, run_tests(*workplaces_[0].sandbox, command_, run, token()));
    ENGRAMD_CHECK(token().check());
    report_.cpu_s += before_.cpu_s;
    report_.n_passed_before = before_.count(TestStatus::passed);
    for (const TestCase& test : before_.tests) {
      if (!test.red()) continue;
      ++report_.n_red_before;
      report_.tests.push_back({test.id, std::string(to_string(test.status)), "", test.message});
    }
    if (!before_.problem.empty()) return infra(before_.problem), false;
    if (before_.green) {
      report_.outcome = Outcome::nothing_to_fix;
      return false;
    }
    if (before_.timed_out && before_.tests.empty()) {
      infra("the test command did not end within " + std::to_string(run.limits.wall_ms / 1000) +
            " s; it was stopped with everything it had started");
      return false;
    }
    if (before_.timed_out) {
      note({"the test command did not end in time; the tests that ended are the evidence"});
    }
    if (before_.tests.empty())
      note({"the output of the tests was not understood: only the exit status is used"});
    return true;
  }

  std::vector<std::string> red_test_files() const {
    std::vector<std::string> files;
    for (const std::string& id : before_.red_ids()) {
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
      workplaces_.push_back(std::move(*place));
    }
    if (!command_.pytest) return;
    WarmPytest::Setup setup;
    setup.first = before_.red_ids();
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
      auto warm = WarmPytest::start(*workplaces_[i].sandbox, command_, setup, token());
      if (warm && (*warm)->n_items() > 0)
        workplaces_[i].warm = std::move(*warm);
      else
        problems[i] = warm ? "no test was collected" : warm.error().message;
    });
    for (const std::string& problem : problems)
      if (!problem.empty()) note({"candidates are tried by plain test runs: " + problem});
  }

  std::vector<TracedTest> trace() {
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
    const auto red = before_.red_ids();
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

  std::vector<Candidate> propose(const Localisation& places) {
    say("propose", "");
    std::vector<Candidate> all;
    for (const SuspectFile& file : places.files) {
      if (token().cancelled()) break;
      const auto text = base_text(file.path);
      if (!text) continue;
      const auto suspicion = [&](uint32_t line) {
        const auto found = file.lines.find(line);
        if (found != file.lines.end()) return found->second;
        // Lines that no statement starts on (a continued expression) inherit from just above.
        if (places.has_spectrum) {
          for (uint32_t back = 1; back <= 6 && back <= line; ++back)
            if (const auto above = file.lines.find(line - back); above != file.lines.end())
              return above->second * (back == 1 ? 0.6 : 0.3);
        }
        return file.other_lines;
      };
      MutateOptions mutate_options;
      mutate_options.max_candidates = options_.limits.max_candidates;
      auto candidates = mutate(file.path, *text, suspicion, mutate_options);
      if (!candidates) {
        note({candidates.error().message});
        continue;
      }
      add_proposed_lines(file, *text, *candidates);
      rank(file.path, *text, *candidates);
      all.insert(all.end(), std::make_move_iterator(candidates->begin()),
                 std::make_move_iterator(candidates->end()));
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const Candidate& a, const Candidate& b) { return a.order < b.order; });
    return all;
  }

  void add_proposed_lines(const SuspectFile& file, const std::string& text,
                          std::vector<Candidate>& candidates) {
    if (!options_.propose_lines) return;
    std::vector<std::pair<double, uint32_t>> lines;
    for (const auto& [line, score] : file.lines) lines.push_back({-score, line});
    std::sort(lines.begin(), lines.end());
    const LineIndex index(text);
    for (size_t i = 0; i < std::min(lines.size(), kProposedLines); ++i) {
      if (token().cancelled()) return;
      const uint32_t line = lines[i].second;
      const ByteRange range = index.line_range(line, text);
      double cost = 1.3;
      for (std::string& proposed : options_.propose_lines(file.path, text, line)) {
        if (proposed == text.substr(range.begin, range.size())) continue;
        Candidate candidate;
        candidate.path = file.path;
        candidate.edit = {range, std::move(proposed)};
        candidate.line = line;
        candidate.kind = "line proposed by the model";
        candidate.cost = cost;
        candidate.suspicion = -lines[i].first;
        candidate.order = cost + 1.6 * (1 - candidate.suspicion);
        candidates.push_back(std::move(candidate));
        cost += 0.1;
      }
    }
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate& a, const Candidate& b) { return a.order < b.order; });
  }

  void rank(const std::string& path, const std::string& text, std::vector<Candidate>& candidates) {
    if (!options_.ranker) return;
    const size_t n = std::min(candidates.size(), kRanked);
    std::vector<std::string> texts;
    for (size_t i = 0; i < n; ++i) texts.push_back(apply_edit(text, candidates[i].edit));
    const std::vector<double> scores = options_.ranker(path, text, texts);
    if (scores.size() != n) return;
    std::vector<size_t> by_score(n);
    for (size_t i = 0; i < n; ++i) by_score[i] = i;
    std::stable_sort(by_score.begin(), by_score.end(),
                     [&](size_t a, size_t b) { return scores[a] > scores[b]; });
    // The rank, not the score, is used: scales of likelihoods differ from model to model. Half a
    // unit of template cost at most, since no gain of a small model's ranking has been measured.
    for (size_t place = 0; place < n; ++place)
      candidates[by_score[place]].order +=
          0.5 * static_cast<double>(place) / static_cast<double>(n);
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate& a, const Candidate& b) { return a.order < b.order; });
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

  Result<TestRun> accept(const std::string& path, const std::string& text) {
    ENGRAMD_TRY(Workplace fresh, Workplace::make(root_, mode_, options_.unsaved, outer_));
    ENGRAMD_CHECK(fresh.tree->write(path, text));
    TestRunOptions run;
    run.detailed = false;  // nothing of ours in the process that decides
    // What passed the quick check may finish a little after the deadline.
    run.limits.wall_ms =
        static_cast<int64_t>(1000 * std::max({10.0, left(), 3 * before_.wall_s + 5}));
    return run_tests(*fresh.sandbox, command_, run, outer_);
  }

  Status validate(const std::vector<Candidate>& candidates) {
    SearchOptions search_options;
    search_options.command = command_;
    search_options.red_ids = before_.red_ids();
    double slowest = 0;
    // Red tests count too: what they compute when right may take as long as it does when wrong.
    for (const TestCase& test : before_.tests)
      if (test.status == TestStatus::passed || test.status == TestStatus::failed)
        slowest = std::max(slowest, test.seconds);
    search_options.test_cpu_s = std::clamp(5 * slowest + 0.1, 0.15, 10.0);
    const double usual_wall_s = before_.timed_out ? 5 : before_.wall_s;
    search_options.trial_wall_s = std::clamp(3 * usual_wall_s + 3, 5.0, 120.0);
    search_options.try_hot = try_hot_;
    search_options.max_candidates = options_.limits.max_candidates;
    search_options.on_progress = [&](size_t tried) {
      say("validate", "", tried, candidates.size());
    };
    say("validate", "", 0, candidates.size());
    SearchResult found = search(
        workplaces_, candidates, [&](const std::string& path) { return base_text(path); },
        [&](const std::string& path, const std::string& text) {
          say("accept", path);
          return accept(path, text);
        },
        search_options, token());
    report_.n_tried = found.n_tried;
    report_.cpu_s += found.cpu_s;
    note(found.notes);
    if (found.n_rejected_at_the_end > 0)
      note({std::to_string(found.n_rejected_at_the_end) +
            " candidates passed the red tests and then failed the whole command"});
    if (!found.accepted) {
      if (outer_.cancelled())
        report_.outcome = Outcome::cancelled;
      else
        report_.outcome = found.ran_out ? Outcome::budget : Outcome::unresolved;
      report_.problem = report_.outcome == Outcome::budget
                            ? "time or candidates ran out before a passing edit was found"
                        : report_.outcome == Outcome::cancelled ? "cancelled"
                                                                : "no candidate passes the tests";
      return {};
    }
    return finish(candidates[found.accepted->index], *found.accepted);
  }

  Status finish(const Candidate& candidate, const Accepted& accepted) {
    report_.outcome = Outcome::resolved;
    report_.accepted_at = accepted.index + 1;
    report_.edit_kind = std::string(candidate.kind);
    report_.changed_files = {candidate.path};
    const auto before = base_text(candidate.path);
    const std::vector<FileChange> changes{{candidate.path, before, accepted.text}};
    report_.patch = unified_diff(changes);
    report_.n_passed_after = accepted.run.count(TestStatus::passed);
    std::map<std::string, TestStatus> after;
    for (const TestCase& test : accepted.run.tests) after[test.id] = test.status;
    for (TestEvidence& test : report_.tests) {
      const auto found = after.find(test.id);
      // Not listed by name, and the command is green: its exit status is the evidence.
      test.after = found == after.end() ? "not listed, exit status 0"
                                        : std::string(to_string(found->second));
    }
    if (options_.apply) {
      const fs::path journal =
          options_.journal_folder.empty() ? state_folder() / "journal" : options_.journal_folder;
      ENGRAMD_TRY(const Applied applied,
                  apply_changes(root_, changes, journal,
                                {options_.task.empty() ? command_.text : options_.task, {}}));
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
  TestCommand command_;
  std::vector<Workplace> workplaces_;
  TestRun before_;
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
