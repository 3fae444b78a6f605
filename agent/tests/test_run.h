// agent/tests/test_run.h - what one run of a project's tests showed: plain data, one type for every
// framework.
//
// Two witnesses must agree before a run is green: the list of tests, and the exit status of the
// command. What a test prints is never a witness where a report can be had (`trusted`).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/tests/command.h"

namespace engramd::agent {

enum class TestStatus {
  passed,   // also: failed as it was expected to
  failed,   // an assertion, or passed against expectation
  error,    // set-up, tear-down, import, build, or the process ended inside it
  skipped,  // also: disabled, todo
  timed_out,
};
std::string_view to_string(TestStatus status);

struct Frame {
  std::string path;   // relative to the tree
  uint32_t line = 0;  // 1-based
};

struct TestCase {
  std::string id;  // docs/formats/test-ids.md
  TestStatus status = TestStatus::passed;
  double seconds = 0;
  std::string message;        // the tail of its failure report, at most 4,000 bytes
  std::vector<Frame> frames;  // outermost first
  bool red() const {
    return status == TestStatus::failed || status == TestStatus::error ||
           status == TestStatus::timed_out;
  }
};

struct TestRun {
  std::vector<TestCase> tests;  // empty when the output could not be understood
  bool green = false;           // exit status 0, nothing timed out, no red test, no contradiction
  bool timed_out = false, cancelled = false;
  int exit_code = -1, signal = 0;
  // The list is of a report that the framework wrote beside what the tests print, and the report
  // was ended properly. False: a test that prints like its framework could be believed.
  bool trusted = false;
  Framework framework = Framework::unknown;  // whose report or output was understood
  std::string source;         // of the list: "pytest report", "JUnit report", "output", …
  bool truncated = false;     // the output or a report was too long: tests may be missing
  std::string contradiction;  // one sentence when the list and the exit status do not agree
  std::string problem;        // set when the tests could not be run at all: one sentence
  std::vector<std::string> notes;
  std::vector<Frame> frames;  // all places in the tree that the output names, last ones first
  std::string output;         // capped
  double wall_s = 0, cpu_s = 0;

  size_t count(TestStatus status) const;
  std::vector<std::string> red_ids() const;
  const TestCase* find(std::string_view id) const;  // null when the list has no such test
};

// "12 passed, 1 failed (of the exit status: 1)": one line for people.
std::string summary_line(const TestRun& run);

}  // namespace engramd::agent
