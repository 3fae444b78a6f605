#include "agent/solve/evidence.h"

#include <algorithm>

#include "agent/repair/search.h"
#include "agent/tests/compare.h"
#include "agent/tools/tool.h"
#include "base/hash.h"

namespace engramd::agent {
namespace {

constexpr size_t kShownTests = 10;
constexpr size_t kShownBytes = 3000;

std::string key_of(const Changes& changes, const std::string& reproduction) {
  std::string all = reproduction;
  for (const auto& [path, text] : changes)
    all += path + '\0' + (text ? std::to_string(text->size()) + '\0' + *text : "-\0");
  return hash128_hex(all);
}

std::string list_of(const std::vector<std::string>& ids) {
  std::string out;
  for (size_t i = 0; i < std::min(ids.size(), kShownTests); ++i) out += "  " + ids[i] + "\n";
  if (ids.size() > kShownTests)
    out += "  and " + std::to_string(ids.size() - kShownTests) + " more\n";
  return out;
}

// What the failing tests say, the shortest first: that is where a mistake is easiest to read.
std::string failures_of(const TestRun& run, const std::vector<std::string>& ids) {
  std::vector<std::string> messages;
  for (const TestCase& test : run.tests)
    if (test.red() && !test.message.empty() &&
        std::find(ids.begin(), ids.end(), test.id) != ids.end())
      messages.push_back(test.id + ":\n" + test.message + "\n");
  std::sort(messages.begin(), messages.end(),
            [](const std::string& a, const std::string& b) { return a.size() < b.size(); });
  if (messages.empty()) return capped(run.output, kShownBytes);
  std::string out = messages.front();
  for (size_t i = 1; i < messages.size() && out.size() + messages[i].size() < kShownBytes; ++i)
    out += messages[i];
  return capped(out, kShownBytes);
}

}  // namespace

Status Evidence::put(const Changes& changes, const WorkTree& tree) {
  for (const auto& [path, text] : changes) {
    if (text) {
      ENGRAMD_CHECK(tree.write(path, *text));
    } else if (is_safe_relative_path(path)) {
      std::error_code error;
      std::filesystem::remove(tree.root() / path, error);
    }
  }
  return {};
}

bool Comparison::good() const {
  if (!broken.empty()) return false;
  if (reproduction_passes && !*reproduction_passes) return false;
  if (!ran || run.green) return true;
  // The command is red: good only when each red test is known to have nothing to do with it.
  if (run.tests.empty() || run.timed_out || !run.problem.empty()) return false;
  return still_red.empty() || reproduction_passes.value_or(false);
}

Evidence::Evidence(EvidenceOptions options) : options_(std::move(options)) {}

void Evidence::say(const std::string& detail) const {
  if (options_.progress) options_.progress({"tests", detail, 0, 0});
}

TestRunOptions Evidence::run_options(const How& how) const {
  TestRunOptions run;
  run.limits.wall_ms = static_cast<int64_t>(1000 * how.run_s);
  if (command_.pytest && options_.pytest_data_bytes)
    run.limits.max_data_bytes = *options_.pytest_data_bytes;
  run.test_seconds = options_.test_s > 0 ? options_.test_s : std::max(5.0, how.run_s / 4);
  run.run_seconds = how.hang_s;
  run.detailed = !how.plain;
  return run;
}

Result<TestRun> Evidence::run_on_fresh_tree(const Changes& changes, const How& how,
                                            const CancelToken& cancel) const {
  ENGRAMD_TRY(const Workplace place,
              Workplace::make(options_.repo, options_.sandbox, options_.unsaved, cancel));
  ENGRAMD_CHECK(put(changes, *place.tree));
  warm_up(place, cancel);
  ENGRAMD_TRY(TestRun done, run_tests(*place.sandbox, command_, run_options(how), cancel));
  ENGRAMD_CHECK(cancel.check());
  return done;
}

bool Evidence::find_command() {
  if (!command_.text.empty()) return true;
  auto command = choose_test_command(options_.tests, options_.repo);
  if (!command) {
    notes_.push_back("no test command was given and none was found: nothing can judge a change");
    return false;
  }
  command_ = *std::move(command);
  return true;
}

void Evidence::skip_before() {
  has_tests_ = find_command();
  if (has_tests_) notes_.push_back("the tests were not run before: nothing shows what was red");
}

Status Evidence::look_before(const CancelToken& cancel) {
  if (looked_) return {};
  if (!find_command()) {
    looked_ = true;
    return {};
  }
  ENGRAMD_TRY(const Workplace place,
              Workplace::make(options_.repo, options_.sandbox, options_.unsaved, cancel));
  return look_before_in(place, cancel);
}

Status Evidence::look_before_in(const Workplace& place, const CancelToken& cancel) {
  notes_ = place.sandbox->notes();
  if (!find_command()) {
    looked_ = true;
    return {};
  }
  say(command_.text);
  const How how{options_.run_s, options_.hang_s, false};
  ENGRAMD_TRY(TestRun run, run_tests(*place.sandbox, command_, run_options(how), cancel));
  ENGRAMD_CHECK(cancel.check());
  if (auto folder = TemporaryFolder::make("engramd-compiled");
      folder && place.sandbox->save_compiler_cache(folder->path(), cancel))
    compiler_cache_.emplace(std::move(*folder));
  seen_before(std::move(run));
  if (!has_tests_ || before_.timed_out || before_.tests.empty()) return {};
  return look_again(options_.recheck_s, cancel);
}

void Evidence::warm_up(const Workplace& place, const CancelToken& cancel) const {
  // Without it runs are slower, and nothing else.
  if (compiler_cache_) (void)place.sandbox->load_compiler_cache(compiler_cache_->path(), cancel);
}

void Evidence::seen_before(TestRun run) {
  before_ = std::move(run);
  looked_ = has_tests_ = true;
  const bool hung = before_.timed_out && before_.tests.empty();
  const std::string hung_text = "the test command did not end within " +
                                std::to_string(static_cast<int64_t>(options_.run_s)) + " s";
  if (!before_.problem.empty())
    problem_ = before_.problem;
  else if (hung && !options_.hang_is_red)
    problem_ = hung_text + "; give a shorter one with --test";
  if (!problem_.empty()) has_tests_ = false;
  if (hung && options_.hang_is_red)
    notes_.push_back(hung_text + ": a change that lets it end would be the fix");
  else if (before_.timed_out && problem_.empty())
    notes_.push_back("the test command did not end in time; the tests that ended are the evidence");
}

// Red twice is red; red once and green once says nothing about a change.
Status Evidence::look_again(double longest_s, const CancelToken& cancel) {
  if (!has_tests_ || !looked_ || looked_again_ || before_.green || before_.timed_out ||
      before_.wall_s > longest_s)
    return {};
  say("once more, to know the flaky ones");
  const double run_s = std::min(options_.run_s, 3 * before_.wall_s + 10);
  ENGRAMD_TRY(const TestRun again, run_on_fresh_tree({}, {run_s, 0, false}, cancel));
  if (again.timed_out) return {};
  looked_again_ = true;
  std::map<std::string, bool> red_again;
  for (const TestCase& test : again.tests) red_again[test.id] = test.red();
  for (const TestCase& test : before_.tests)
    if (const auto found = red_again.find(test.id);
        found != red_again.end() && found->second != test.red())
      flaky_.insert(test.id);
  if (again.green && flaky_.empty()) flaky_.insert(command_.text);
  if (!flaky_.empty())
    notes_.push_back(std::to_string(flaky_.size()) +
                     " tests are flaky (two runs of the same tree differ) and prove nothing: " +
                     *flaky_.begin() + (flaky_.size() > 1 ? ", …" : ""));
  return {};
}

Status Evidence::check_reproduction(const Changes& changes, Comparison& to,
                                    const CancelToken& cancel) const {
  say("the reproduction test");
  ENGRAMD_TRY(const ProcessResult ran, run_reproduction(*reproduction_, changes, cancel));
  to.reproduction_passes = ran.ok();
  to.reproduction_output =
      ran.timed_out ? "it did not end in time\n" + ran.stdout_text : ran.stdout_text;
  return {};
}

Result<Comparison> Evidence::measure(const Changes& changes, double run_s,
                                     const CancelToken& cancel) const {
  ENGRAMD_TRY(TestRun run, run_on_fresh_tree(changes, {run_s, 0, options_.plain_after}, cancel));
  return compared(std::move(run));
}

Comparison Evidence::compared(TestRun run) const {
  Comparison out;
  out.ran = true;
  const auto add = [&](const TestChange& change, std::vector<std::string>& to) {
    if (!flaky_.contains(change.id)) to.push_back(change.id);
  };
  const auto was_red = [](const TestChange& change) {
    return change.before && *change.before != TestStatus::passed &&
           *change.before != TestStatus::skipped;
  };
  const TestComparison tests = agent::compare(before_, run);
  for (const TestChange& change : tests.fixed) add(change, out.fixed);
  for (const TestChange& change : tests.still_red) add(change, out.still_red);
  for (const TestChange& change : tests.broken)
    if (change.before == TestStatus::passed) add(change, out.broken);
  // What is not listed any more is judged by the exit status.
  for (const TestChange& change : tests.vanished) {
    if (was_red(change))
      add(change, run.green ? out.fixed : out.still_red);
    else if (change.before == TestStatus::passed && !run.green)
      add(change, out.broken);
  }
  if (!before_.tests.empty())
    for (const TestChange& change : tests.added)
      if (change.after && *change.after != TestStatus::passed &&
          *change.after != TestStatus::skipped)
        out.broken.push_back(change.id);
  if (!looked_ && !run.green) {
    out.still_red = run.red_ids();
    if (out.still_red.empty()) out.still_red.push_back(command_.text);
  }
  // Without names of tests the exit status is all there is.
  if (looked_ && (before_.tests.empty() || run.tests.empty()) && !flaky_.contains(command_.text)) {
    if (!before_.green && run.green && out.fixed.empty()) out.fixed.push_back(command_.text);
    if (before_.green && !run.green && out.broken.empty()) out.broken.push_back(command_.text);
  }
  out.run = std::move(run);
  return out;
}

bool Evidence::still_proves(const Comparison& comparison) const {
  return comparison.reproduction_passes.value_or(false) ||
         std::any_of(comparison.fixed.begin(), comparison.fixed.end(),
                     [&](const std::string& id) { return !flaky_.contains(id); });
}

Result<Comparison> Evidence::compare(const Changes& changes, const CancelToken& cancel) {
  const std::string key = key_of(changes, state_json());
  if (key == last_key_) return last_;
  Comparison out;
  if (reproduction_) ENGRAMD_CHECK(check_reproduction(changes, out, cancel));
  if (has_tests_) {
    say(command_.text);
    Comparison now;
    ENGRAMD_TRY(now, measure(changes, options_.run_s, cancel));
    now.reproduction_passes = out.reproduction_passes;
    now.reproduction_output = std::move(out.reproduction_output);
    out = std::move(now);
    if (!out.broken.empty() && !out.run.timed_out && out.run.wall_s <= options_.recheck_s) {
      say("once more, what broke");
      ENGRAMD_TRY(const TestRun again,
                  run_on_fresh_tree(changes, {options_.run_s, 0, options_.plain_after}, cancel));
      std::set<std::string> passes_now;
      for (const TestCase& test : again.tests)
        if (test.status == TestStatus::passed) passes_now.insert(test.id);
      for (const std::string& id : out.broken)
        if (passes_now.contains(id)) out.flaky.push_back(id);
      std::erase_if(out.broken, [&](const std::string& id) { return passes_now.contains(id); });
      if (again.green) out.run.green = true;
    }
  }
  last_key_ = key;
  last_ = out;
  return out;
}

std::string Evidence::complaint_about(const Comparison& c) const {
  if (c.reproduction_passes && !*c.reproduction_passes)
    return "your reproduction test " + reproduction_->path + " still fails:\n" +
           capped(c.reproduction_output, kShownBytes);
  if (c.run.timed_out)
    return "with your change the tests do not end within " +
           std::to_string(static_cast<int64_t>(options_.run_s)) + " s:\n" +
           capped(c.run.output, kShownBytes);
  if (!c.run.problem.empty())
    return "with your change the tests cannot be run: " + c.run.problem + "\n" +
           capped(c.run.output, kShownBytes);
  if (!c.broken.empty())
    return std::to_string(c.broken.size()) + " tests passed before your change and fail now:\n" +
           list_of(c.broken) + failures_of(c.run, c.broken);
  if (!c.still_red.empty())
    return std::to_string(c.still_red.size()) + " tests that were red still fail:\n" +
           list_of(c.still_red) + failures_of(c.run, c.still_red);
  return "the tests fail:\n" + capped(c.run.output, kShownBytes);
}

Result<FinishVerdict> Evidence::judge(const Changes& changed, const CancelToken& cancel) {
  if (changed.empty() && !asked_about_nothing_) {
    asked_about_nothing_ = true;
    return FinishVerdict{false, false,
                         "no file has been changed. If the task really needs no change, call "
                         "finish again and say why."};
  }
  if (changed.empty() && (!has_tests_ || before_.green) && !reproduction_)
    return FinishVerdict{true, false, {}};
  ENGRAMD_TRY(const Comparison comparison, compare(changed, cancel));
  if (comparison.good()) return FinishVerdict{true, comparison.proves(), {}};
  return FinishVerdict{false, true, complaint_about(comparison)};
}

std::string Evidence::briefing() const {
  if (!problem_.empty()) return "The tests cannot be run here: " + problem_;
  if (!has_tests_)
    return "Nothing judges your change but what you try yourself: show the problem with "
           "`reproduce` first.";
  if (!looked_) return {};
  if (before_.green)
    return "All of them pass on the code as it is, so none shows the problem yet: write one that "
           "does with `reproduce` first.";
  const auto red = before_.red_ids();
  if (red.empty()) return "They fail on the code as it is:\n" + capped(before_.output, kShownBytes);
  return "On the code as it is " + std::to_string(before_.count(TestStatus::passed)) +
         " pass and these are red:\n" + list_of(red) + failures_of(before_, red);
}

void Evidence::describe(const Comparison* after, Report& report) const {
  report.test_command = command_.text;
  report.framework = std::string(to_string(command_.framework));
  report.n_passed_before = before_.count(TestStatus::passed);
  report.n_red_before = before_.red_ids().size();
  report.tests.clear();
  std::map<std::string, const TestCase*> now;
  if (after != nullptr) {
    report.n_passed_after = after->run.count(TestStatus::passed);
    report.n_red_after = after->run.red_ids().size();
    report.broken = after->broken;
    report.fixed = after->fixed;
    report.flaky = after->flaky;
    for (const TestCase& test : after->run.tests) now[test.id] = &test;
  }
  report.flaky.insert(report.flaky.end(), flaky_.begin(), flaky_.end());
  std::set<std::string> known;
  for (const TestCase& test : before_.tests) {
    known.insert(test.id);
    const auto found = now.find(test.id);
    const bool red_now = found != now.end() && found->second->red();
    if (!test.red() && !red_now) continue;
    std::string status;
    if (after != nullptr && after->ran)
      status = found != now.end() ? std::string(to_string(found->second->status))
               : after->run.green ? "not listed, exit status 0"
                                  : "not listed";
    report.tests.push_back({test.id, std::string(to_string(test.status)), status,
                            red_now && !test.red() ? found->second->message : test.message});
  }
  if (after != nullptr)
    for (const TestCase& test : after->run.tests)
      if (test.red() && !known.contains(test.id))
        report.tests.push_back({test.id, "", std::string(to_string(test.status)), test.message});
  if (reproduction_) {
    report.reproduction.path = reproduction_->path;
    report.reproduction.command = reproduction_->command;
    report.reproduction.text = reproduction_->text;
    report.reproduction.before = "failed";
    report.reproduction.message = capped(reproduction_->before_output, kShownBytes);
    if (after != nullptr && after->reproduction_passes)
      report.reproduction.after = *after->reproduction_passes ? "passed" : "failed";
  }
}

}  // namespace engramd::agent
