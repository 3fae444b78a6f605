// Grammars written as text: what they match, what is refused, and that nothing leads nowhere.
#include <catch2/catch.hpp>

#include "tests/engine/grammar_support.h"

using namespace engramd;
using engine::grammar::Matcher;

namespace {

test::SharedAutomaton made(std::string_view grammar) {
  const auto automaton = test::automaton_of_text(grammar);
  if (!automaton) FAIL(std::string(grammar) + "\n" + automaton.error().message);
  return *automaton;
}

void check(std::string_view grammar, const std::vector<std::string>& yes,
           const std::vector<std::string>& no) {
  const auto automaton = made(grammar);
  for (const std::string& text : yes) {
    INFO(grammar << "\nshould match: " << text);
    CHECK(test::is_match(automaton, text));
  }
  for (const std::string& text : no) {
    INFO(grammar << "\nshould not match: " << text);
    CHECK_FALSE(test::is_match(automaton, text));
  }
}

void check_refused(std::string_view grammar, const std::string& message) {
  const auto automaton = test::automaton_of_text(grammar);
  INFO(grammar.substr(0, 200));
  REQUIRE_FALSE(automaton.has_value());
  CHECK_THAT(automaton.error().message, Catch::Contains(message));
}

std::string times(size_t n, std::string_view text) {
  std::string out;
  for (size_t i = 0; i < n; ++i) out += text;
  return out;
}

// Every text up to a length: what has been taken can end or be gone on with.
size_t check_no_dead_end(const Matcher& matcher, size_t depth) {
  size_t n_ways = matcher.may_end() ? 1 : 0;
  for (unsigned byte = 0; byte < 256; ++byte) {
    Matcher next = matcher;
    const char c = static_cast<char>(byte);
    const auto taken = next.take({&c, 1});
    if (!taken) FAIL(taken.error().message);
    if (*taken) n_ways += depth == 0 ? 1 : check_no_dead_end(next, depth - 1);
  }
  CHECK(n_ways > 0);
  return n_ways;
}

}  // namespace

TEST_CASE("a text grammar matches what it says") {
  check("root ::= \"yes\" | \"no\"", {"yes", "no"}, {"", "y", "yesno", "nO"});
  check("root ::= [a-c]+ [^a-c\\n]*", {"a", "abcxyz", "cé€😀"}, {"", "x", "ax\n", "axa"});
  check("root ::= \"a\"{2} | \"b\"{2,} | \"c\"{1,3}", {"aa", "bb", "bbbbb", "c", "ccc"},
        {"a", "aaa", "b", "cccc", ""});
  check("root ::= (\"a\" | \"b\"?){3} \"!\"", {"!", "ab!", "aaa!", "b!"}, {"aaaa!", "ab"});
  check("root ::= \"\\x41\\u00e9\\U0001F600\\n\\\"\"", {"Aé😀\n\""}, {"A"});
  check("root ::= . \".\"", {"é.", "\n."}, {".", "ab."});
  check("root ::= [\\]\\-x]", {"]", "-", "x"}, {"\\"});
}

TEST_CASE("rules refer to each other, over lines, with comments") {
  const std::string_view sums = R"~(
# sums of numbers
root  ::= term ("+" term)*
term  ::= number
        | "(" root ")"   # recursion behind a byte
number ::= [1-9] [0-9]*
)~";
  check(sums, {"1", "12+3", "(1+(2+3))+4"}, {"", "(", "(1", "01", "1+", "1+)"});
  const auto automaton = made(sums);
  CHECK(test::is_match(automaton, times(200, "(") + "7" + times(200, ")")));
  // Behind 512 open rules nothing opens; two are open at each parenthesis here.
  CHECK_FALSE(test::is_match(automaton, times(300, "(") + "7" + times(300, ")")));
}

TEST_CASE("a list as a recursion at its end needs no stack") {
  const auto automaton = made("root ::= item | item \",\" root\nitem ::= [a-z]+");
  CHECK(test::is_match(automaton, times(5000, "ab,") + "c"));
}

