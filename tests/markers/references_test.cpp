// textDocument/references in each language: all that mean the name, and none that only look so.
#include <catch2/catch.hpp>

#include "tests/markers/check.h"

using engramd::test::check;

TEST_CASE("python: references over files, with and without the declaration") {
  check(R"(
//- /core.py
def [[def:run]](): ...
[[use:run]]()
//- /app.py
from core import [[use:run]]
y = "$~"; $0[[use:run]]()
//- /other.py
def run(): ...
run()
//? references -> def, use
//? uses -> use
)");
}

TEST_CASE("python: references of a local stay in its function") {
  check(R"(
//- /app.py
def f():
    [[:n]] = "$~"
    return $0[[:n]] + [[:n]]
def g():
    n = 2
    return n
//? references -> n
)");
}

TEST_CASE("python: references of a parameter, with default and keyword use inside") {
  check(R"(
//- /app.py
def f([[:size]]=1):
    "$~"; g($0[[:size]])
    return lambda: [[:size]]
def h(size):
    return size
//? references -> size
)");
}

TEST_CASE("python: references of a class") {
  check(R"(
//- /shapes.py
class [[:Circle]]: ...
//- /app.py
from shapes import [[:Circle]]
class Big([[:Circle]]): ...
c: $0[[:Circle]] = [[:Circle]](); "$~"
//? references -> Circle
)");
}

TEST_CASE("python: references follow an edit that is not saved") {
  check(R"(
//- /core.py
def [[:run]](): ...
$0
//- /app.py
from core import [[:run]]
//? references@run -> run
//? type "run()\n"
//? ask@run textDocument/references {"context": {"includeDeclaration": true}} /3 -> null
//? ask@run textDocument/references {"context": {"includeDeclaration": true}} /2/range/start -> {"line": 1, "character": 0}
//? close
//? references@run -> run
)");
}

TEST_CASE("c: references through a header") {
  check(R"(
//- /list.h
int [[:length]](const char *s);
//- /list.c
#include "list.h"
int [[:length]](const char *s) { return 0; }
//- /main.c
#include "list.h"
int main(void) { const char *s = "$~"; return $0[[:length]](s) + [[:length]]("length"); }
//? references -> length
)");
}

TEST_CASE("c: references of a macro and of a local") {
  check(R"(
//- /a.c
#define [[:LIMIT]] 10
int f(int [[:n]]) { const char *s = "$~"; return [[:n]] < [[:LIMIT]] ? $0[[:LIMIT]] : [[:n]]; }
int g(int n) { return n; }
//? references -> LIMIT
//? references@n -> n
)");
}

TEST_CASE("cpp: references of a class") {
  check(R"(
//- /shape.h
struct [[:Shape]] { int area(); };
//- /main.cpp
#include "shape.h"
int [[:Shape]]::area() { return 1; }
int f([[:Shape]]& s) { auto t = "$~"; $0[[:Shape]] u; return s.area(); }
//? references -> Shape
)");
}

TEST_CASE("javascript: references through an import") {
  check(R"(
//- /core.js
export function [[:run]]() {}
//- /app.js
import { [[:run]] } from "./core.js";
"$~"; $0[[:run]](); [1].map([[:run]]);
//- /other.js
function run() {}
run();
//? references -> run
)");
}

TEST_CASE("javascript: references of a closure's variable") {
  check(R"(
//- /app.js
function f() { let [[:n]] = 0; "$~"; return () => $0[[:n]]++ + [[:n]]; }
function g() { let n = 1; return n; }
//? references -> n
)");
}

TEST_CASE("typescript: references of an interface") {
  check(R"(
//- /types.ts
export interface [[:Shape]] { area(): number }
//- /app.ts
import { [[:Shape]] } from "./types";
class Circle implements [[:Shape]] { area() { return "$~".length; } }
const s: $0[[:Shape]] = new Circle();
//? references -> Shape
)");
}

TEST_CASE("go: references of a function in its package and from another") {
  check(R"(
//- /go.mod
module example.org/app
//- /core/core.go
package core
func [[:Run]]() {}
func again() { [[:Run]]() }
//- /main.go
package main
import "example.org/app/core"
func main() { _ = "$~"; core.$0[[:Run]]() }
//? references -> Run
)");
}

TEST_CASE("rust: references of a struct") {
  check(R"(
//- /src/core.rs
pub struct [[:Circle]];
impl [[:Circle]] { pub fn new() -> Self { [[:Circle]] } }
//- /src/main.rs
mod core;
use crate::core::[[:Circle]];
fn main() { let s = "$~"; let c: $0[[:Circle]] = [[:Circle]]::new(); }
//? references -> Circle
)");
}

TEST_CASE("java: references of a method's local and of a class") {
  check(R"(
//- /Circle.java
class [[:Circle]] { int area() { int [[:r]] = 1; String s = "$~"; return [[:r]] * [[:r]]; } }
//- /Main.java
class Main { $0[[:Circle]] c = new [[:Circle]](); int r; }
//? references -> Circle
//? references@r -> r
)");
}

TEST_CASE("csharp: references of a class") {
  check(R"(
//- /Circle.cs
public class [[:Circle]] { }
//- /Main.cs
class Program { string s = "$~"; $0[[:Circle]] c = new [[:Circle]](); }
//? references -> Circle
)");
}

TEST_CASE("ruby: references of a constant and of a local") {
  check(R"(
//- /app.rb
class [[:Circle]]
end
[[:n]] = "$~"
puts [[:n]], $0[[:Circle]].new
//? references -> Circle
//? references@n -> n
)");
}

TEST_CASE("php: references of a function and of a variable") {
  check(R"(
//- /app.php
<?php
function [[:help]]() {}
function f() { [[v:$total]] = "$~"; return [[v:$total]]; }
$0[[:help]](); [[:help]]();
//? references -> help
)");
}

TEST_CASE("kotlin: references of a class") {
  check(R"(
//- /a.kt
class [[:Circle]]
fun f(c: [[:Circle]]): $0[[:Circle]] { val s = "$~"; return [[:Circle]]() }
//? references -> Circle
)");
}

TEST_CASE("references of what is nowhere defined, of a keyword and of nothing") {
  check(R"(
//- /app.py
[[k:return]] [[n:1]]
//? references@k -> nothing
//? references@n -> nothing
)");
}
