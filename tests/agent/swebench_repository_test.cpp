// The repository that an agent sees ends at the base commit, and making it harms nobody's.
#include <catch2/catch.hpp>
#include <fstream>

#include "agent/swebench/git.h"
#include "agent/swebench/repository.h"
#include "base/text.h"
#include "tests/agent/swebench_project.h"

using namespace engramd;
using namespace engramd::agent::swebench;
using engramd::test::CalcProject;
namespace fs = std::filesystem;

namespace {

std::string run(const fs::path& folder, std::vector<std::string> arguments) {
  const auto out = git(in_work_tree(folder, std::move(arguments)));
  if (!out) FAIL(out.error().message);
  return std::string(trim(*out));
}

// Names, sizes and times of everything below a folder.
std::string listing(const fs::path& folder) {
  std::string text;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    text += entry.path().string() + " " +
            (entry.is_regular_file() ? std::to_string(entry.file_size()) : "") + " " +
            std::to_string(entry.last_write_time().time_since_epoch().count()) + "\n";
  return text;
}

}  // namespace

TEST_CASE("swebench repository: only the base commit can be reached") {
  const CalcProject calc;
  const std::string before = listing(calc.sources());
  const fs::path tree = calc.folder("tree");
  if (auto made = calc.store().check_out(calc.instance(), tree); !made) FAIL(made.error().message);
  CHECK(run(tree, {"rev-parse", "HEAD"}) == calc.base());
  CHECK(run(tree, {"rev-list", "--all", "--max-count=1"}) == calc.base());
  CHECK(run(tree, {"rev-list", "--count", "--all"}) == "2");
  CHECK(run(tree, {"for-each-ref", "--format=%(refname)"}) == "refs/heads/main");
  CHECK(run(tree, {"remote"}).empty());
  CHECK(run(tree, {"tag"}).empty());
  CHECK(run(tree, {"status", "--porcelain"}).empty());
  CHECK_FALSE(try_git(in_work_tree(tree, {"cat-file", "-e", calc.fix()}))->ok());
  // No object is there but those that the base reaches.
  const std::string objects = run(tree, {"cat-file", "--batch-check", "--batch-all-objects"});
  const std::string reached = run(tree, {"rev-list", "--objects", "--all"});
  CHECK(std::count(objects.begin(), objects.end(), '\n') ==
        std::count(reached.begin(), reached.end(), '\n'));
  for (const char* name : {".git/logs", ".git/FETCH_HEAD", ".git/ORIG_HEAD", ".git/hooks",
                           ".git/objects/info/alternates"})
    CHECK_FALSE(fs::exists(tree / name));
  CHECK(listing(calc.sources()) == before);

  // Again, from the cache: the source is not needed any more.
  fs::rename(calc.sources(), calc.folder("moved"));
  CHECK(calc.store().check_out(calc.instance(), calc.folder("again")));
  fs::rename(calc.folder("moved"), calc.sources());
  // A place that is taken is an error, not overwritten.
  CHECK_FALSE(calc.store().check_out(calc.instance(), tree));
}

TEST_CASE("swebench repository: a later commit that slipped in is seen") {
  const CalcProject calc;
  const fs::path tree = calc.folder("tree");
  REQUIRE(calc.store().check_out(calc.slim(), tree));
  run(tree, {"fetch", "-q", calc.folder("sources/acme/calc").string(), "main:refs/heads/later"});
  const auto checked = check_only_base(tree, calc.slim());
  REQUIRE_FALSE(checked);
  CHECK(checked.error().message.find("give the answer away") != std::string::npos);
}

