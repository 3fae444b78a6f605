// agent/tests/warm_pytest.h - a pytest that stays loaded and tries candidates in forks.
//
// One object is one sandboxed process on one copy of the tree; see helpers/engramd_warm.py for what
// a request does. One thread at a time per object. A trial here is a filter: what passes is run
// again by the user's own command.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/sandbox/sandbox.h"
#include "agent/tests/runner.h"
#include "base/cancel.h"
#include "base/result.h"

namespace engramd::agent {

struct TracedTest {
  std::string id;
  bool red = false;
  std::map<std::string, std::vector<uint32_t>> lines;  // by file, 1-based
};

// same: compiles to what the file or an earlier candidate does; it was not run.
enum class TrialOutcome { passed, failed, same, syntax, unpatchable, gone };

class WarmPytest {
 public:
  struct Setup {
    std::vector<std::string> files;  // test files to run; empty: what the command selects
    std::vector<std::string> first;  // test ids to run before the others
    double start_s = 20;             // how long importing and collecting may take
  };
  // Errors mean "use plain runs": another Python, plugins that take over, nothing collected.
  static Result<std::unique_ptr<WarmPytest>> start(const Sandbox& sandbox,
                                                   const TestCommand& command, const Setup& setup,
                                                   const CancelToken& cancel = {});
  ~WarmPytest();
  WarmPytest(const WarmPytest&) = delete;

  size_t n_items() const { return n_items_; }
  double cpu_s() const;  // up to the last answer

  // Runs the tests with the lines they execute recorded, failing ones first.
  Result<std::vector<TracedTest>> trace(double cpu_s_per_test, double wall_s, size_t max_tests);
  // hot: in place; otherwise written to disk and imported anew.
  TrialOutcome try_text(const std::string& path, const std::string& text, bool hot, double cpu_s,
                        double wall_s);

 private:
  struct Process;
  WarmPytest() = default;
  std::unique_ptr<Process> process_;
  std::string tree_path_;
  size_t n_items_ = 0;
};

}  // namespace engramd::agent