TEST_CASE("counted repetitions are counted, not written out") {
  const auto automaton = made("root ::= ([a-z] \"-\"){100000,1000000} \"!\"");
  CHECK(automaton->nodes.size() < 20);
  CHECK(test::is_match(automaton, times(100000, "x-") + "!"));
  CHECK_FALSE(test::is_match(automaton, times(99999, "x-") + "!"));
  const auto nested = made("root ::= ((\"ab\"{70}){70} | \"c\"){2,80}");
  CHECK(test::is_match(nested, times(4900, "ab") + "c"));
  CHECK_FALSE(test::is_match(nested, times(4899, "ab") + "c"));
  CHECK_FALSE(test::is_match(nested, times(4900, "ab")));
}

TEST_CASE("no text that is taken leads nowhere") {
  for (const std::string_view grammar :
       {"root ::= (\"ab\" | \"ac\"){1,3} \"d\"? \"x\"",
        "root ::= a \"x\" | \"ab\" dead\na ::= \"ab\" | never \"y\"\nnever ::= \"z\" never\n"
        "dead ::= \"q\" dead",
        "root ::= \"\\u00e9\" [\\u0430-\\u0433]? [\\u07ff-\\u0801]",
        "root ::= (\"a\"? \"b\"?){2} (\"a\" | \"ab\" | \"abc\")"}) {
    INFO(grammar);
    auto matcher = Matcher::start(made(grammar));
    REQUIRE(matcher);
    check_no_dead_end(*matcher, 5);
  }
  check("root ::= \"ab\" dead | \"ac\"\ndead ::= \"q\" dead", {"ac"}, {"ab"});
}

TEST_CASE("a refused byte changes nothing") {
  auto matcher = Matcher::start(made("root ::= \"abc\" \"d\"*"));
  REQUIRE(matcher);
  CHECK(*matcher->take("ab"));
  CHECK_FALSE(*matcher->take("cx"));
  CHECK(*matcher->take("c"));
  CHECK(matcher->may_end());
  CHECK_FALSE(matcher->is_complete());
}

TEST_CASE("a text grammar with a mistake is one error that names the line") {
  check_refused("root ::= \"a", "line 1: a string without its end");
  check_refused("root ::= a\nb ::= \"x\"", "no rule a");
  check_refused("start ::= \"x\"", "no rule root");
  check_refused("root ::= \"x\"\nroot ::= \"y\"", "line 2: root is defined twice");
  check_refused("root ::= (\"x\"", "expected )");
  check_refused("root ::= [z-a]", "wrong way round");
  check_refused("root ::= \"x\"{3,1}", "wrong way round");
  check_refused("root ::= \"x\"{9999999}", "more than 1000000");
  check_refused("root ::= \"\\q\"", "not known");
  check_refused("root ::= \"\xFF\"", "not UTF-8");
  check_refused("root ::= root \"x\" | \"y\"", "\"root\" refers to itself before anything else");
  check_refused("root ::= a\na ::= b? a \"x\" | \"y\"\nb ::= \"b\"", "refers to itself");
  check_refused("root ::= \"x\" root", "nothing at all matches \"root\"");
  check_refused("root ::= (\"a\"?){1000}", "what may be empty");
  check_refused("", "no rule root");
}

TEST_CASE("hostile text grammars are bounded") {
  check_refused("root ::= " + times(5000, "(") + "\"x\"" + times(5000, ")"), "too deep");
  check_refused("root ::= \"x\"" + times(200, "{3}"), "too deep");
  check_refused("root ::= " + std::string(2u << 20, ' '), "at most");
  // Small texts that would be 60^8 copies are counted instead.
  const auto automaton = made("root ::= \"x\"" + times(8, "{60}"));
  CHECK(automaton->nodes.size() < 1000);
  // Ways that double with every rule.
  std::string doubling = "root ::= r0";
  for (int i = 0; i < 40; ++i) {
    const std::string next = "r" + std::to_string(i + 1);
    doubling += "\nr" + std::to_string(i) + " ::= " + next + " \"x\" | " + next + " \"y\"";
  }
  const auto ambiguous = Matcher::start(made(doubling + "\nr40 ::= \"z\""));
  REQUIRE_FALSE(ambiguous.has_value());
  CHECK_THAT(ambiguous.error().message, Catch::Contains("can be read in more than"));
}
