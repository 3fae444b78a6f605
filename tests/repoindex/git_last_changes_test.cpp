// The last change of a line, for answers that cannot wait.
#include <catch2/catch.hpp>

#include "repoindex/git/last_changes.h"
#include "tests/support/workspace.h"

using namespace engramd::repoindex;
using engramd::test::Workspace;

namespace {
constexpr std::chrono::milliseconds kLong{20'000}, kNone_{0};
}

TEST_CASE("a line's last change comes with patience, and at once the second time") {
  Workspace ws("#init git\n//- /a.py\ndef run(): ...\nx = 1\n");
  ws.write("a.py", "def run(): ...\nx = 2\n");
  ws.git({"commit", "-qam", "count to two"});
  LastChanges changes;
  int n_read = 0;
  const auto text = [&] {
    ++n_read;
    return std::optional<std::string>(ws.read("a.py"));
  };
  const auto first = changes.of(ws.root(), "a.py", 1, "v1", text, kLong);
  REQUIRE(first);
  CHECK(first->summary == "count to two");
  const auto again = changes.of(ws.root(), "a.py", 1, "v1", text, kNone_);
  REQUIRE(again);
  CHECK(again->commit == first->commit);
  CHECK(n_read == 1);
  const auto other = changes.of(ws.root(), "a.py", 0, "v1", text, kLong);
  REQUIRE(other);
  CHECK(other->commit != first->commit);
}

TEST_CASE("without patience the answer comes later") {
  Workspace ws("#init git\n//- /a.py\ndef run(): ...\n");
  LastChanges changes;
  const auto text = [&] { return std::optional<std::string>(ws.read("a.py")); };
  changes.of(ws.root(), "a.py", 0, "v1", text, kNone_);
  // Somebody works on it already: the same question waits for that.
  CHECK(changes.of(ws.root(), "a.py", 0, "v1", text, kLong));
}

TEST_CASE("a line that no commit has says so") {
  Workspace ws("#init git\n//- /a.py\nx = 1\n");
  LastChanges changes;
  const auto found = changes.of(
      ws.root(), "a.py", 1, "v2", [] { return std::optional<std::string>("x = 1\ny = 2\n"); },
      kLong);
  REQUIRE(found);
  CHECK(found->commit.empty());
}

TEST_CASE("no repository, no text, no line: no answer") {
  Workspace ws("//- /a.py\nx = 1\n");
  LastChanges changes;
  const auto text = [&] { return std::optional<std::string>(ws.read("a.py")); };
  CHECK_FALSE(changes.of(ws.root(), "a.py", 0, "v1", text, kLong));
  CHECK_FALSE(changes.of(
      ws.root(), "b.py", 0, "v1", [] { return std::optional<std::string>(); }, kLong));
  Workspace committed("#init git\n//- /a.py\nx = 1\n");
  CHECK_FALSE(changes.of(
      committed.root(), "a.py", 700, "v1", [] { return std::optional<std::string>("x = 1\n"); },
      kLong));
}
