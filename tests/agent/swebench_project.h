// tests/agent/swebench_project.h - a small real repository with a bug, its fix and later commits,
// and the instance that stands for it.
#pragma once

#include <string>

#include "agent/swebench/instance.h"
#include "agent/swebench/repository.h"
#include "base/file.h"
#include "tests/support/workspace.h"

namespace engramd::test {

// sources/acme/calc: calc.ratio divides the wrong way; the fix turns it round and brings a test.
// A tag, a branch and a commit come after the fix.
class CalcProject {
 public:
  CalcProject();
  agent::swebench::RepositoryStore store() const;
  agent::swebench::Instance instance() const;  // as a dataset has it: with both patches
  agent::swebench::Instance slim() const;      // as commits only
  std::filesystem::path sources() const { return folder_.path("sources"); }
  std::filesystem::path folder(const std::string& name) const { return folder_.path(name); }
  const std::string& base() const { return base_; }
  const std::string& fix() const { return fix_; }
  // A unified diff against the base: the given texts in place of the base's ("" removes).
  std::string patch(const std::vector<std::pair<std::string, std::string>>& files) const;

 private:
  Workspace folder_;
  std::string base_, fix_, later_, gold_, test_patch_;
};

}  // namespace engramd::test
