#include "tests/agent/swebench_project.h"

#include <stdexcept>

#include "agent/edit/unified_diff.h"
#include "agent/swebench/git.h"
#include "base/text.h"

namespace engramd::test {

namespace sb = agent::swebench;
namespace fs = std::filesystem;

namespace {

std::string run(const fs::path& folder, std::vector<std::string> arguments) {
  auto out = sb::git(sb::in_work_tree(folder, std::move(arguments)));
  if (!out) throw std::runtime_error(out.error().message);
  return std::string(trim(*out));
}

constexpr const char* kInit = "from .core import ratio, total\n";
constexpr const char* kCore = R"(def total(items):
    value = 0
    for item in items:
        value += item
    return value


def ratio(part, whole):
    return whole / part
)";
constexpr const char* kTest = R"(import unittest

from calc import ratio, total


def test_total():
    assert total([1, 2]) == 3


class TestTotal(unittest.TestCase):
    def test_empty(self):
        self.assertEqual(total([]), 0)
)";
constexpr const char* kNewTest = R"(

def test_ratio():
    assert ratio(1, 2) == 0.5
)";

}  // namespace

CalcProject::CalcProject() : folder_("//- /sources/acme/calc/README\ncalc\n") {
  const fs::path repo = folder_.path("sources/acme/calc");
  run(repo, {"init", "-q", "-b", "main", "."});
  folder_.write("sources/acme/calc/calc/__init__.py", kInit);
  folder_.write("sources/acme/calc/calc/core.py", kCore);
  folder_.write("sources/acme/calc/tests/test_calc.py", kTest);
  folder_.write("sources/acme/calc/setup.cfg", "[metadata]\nname = calc\n");
  const auto commit = [&](const char* message) {
    run(repo, {"add", "-A"});
    run(repo, {"commit", "-q", "-m", message});
    return run(repo, {"rev-parse", "HEAD"});
  };
  commit("start");
  folder_.write("sources/acme/calc/README", "calc computes\n");
  base_ = commit("say more");
  std::string fixed = kCore;
  fixed.replace(fixed.find("whole / part"), 12, "part / whole");
  folder_.write("sources/acme/calc/calc/core.py", fixed);
  folder_.write("sources/acme/calc/tests/test_calc.py", std::string(kTest) + kNewTest);
  fix_ = commit("ratio: divide the right way\n\nratio(1, 2) gave 2.0");
  run(repo, {"tag", "v1.0"});
  run(repo, {"branch", "release"});
  folder_.write("sources/acme/calc/README", "calc computes well\n");
  later_ = commit("later");
  gold_ = run(repo, {"diff", base_, fix_, "--", "calc"}) + "\n";
  test_patch_ = run(repo, {"diff", base_, fix_, "--", "tests"}) + "\n";
}

sb::RepositoryStore CalcProject::store() const {
  sb::RepositoryOptions options;
  options.sources = sources();
  options.cache = folder("cache");
  return sb::RepositoryStore(options);
}

sb::Instance CalcProject::slim() const {
  sb::Instance instance;
  instance.id = "acme__calc-1";
  instance.repo = "acme/calc";
  instance.base_commit = base_;
  instance.fix_commit = fix_;
  instance.fail_to_pass = {"tests/test_calc.py::test_ratio"};
  instance.pass_to_pass = {"tests/test_calc.py::TestTotal::test_empty",
                           "tests/test_calc.py::test_total"};
  instance.test_files = {"tests/test_calc.py"};
  instance.test_command =
      "PYTHONPATH=. /usr/bin/python3 -m pytest -rA --tb=no -q -p no:cacheprovider {files}";
  instance.origin = "instances.jsonl:1";
  return instance;
}

sb::Instance CalcProject::instance() const {
  sb::Instance instance = slim();
  instance.patch = gold_;
  instance.test_patch = test_patch_;
  instance.problem = "ratio(1, 2) gives 2.0";
  return instance;
}

std::string CalcProject::patch(
    const std::vector<std::pair<std::string, std::string>>& files) const {
  std::vector<agent::FileChange> changes;
  const fs::path repo = folder_.path("sources/acme/calc");
  for (const auto& [path, text] : files) {
    auto before = sb::git(sb::in_work_tree(repo, {"show", base_ + ":" + path}));
    agent::FileChange change;
    change.path = path;
    if (before) change.before = *before;
    if (!text.empty()) change.after = text;
    changes.push_back(std::move(change));
  }
  return agent::unified_diff(changes);
}

}  // namespace engramd::test
