#include "agent/swebench/grading.h"

#include <algorithm>
#include <array>

namespace engramd::agent::swebench {
namespace {

bool is_good(TestResult result) {
  return result == TestResult::passed || result == TestResult::xfailed;
}

const TestResult* agreed(const std::vector<const TestResult*>& matches) {
  if (matches.empty()) return nullptr;
  const bool same = std::all_of(matches.begin(), matches.end(), [&](const TestResult* one) {
    return is_good(*one) == is_good(*matches.front());
  });
  return same ? matches.front() : nullptr;
}

struct Sign {
  std::string_view text, reason;
  bool certain;
};
constexpr std::array<Sign, 8> kSigns = {{
    {"No space left on device", "disk_full", true},
    {"Cannot allocate memory", "out_of_memory", true},
    {"MemoryError", "out_of_memory", false},
    {"Cannot connect to the Docker daemon", "container_unavailable", true},
    {"Error response from daemon", "container_unavailable", true},
    {"Temporary failure in name resolution", "network_unreachable", true},
    {"ModuleNotFoundError", "missing_module", false},
    {"no tests ran", "no_tests_collected", false},
}};

}  // namespace

std::string_view to_string(TestResult result) {
  switch (result) {
    case TestResult::passed:
      return "PASSED";
    case TestResult::failed:
      return "FAILED";
    case TestResult::error:
      return "ERROR";
    case TestResult::skipped:
      return "SKIPPED";
    case TestResult::xfailed:
      return "XFAIL";
    case TestResult::xpassed:
      return "XPASS";
  }
  return "FAILED";
}

const TestResult* find_result(const std::string& id, const TestResults& results) {
  if (const auto found = results.find(id); found != results.end()) return &found->second;
  std::vector<const TestResult*> matches;
  if (std::count(id.begin(), id.end(), '[') > std::count(id.begin(), id.end(), ']')) {
    for (auto at = results.lower_bound(id); at != results.end() && at->first.starts_with(id); ++at)
      matches.push_back(&at->second);
    return agreed(matches);
  }
  if (id.empty() || id.find_first_of(": ") != std::string::npos) return nullptr;
  for (const auto& [name, result] : results) {
    const size_t colons = name.rfind("::");
    if (colons == std::string::npos) continue;
    if (std::string_view(name).substr(colons + 2) == id) matches.push_back(&result);
  }
  return agreed(matches);
}

TestLists grade_tests(const std::vector<std::string>& fail_to_pass,
                      const std::vector<std::string>& pass_to_pass, const TestResults& results) {
  TestLists lists;
  for (const std::string& id : fail_to_pass) {
    const TestResult* result = find_result(id, results);
    (result != nullptr && is_good(*result) ? lists.fail_to_pass_good : lists.fail_to_pass_bad)
        .push_back(id);
  }
  for (const std::string& id : pass_to_pass) {
    const TestResult* result = find_result(id, results);
    const bool holds = result != nullptr && (is_good(*result) || *result == TestResult::skipped);
    (holds ? lists.pass_to_pass_good : lists.pass_to_pass_bad).push_back(id);
  }
  return lists;
}

std::string contradiction(const TestResults& results, int exit_code, bool exact) {
  if (results.empty()) return "no test gave a result";
  const bool any_failed = std::any_of(results.begin(), results.end(), [](const auto& entry) {
    return entry.second == TestResult::failed || entry.second == TestResult::error;
  });
  if (exit_code != 0 && !any_failed)
    return "the command ended with status " + std::to_string(exit_code) +
           " and no test is said to have failed";
  if (exact && exit_code == 0 && any_failed)
    return "the command ended with status 0 although tests failed";
  return {};
}

InfraSign infra_sign(std::string_view output) {
  for (const Sign& sign : kSigns)
    if (output.find(sign.text) != std::string_view::npos)
      return {std::string(sign.reason), sign.certain};
  return {};
}

}  // namespace engramd::agent::swebench
