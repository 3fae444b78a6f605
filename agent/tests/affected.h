// agent/tests/affected.h - which tests to run first after a change.
//
// Asks the index, not a coverage database: who imports the changed files (up to three steps), who
// uses the changed names, who is called like them. An order, never a proof: run the rest later.
// Pure readers of a View: any thread.
#pragma once

#include <string>
#include <vector>

#include "base/cancel.h"
#include "repoindex/view.h"

namespace engramd::agent {

struct ChangedCode {
  std::vector<std::string> files;    // relative
  std::vector<std::string> symbols;  // names of changed functions, classes, …; may be empty
};

struct AffectedTest {
  std::string file;
  double score = 0;
  std::string why;  // the strongest reason: "imports src/a.py"
};

struct AffectedOptions {
  size_t max_files = 50;
  size_t max_visited = 2000;  // files looked at on the way from importer to importer
};

// Test files, likeliest first. Empty when nothing is known: run everything.
std::vector<AffectedTest> affected_tests(const repoindex::View& view, const ChangedCode& changed,
                                         const AffectedOptions& options = {},
                                         const CancelToken& cancel = {});

// By its name and folder, in the languages that are indexed.
bool is_test_path(std::string_view path);

}  // namespace engramd::agent
