// agent/repair/localise.h - which lines of which files may hold the mistake.
//
// Three kinds of evidence, the strongest that is there wins for a file:
//   lines that failing tests execute and passing ones do not (Ochiai), where a runner can trace
//   places that the failure output names, and the functions around them
//   files and functions that repoindex::locate ranks for the issue text and the failure output
// Tests, generated and vendored files are never suspects. Pure but for reading the tree: any
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/sandbox/work_tree.h"
#include "agent/tests/runner.h"
#include "agent/tests/warm_pytest.h"
#include "base/cancel.h"
#include "base/result.h"

namespace engramd::repoindex {
class ParseHosts;
}

namespace engramd::agent {

struct SuspectFile {
  std::string path;
  double score = 0;                  // of its most suspicious line
  std::map<uint32_t, double> lines;  // 0-based -> 0..1; absent: not suspected
  double other_lines = 0;            // suspicion of the lines that are not in the map
};

struct Localisation {
  std::vector<SuspectFile> files;  // most suspicious first
  bool has_spectrum = false;
  bool is_weak = false;  // no green test was traced: the lines that ran are all alike
  std::vector<std::string> notes;
};

struct LocaliseInput {
  const WorkTree& tree;
  std::string task;
  const TestRun& before;
  const std::vector<TracedTest>& traced;  // empty when there is no tracer
  size_t max_files = 12;
  std::shared_ptr<repoindex::ParseHosts> parse_hosts;  // null: the tree is indexed here
};

Result<Localisation> localise(const LocaliseInput& input, const CancelToken& cancel = {});

// A file that may hold an edit: source of a language we can mutate, not a test, not vendored.
bool is_editable_source(const std::string& path);

}  // namespace engramd::agent