TEST_CASE("swebench repository: sources under every usual name, bare or not") {
  const CalcProject calc;
  const fs::path source = calc.folder("sources/acme/calc");
  const auto found_as = [&](const std::string& name, bool bare) {
    const fs::path root = calc.folder("other-" + std::to_string(std::hash<std::string>()(name)));
    fs::create_directories((root / name).parent_path());
    if (bare)
      run(source, {"clone", "-q", "--bare", source.string(), (root / name).string()});
    else
      fs::copy(source, root / name, fs::copy_options::recursive);
    RepositoryOptions options;
    options.sources = root;
    options.cache = root / "cache";
    const RepositoryStore store(options);
    const auto made = store.check_out(calc.instance(), root / "tree");
    INFO(name << (made ? "" : made.error().message));
    CHECK(made);
  };
  found_as("acme/calc.git", true);
  found_as("acme__calc", false);
  found_as("acme+calc", true);
  found_as("acme+calc/repo", true);
  found_as("calc", false);
  RepositoryOptions options;
  options.sources = calc.folder("nowhere");
  options.cache = calc.folder("cache");
  CHECK(RepositoryStore(options).source_of("acme/calc").error().message.find("acme__calc") !=
        std::string::npos);
}

TEST_CASE("swebench repository: nothing of the source is run") {
  const CalcProject calc;
  const fs::path source = calc.folder("sources/acme/calc");
  const std::string trap = "touch '" + calc.folder("trapped").string() + "'";
  fs::create_directories(source / ".git/hooks");
  for (const char* hook :
       {"post-checkout", "pre-receive", "reference-transaction", "post-index-change"}) {
    std::ofstream(source / ".git/hooks" / hook) << "#!/bin/sh\n" << trap << "\n";
    fs::permissions(source / ".git/hooks" / hook, fs::perms::owner_all);
  }
  std::ofstream(source / ".git/config", std::ios::app)
      << "[core]\n\tfsmonitor = " << trap << "\n\thooksPath = " << (source / ".git/hooks").string()
      << "\n[uploadpack]\n\tpackObjectsHook = " << trap << "\n[diff]\n\texternal = " << trap
      << "\n";
  const auto complete = calc.store().completed(calc.slim());
  if (!complete) FAIL(complete.error().message);
  const auto made = calc.store().check_out(*complete, calc.folder("tree"));
  if (!made) FAIL(made.error().message);
  CHECK_FALSE(fs::exists(calc.folder("trapped")));
}

TEST_CASE("swebench repository: a slim instance is completed from its commits") {
  const CalcProject calc;
  const auto complete = calc.store().completed(calc.slim());
  if (!complete) FAIL(complete.error().message);
  CHECK(complete->problem.find("ratio: divide the right way") == 0);
  CHECK(files_of_patch(complete->patch) == std::vector<std::string>{"calc/core.py"});
  CHECK(files_of_patch(complete->test_patch) == std::vector<std::string>{"tests/test_calc.py"});
  // A whole one stays as it is.
  CHECK(calc.store().completed(calc.instance())->problem == "ratio(1, 2) gives 2.0");
}

TEST_CASE("swebench repository: a missing commit is said, and the cache stays bounded") {
  const CalcProject calc;
  Instance instance = calc.instance();
  instance.base_commit = std::string(40, 'a');
  const auto made = calc.store().check_out(instance, calc.folder("tree"));
  REQUIRE_FALSE(made);
  CHECK(made.error().message.find("has no commit aaaa") != std::string::npos);

  RepositoryOptions options;
  options.sources = calc.sources();
  options.cache = calc.folder("small");
  options.max_cache_bytes = 1;
  const RepositoryStore store(options);
  REQUIRE(store.check_out(calc.instance(), calc.folder("one")));
  instance = calc.instance();
  instance.base_commit = calc.fix();
  instance.fix_commit.clear();
  REQUIRE(store.check_out(instance, calc.folder("two")));
  size_t n = 0;
  for (const auto& entry : fs::directory_iterator(options.cache)) n += entry.is_directory();
  CHECK(n == 1);
  // What was made of an evicted entry is whole.
  CHECK(run(calc.folder("one"), {"fsck", "--no-progress"}).empty());
}
