// agent/fix.h - `engramd fix`: from a red test to a patch that makes it green, without a chat
// model.
//
//   run the tests in the sandbox -> locate -> propose single edits -> validate by tests -> patch
//
// The user's tree is only read, unless `apply` is set: then the accepted change is written with a
// journal entry (see edit/apply.h). The accepted patch has always passed the user's own command,
// run from scratch on a fresh copy. One call per thread; calls share nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/sandbox/sandbox.h"
#include "agent/tests/runner.h"
#include "base/cancel.h"
#include "base/result.h"

namespace engramd::repoindex {
class ParseHosts;
}

namespace engramd::agent {

// Higher is likelier. One number per candidate text of the file; empty: no opinion.
using Ranker = std::function<std::vector<double>(const std::string& path, const std::string& before,
                                                 const std::vector<std::string>& candidate_texts)>;
// Texts (without line end) that could stand in place of one line; line is 0-based.
using LineProposer = std::function<std::vector<std::string>(
    const std::string& path, const std::string& text, uint32_t line)>;

struct FixProgress {
  std::string stage;  // "copy", "tests", "locate", "propose", "validate", "accept"
  std::string detail;
  size_t done = 0, total = 0;
};
using FixProgressFn = std::function<void(const FixProgress&)>;

struct FixLimits {
  double wall_s = 60;             // for everything
  size_t max_candidates = 20000;  // tried at most
  size_t n_jobs = 2;              // sandboxes at work at the same time
  size_t max_files = 12;          // looked into for an edit
};

struct FixOptions {
  std::filesystem::path repo;
  std::string task;  // issue text; may be empty
  // Texts that stand for the files on disk (an editor's unsaved buffers), by relative path.
  std::map<std::string, std::string> unsaved;
  std::optional<std::string> test_command;  // nothing: detected from the project's files
  bool apply = false;
  std::filesystem::path out;     // patch file; empty: not written
  std::filesystem::path report;  // JSON report; empty: not written
  std::string sandbox = "auto";  // auto, bwrap, container
  FixLimits limits;
  FixProgressFn progress;  // from several threads, one call at a time
  Ranker ranker;
  LineProposer propose_lines;
  std::filesystem::path journal_folder;                // empty: <state folder>/journal
  std::shared_ptr<repoindex::ParseHosts> parse_hosts;  // index the copy; null: this process does
};

enum class FixState {
  resolved,        // the test command passes with the patch
  unresolved,      // every candidate was tried, none passed
  nothing_to_fix,  // the test command passes without a patch
  infra,           // the tests cannot be run; `problem` says why
  budget,          // time or candidates ran out
  cancelled,
};
std::string_view to_string(FixState state);

struct TestEvidence {
  std::string id;
  std::string before, after;  // "failed", "passed", …; after is empty when there is no patch
  std::string message;        // of the failure before
};

struct FixReport {
  FixState state = FixState::unresolved;
  std::string problem;
  std::string test_command, framework;
  std::string patch;  // unified diff, empty unless resolved
  std::vector<std::string> changed_files;
  std::string edit_kind;            // what was done: "comparison operator", "swap arguments", …
  std::vector<TestEvidence> tests;  // red before, or red after; the green ones are only counted
  size_t n_passed_before = 0, n_red_before = 0, n_passed_after = 0, n_red_after = 0;
  size_t n_candidates = 0, n_tried = 0;
  size_t accepted_at = 0;  // place of the accepted candidate in the trial order, from 1
  std::vector<std::string> files_considered;
  std::vector<std::string> notes;  // stated fallbacks
  bool applied = false;
  std::filesystem::path journal;  // when applied
  double wall_s = 0, cpu_s = 0;
  bool ok() const { return state == FixState::resolved || state == FixState::nothing_to_fix; }
};

// An error when the request itself is wrong (no such folder), no sandbox can be had, or the
// temporary folder is full; everything that has to do with the tests is a report.
Result<FixReport> fix(const FixOptions& options, const CancelToken& cancel = {});

std::string to_json_text(const FixReport& report);

}  // namespace engramd::agent
