// The task's view of the user's tree: as an overlay and as a copy, the same stories.
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "agent/sandbox/probe.h"
#include "tests/agent/sandbox_stage.h"

using namespace engramd;
using namespace engramd::agent;
using engramd::test::Stage;
using engramd::test::Workspace;
namespace fs = std::filesystem;

namespace {

constexpr const char* kProject = R"(#init git
//- /src/a.py
x = 1
//- /src/b.py
y = 1
//- /docs/c.txt
text
//- /.gitignore
build/
)";

bool have_bwrap() {
  if (probe_sandbox().usable) return true;
  WARN("skipped: bubblewrap cannot run here");
  return false;
}

std::string summary(const TreeChanges& changes) {
  std::string out;
  for (const TreeChange& change : changes.files)
    out += (!change.before  ? "A "
            : !change.after ? "D "
                            : "M ") +
           change.path + (change.base_changed ? " (stale)\n" : "\n");
  for (const std::string& left : changes.left_out) out += "? " + left + "\n";
  return out;
}

}  // namespace

TEST_CASE("commands see the whole tree at its own path, and what they change stays theirs") {
  if (!have_bwrap()) return;
  for (const bool copied : {false, true}) {
    INFO((copied ? "copy" : "overlay"));
    const Workspace ws(kProject);
    ws.write("build/out.o", "ignored by git");
    ws.write("src/new.py", "untracked");
    ws.write("src/a.py", "x = 2  # not committed\n");
    const Stage stage(ws, SandboxMode::bubblewrap, copied);
    if (!copied && probe_sandbox().overlay_problem.empty()) CHECK(stage.tree->is_overlay());
    const auto seen = stage.run(
        "pwd; cat build/out.o src/new.py src/a.py; echo more > src/made.py; "
        "rm src/b.py; echo x = 3 > src/a.py; rm -r docs; mkdir docs; "
        "echo new > docs/d.txt; git status --short | head -1");
    INFO(seen.stdout_text);
    CHECK(seen.exit_code == 0);
    CHECK(seen.stdout_text.find(ws.root().string()) == 0);
    CHECK(seen.stdout_text.find("ignored by gituntrackedx = 2  # not committed") !=
          std::string::npos);
    CHECK(summary(stage.tree->changes()) ==
          "D docs/c.txt\nA docs/d.txt\nM src/a.py\nD src/b.py\nA src/made.py\n");
    CHECK(stage.tree->read("src/a.py").value() == "x = 3\n");
    CHECK_FALSE(stage.tree->read("src/b.py"));
    // The user's own is as it was.
    CHECK(ws.read("src/a.py") == "x = 2  # not committed\n");
    CHECK(ws.read("src/b.py") == "y = 1\n");
    CHECK(ws.read("docs/c.txt") == "text\n");
    CHECK_FALSE(fs::exists(ws.path("src/made.py")));
  }
}

TEST_CASE("edits of ours and of commands meet in one tree, also while a command runs") {
  if (!have_bwrap()) return;
  const Workspace ws(kProject);
  const Stage stage(ws, SandboxMode::bubblewrap);
  REQUIRE(stage.tree->write("src/a.py", "x = 10\n"));
  REQUIRE(stage.tree->write("deep/er/new.py", "z = 1\n"));
  CHECK(stage.run("cat src/a.py deep/er/new.py; echo x = 11 > src/a.py").stdout_text ==
        "x = 10\nz = 1\n");
  CHECK(stage.tree->read("src/a.py").value() == "x = 11\n");

  // A command that stays sees what is written after it began.
  SandboxCommand waits;
  waits.argv = {"/bin/sh", "-c",
                "echo ready; while ! grep -q 99 src/b.py; do sleep 0.05; done; cat src/b.py"};
  waits.limits.wall_ms = 20000;
  waits.on_output = [&](std::string_view text) {
    if (text.find("ready") != std::string_view::npos)
      REQUIRE(stage.tree->write("src/b.py", "y = 99\n"));
  };
  const auto ran = stage.sandbox->run(waits);
  REQUIRE(ran);
  CHECK(ran->stdout_text == "ready\ny = 99\n");
  // Undone by hand: no change is left of it.
  REQUIRE(stage.tree->write("src/a.py", "x = 1\n"));
  REQUIRE(stage.tree->remove("src/b.py"));
  REQUIRE(stage.tree->remove("deep/er/new.py"));
  CHECK(summary(stage.tree->changes()) == "D src/b.py\n");
  CHECK_FALSE(stage.tree->remove("no/such.py"));
}

