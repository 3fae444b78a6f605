// agent/solve/evidence.h - what the tests say of a change: before and after, on fresh trees.
//
// The one place where a patch is judged, whichever strategy made it. Every run has a tree of its
// own: the user's files with the unsaved texts, and then the change, so that nothing a model or an
// earlier run left behind counts. What is red before is run twice, what broke after is run again;
// a test whose answers differ is flaky and proves nothing. One thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/fix.h"
#include "agent/loop/judge.h"
#include "agent/sandbox/sandbox.h"
#include "agent/solve/report.h"
#include "agent/tests/runner.h"
#include "base/file.h"

namespace engramd::agent {

struct Workplace;  // agent/repair/search.h

struct EvidenceOptions {
  std::filesystem::path repo;
  std::map<std::string, std::string> unsaved;
  SandboxMode sandbox = SandboxMode::automatic;
  TestSetup tests;         // what it leaves open is found in the project
  double run_s = 600;      // wall time of one run of the tests
  double recheck_s = 120;  // runs longer than this are not repeated
  double test_s = 0;       // one test, where the framework has such a limit; 0: a quarter of run_s
  double hang_s = 0;       // pytest: once a test has hung, the run before ends after this; 0: never
  std::optional<uint64_t> pytest_data_bytes;  // memory that a run of pytest may have
  // The list of tests after a change is read without anything of ours in their process.
  bool plain_after = false;
  // A command that does not end on the tree as it is is taken for red, not for a broken machine.
  bool hang_is_red = false;
  CommandGate command_gate;  // for the command of a reproduction test
  std::function<void(const FixProgress&)> progress;
};

// How a change does against the tree as it was.
struct Comparison {
  std::vector<std::string> fixed, still_red, broken, flaky;
  TestRun run;  // after; empty when there are no tests
  bool ran = false;
  std::optional<bool> reproduction_passes;
  std::string reproduction_output;
  // No test broke, and everything that was red and can be told passes.
  bool good() const;
  // A test that failed before passes now.
  bool proves() const { return !fixed.empty() || reproduction_passes.value_or(false); }
  // The whole command is green and something proves it: what a search needs, which tries so many
  // changes that one of them makes a half-red command look better.
  bool sure() const { return ran && run.green && broken.empty() && proves(); }
};

class Evidence final : public FinishJudge {
 public:
  explicit Evidence(EvidenceOptions options);

  // Which command it is; false: none was given and none is found.
  bool find_command();
  // Runs the tests on the tree as it is. An error when there is no sandbox, or the token says stop;
  // what is wrong with the tests themselves is in problem().
  Status look_before(const CancelToken& cancel);
  // The same in a place that goes on being used: what the run builds is there for the next one.
  Status look_before_in(const Workplace& place, const CancelToken& cancel);
  // The tree as it is once more, unless that was done or took longer: finds flaky tests.
  Status look_again(double longest_s, const CancelToken& cancel);
  // Without a run before: a change is held to green tests, and none of them proves anything.
  void skip_before();
  const TestRun& before() const { return before_; }
  bool has_tests() const { return has_tests_; }
  bool green_before() const { return has_tests_ && looked_ && before_.green; }
  // The tests cannot be run: one sentence. Work without them is possible unless the user named the
  // command.
  const std::string& problem() const { return problem_; }
  const std::string& test_command() const { return command_.text; }
  const TestCommand& command() const { return command_; }
  const std::vector<std::string>& notes() const { return notes_; }

  // Remembered by the change, so that asking twice costs once.
  Result<Comparison> compare(const Changes& changes, const CancelToken& cancel);
  // One run on a fresh tree and nothing else. Any thread, once the run before has ended.
  Result<Comparison> measure(const Changes& changes, double run_s, const CancelToken& cancel) const;
  // Gives a new place what the run before has left in the compilers' caches, so that it need not
  // compile the world anew. No change is in them: the copy was made before any. Any thread.
  void warm_up(const Workplace& place, const CancelToken& cancel) const;
  // Whether it still proves something, now that more flaky tests are known.
  bool still_proves(const Comparison& comparison) const;

  // Into the report: counts, each test that was red before or is red after, the reproduction.
  void describe(const Comparison* after, Report& report) const;

  // FinishJudge
  Result<FinishVerdict> judge(const Changes& changed, const CancelToken& cancel) override;
  std::vector<Tool> tools() override;
  std::string briefing() const override;
  std::string state_json() const override;
  Status restore(const std::string& state) override;

 private:
  struct Reproduction {
    std::string path, text, command, before_output;
    int before_exit = 0;
  };
  static Status put(const Changes& changes, const WorkTree& tree);
  struct How {
    double run_s = 0, hang_s = 0;
    bool plain = false;
  };
  TestRunOptions run_options(const How& how) const;
  Result<TestRun> run_on_fresh_tree(const Changes& changes, const How& how,
                                    const CancelToken& cancel) const;
  void seen_before(TestRun run);
  Comparison compared(TestRun run) const;
  Result<ProcessResult> run_reproduction(const Reproduction& test, const Changes& changes,
                                         const CancelToken& cancel) const;
  Status check_reproduction(const Changes& changes, Comparison& to,
                            const CancelToken& cancel) const;
  Result<std::string> default_command(const std::string& path) const;
  Result<ToolOutcome> reproduce(ToolContext& context, const Arguments& arguments);
  std::string complaint_about(const Comparison& comparison) const;
  void say(const std::string& detail) const;

  const EvidenceOptions options_;
  TestCommand command_;
  std::optional<TemporaryFolder> compiler_cache_;  // as the run before left it
  bool has_tests_ = false, looked_ = false, looked_again_ = false;
  TestRun before_;
  std::set<std::string> flaky_;
  std::string problem_;
  std::vector<std::string> notes_;
  std::optional<Reproduction> reproduction_;
  std::string last_key_;
  Comparison last_;
  bool asked_about_nothing_ = false;
};

}  // namespace engramd::agent
