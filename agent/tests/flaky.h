// agent/tests/flaky.h - tests that change their mind when nothing else changes.
//
// Runs the tests in question again, alone, in the same sandbox. One thread at a time per sandbox.
#pragma once

#include <string>
#include <vector>

#include "agent/tests/compare.h"
#include "agent/tests/runner.h"

namespace engramd::agent {

enum class Steadiness {
  green,   // passed every time
  red,     // red every time
  flaky,   // both
  unseen,  // was not listed when it was run again: a name that changes, or no way to choose it
};
std::string_view to_string(Steadiness steadiness);

struct RepeatedTest {
  std::string id;
  int n_runs = 0, n_green = 0;  // the first run included
  Steadiness steadiness = Steadiness::unseen;
};

struct RepeatOptions {
  TestRunOptions run;
  int repeats = 3;          // on top of the first run
  size_t max_tests = 200;   // more are not asked for
  double max_wall_s = 120;  // no new repeat is begun after this long
};

// Repeats these tests of a run; red tests first, so that a cap leaves out the others. Stops early
// when all of them have shown both faces.
Result<std::vector<RepeatedTest>> check_flaky(const Sandbox& sandbox, const TestCommand& command,
                                              const TestRun& first,
                                              const std::vector<std::string>& ids,
                                              const RepeatOptions& options = {},
                                              const CancelToken& cancel = {});

// Of a comparison: what was fixed or broken and is flaky is marked.
void mark_flaky(TestComparison& comparison, const std::vector<RepeatedTest>& repeated);

}  // namespace engramd::agent
