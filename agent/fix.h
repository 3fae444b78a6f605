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
#include "agent/solve/report.h"
#include "agent/tests/runner.h"
#include "base/cancel.h"
#include "base/result.h"
#include "base/text.h"

namespace engramd::repoindex {
class ParseHosts;
}

namespace engramd::agent {

// Higher is likelier, also between files; 0: no likelier than the text before. One number per
// candidate text of the file; empty: no opinion. When the token says stop (a share of the time is
// spent) what is known by then is the answer.
using Ranker = std::function<std::vector<double>(const std::string& path, const std::string& before,
                                                 const std::vector<std::string>& candidate_texts,
                                                 const CancelToken& cancel)>;
// Texts that could stand in a hole of a file: an expression, or one to three whole lines (without
// the last line end). They begin and end where the hole does; what it holds now is not shown.
using Infiller = std::function<std::vector<std::string>(
    const std::string& path, const std::string& text, ByteRange hole, const CancelToken& cancel)>;

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
  double min_confidence = 0.5;    // a passing patch below it is a suggestion, not the patch
  double cpu_s = 0;               // of the trials; 0: no limit but the wall time
  bool try_all = false;           // go on after an edit passes, until time or candidates run out
};

struct FixOptions {
  std::filesystem::path repo;
  std::string task;  // issue text; may be empty
  // Texts that stand for the files on disk (an editor's unsaved buffers), by relative path.
  std::map<std::string, std::string> unsaved;
  TestSetup tests;  // how they are run; what it leaves open is found in the project's files
  bool apply = false;
  SandboxMode sandbox = SandboxMode::automatic;
  FixLimits limits;
  FixProgressFn progress;  // from several threads, one call at a time
  Ranker ranker;
  Infiller infill;
  std::filesystem::path journal_folder;  // empty: <state folder>/journal
  std::filesystem::path candidates;  // every candidate and what came of it, written at the end of
                                     // the trials (docs/formats/repair-candidates.md); may be empty
  std::shared_ptr<repoindex::ParseHosts> parse_hosts;  // index the copy; null: this process does
};

// An error when the request itself is wrong (no such folder), no sandbox can be had, or the
// temporary folder is full; everything that has to do with the tests is a report.
Result<Report> fix(const FixOptions& options, const CancelToken& cancel = {});

}  // namespace engramd::agent
