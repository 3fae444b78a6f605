// agent/repair/coverage.h - which lines the red and the green tests of a project run, without a
// loaded test runner.
//
// One row per way of counting (coverage.cpp):
//   V8    NODE_V8_COVERAGE, for what runs under node
//   gcov  a compiler on PATH that adds --coverage, for commands that compile with gcc or g++
//   go    go test -coverprofile
// Two runs where the red tests can be told apart (select_command): red alone and all; what all run
// more often than the red ones do, green tests run, too. Otherwise one run, and no green lines.
// Each works on a tree of its own: counting compilers leave objects that nothing else may link.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/repair/search.h"
#include "agent/tests/runner.h"
#include "agent/tests/warm_pytest.h"
#include "base/cancel.h"
#include "base/result.h"

namespace engramd::agent {

struct CoverageRun {
  TestCommand command;                     // the whole one
  std::optional<TestCommand> red_command;  // the red tests alone, where that can be said
  double wall_s = 20;                      // for each run
  std::function<Result<Workplace>()> fresh_workplace;
};

// One TracedTest for the red tests and one for the green ones; empty when nothing was counted, or
// nothing here counts for such a command.
Result<std::vector<TracedTest>> trace_coverage(const CoverageRun& run, const CancelToken& cancel);

// By path: how often each line (from 0) ran.
using LineCounts = std::map<std::string, std::vector<uint64_t>>;

// What the ways of counting write, read; for tests.
std::vector<uint64_t> v8_line_counts(const std::string& functions_json, const std::string& source);
LineCounts gcov_line_counts(const std::string& json_lines, const std::string& tree);
LineCounts go_line_counts(const std::string& profile, const std::string& module);

// One way of counting: a run of the command with its counts, or nothing.
using CountedRun = std::optional<LineCounts> (*)(const Workplace& place, const TestCommand& command,
                                                 double wall_s, const CancelToken& cancel);
std::optional<LineCounts> count_v8(const Workplace& place, const TestCommand& command,
                                   double wall_s, const CancelToken& cancel);
std::optional<LineCounts> count_gcov(const Workplace& place, const TestCommand& command,
                                     double wall_s, const CancelToken& cancel);
std::optional<LineCounts> count_go(const Workplace& place, const TestCommand& command,
                                   double wall_s, const CancelToken& cancel);

}  // namespace engramd::agent