TEST_CASE("several trees over one original do not see each other") {
  if (!have_bwrap()) return;
  const Workspace ws(kProject);
  const Stage one(ws, SandboxMode::bubblewrap), two(ws, SandboxMode::bubblewrap);
  one.run("echo x = 100 > src/a.py; echo > only_one");
  CHECK(two.run("cat src/a.py; ls only_one 2>/dev/null").stdout_text == "x = 1\n");
  CHECK(two.tree->changes().files.empty());
}

TEST_CASE("a change is marked when the user has saved the file since") {
  for (const bool copied : {false, true}) {
    const Workspace ws(kProject);
    auto tree = copied ? WorkTree::copy_of(ws.root()) : WorkTree::open(ws.root());
    REQUIRE(tree);
    REQUIRE(tree->write("src/a.py", "x = 5\n"));
    CHECK(summary(tree->changes()) == "M src/a.py\n");
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    ws.write("src/a.py", "x = 1  # saved meanwhile\n");
    CHECK(summary(tree->changes()) == "M src/a.py (stale)\n");
    CHECK(tree->changes().files[0].before == "x = 1  # saved meanwhile\n");
  }
}

TEST_CASE("what is no text is named and left out, and every limit of changes holds") {
  const Workspace ws(kProject);
  auto tree = WorkTree::open(ws.root());
  REQUIRE(tree);
  REQUIRE(tree->write("binary", std::string("\0\1", 2)));
  REQUIRE(tree->write("large.txt", std::string(3000, 'x')));
  for (int i = 0; i < 20; ++i) REQUIRE(tree->write("n/" + std::to_string(100 + i), "x"));
  REQUIRE(tree->write("node_modules/x/y.js", "dependency"));
  REQUIRE(tree->write("build/z.txt", "built"));
  ChangeLimits limits;
  limits.max_file_bytes = 2000;
  limits.skip = [](const std::string& path, bool is_folder) {
    return is_folder && path == "build";
  };
  const TreeChanges all = tree->changes(limits);
  CHECK(all.complete);
  CHECK(all.files.size() == 20);
  CHECK(all.left_out ==
        std::vector<std::string>{"binary: it is binary", "large.txt: it has 3000 bytes"});
  limits.max_files = 5;
  CHECK(tree->changes(limits).files.size() == 5);
  CHECK_FALSE(tree->changes(limits).complete);
  limits.max_entries = 3;
  CHECK_FALSE(tree->changes(limits).complete);
}

TEST_CASE("a link that a command plants leads nowhere, not even when it is swapped in") {
  if (!have_bwrap()) return;
  for (const bool copied : {false, true}) {
    const Workspace ws(kProject);
    const Workspace outside("//- /target.txt\nmine\n");
    const Stage stage(ws, SandboxMode::bubblewrap, copied);
    const std::string target = outside.path("target.txt").string();
    stage.run("ln -s " + target + " link; ln -s " + outside.root().string() +
              " folder; rm src/a.py; ln -s " + target + " src/a.py; rm -r docs; ln -s " +
              outside.root().string() + " docs");
    CHECK_FALSE(stage.tree->read("link"));
    CHECK_FALSE(stage.tree->write("link", "theirs"));
    CHECK_FALSE(stage.tree->write("src/a.py", "theirs"));
    CHECK_FALSE(stage.tree->write("folder/target.txt", "theirs"));
    CHECK_FALSE(stage.tree->write("folder/new.txt", "theirs"));
    CHECK_FALSE(stage.tree->write("docs/c.txt", "theirs"));
    CHECK_FALSE(stage.tree->remove("folder/target.txt"));
    CHECK(outside.read("target.txt") == "mine\n");
    CHECK_FALSE(fs::exists(outside.path("new.txt")));
    const std::string changes = summary(stage.tree->changes());
    INFO(changes);
    CHECK(changes.find("target.txt") == std::string::npos);
    CHECK(changes.find("? link: it is a symbolic link") != std::string::npos);
  }
}

