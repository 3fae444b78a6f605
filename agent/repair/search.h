// agent/repair/search.h - tries candidates in order, several at a time, and keeps those that pass.
//
// Each job has its own copy of the tree and its own sandbox, so candidates never see each other.
// Tests run in order of cost: the red ones, their files, the whole command in place, and then the
// user's own command from scratch on a fresh copy, which is what counts. The search goes on for a
// while after the first that passes: how many others pass says how much the tests decide.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/repair/candidate.h"
#include "agent/sandbox/sandbox.h"
#include "agent/solve/evidence.h"
#include "agent/tests/runner.h"
#include "agent/tests/warm_pytest.h"
#include "base/cancel.h"
#include "base/result.h"

namespace engramd::agent {

// One worker: a copy of the tree, its sandbox and, for pytest, a loaded runner.
struct Workplace {
  std::unique_ptr<WorkTree> tree;
  std::unique_ptr<Sandbox> sandbox;
  std::unique_ptr<WarmPytest> warm;  // may be null
  size_t n_warm_lost = 0;            // how often a candidate has ended it
  // The sandbox names the tree's folder: both live behind stable addresses.
  // unsaved: texts that stand for the copied ones.
  static Result<Workplace> make(const std::filesystem::path& original, SandboxMode mode,
                                const std::map<std::string, std::string>& unsaved,
                                const CancelToken& cancel);
};

struct SearchOptions {
  TestCommand command;
  std::optional<TestCommand> red_command;  // only what must turn green; cheaper
  double test_cpu_s = 0.3;                 // for one test in a warm runner
  double trial_wall_s = 10;                // for one candidate
  // Not 0: a plain run gets this at first, and trial_wall_s later when it did not end. For commands
  // that hang: most edits do not help, and what helps is mostly quick.
  double first_wall_s = 0;
  bool try_hot = true;
  // Another loaded runner in place of one that a candidate ended, five times at most in one place;
  // null when there is none to be had, empty for plain runs from there on. Any job.
  std::function<std::unique_ptr<WarmPytest>(const Workplace& place)> load_again;
  size_t max_candidates = 20000;
  double cpu_s = 0;        // of all trials; 0: no limit
  size_t max_passing = 8;  // enough of them
  // After the first that passes: as many candidates again, but at least so many, for at most so
  // long or half as long as the first took.
  double more_s = 10;
  size_t more_candidates = 150;
  bool try_all = false;  // go on after the first that passes until time or candidates run out
  std::function<void(size_t tried)> on_progress;
};

// What came of a candidate.
enum class Trial : uint8_t {
  untried,
  failed,
  same,      // compiles to what was tried before
  rejected,  // passed the quick check, and not the whole command on a fresh copy
  passed,
};
std::string_view to_string(Trial trial);

struct Passing {
  size_t index = 0;  // in the candidates
  std::string text;  // of the whole file
  Comparison after;  // of the user's command, on a fresh copy
};

struct SearchResult {
  std::vector<Passing> passing;  // in the order of the candidates
  std::vector<Trial> trials;     // by candidate
  size_t n_tried = 0;
  size_t n_same = 0;  // not run: compiled to what was tried before
  size_t n_hot = 0, n_cold = 0, n_plain = 0, n_rejected_at_the_end = 0;
  bool ran_out = false;  // of time, before the last candidate and before one passed
  double cpu_s = 0, seconds = 0;
  std::vector<std::string> notes;
};

// accept(candidate text) runs the user's command from scratch and compares; any job may call it.
SearchResult search(std::vector<Workplace>& workplaces, const std::vector<Candidate>& candidates,
                    const std::function<std::optional<std::string>(const std::string& path)>& base,
                    const std::function<Result<Comparison>(const std::string& path,
                                                           const std::string& text)>& accept,
                    const SearchOptions& options, const CancelToken& cancel);

}  // namespace engramd::agent
