#include "agent/tests/test_run.h"

#include <algorithm>

namespace engramd::agent {

std::string_view to_string(TestStatus status) {
  switch (status) {
    case TestStatus::passed:
      return "passed";
    case TestStatus::failed:
      return "failed";
    case TestStatus::error:
      return "error";
    case TestStatus::skipped:
      return "skipped";
    case TestStatus::timed_out:
      return "timed out";
  }
  return "failed";
}

size_t TestRun::count(TestStatus status) const {
  return static_cast<size_t>(std::count_if(
      tests.begin(), tests.end(), [&](const TestCase& test) { return test.status == status; }));
}

std::vector<std::string> TestRun::red_ids() const {
  std::vector<std::string> ids;
  for (const TestCase& test : tests)
    if (test.red()) ids.push_back(test.id);
  return ids;
}

const TestCase* TestRun::find(std::string_view id) const {
  for (const TestCase& test : tests)
    if (test.id == id) return &test;
  return nullptr;
}

std::string summary_line(const TestRun& run) {
  if (!run.problem.empty()) return run.problem;
  std::string text;
  for (const TestStatus status : {TestStatus::failed, TestStatus::error, TestStatus::timed_out,
                                  TestStatus::passed, TestStatus::skipped}) {
    const size_t n = run.count(status);
    if (n == 0) continue;
    if (!text.empty()) text += ", ";
    text += std::to_string(n) + " ";
    text += status == TestStatus::error && n > 1 ? "errors" : to_string(status);
  }
  if (text.empty()) text = "no test was listed";
  if (run.cancelled)
    text += "; cancelled";
  else if (run.timed_out)
    text += "; stopped at the time limit";
  else if (run.signal != 0)
    text += "; ended by signal " + std::to_string(run.signal);
  else
    text += "; exit status " + std::to_string(run.exit_code);
  if (!run.contradiction.empty()) text += "; " + run.contradiction;
  return text;
}

}  // namespace engramd::agent
