// agent/solve/solve.h - from a task to a patch, whatever the model at hand can do.
//
//   tools   a model that calls tools: agent/loop
//   repair  no model, or one that only continues text: agent/fix, a search over small edits
//
// Both work on a private view of the tree and end in the same Report. The user's tree is only read,
// unless `apply` is set: then the patch is written with a journal entry (edit/apply.h). One call
// per thread; calls share nothing but what they are given.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "agent/fix.h"
#include "agent/loop/loop.h"
#include "agent/permissions/permissions.h"
#include "agent/sandbox/sandbox.h"
#include "agent/solve/report.h"
#include "agent/tests/detect.h"
#include "agent/verify/verify_options.h"
#include "base/cancel.h"
#include "base/result.h"

namespace engramd::agent {

enum class Strategy { automatic, tools, repair };
std::string_view to_string(Strategy strategy);

struct SolveLimits {
  double wall_s = 0;  // for everything; 0: 60 for repair, 1800 for tools
  // tools
  int max_steps = 50;  // turns of the model
  int64_t max_tokens = 2'000'000;
  double max_cost = 0;               // in the money of `price`; 0: no limit
  std::optional<Prices> prices;      // of tokens; nothing: a run has no cost
  int64_t context_tokens = 128'000;  // what the model takes at once
  int max_malformed = 3, max_false_finishes = 3;
  size_t max_minimise_runs = 24;  // test runs to drop what a patch does not need
  // repair
  size_t max_candidates = 20000;
  size_t n_jobs = 2;
  double min_confidence = 0.5;  // a passing patch below it is a suggestion, not the patch
  double cpu_s = 0;             // of the trials; 0: no limit but the wall time
  bool try_all = false;         // go on after an edit passes
};

// What of a passing patch is tried without. Tests rarely cover all that a fix needs, so hunks are
// dropped only when somebody asks for that.
enum class Minimise { nothing, scratch_files, hunks };

struct SolveOptions {
  std::filesystem::path repo;
  std::string task;  // issue text; may be empty
  // Texts that stand for the files on disk (an editor's unsaved buffers), by relative path.
  std::map<std::string, std::string> unsaved;
  TestSetup tests;                          // what it leaves open is found in the project
  Strategy strategy = Strategy::automatic;  // tools when there is a chat model
  std::shared_ptr<ChatModel> model;         // tools
  Ranker ranker;                            // repair
  Infiller infill;                          // repair
  std::vector<std::string> notes;           // repair: fallbacks of the caller, for the report
  SandboxMode sandbox = SandboxMode::automatic;
  SolveLimits limits;
  VerifyOptions verify;  // tools: what is checked after each edit
  // tools: several independent runs, the best of which is kept (select.h). The n-th one's model,
  // with a temperature or seed of its own; empty: `model` for all.
  size_t samples = 1;
  std::function<Result<std::shared_ptr<ChatModel>>(size_t sample)> model_for_sample;
  std::shared_ptr<Permissions> permissions;  // tools; null: "auto"
  bool allow_protected = false;              // tools: may change tests, CI and lock files
  bool look_before = true;                   // tools: run the tests before the model is asked
  Minimise minimise = Minimise::scratch_files;
  // tools: nothing: read from repo. A caller that works on foreign branches gives the base's.
  std::optional<std::vector<InstructionFile>> instructions;
  std::function<void(const LoopEvent&)> on_event;  // tools: finer than progress
  std::filesystem::path trajectory;                // tools: saved here after every step
  bool resume = false;                             // tools: continue what that file holds
  bool apply = false;
  // Written at every end, empty when there is no patch; not written when empty.
  std::filesystem::path out, report;
  std::filesystem::path candidates;                    // repair: all of them, as in FixOptions
  std::filesystem::path journal_folder;                // empty: <state folder>/journal
  std::shared_ptr<repoindex::ParseHosts> parse_hosts;  // null: this process parses
  FixProgressFn progress;                              // from several threads, one call at a time
};

// An error when the request itself is wrong or no sandbox can be had; everything else, a failing
// model included, is a report.
Result<Report> solve(const SolveOptions& options, const CancelToken& cancel = {});

}  // namespace engramd::agent
