// textDocument/documentHighlight: in one file, exact in scopes, reads and writes apart.
#include <catch2/catch.hpp>

#include "tests/markers/check.h"

using engramd::test::check;

TEST_CASE("highlights: python locals") {
  check(R"(
//- /a.py
def f([[w:x]]):
    s = "$~"; [[w:x]] = [[r:x]] + 1
    return [[r:$0x]]
def g(x):
    return x
//? highlights -> w, r
//? highlights write -> w
//? highlights read -> r
)");
}

TEST_CASE("highlights: a function of the file, and of no other") {
  check(R"(
//- /a.py
def [[w:run]](): ...
s = "$~"; [[r:$0run]]()
//- /b.py
from a import run
run()
//? highlights -> w, r
)");
}

TEST_CASE("highlights: c parameters and fields") {
  check(R"(
//- /a.c
struct point { int [[w:x]]; };
int f(struct point *p) { return p->[[r:$0x]]; }
int g(int x) { return x; }
//? highlights -> w, r
)");
}

TEST_CASE("highlights: javascript shadows") {
  check(R"(
//- /a.js
const [[w:a]] = "$~";
function f(a) { return a; }
console.log([[r:$0a]]);
//? highlights -> w, r
)");
}

TEST_CASE("highlights: typescript members") {
  check(R"(
//- /a.ts
class Box {
  [[w:size]] = 1;
  grow() { this.[[w:size]] = this.[[r:$0size]] + 1; }
}
//? highlights -> w, r
)");
}

TEST_CASE("highlights: go, rust and java locals") {
  check(R"(
//- /a.go
package a
func f([[gw:n]] int) int { return [[gr:n]] }
func g(n int) int { return n }
//- /a.rs
fn f([[rw:n]]: i32) -> i32 { [[rr:n]] }
fn g(n: i32) -> i32 { n }
//- /A.java
class A { int f(int [[jw:n]]) { return [[jr:n]]; } int g(int n) { return n; } }
//? highlights@gr -> gw, gr
//? highlights@rr -> rw, rr
//? highlights@jr -> jw, jr
)");
}

TEST_CASE("highlights: ruby and php locals") {
  check(R"(
//- /a.rb
def f([[rw:n]])
  [[rr:n]]
end
def g(n)
  n
end
//- /a.php
<?php
function f($[[pw:n]]) { return $[[pr:n]]; }
function g($n) { return $n; }
//? highlights@rr -> rw, rr
//? highlights@pr -> pw, pr
)");
}

TEST_CASE("highlights: nothing between names") {
  check(R"(
//- /a.py
a = 1  $0 +  2
//? highlights -> nothing
)");
}
