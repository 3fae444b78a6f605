// agent/swebench/grade.h - whether one patch resolves one instance, without docker.
//
//   clean checkout at the base -> the model's patch, applied as the harness does -> files that
//   decide how tests run are put back (guard.h) -> the test files of the fix -> the test command in
//   the sandbox, watched from inside pytest (witness.h) -> the rules (grading.h)
//
// Only what the tests did counts, never what was printed, when pytest runs them. For other runners
// the output is read and checked against the exit status; `evidence` says which it was. Any thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/sandbox/sandbox.h"
#include "agent/swebench/environment.h"
#include "agent/swebench/grading.h"
#include "agent/swebench/instance.h"
#include "agent/swebench/repository.h"
#include "base/cancel.h"
#include "base/result.h"

namespace engramd::agent::swebench {

struct GradeOptions {
  Environment environment;
  SandboxMode sandbox = SandboxMode::automatic;
  double timeout_s = 1800;
  std::optional<std::string> test_command;  // in place of the instance's; {files} in it
  std::string test_report;  // where it leaves JUnit XML or TAP (TestCommand::report_glob)
};

struct Graded {
  std::string id;
  bool patch_exists = false;  // it is not empty
  bool applied = false;       // and the tests could be run with it
  bool resolved = false;
  std::string reason;  // one sentence: why it is not resolved
  // The machine's fault, or perhaps: it stays in the denominator all the same.
  bool infra_failure = false;
  std::string infra_reason;
  TestLists tests;
  std::string applied_by;             // "git apply"
  std::vector<std::string> put_back;  // "conftest.py: tests"
  std::vector<std::string> tampered;  // signs that the run was meddled with
  std::string evidence;               // "witness", "report" or "output"
  int exit_code = -1;
  double wall_s = 0, cpu_s = 0;
  std::string command;
  std::string output;  // of the tests, capped
  std::string log;     // what was done, for a person
};

// An error only when it was cancelled; everything else is in the result. The instance must be
// complete (RepositoryStore::completed).
Result<Graded> grade(const RepositoryStore& store, const Instance& instance,
                     const std::string& model_patch, const GradeOptions& options,
                     const CancelToken& cancel = {});

// The harness's report.json of one instance, with our findings below "engramd".
std::string to_report_json(const Graded& graded);

}  // namespace engramd::agent::swebench
