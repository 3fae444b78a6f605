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