TEST_CASE("a work tree's and a submodule's git data are read-only, wherever they lie") {
  if (!have_bwrap()) return;
  const Workspace main(kProject);
  const Workspace other("//- /empty\n");
  main.git({"worktree", "add", "-q", other.path("second").string()});
  main.git({"-c", "protocol.file.allow=always", "submodule", "--quiet", "add", main.root().string(),
            "sub"});
  for (const fs::path& root : {other.path("second"), main.path("sub")}) {
    auto opened = WorkTree::open(root);
    REQUIRE(opened);
    auto sandbox = Sandbox::make(SandboxMode::bubblewrap, *opened);
    REQUIRE(sandbox);
    SandboxCommand command;
    command.argv = {"/bin/sh", "-c",
                    "git log --oneline | wc -l; d=$(git rev-parse --git-dir); c=$(git rev-parse "
                    "--git-common-dir); ! touch .git $d/x $c/x 2>/dev/null && ! git commit "
                    "--allow-empty -qm x 2>/dev/null && echo held"};
    const auto ran = sandbox->run(command);
    REQUIRE(ran);
    CHECK(ran->stdout_text == "1\nheld\n");
  }
  // A file that names something else than git data shows nothing.
  const Workspace secret("//- /key\nhunter2\n");
  const Workspace liar("//- /.git\ngitdir: " + secret.root().string() + "\n");
  const Stage stage(liar, SandboxMode::bubblewrap);
  CHECK(stage.run("cat " + secret.path("key").string()).exit_code != 0);
}

TEST_CASE("the folder that holds home is no project") {
  const char* home = std::getenv("HOME");
  const std::string before = home == nullptr ? "" : home;
  const Workspace ws("//- /user/.ssh/id\nsecret\n//- /user/project/a\nx\n");
  ::setenv("HOME", ws.path("user").c_str(), 1);
  for (const fs::path& root : {ws.root(), ws.path("user"), fs::path("/")}) {
    const auto opened = WorkTree::open(root);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == ErrorCode::invalid_input);
  }
  CHECK(WorkTree::open(ws.path("user/project")));
  ::setenv("HOME", before.c_str(), 1);
}

TEST_CASE("names with commas, colons, blanks and backslashes can be overlaid") {
  if (!have_bwrap()) return;
  const Workspace ws("//- /a, b:c\\d/x.txt\nhello\n");
  const fs::path root = ws.path("a, b:c\\d");
  auto tree = WorkTree::open(root);
  REQUIRE(tree);
  if (probe_sandbox().overlay_problem.empty()) CHECK(tree->is_overlay());
  auto sandbox = Sandbox::make(SandboxMode::bubblewrap, *tree);
  REQUIRE(sandbox);
  SandboxCommand command;
  command.argv = {"/bin/sh", "-c", "pwd; cat x.txt; echo y > y.txt"};
  CHECK(sandbox->run(command).value().stdout_text == root.string() + "\nhello\n");
  CHECK(summary(tree->changes()) == "A y.txt\n");
}

TEST_CASE("nothing is left of a tree: no folder, no mount, no process") {
  const Workspace ws(kProject);
  const Workspace temporary("//- /empty\n");
  ::setenv("TMPDIR", temporary.root().c_str(), 1);
  {
    auto tree = WorkTree::open(ws.root());
    REQUIRE(tree);
    REQUIRE(tree->write("a/b/c", "x"));
    CHECK(std::distance(fs::directory_iterator(temporary.root()), {}) == 2);
  }
  ::unsetenv("TMPDIR");
  CHECK(std::distance(fs::directory_iterator(temporary.root()), {}) == 1);
  std::ifstream mounts("/proc/self/mountinfo");
  const std::string text{std::istreambuf_iterator<char>(mounts), {}};
  CHECK(text.find(ws.root().string()) == std::string::npos);
}
