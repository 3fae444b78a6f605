// textDocument/diagnostic: what does not parse, and silence where the grammar is not to be trusted.
#include <catch2/catch.hpp>

#include "tests/markers/check.h"

using engramd::test::check;

TEST_CASE("diagnostics: python brackets") {
  check(R"(
//- /a.py
s = "$~"; def_ = f[[bad:(]]a, b
x = 1
//? diagnostics -> bad
//? diagnostics text contains "'(' is not closed"
)");
}

TEST_CASE("diagnostics: correct python has none") {
  check(R"(
//- /a.py
async def f(*, a: int = 1) -> None:
    match a:
        case [1, *rest]: print(f"{a!r:>{10}} $~")
    x = (y := 1)
//? diagnostics -> nothing
)");
}

TEST_CASE("diagnostics: javascript misses a bracket") {
  check(R"(
//- /a.js
const a = "$~"; foo(1, [[bad:2]];
//? diagnostics -> bad
//? diagnostics text -> "missing ')'\n"
)");
}

TEST_CASE("diagnostics: typescript") {
  check(R"(
//- /a.ts
const a: = "x";
//? diagnostics text contains "'"
)");
}

TEST_CASE("diagnostics: c statements and brackets") {
  check(R"(
//- /a.c
int f(void) {
  return [[bad:1]]
}
//- /b.c
void g(void) {
  h(1)[[extra:)]];
}
//? diagnostics@a.c -> bad
//? diagnostics@b.c -> extra
//? diagnostics@a.c text -> "missing ';'\n"
)");
}

TEST_CASE("diagnostics: c macros are no errors") {
  check(R"(
//- /a.c
#include "macros.h"
EXPORT(int) f(void) {
  FOREACH(x) { g(x); }
  TEST("a") { h(); }
}
MODULE_LICENSE("GPL")
LIB_BEGIN
int y GUARDED_BY(z);
LIB_END
//? diagnostics -> nothing
)");
}

TEST_CASE("diagnostics: cpp keeps silent in the branches of #if") {
  check(R"(
//- /a.cpp
#ifdef A
void f(int a) {
#else
void f(long a) {
#endif
}
template <class T> requires C<T> auto g(T&& t) -> decltype(t) { return {}; }
//? diagnostics -> nothing
)");
}

TEST_CASE("diagnostics: cpp block that is not closed") {
  check(R"(
//- /a.cpp
void f() {
  if (a) [[bad:{]]
    g();
}

void h() {
}
//? diagnostics -> bad
)");
}

TEST_CASE("diagnostics: go, rust and java") {
  check(R"(
//- /a.go
package a

func f() {
	g([[go:1]]
}
//- /a.rs
fn f() { let x = (1 + 2; }
//- /A.java
class A { int f() { return [[java:1]] } }
//? diagnostics@A.java -> java
//? diagnostics@a.rs text contains "'"
)");
}

TEST_CASE("diagnostics: ruby, php and csharp that are right") {
  check(R"(
//- /a.rb
def f(a, *b, &c) = a&.b { |x| x in {y:} }
//- /a.php
<?php
function f(?int $a, string ...$b): ?array { return match(true) { default => null }; }
//- /a.cs
record A(int B) { public int C => B switch { 1 => 2, _ => 3 }; }
//? diagnostics@a.rb -> nothing
//? diagnostics@a.php -> nothing
//? diagnostics@a.cs -> nothing
)");
}

TEST_CASE("diagnostics: templates in pages") {
  check(R"(
//- /a.html
<ul>{% for x in xs %}<li {{ attrs(x) }}>{% endfor %}
//? diagnostics -> nothing
)");
}

TEST_CASE("diagnostics: json of settings may have comments and last commas") {
  check(R"(
//- /tsconfig.json
{
  // why
  "a": [1, 2,],
}
//- /b.json
{"a": [1 2]}
//? diagnostics@tsconfig.json -> nothing
//? diagnostics@b.json text contains "'"
)");
}

TEST_CASE("diagnostics: come and go as it is typed") {
  check(R"(
//- /a.py
x = f(1$0
//? diagnostics text contains "'(' is not closed"
//? type "\u0029"
//? diagnostics -> nothing
)");
}

TEST_CASE("diagnostics: a report that has not changed says so") {
  check(R"(
//- /a.py
x = )
//? ask textDocument/diagnostic {} /kind -> "full"
//? ask textDocument/diagnostic {"previousResultId": "none"} /kind -> "full"
)");
}
