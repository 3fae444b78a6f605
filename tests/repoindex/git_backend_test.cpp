// Which backend a repository gets, and that both say the same of it.
#include <algorithm>
#include <catch2/catch.hpp>

#include "repoindex/git/command.h"
#include "repoindex/git/work_tree.h"
#include "tests/repoindex/git_stories.h"

using namespace engramd;
using namespace engramd::repoindex;
using namespace engramd::repoindex::stories;
using engramd::test::Workspace;
using Wanted = GitBackend::Wanted;
using Paths = std::vector<std::string>;

namespace {

constexpr std::string_view kProject = R"(#init git
//- /.gitignore
*.log
/out/
//- /a.py
x = 1
//- /lib/b.py
y = 1
//- /lib/.gitignore
!kept.log
)";

void add_untracked(const Workspace& ws) {
  ws.write("lib/new.py", "z = 1\n");
  ws.write("lib/kept.log", "kept\n");
  ws.write("noise.log", "n\n");
  ws.write("out/c.py", "c = 1\n");
}

const Paths kListed = {".gitignore", "a.py",         "lib/.gitignore",
                       "lib/b.py",   "lib/kept.log", "lib/new.py"};

void check_asked_of_git(const Workspace& ws) {
  const Listed it = listed(ws.root());
  CHECK(it.backend == "git");
  CHECK(it.says("git itself is asked"));
  CHECK(it.paths == kListed);
}

}  // namespace

TEST_CASE("git backends: an ordinary repository is read in process, and both list the same") {
  Workspace ws(kProject);
  add_untracked(ws);
  const Listed it = listed(ws.root());
  CHECK(it.backend == "libgit2");
  CHECK(it.notes.empty());
  CHECK(it.paths == kListed);
  CHECK(listed(ws.root(), Wanted::command).paths == kListed);
  CHECK(listed(ws.path("lib")).paths == Paths{".gitignore", "b.py", "kept.log", "new.py"});
  CHECK(listed(ws.path("lib"), Wanted::command).paths == listed(ws.path("lib")).paths);
}

TEST_CASE("git backends: sha256 objects") {
  Workspace ws(kProject);
  std::filesystem::remove_all(ws.path(".git"));
  ws.git({"init", "-q", "--object-format=sha256"});
  ws.git({"add", "-A"});
  ws.git({"commit", "-q", "-m", "first"});
  add_untracked(ws);
  check_asked_of_git(ws);
}

TEST_CASE("git backends: a split index") {
  Workspace ws(kProject);
  ws.git({"update-index", "--split-index"});
  add_untracked(ws);
  check_asked_of_git(ws);
}

TEST_CASE("git backends: worktreeConfig and preciousObjects in format version 1") {
  for (const char* extension : {"extensions.worktreeConfig", "extensions.preciousObjects"}) {
    Workspace ws(kProject);
    ws.git({"config", "core.repositoryformatversion", "1"});
    ws.git({"config", extension, "true"});
    add_untracked(ws);
    check_asked_of_git(ws);
  }
}

TEST_CASE("git backends: a sparse checkout lists what is there, with and without a sparse index") {
  for (const char* mode : {"--no-sparse-index", "--sparse-index"}) {
    Workspace ws("#init git\n//- /top.py\n//- /in/a.py\n//- /left/b.py\n//- /left/deep/c.py\n");
    ws.git({"sparse-checkout", "set", "--cone", mode, "in"});
    ws.write("in/new.py", "z = 1\n");
    const Listed it = listed(ws.root());
    CHECK(it.backend == "git");
    CHECK(it.paths == Paths{"in/a.py", "in/new.py", "top.py"});
  }
}

TEST_CASE("git backends: a linked worktree") {
  Workspace ws(kProject);
  auto folder = TemporaryFolder::make("engramd-worktree");
  REQUIRE(folder);
  const auto other = std::filesystem::canonical(folder->path()) / "wt";
  ws.git({"worktree", "add", "-q", other.string()});
  CHECK(listed(other).paths == Paths{".gitignore", "a.py", "lib/.gitignore", "lib/b.py"});
  CHECK(listed(other).backend == "libgit2");
}

TEST_CASE("git backends: without any git the folder is walked, and that is said") {
  Workspace ws(kProject);
  ws.git({"update-index", "--split-index"});
  add_untracked(ws);
  const std::string path = getenv("PATH");
  setenv("PATH", "/nonexistent", 1);
  const Listed it = listed(ws.root());
  setenv("PATH", path.c_str(), 1);
  CHECK(it.backend == "walk");
  CHECK(it.says("git is not installed"));
  CHECK(it.says("walking the folder"));
  CHECK(it.paths == kListed);
}

