// Who changed a line last, what touched a file, what changes together.
#include <algorithm>
#include <catch2/catch.hpp>

#include "base/text.h"
#include "repoindex/git/history.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::repoindex;
using engramd::test::Workspace;

namespace {

std::string commit(const Workspace& ws, std::string_view message) {
  ws.git({"add", "-A"});
  ws.git({"commit", "-q", "-m", std::string(message)});
  return std::string(trim(ws.git({"rev-parse", "HEAD"})));
}

}  // namespace

TEST_CASE("blame: each line has its last change, unsaved ones have none") {
  Workspace ws("#init git\n//- /sub/a.py\none\ntwo\nthree\n");
  const std::string first = std::string(trim(ws.git({"rev-parse", "HEAD"})));
  ws.write("sub/a.py", "one\nTWO\nthree\n");
  const std::string second = commit(ws, "second line");
  ws.git({"mv", "sub/a.py", "sub/b \"q\".py"});
  commit(ws, "renamed");
  // The buffer has a new line on top that nobody saved.
  auto ranges = blame(ws.path("sub"), "b \"q\".py", {0, 100}, "new\none\nTWO\nthree\n");
  REQUIRE(ranges);
  REQUIRE(ranges->size() == 4);
  CHECK((*ranges)[0].commit.empty());
  CHECK((*ranges)[1].commit == first);
  CHECK((*ranges)[1].path == "sub/a.py");
  CHECK((*ranges)[2].commit == second);
  CHECK((*ranges)[2].summary == "second line");
  CHECK((*ranges)[2].author == "test");
  CHECK((*ranges)[2].author_time > 1'000'000'000);
  CHECK((*ranges)[2].lines.first == 2);
  CHECK((*ranges)[3].summary == "first");
  // One line only, and of what HEAD has.
  auto one = blame(ws.root(), "sub/b \"q\".py", {1, 1}, std::nullopt);
  REQUIRE(one);
  REQUIRE(one->size() == 1);
  CHECK((*one)[0].commit == second);
}

TEST_CASE("blame: unknown files, lines past the end, no repository and a cancelled token") {
  Workspace ws("#init git\n//- /a.py\none\n");
  ws.write("untracked.py", "x\n");
  CHECK_FALSE(blame(ws.root(), "untracked.py", {0, 1}, "x\n"));
  CHECK_FALSE(blame(ws.root(), "a.py", {10, 1}, "one\n"));
  Workspace plain("//- /a.py\none\n");
  auto none = blame(plain.root(), "a.py", {0, 1}, "one\n");
  REQUIRE_FALSE(none);
  CHECK(none.error().code == ErrorCode::unavailable);
  CancelSource source;
  source.cancel();
  auto cancelled = blame(ws.root(), "a.py", {0, 1}, "one\n", source.token());
  REQUIRE_FALSE(cancelled);
  CHECK(cancelled.error().code == ErrorCode::cancelled);
}

TEST_CASE("blame: a filter that the attributes name is not run") {
  Workspace ws("#init git\n//- /a.py\none\n");
  const std::string touched = ws.path("touched").string();
  ws.git({"config", "filter.trap.clean", "touch '" + touched + "'; cat"});
  ws.git({"config", "diff.trap.textconv", "touch '" + touched + "'; cat"});
  ws.write(".gitattributes", "*.py filter=trap diff=trap\n");
  auto ranges = blame(ws.root(), "a.py", {0, 1}, "one\n");
  REQUIRE(ranges);
  CHECK(ranges->size() == 1);
  CHECK_FALSE(std::filesystem::exists(touched));
}

TEST_CASE("recent commits: newest first, renames followed, at most so many") {
  Workspace ws("#init git\n//- /a.py\none\ntwo\nthree\n//- /b.py\nx\n");
  ws.write("a.py", "one\ntwo\nthree\nfour\n");
  commit(ws, "more");
  ws.write("b.py", "y\n");
  commit(ws, "other");
  ws.git({"mv", "a.py", "c.py"});
  const std::string newest = commit(ws, "moved \x1f oddly");
  auto commits = recent_commits(ws.root(), "c.py", 10);
  REQUIRE(commits);
  REQUIRE(commits->size() == 3);
  CHECK((*commits)[0].id == newest);
  CHECK((*commits)[1].subject == "more");
  CHECK((*commits)[2].subject == "first");
  CHECK(recent_commits(ws.root(), "c.py", 1)->size() == 1);
  CHECK(recent_commits(ws.root(), "absent.py", 5)->empty());
  Workspace empty("");
  empty.git({"init", "-q"});
  auto none = recent_commits(empty.root(), "a.py", 5);
  REQUIRE(none);
  CHECK(none->empty());
}

TEST_CASE("change history: counts, and what changes together") {
  Workspace ws("#init git\n//- /src/a.py\n0\n//- /src/b.py\n0\n//- /doc/c.md\n0\n");
  for (int i = 1; i <= 3; ++i) {
    ws.write("src/a.py", std::to_string(i));
    ws.write("src/b.py", std::to_string(i));
    if (i == 3) ws.write("doc/c.md", "3");
    commit(ws, "pair");
  }
  ws.write("src/a.py", "alone");
  const std::string head = commit(ws, "alone");
  for (int i = 0; i < 60; ++i) ws.write("many/" + std::to_string(i), "x");
  ws.write("src/a.py", "swept along");
  ws.write("odd\nname", "x");
  const std::string swept = commit(ws, "a large one");
  auto history = ChangeHistory::mine(ws.root());
  REQUIRE(history);
  CHECK(history->n_commits() == 6);
  CHECK(history->head() == swept);
  CHECK(history->n_changes("src/a.py") == 5);  // the large commit does not count
  CHECK(history->last_change("src/a.py") > 1'000'000'000);
  CHECK(history->last_change("many/1") == 0);
  const auto with = history->changed_with("src/a.py", 10);
  REQUIRE(with.size() == 2);
  CHECK(with[0].path == "src/b.py");
  CHECK(with[0].n_together == 4);
  CHECK(with[1].path == "doc/c.md");
  CHECK(with[1].n_together == 2);
  CHECK(with[1].n_changes == 2);
  CHECK(history->changed_with("src/a.py", 1).size() == 1);
  // Below a folder: its own paths, and only what touched it.
  auto below = ChangeHistory::mine(ws.path("src"), {.max_commits = 3});
  REQUIRE(below);
  CHECK(below->n_commits() == 3);
  CHECK(below->n_changes("a.py") == 3);
  CHECK(below->n_changes("src/a.py") == 0);
}
