// agent/tests/compare.h - what a change did to the tests, as a value: the evidence of a patch.
//
// Pure: any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/tests/test_run.h"

namespace engramd::agent {

struct TestChange {
  std::string id;
  std::optional<TestStatus> before, after;  // nothing: not listed
  std::string message;                      // of the red side
  bool flaky = false;                       // set by mark_flaky
};

struct TestComparison {
  std::vector<TestChange> fixed;      // red before, passed after
  std::vector<TestChange> broken;     // passed before, red after
  std::vector<TestChange> still_red;  // red on both sides; also red before and skipped after
  std::vector<TestChange> added;      // listed only after
  std::vector<TestChange> vanished;   // listed only before
  size_t n_still_green = 0, n_skipped = 0;
  bool before_green = false, after_green = false;
  std::string doubt;  // one sentence when a side is not to be believed as a whole
};

TestComparison compare(const TestRun& before, const TestRun& after);

// "2 fixed, 1 still red, 14 still green", then a line for each test that changed; at most
// max_lines.
std::string to_text(const TestComparison& comparison, size_t max_lines = 40);

}  // namespace engramd::agent
