#include <catch2/catch.hpp>

#include "agent/edit/apply.h"
#include "agent/edit/parse_check.h"
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

TEST_CASE("what models get wrong about blanks, tabs, quotes and line ends does not matter") {
  const auto check = [](const std::string& text, const std::string& search,
                        const std::string& replace, const std::string& expected) {
    INFO(search);
    const auto edited = search_and_replace(text, search, replace);
    if (!edited) FAIL_CHECK(edited.error().message);
    if (edited) CHECK(*edited == expected);
  };
  // The file's line ends stay, also where the search is exact within a line.
  check("a\r\nb\r\nc\r\n", "a\nb\n", "a\nB\nx\n", "a\r\nB\r\nx\r\nc\r\n");
  check("a\r\nb\r\n", "b", "b\nc", "a\r\nb\r\nc\r\n");
  // Blanks at the end of a kept line are the file's.
  check("x = 1   \ny = 2\n", "x = 1\ny = 2", "x = 1\ny = 3", "x = 1   \ny = 3\n");
  // Tabs in the file, blanks in the search, and a deeper line that is new.
  check("\tif a:\n\t\tb()\n", "    if a:\n        b()",
        "    if a:\n        for c in d:\n            b()", "\tif a:\n\t\tfor c in d:\n\t\t\tb()\n");
  check("    if a:\n        b()\n", "\tif a:\n\t\tb()", "\tif a:\n\t\tc()",
        "    if a:\n        c()\n");
  // Less indented than the text, and one level out of it.
  check("        a()\n        b()\n", "a()\nb()", "a()\nif x:\n    b()",
        "        a()\n        if x:\n            b()\n");
  // Curly quotes, a dash and a hard blank.
  check("s = \xE2\x80\x9Chi\xE2\x80\x9D \xE2\x80\x94 x\n", "s = \"hi\" - x", "s = 1", "s = 1\n");
  // The numbers that `open` shows.
  check("a\n  b\nc\n", "2\t  b\n3\tc", "2\t  B\n3\tc", "a\n  B\nc\n");
  check("f(a,  b)\n", "f(a, b)", "f(b)", "f(b)\n");
  // Emptied lines go.
  check("a\n  b\nc\n", "b\n", "", "a\n  c\n");
}

TEST_CASE("a search that is nowhere is answered with the real lines, and where they differ") {
  std::string text;
  for (int i = 0; i < 3000; ++i)
    text += "    value_" + std::to_string(i) + " = compute(" + std::to_string(i) + ")\n";
  const auto failed = search_and_replace(
      text, "    value_2500 = compute(2500)\n    value_2501 = computed(2501)\n", "");
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message.find("\n2501:     value_2500 = compute(2500)\n2502: ") !=
        std::string::npos);
  CHECK(failed.error().message.find("line 2502 is:     value_2501 = compute(2501)\nyou wrote: ") !=
        std::string::npos);
  CHECK(failed.error().message.size() < 1500);
}

TEST_CASE("several blocks are one edit: all or none") {
  const std::string text = "a\nb\nc\nd\n";
  CHECK(replace_blocks(text, {{"c", "C"}, {"a\n", "A\n"}}).value() == "A\nb\nC\nd\n");
  const auto failed = replace_blocks(text, {{"a", "A"}, {"e", "E"}});
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message.find("block 2") == 0);
  CHECK_FALSE(replace_blocks(text, {{"a\nb", "x"}, {"b\nc", "y"}}));
  const auto blocks = read_search_blocks(
      "```\n<<<<<<< SEARCH\na\n=======\nA\n>>>>>>> REPLACE\n<<<<<<< SEARCH\nc\n=======\n>>>>>>> "
      "REPLACE\n```");
  REQUIRE(blocks);
  CHECK(replace_blocks(text, *blocks).value() == "A\nb\nd\n");
  CHECK_FALSE(read_search_blocks("<<<<<<< SEARCH\na\n"));
  size_t n = 0;
  CHECK(replace_every("x y x", "x", "z", &n).value() == "z y z");
  CHECK(n == 2);
}

TEST_CASE("an edit that breaks the parse is refused with its place") {
  CHECK(check_still_parses("a.py", "x = 1\n", "x = 2\n"));
  const auto broken = check_still_parses("a.py", "x = 1\n", "x = (2\n");
  REQUIRE_FALSE(broken);
  CHECK(broken.error().message.find("a.py would no longer parse: line 1: ") == 0);
  CHECK(broken.error().message.find("1: x = (2") != std::string::npos);
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
