// The frame itself: the notation is read as it says, and a wrong expectation does fail.
#include <catch2/catch.hpp>

#include "tests/markers/check.h"
#include "tests/markers/run.h"

using namespace engramd::test;

TEST_CASE("marks are taken out of the text and kept as offsets") {
  const MarkedText marked = read_marked_text(R"(#init git
//- /a.cpp
[[nodiscard]] int [[all:f([[:x]])]]; $0
//- b.sh
[[ -f x ]] && echo "$~"
//? definition@x first all, x
)",
                                             "é");
  CHECK(marked.with_git);
  CHECK(marked.has_shift);
  CHECK(marked.files.at("a.cpp") == "[[nodiscard]] int f(x); \n");
  CHECK(marked.files.at("b.sh") == "[[ -f x ]] && echo \"é\"\n");
  CHECK(marked.spans("all") == std::vector<Span>{{"a.cpp", 18, 22}});
  CHECK(marked.spans("x") == std::vector<Span>{{"a.cpp", 20, 21}});
  CHECK(marked.spans("$0") == std::vector<Span>{{"a.cpp", 24, 24}});
  CHECK_THROWS(marked.spans("y"));
  REQUIRE(marked.questions.size() == 1);
  CHECK(marked.questions[0].verb == "definition");
  CHECK(marked.questions[0].at == "x");
  CHECK(marked.questions[0].relation == "first");
  CHECK(marked.questions[0].expected_items() == std::vector<std::string>{"all", "x"});
}

TEST_CASE("an argument may hold a relation's word when there is an arrow; items nest") {
  const MarkedText marked = read_marked_text(R"(//- /a.py
//? search has first -> class A{method b, method c}, function "x, y"
//? hover contains "a -> b"
)",
                                             "");
  REQUIRE(marked.questions.size() == 2);
  CHECK(marked.questions[1].relation == "contains");
  CHECK(marked.questions[0].argument == "has first");
  CHECK(marked.questions[0].expected_items() ==
        std::vector<std::string>{"class A{method b, method c}", "function \"x, y\""});
  CHECK_THROWS(read_marked_text("//- /a.py\n[[open:x\n", ""));
}

TEST_CASE("lists are compared as the relation says") {
  using List = std::vector<std::string>;
  const List found = {"b", "a", "c"};
  CHECK(compare("->", {"a", "b", "c"}, found).empty());
  CHECK(!compare("->", {"a", "b"}, found).empty());
  CHECK(!compare("->", {"a", "b", "c"}, {"a", "b", "c", "c"}).empty());
  CHECK(compare("order", {"b", "a", "c"}, found).empty());
  CHECK(!compare("order", {"a", "b", "c"}, found).empty());
  CHECK(compare("first", {"b", "a"}, found).empty());
  CHECK(!compare("first", {"a"}, found).empty());
  CHECK(compare("has", {"c"}, found).empty());
  CHECK(!compare("has", {"d"}, found).empty());
  CHECK(!compare("has", {}, found).empty());
  CHECK(compare("lacks", {"d"}, found).empty());
  CHECK(!compare("lacks", {"c"}, found).empty());
  CHECK(!compare("like", {"c"}, found).empty());
}

TEST_CASE("a wrong expectation fails, in each encoding and with each text") {
  const auto wrong = wrong_answers(R"(
//- /a.py
"$~"
def [[:run]](): ...
def [[:walk]](): ...
"$~"; $0run()
//? definition -> walk
//? definition -> run
//? hover contains "def walk"
//? no-such-verb -> run
//? definition -> no_such_range
)");
  CHECK(wrong.size() == 4 * 4);
  CHECK_THAT(wrong.at(0), Catch::Contains("a.py:3:5 \"walk\"") &&
                              Catch::Contains("a.py:2:5 \"run\"") && Catch::Contains("utf-16"));
  CHECK_THAT(wrong.at(1), Catch::Contains("def run()"));
  CHECK_THAT(wrong.at(2), Catch::Contains("no verb"));
  CHECK_THAT(wrong.at(3), Catch::Contains("no range"));
}

TEST_CASE("what is typed is seen by the questions after it, and the marks move along") {
  check(R"(
//- /a.py
$0
def [[:run]](): ...
"$~"; [[:walk]] = [[use:run]]
//? definition@use -> run
//? type "def more():\n    return 'ü'\n\n"
//? definition@use -> run
//? symbols -> function more, function run, variable walk
//? ask-wrongly textDocument/hover {"more": 1} /contents/kind -> null
//? ask@use textDocument/hover /contents/kind -> "markdown"
//? ask-wrongly workspace/symbol {"query": 1} /error/code -> -32602
//? close
//? symbols -> function run, variable walk
)");
}

TEST_CASE("a plain client gets plain answers, and line ends may be CRLF or CR") {
  check(R"(
//- /a.py
def [[:run]](): ...
def walk(): ...
"$~"; $0run()
//? client plain
//? lines crlf
//? definition -> run
//? ask textDocument/hover /contents/kind -> "plaintext"
//? symbols -> function run, function walk
)");
  check(R"(
//- /a.py
def [[:run]](): ...
$0run()
//? lines cr
//? definition -> run
)");
}