TEST_CASE("git backends: one path is judged as the whole listing judges it") {
  Workspace ws(kProject);
  ws.write("forced.log", "x\n");
  ws.git({"add", "-f", "forced.log"});
  add_untracked(ws);
  ws.git({"init", "-q", "nested"});
  ws.write("nested/n.py", "n = 1\n");
  for (const Wanted wanted : {Wanted::libgit2, Wanted::command}) {
    auto tree = WorkTree::open(std::filesystem::canonical(ws.root()), {}, {}, wanted);
    auto listing = tree->list({});
    REQUIRE(listing);
    for (const char* path : {"a.py", "lib/b.py", "lib/kept.log", "lib/new.py", "noise.log",
                             "out/c.py", "forced.log", "nested/n.py", "absent.py"}) {
      INFO(path << " by " << tree->backend_name());
      const bool in_list = std::any_of(listing->files.begin(), listing->files.end(),
                                       [&](const ListedFile& file) { return file.path == path; });
      ListedFile file;
      CHECK(tree->look_at(path, &file) == in_list);
    }
  }
}

TEST_CASE("git backends: head, branch and changed files of two revisions") {
  Workspace ws(kProject);
  ws.git({"checkout", "-q", "-b", "topic/x"});
  ws.write("lib/b.py", "y = 2\n");
  ws.write("c \xC3\xA9.py", "c = 1\n");
  std::filesystem::remove(ws.path("a.py"));
  ws.git({"add", "-A"});
  ws.git({"commit", "-q", "-m", "second"});
  const std::string commit = ws.git({"rev-parse", "HEAD"});
  const Scope scope(std::filesystem::canonical(ws.root()), {}, {});
  for (const Wanted wanted : {Wanted::libgit2, Wanted::command}) {
    auto opened = GitBackend::open(scope, wanted, {});
    REQUIRE(opened.backend != nullptr);
    auto head = opened.backend->head();
    REQUIRE(head);
    CHECK(head->branch == "topic/x");
    CHECK(head->commit + "\n" == commit);
    auto changed = opened.backend->changed_files("main", "HEAD", 100, {});
    REQUIRE(changed);
    std::string text;
    for (const ChangedFile& file : *changed) text += file.status + (" " + file.path + "\n");
    CHECK(text == "D a.py\nA c \xC3\xA9.py\nM lib/b.py\n");
    CHECK(opened.backend->changed_files("main", "HEAD", 2, {})->size() == 2);
    auto unknown = opened.backend->changed_files("main", "no-such-branch", 100, {});
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error().code == ErrorCode::not_found);
  }
  Workspace empty("#init git\n");
  std::filesystem::remove_all(empty.path(".git"));
  empty.git({"init", "-q", "-b", "main"});
  const Scope unborn(std::filesystem::canonical(empty.root()), {}, {});
  for (const Wanted wanted : {Wanted::libgit2, Wanted::command}) {
    auto opened = GitBackend::open(unborn, wanted, {});
    REQUIRE(opened.backend != nullptr);
    auto head = opened.backend->head();
    REQUIRE(head);
    CHECK(head->branch == "main");
    CHECK(head->commit.empty());
  }
}

TEST_CASE("git command: nothing of the repository's configuration is run") {
  Workspace ws(kProject);
  const std::string touched = ws.path("touched").string();
  const std::string trap = "#!/bin/sh\ntouch '" + touched + "'\n";
  ws.write("trap.sh", trap);
  std::filesystem::permissions(ws.path("trap.sh"), std::filesystem::perms::all);
  ws.git({"config", "core.fsmonitor", ws.path("trap.sh").string()});
  ws.git({"config", "core.pager", ws.path("trap.sh").string()});
  ws.git({"config", "core.hooksPath", ws.root().string()});
  ws.git({"config", "filter.trap.clean", ws.path("trap.sh").string()});
  ws.write(".gitattributes", "* filter=trap\n");
  std::filesystem::remove(touched);
  listed(ws.root(), Wanted::command);
  listed(ws.root(), Wanted::libgit2);
  CHECK_FALSE(std::filesystem::exists(touched));
}

TEST_CASE("git command: a deadline, a cap, a cancelled token and a failure are errors") {
  Workspace ws(kProject);
  auto capped = git_text({ws.root(), {"ls-files"}, {}}, {}, 4);
  REQUIRE_FALSE(capped);
  CHECK(capped.error().code == ErrorCode::exhausted);
  CancelSource source;
  source.cancel();
  auto cancelled = git_text({ws.root(), {"ls-files"}, {}}, source.token());
  REQUIRE_FALSE(cancelled);
  CHECK(cancelled.error().code == ErrorCode::cancelled);
  auto failed = git_text({ws.root(), {"cat-file", "-s", "HEAD:absent"}, {}});
  REQUIRE_FALSE(failed);
  size_t n = 0;
  REQUIRE(git_records({ws.root(), {"ls-files", "-z"}, {}}, '\0',
                      [&](std::string_view) { return ++n < 2; }));
  CHECK(n == 2);
}
