#include <catch2/catch.hpp>

#include "agent/edit/apply.h"
#include "agent/edit/text_edit.h"
#include "agent/edit/unified_diff.h"
#include "base/process.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::agent;
using engramd::test::Workspace;

TEST_CASE("search and replace finds a block once, with or without its indentation") {
  const std::string text = "def f(x):\n    if x:\n        return 1\n    return 2\n";
  CHECK(search_and_replace(text, "return 2", "return 3").value() ==
        "def f(x):\n    if x:\n        return 1\n    return 3\n");
  CHECK(search_and_replace(text, "if x:\n    return 1", "if not x:\n    return 4").value() ==
        "def f(x):\n    if not x:\n        return 4\n    return 2\n");
  const auto twice = search_and_replace(text, "return", "yield");
  REQUIRE_FALSE(twice);
  CHECK(twice.error().code == ErrorCode::invalid_input);
  CHECK(twice.error().message.find("lines 3, 4") != std::string::npos);
  const auto nowhere = search_and_replace(text, "    return 22 + x", "");
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().code == ErrorCode::not_found);
  CHECK(nowhere.error().message.find("4:     return 2") != std::string::npos);
}

TEST_CASE("an edit that breaks the parse is refused with its place") {
  CHECK(check_still_parses("a.py", "x = 1\n", "x = 2\n"));
  const auto broken = check_still_parses("a.py", "x = 1\n", "x = (2\n");
  REQUIRE_FALSE(broken);
  CHECK(broken.error().message.find("a.py would no longer parse") == 0);
  // A file that was broken before may be worked on.
  CHECK(check_still_parses("a.py", "x = (\n", "x = (2\n"));
}

TEST_CASE("git apply takes the diffs we write, and we take them back") {
  struct Case {
    std::optional<std::string> before, after;
  };
  std::string many;
  for (int i = 0; i < 60; ++i) many += "line " + std::to_string(i) + "\n";
  std::string changed = many;
  changed.replace(changed.find("line 3\n"), 7, "third\n");
  changed.replace(changed.find("line 50\n"), 8, "");
  const Case cases[] = {
      {"a\nb\nc\n", "a\nB\nc\n"},  {"a\nb", "a\nb\n"},       {"a\nb\n", "a\nc"},
      {std::nullopt, "new\nfile"}, {"gone\n", std::nullopt}, {many, changed},
      {"", "was empty\n"},         {"\n\nx\n", "\n\n\nx\n"}, {"r\r\nn\n", "r\r\nm\n"},
  };
  for (const Case& one : cases) {
    const Workspace ws("#init git\n//- /other.txt\nkeep\n");
    if (one.before) ws.write("f.txt", *one.before);
    const std::string diff = unified_diff({{"f.txt", one.before, one.after}});
    ws.write("p.diff", diff);
    INFO(diff);
    REQUIRE_NOTHROW(ws.git({"apply", "--whitespace=nowarn", "p.diff"}));
    CHECK(std::filesystem::exists(ws.path("f.txt")) == one.after.has_value());
    if (one.after) CHECK(ws.read("f.txt") == *one.after);
    const auto ours = apply_unified_diff(diff, [&](const std::string&) { return one.before; });
    REQUIRE(ours);
    CHECK(ours->at(0).after == one.after);
  }
}

TEST_CASE("a diff whose base has changed is refused, and paths outside are too") {
  const std::string diff = unified_diff({{"f.txt", "a\nb\nc\n", "a\nB\nc\n"}});
  const auto apply_to = [&](const std::string& text, const std::string& patch) {
    return apply_unified_diff(patch, [&](const std::string&) { return std::optional(text); });
  };
  CHECK_FALSE(apply_to("a\nx\nc\n", diff));
  CHECK(apply_to("0\na\nb\nc\n", diff).value()[0].after == "0\na\nB\nc\n");
  CHECK_FALSE(apply_to("a\n", "--- a/../x\n+++ b/../x\n@@ -1 +1 @@\n-a\n+b\n"));
  CHECK_FALSE(apply_to("a\n", "--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n-a\n"));
  CHECK_FALSE(apply_to("a\n", "no diff at all"));
}

TEST_CASE("changes are applied only to the text they were made for, and can be undone") {
  const Workspace ws("//- /src/a.py\nx = 1\n//- /b.py\ny = 1\n");
  const Workspace state("//- /empty\n");
  const std::vector<FileChange> changes{{"src/a.py", "x = 1\n", "x = 2\n"},
                                        {"new.py", std::nullopt, "z = 1\n"}};
  const auto applied = apply_changes(ws.root(), changes, state.path("journal"));
  REQUIRE(applied);
  CHECK(ws.read("src/a.py") == "x = 2\n");
  CHECK(ws.read("new.py") == "z = 1\n");
  const auto again = apply_changes(ws.root(), changes, state.path("journal"));
  REQUIRE_FALSE(again);
  CHECK(again.error().message.find("src/a.py has changed") == 0);

  ws.write("new.py", "z = 1  # mine\n");
  CHECK_FALSE(undo_changes(applied->journal));
  CHECK(ws.read("src/a.py") == "x = 2\n");
  ws.write("new.py", "z = 1\n");
  REQUIRE(undo_changes(applied->journal));
  CHECK(ws.read("src/a.py") == "x = 1\n");
  CHECK_FALSE(std::filesystem::exists(ws.path("new.py")));
}
