// textDocument/hover: signature, doc comment and place, in each language's own comment style.
#include <catch2/catch.hpp>

#include "tests/markers/check.h"

using engramd::test::check;

TEST_CASE("python: hover shows signature, docstring and file") {
  check(R"__(
//- /core.py
def add(x, y=1):
    """Adds two numbers."""
    return x + y
//- /app.py
from core import add
"$~"; $0add(1)
//? hover contains "def add(x, y=1)", "Adds two numbers.", "core.py:1"
//? hover lacks "return"
)__");
}

TEST_CASE("python: hover on a class and on a method") {
  check(R"__(
//- /app.py
class Circle:
    """A round thing."""
    def area(self):
        """How large it is."""
c = Circle(); "$~"; c.$0area()
[[k:Circle]]
//? hover contains "def area(self)", "How large it is.", "in Circle"
//? hover@k contains "class Circle", "A round thing."
)__");
}

TEST_CASE("python: nothing to hover in a comment, a keyword or white space") {
  check(R"__(
//- /app.py
def run(): ...
[[c:#]] run
[[k:pass]]
//? hover@c -> nothing
//? hover@k -> nothing
)__");
}

TEST_CASE("hover is plain text for a client that takes no markdown") {
  check(R"__(
//- /app.py
def add(x): ...
"$~"; $0add(1)
//? client plain
//? hover contains "def add(x)"
//? hover lacks "```"
)__");
}

TEST_CASE("c: hover shows the comment above a function and a macro's text") {
  check(R"__(
//- /a.c
#define LIMIT 10
// Adds two numbers.
int add(int x, int y) { return x + y; }
int main(void) { const char *s = "$~"; return $0add(1, [[m:LIMIT]]); }
//? hover contains "int add(int x, int y)", "Adds two numbers."
//? hover@m contains "#define LIMIT 10"
)__");
}

TEST_CASE("cpp: hover on a method with a block comment") {
  check(R"__(
//- /a.cpp
struct Box {
  /** How much fits in. */
  int size() const { return 1; }
};
int f(Box b) { auto s = "$~"; return b.$0size(); }
//? hover contains "int size() const", "How much fits in."
)__");
}

TEST_CASE("javascript: hover shows JSDoc") {
  check(R"__(
//- /a.js
/** Adds two numbers. */
function add(x, y) { return x + y; }
"$~"; $0add(1, 2);
//? hover contains "function add(x, y)", "Adds two numbers."
)__");
}

TEST_CASE("typescript: hover shows types") {
  check(R"__(
//- /a.ts
// Adds two numbers.
export function add(x: number, y: number): number { return x + y; }
"$~"; $0add(1, 2);
//? hover contains "add(x: number, y: number): number", "Adds two numbers."
)__");
}

TEST_CASE("go: hover shows the comment above") {
  check(R"__(
//- /a.go
package a
// Add adds two numbers.
func Add(x, y int) int { return x + y }
func f() int { _ = "$~"; return $0Add(1, 2) }
//? hover contains "func Add(x, y int) int", "Add adds two numbers."
)__");
}

TEST_CASE("rust: hover shows doc lines") {
  check(R"__(
//- /src/main.rs
/// Adds two numbers.
fn add(x: u32, y: u32) -> u32 { x + y }
fn main() { let s = "$~"; $0add(1, 2); }
//? hover contains "fn add(x: u32, y: u32) -> u32", "Adds two numbers."
)__");
}

TEST_CASE("java: hover shows Javadoc") {
  check(R"__(
//- /A.java
class A {
  /** Adds two numbers. */
  int add(int x, int y) { return x + y; }
  int f() { String s = "$~"; return $0add(1, 2); }
}
//? hover contains "int add(int x, int y)", "Adds two numbers."
)__");
}

TEST_CASE("csharp: hover shows the comment above") {
  check(R"__(
//- /A.cs
class A {
  /// <summary>Adds two numbers.</summary>
  int Add(int x, int y) { return x + y; }
  int F() { var s = "$~"; return $0Add(1, 2); }
}
//? hover contains "int Add(int x, int y)", "Adds two numbers."
)__");
}

TEST_CASE("ruby: hover shows the comment above") {
  check(R"__(
//- /a.rb
# Adds two numbers.
def add(x, y)
  x + y
end
"$~"; $0add(1, 2)
//? hover contains "def add(x, y)", "Adds two numbers."
)__");
}

TEST_CASE("php: hover shows the doc block") {
  check(R"__(
//- /a.php
<?php
/** Adds two numbers. */
function add($x, $y) { return $x + $y; }
$s = "$~"; $0add(1, 2);
//? hover contains "function add($x, $y)", "Adds two numbers."
)__");
}

TEST_CASE("kotlin: hover shows KDoc") {
  check(R"__(
//- /a.kt
/** Adds two numbers. */
fun add(x: Int, y: Int): Int = x + y
fun f() { val s = "$~"; $0add(1, 2) }
//? hover contains "fun add(x: Int, y: Int): Int", "Adds two numbers."
)__");
}

TEST_CASE("swift: hover shows doc lines") {
  check(R"__(
//- /a.swift
/// Adds two numbers.
func add(x: Int, y: Int) -> Int { return x + y }
let s = "$~"; $0add(x: 1, y: 2)
//? hover contains "func add(x: Int, y: Int) -> Int", "Adds two numbers."
)__");
}

TEST_CASE("hover of text that looks like a fence cannot break out of the fence") {
  check(R"__(
//- /a.py
def f(x="```"): ...
"$~"; $0f()
//? hover contains "````python"
)__");
}

TEST_CASE("a name with several definitions says how many there are") {
  check(R"__(
//- /a.py
class A:
    def go(self): ...
class B:
    def go(self): ...
def f(x):
    "$~"; x.$0go()
//? hover contains "one of 2 definitions"
)__");
}
