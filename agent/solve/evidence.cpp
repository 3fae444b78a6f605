#include "agent/solve/evidence.h"

#include <algorithm>

#include "agent/repair/search.h"
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

Result<TestRun> Evidence::run_on_fresh_tree(const Changes& changes, const CancelToken& cancel) {
  ENGRAMD_TRY(Workplace place,
              Workplace::make(options_.repo, options_.sandbox, options_.unsaved, cancel));
  for (const std::string& note : place.sandbox->notes())
    if (std::find(notes_.begin(), notes_.end(), note) == notes_.end()) notes_.push_back(note);
  ENGRAMD_CHECK(put(changes, *place.tree));
  TestRunOptions run;
  run.limits.wall_ms = static_cast<int64_t>(1000 * options_.run_s);
  run.test_seconds = std::max(5.0, options_.run_s / 4);
  ENGRAMD_TRY(TestRun done, run_tests(*place.sandbox, command_, run, cancel));
  ENGRAMD_CHECK(cancel.check());
  return done;
}

bool Evidence::find_command() {
  const auto command = choose_test_command(options_.tests, options_.repo);
  if (!command) {
    notes_.push_back("no test command was given and none was found: nothing can judge a change");
    return false;
  }
  command_ = *command;
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
  say(command_.text);
  ENGRAMD_TRY(before_, run_on_fresh_tree({}, cancel));
  looked_ = true;
  has_tests_ = true;
  if (!before_.problem.empty()) {
    problem_ = before_.problem;
  } else if (before_.timed_out && before_.tests.empty()) {
    problem_ = "the test command did not end within " +
               std::to_string(static_cast<int64_t>(options_.run_s)) +
               " s; give a shorter one with --test";
  }
  if (!problem_.empty()) {
    has_tests_ = false;
    return {};
  }
  if (before_.timed_out)
    notes_.push_back("the test command did not end in time; the tests that ended are the evidence");
  if (before_.green || before_.tests.empty() || before_.wall_s > options_.recheck_s) return {};
  // Red twice is red; red once and green once says nothing about a change.
  say("once more, to know the flaky ones");
  ENGRAMD_TRY(const TestRun again, run_on_fresh_tree({}, cancel));
  std::map<std::string, bool> red_again;
  for (const TestCase& test : again.tests) red_again[test.id] = test.red();
  for (const TestCase& test : before_.tests)
    if (const auto found = red_again.find(test.id);
        found != red_again.end() && found->second != test.red())
      flaky_.insert(test.id);
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

Result<Comparison> Evidence::compare(const Changes& changes, const CancelToken& cancel) {
  const std::string key = key_of(changes, state_json());
  if (key == last_key_) return last_;
  Comparison out;
  if (reproduction_) ENGRAMD_CHECK(check_reproduction(changes, out, cancel));
  if (has_tests_) {
    say(command_.text);
    ENGRAMD_TRY(out.run, run_on_fresh_tree(changes, cancel));
    out.ran = true;
    std::map<std::string, const TestCase*> after;
    for (const TestCase& test : out.run.tests) after[test.id] = &test;
    std::set<std::string> known;
    for (const TestCase& test : before_.tests) {
      known.insert(test.id);
      if (flaky_.contains(test.id)) continue;
      const auto found = after.find(test.id);
      const bool is_gone = found == after.end();
      if (test.red()) {
        const bool passes = is_gone ? out.run.green : found->second->status == TestStatus::passed;
        (passes ? out.fixed : out.still_red).push_back(test.id);
      } else if (test.status == TestStatus::passed &&
                 (is_gone ? !out.run.green : found->second->red())) {
        out.broken.push_back(test.id);
      }
    }
    for (const TestCase& test : out.run.tests)
      if (test.red() && !known.contains(test.id) && before_.tests.size() > 0)
        out.broken.push_back(test.id);
    if (!looked_ && !out.run.green) {
      out.still_red = out.run.red_ids();
      if (out.still_red.empty()) out.still_red.push_back(command_.text);
    }
    // Without names of tests the exit status is all there is.
    if (looked_ && (before_.tests.empty() || out.run.tests.empty())) {
      if (!before_.green && out.run.green && out.fixed.empty()) out.fixed.push_back(command_.text);
      if (before_.green && !out.run.green && out.broken.empty())
        out.broken.push_back(command_.text);
    }
    if (!out.broken.empty() && !out.run.timed_out && out.run.wall_s <= options_.recheck_s) {
      say("once more, what broke");
      ENGRAMD_TRY(const TestRun again, run_on_fresh_tree(changes, cancel));
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
      status = found == now.end() ? "not listed" : std::string(to_string(found->second->status));
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
