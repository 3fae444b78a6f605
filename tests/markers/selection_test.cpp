// textDocument/selectionRange and linkedEditingRange.
#include <catch2/catch.hpp>

#include "tests/markers/check.h"

using engramd::test::check;

TEST_CASE("selection: python") {
  check(R"(
//- /a.py
s = "$~"; [[call:run[[list:([[inside:1, [[sum:[[word:ab$0c]] + 2]]]])]]]]
//? selection first word, sum, inside, list, call
)");
}

TEST_CASE("selection: javascript strings") {
  check(R"(
//- /a.js
f([[whole:"[[inside:$~ [[word:t$0wo]]]]"]]);
//? selection first word, inside, whole
)");
}

TEST_CASE("selection: c statements and blocks") {
  check(R"(
//- /a.c
int f(void) [[block:{
  [[first:int a = 1;
  [[statement:[[word:re$0turn]] a;]]]]
}]]
//? selection first word, statement, first, block
)");
}

TEST_CASE("selection: go arguments") {
  check(R"(
//- /a.go
package a
func f() { g(x, [[call:h[[list:([[word:y$0y]])]]]]) }
//? selection first word, list, call
)");
}

TEST_CASE("selection: html attributes") {
  check(R"(
//- /a.html
<p [[attribute:class=[[quoted:"[[value:a [[word:b$0b]]]]"]]]]>x</p>
//? selection first word, value, quoted, attribute
)");
}

TEST_CASE("selection: json") {
  check(R"(
//- /a.json
{"a": [[list:[1, [[word:2$03]]]]]}
//? selection has word
//? selection first word
)");
}

TEST_CASE("selection: a file without a grammar") {
  check(R"(
//- /notes.txt
  [[line:x $~ one [[word:t$0wo]] three]]
//? selection first word, line
)");
}

TEST_CASE("linked names: html") {
  check(R"(
//- /a.html
<[[open:di$0v]] id="$~"><b>x</b></[[close:div]]>
//? linked -> open, close
//? linked@close -> open, close
)");
}

TEST_CASE("linked names: only of what is an element with two ends") {
  check(R"(
//- /a.html
<div><br$0>text</div>
//? linked -> nothing
)");
}

TEST_CASE("linked names: jsx with a dotted name") {
  check(R"(
//- /a.jsx
const a = <[[open:Fo$0o.Bar]] x={"$~"}>t</[[close:Foo.Bar]]>;
//? linked -> open, close
)");
}

TEST_CASE("linked names: tsx while a name is typed") {
  check(R"(
//- /a.tsx
const a = <[[open:li]]><i$0>t</i></[[close:li]]>;
//? linked@open -> open, close
)");
}

TEST_CASE("linked names: typescript has no elements") {
  check(R"(
//- /a.ts
const a = <str$0ing>b;
//? linked -> nothing
)");
}
