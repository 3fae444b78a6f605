// agent/swebench/grading.h - from what each test did to "resolved", by the rules of SWE-bench's
// harness 5.0.
//
//   FAIL_TO_PASS  passes when it passed or failed as expected (xfail); a skip, an unexpected pass
//                 and a test that was not run are failures
//   PASS_TO_PASS  holds when it passed, failed as expected, or was skipped
//   resolved      all of both, and there was a FAIL_TO_PASS
//   an id that was cut inside its parameter ("f[a(b") is any id that begins so, when they agree
//
// Pure functions: any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace engramd::agent::swebench {

enum class TestResult { passed, failed, error, skipped, xfailed, xpassed };
std::string_view to_string(TestResult result);

using TestResults = std::map<std::string, TestResult>;

struct TestLists {
  std::vector<std::string> fail_to_pass_good, fail_to_pass_bad;
  std::vector<std::string> pass_to_pass_good, pass_to_pass_bad;
  bool resolved() const {
    return !fail_to_pass_good.empty() && fail_to_pass_bad.empty() && pass_to_pass_bad.empty();
  }
};

// What happened to an expected id; null when nothing did. Ids without "::" and spaces (sympy's) are
// functions: all tests of that name must agree.
const TestResult* find_result(const std::string& id, const TestResults& results);

TestLists grade_tests(const std::vector<std::string>& fail_to_pass,
                      const std::vector<std::string>& pass_to_pass, const TestResults& results);

// Why results and the exit status of the command cannot both be true; empty when they can. With
// exact, the status is pytest's own and a 0 with failures is no truth either.
std::string contradiction(const TestResults& results, int exit_code, bool exact);

// Whether an output shows a fault of the machine, and how sure that is.
struct InfraSign {
  std::string reason;  // "out_of_memory"; empty: none
  bool certain = false;
};
InfraSign infra_sign(std::string_view output);

}  // namespace engramd::agent::swebench
