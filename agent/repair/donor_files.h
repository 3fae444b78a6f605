// agent/repair/donor_files.h - what the repository and its history offer as donors, and what the
// red tests say.
//
// Reads files of the tree and runs git on the user's repository (read-only, without its hooks,
// filters and helpers, a few seconds at most); a repository without history offers none. Any
// thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agent/repair/offer.h"
#include "agent/sandbox/work_tree.h"
#include "agent/tests/runner.h"
#include "base/cancel.h"

namespace engramd::agent {

// Of the suspects themselves, of the files beside them, and of their latest changes.
Donors gather_donors(const WorkTree& tree, const std::vector<std::string>& suspects,
                     const CancelToken& cancel);

// The messages of the red tests, their source where it is found, and the task's text.
std::string failure_text(const WorkTree& tree, const TestRun& before, const std::string& task);
// What they say.
Hints gather_hints(const WorkTree& tree, const TestRun& before, const std::string& task);

}  // namespace engramd::agent
