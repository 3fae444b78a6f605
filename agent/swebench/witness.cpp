#include "agent/swebench/witness.h"

#include <sys/random.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"

namespace engramd::agent::swebench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// A test writes four records; files hold more tests than an instance lists.
constexpr size_t kRecordsPerTest = 5, kMinRecords = 30'000, kMaxRecords = 400'000;
constexpr uint64_t kMaxReportBytes = 256u << 20;
constexpr size_t kMaxTampered = 20;

Result<std::string> random_hex(size_t n_bytes) {
  std::string bytes(n_bytes, '\0');
  for (size_t done = 0; done < n_bytes;) {
    const ssize_t n = ::getrandom(bytes.data() + done, n_bytes - done, 0);
    if (n < 0) return fail(errno_error("cannot get random bytes", errno));
    done += static_cast<size_t>(n);
  }
  return to_hex(bytes);
}

// Several ways to fail, so that a runner bent for one of them is seen by another. Replaced: @1 …
// @5.
constexpr std::string_view kMustFail = R"(import unittest

import pytest


def test_@1():
    value = [1]
    assert value == [2]


def test_@2():
    raise RuntimeError("@2")


def test_@3():
    with pytest.raises(ValueError):
        len([])


class Test@4(unittest.TestCase):
    def test_@5(self):
        self.assertEqual(len("ab"), 3)
)";
constexpr size_t kNames = 5, kTests = 4;

TestResult phase_result(const std::string& when, const std::string& outcome) {
  if (outcome == "passed") return TestResult::passed;
  if (outcome == "skipped") return TestResult::skipped;
  if (outcome == "xfailed") return TestResult::xfailed;
  if (outcome == "xpassed") return TestResult::xpassed;
  return when == "call" ? TestResult::failed : TestResult::error;
}

struct Phases {
  bool setup = false, call = false, teardown = false;
  TestResult result = TestResult::passed;
};

}  // namespace

std::string_view witness_plugin_source() {
  static constexpr char text[] =
#include "engramd_grade.py.inc"
      ;
  return {text, sizeof(text) - 1};
}

Result<Witness> Witness::make(size_t n_tests) {
  Witness witness;
  const size_t n = std::clamp(kRecordsPerTest * n_tests, kMinRecords, kMaxRecords);
  ENGRAMD_TRY(const std::string digits, random_hex(8 * n));
  witness.tokens_.reserve(n);
  for (size_t i = 0; i < n; ++i) witness.tokens_.push_back(digits.substr(16 * i, 16));
  ENGRAMD_TRY(const std::string names, random_hex(6 * (kNames + 1)));
  witness.must_fail_source_ = kMustFail;
  for (size_t i = 1; i <= kNames; ++i)
    for (const std::string mark = "@" + std::to_string(i);;) {
      const size_t at = witness.must_fail_source_.find(mark);
      if (at == std::string::npos) break;
      witness.must_fail_source_.replace(at, mark.size(), names.substr(12 * i, 12));
    }
  witness.must_fail_name_ = "test_" + names.substr(0, 12) + ".py";
  witness.n_must_fail_ = kTests;
  return witness;
}

Status Witness::lay_out(const fs::path& report, const std::vector<std::string>& patched_files,
                        const std::string& must_fail_inside) const {
  std::string text;
  for (const std::string& token : tokens_) text += token + "\n";
  ENGRAMD_CHECK(write_file_atomic(report.string() + ".tokens", text, 0600));
  const json setup = {{"patched", patched_files}, {"must_fail", must_fail_inside}};
  return write_file_atomic(report.string() + ".json",
                           setup.dump(-1, ' ', false, json::error_handler_t::replace));
}

WitnessReport Witness::read(const fs::path& file) const {
  WitnessReport report;
  const auto tell = [&](std::string what) {
    if (report.tampered.size() < kMaxTampered) report.tampered.push_back(std::move(what));
  };
  const auto text = read_file(file, kMaxReportBytes);
  if (!text) {
    if (text.error().code == ErrorCode::exhausted) tell("the report is too large to be ours");
    return report;
  }
  std::map<std::string, Phases> tests;
  size_t next = 0, n_failed_canaries = 0;
  bool canaries_ran = false;
  for (const std::string_view line : split_lines(*text)) {
    if (line.empty()) continue;
    const size_t space = line.find(' ');
    const json record = space == std::string_view::npos
                            ? json()
                            : json::parse(line.substr(space + 1), nullptr, false);
    if (next >= tokens_.size() || line.substr(0, space) != tokens_[next] || !record.is_object()) {
      tell("something else wrote to the report of the run");
      return report;
    }
    ++next;
    if (report.finished) tell("the run went on after its end");
    if (record.contains("begin")) {
      report.began = true;
      report.own_runner = record.value("own_runner", false);
    } else if (record.contains("tampered")) {
      tell(record.value("tampered", "the run was tampered with"));
    } else if (record.contains("canary")) {
      canaries_ran = true;
      if (record.contains("problem"))
        tell("the tests that must fail could not be run: " + record.value("problem", ""));
      else if (record.value("failed", false))
        ++n_failed_canaries;
      else
        tell("a test that must fail was said to pass");
    } else if (record.contains("id")) {
      const std::string when = record.value("when", "");
      const TestResult result = phase_result(when, record.value("outcome", "failed"));
      Phases& phases = tests[record.value("id", "")];
      if (when == "setup") {
        // Under the same id again: run anew (a plugin that repeats), the last run counts.
        if (phases.teardown) phases = Phases();
        phases.setup = true;
      }
      if (when == "collect") phases.setup = phases.call = phases.teardown = true;
      if (when == "call") phases.call = true;
      if (when == "teardown") phases.teardown = true;
      if (result != TestResult::passed &&
          (phases.result == TestResult::passed || result == TestResult::error ||
           result == TestResult::failed))
        phases.result = result;
    } else if (record.contains("done")) {
      report.finished = true;
      report.exit_status = record.value("done", -1);
    }
  }
  if (report.finished && report.exit_status <= 1 &&
      (!canaries_ran || n_failed_canaries < n_must_fail_))
    tell("not all of the tests that must fail were seen to fail");
  for (const auto& [id, phases] : tests) {
    // A pass is three phases that went well; an end in the middle of a test is its failure.
    const bool whole =
        phases.setup && phases.teardown && (phases.call || phases.result != TestResult::passed);
    report.results[id] = whole ? phases.result : TestResult::failed;
  }
  if (report.own_runner) report.tampered.clear();
  return report;
}

}  // namespace engramd::agent::swebench
