#include "agent/tests/flaky.h"

#include <algorithm>

namespace engramd::agent {

std::string_view to_string(Steadiness steadiness) {
  switch (steadiness) {
    case Steadiness::green:
      return "green";
    case Steadiness::red:
      return "red";
    case Steadiness::flaky:
      return "flaky";
    case Steadiness::unseen:
      return "not seen again";
  }
  return "flaky";
}

Result<std::vector<RepeatedTest>> check_flaky(const Sandbox& sandbox, const TestCommand& command,
                                              const TestRun& first,
                                              const std::vector<std::string>& ids,
                                              const RepeatOptions& options,
                                              const CancelToken& cancel) {
  std::vector<RepeatedTest> tests;
  for (const bool red : {true, false})
    for (const std::string& id : ids) {
      const TestCase* test = first.find(id);
      if (test == nullptr || test->red() != red || tests.size() >= options.max_tests) continue;
      tests.push_back({id, 1, test->status == TestStatus::passed ? 1 : 0, Steadiness::unseen});
    }
  if (tests.empty()) return tests;
  TestCommand known = command;
  if (known.framework == Framework::unknown) known.framework = first.framework;
  TestRunOptions run_options = options.run;
  for (const RepeatedTest& test : tests) run_options.only.push_back(test.id);

  const auto start = Clock::now();
  for (int i = 0; i < options.repeats; ++i) {
    if (std::chrono::duration<double>(Clock::now() - start).count() > options.max_wall_s) break;
    ENGRAMD_TRY(const TestRun run, run_tests(sandbox, known, run_options, cancel));
    ENGRAMD_CHECK(cancel.check());
    bool undecided = false;
    for (RepeatedTest& test : tests) {
      const TestCase* now = run.find(test.id);
      if (now == nullptr || now->status == TestStatus::skipped) {
        undecided = true;
        continue;
      }
      ++test.n_runs;
      test.n_green += now->status == TestStatus::passed;
      undecided = undecided || test.n_green == 0 || test.n_green == test.n_runs;
    }
    if (!undecided) break;
  }
  for (RepeatedTest& test : tests) {
    if (test.n_runs < 2)
      test.steadiness = Steadiness::unseen;
    else if (test.n_green == test.n_runs)
      test.steadiness = Steadiness::green;
    else
      test.steadiness = test.n_green == 0 ? Steadiness::red : Steadiness::flaky;
  }
  return tests;
}

void mark_flaky(TestComparison& comparison, const std::vector<RepeatedTest>& repeated) {
  for (auto* changes : {&comparison.fixed, &comparison.broken, &comparison.still_red})
    for (TestChange& change : *changes)
      for (const RepeatedTest& test : repeated)
        if (test.id == change.id && test.steadiness == Steadiness::flaky) change.flaky = true;
}

}  // namespace engramd::agent
