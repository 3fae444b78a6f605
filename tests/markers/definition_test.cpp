// textDocument/definition in each language: through imports, members, shadowing and overloads.
#include <catch2/catch.hpp>

#include "tests/markers/check.h"

using engramd::test::check;

TEST_CASE("python: definition goes through an import") {
  check(R"(
//- /core.py
"$~"; pi = 3
def [[:run]](): ...
//- /app.py
from core import run
y = "$~"; $0run()
//? definition -> run
)");
}

TEST_CASE("python: definition goes through a re-export and an alias") {
  check(R"(
//- /pkg/__init__.py
from .core import run
//- /pkg/core.py
def [[:run]](): ...
//- /app.py
import pkg as p
"$~"; p.$0run()
//? definition -> run
)");
}

TEST_CASE("python: a parameter hides the import") {
  check(R"(
//- /core.py
def run(): ...
//- /app.py
from core import run
def main([[:run]]):
    return $0run()
//? definition -> run
)");
}

TEST_CASE("python: a member is found by the class of what it is asked of") {
  check(R"(
//- /shapes.py
class Circle:
    def [[circle:area]](self): ...
class Square:
    def [[square:area]](self): ...
//- /app.py
from shapes import Circle, Square
c = Circle(); "$~"; c.$0area()
s = Square()
s.[[other:area]]()
//? definition -> circle
//? definition@other -> square
)");
}

TEST_CASE("python: self finds the method, also in a base class") {
  check(R"(
//- /base.py
class Base:
    def [[:helper]](self): ...
//- /app.py
from base import Base
class Child(Base):
    def run(self):
        "$~"; self.$0helper()
//? definition -> helper
)");
}

TEST_CASE("python: a comprehension's variable is its own") {
  check(R"(
//- /app.py
[[outer:x]] = 1
y = ["$~" + $0x for [[inner:x]] in "ab"]
z = [[use:x]]
//? definition -> inner
//? definition@use -> outer
)");
}

TEST_CASE("python: nothing is at a keyword, a number, a comment or a string") {
  check(R"(
//- /app.py
def run(): [[k:return]] [[n:12]]  # [[c:run]]
s = "[[s:run]]"
//? definition@k -> nothing
//? definition@n -> nothing
//? definition@c -> nothing
//? definition@s -> nothing
)");
}

TEST_CASE("c: definition of a function declared in a header") {
  check(R"(
//- /list.h
int length(const char *s);
//- /list.c
#include "list.h"
int [[:length]](const char *s) { return s[0] ? 1 : 0; }
//- /main.c
#include "list.h"
int main(void) { return "$~"[0] + $0length("x"); }
//? definition first length
)");
}

TEST_CASE("c: a struct, its field, a macro and an enumerator") {
  check(R"(
//- /node.h
#define [[:LIMIT]] 10
enum color { [[:RED]], GREEN };
struct [[:node]] { int [[:value]]; };
//- /main.c
#include "node.h"
int f(struct [[n:node]] *p) { const char *s = "$~"; return p->$0value + [[m:LIMIT]] + [[r:RED]]; }
//? definition -> value
//? definition@n -> node
//? definition@m -> LIMIT
//? definition@r -> RED
)");
}

TEST_CASE("c: a static function of another file is not meant") {
  check(R"(
//- /a.c
static int [[here:help]](void) { return 1; }
int a(void) { return $0help(); }
//- /b.c
static int help(void) { return 2; }
//? definition -> here
)");
}

// The last answer is wrong and known to be: a block in a function is no scope of its own.
TEST_CASE("c: locals and parameters, the inner block first") {
  check(R"(
//- /a.c
int f(int x) {
  { int [[inner:x]] = 2; puts("$~"); g($0x); }
  return [[use:x]];
}
//? definition -> inner
//? definition@use -> inner
)");
}

TEST_CASE("cpp: a method of the object's class, through a header") {
  check(R"(
//- /shape.h
class Shape {
 public:
  int [[:area]]() const { return 1; }
};
class Other { int area() const; };
//- /main.cpp
#include "shape.h"
int f() { Shape s; auto t = "$~"; return s.$0area(); }
//? definition -> area
)");
}

TEST_CASE("cpp: names in namespaces") {
  check(R"(
//- /a.cpp
namespace one { int [[first:value]]() { return 1; } }
namespace two { int [[second:value]]() { return 2; } }
int f() { auto s = "$~"; return one::$0value() + two::[[other:value]](); }
//? definition -> first
//? definition@other -> second
)");
}

TEST_CASE("cpp: a class template and a type alias") {
  check(R"(
//- /box.h
template <class T> struct [[:Box]] { T item; };
using [[:IntBox]] = Box<int>;
//- /main.cpp
#include "box.h"
/* $~ */ $0Box<char> b; [[use:IntBox]] c;
//? definition -> Box
//? definition@use -> IntBox
)");
}

TEST_CASE("javascript: named, default and namespace imports") {
  check(R"(
//- /core.js
export function [[:run]]() {}
export default class [[:Engine]] {}
//- /app.js
import Engine, { run } from "./core.js";
import * as core from "./core.js";
"$~"; $0run(); new [[e:Engine]](); core.[[n:run]]();
//? definition -> run
//? definition@e -> Engine
//? definition@n -> run
)");
}

TEST_CASE("javascript: require and module.exports") {
  check(R"(
//- /core.js
function [[:run]]() {}
module.exports = { run };
//- /app.js
const { run } = require("./core");
"$~"; $0run();
//? definition first run
)");
}

TEST_CASE("javascript: a closure's variable, and the one that hides it") {
  check(R"(
//- /app.js
const [[outer:count]] = 1;
function f() { const [[inner:count]] = 2; "$~"; return () => $0count; }
console.log([[use:count]]);
//? definition -> inner
//? definition@use -> outer
)");
}

TEST_CASE("typescript: an interface, an enum member and a type through imports") {
  check(R"(
//- /types.ts
export interface [[:Shape]] { [[:area]](): number }
export enum Color { [[:Red]], Green }
export type [[:Id]] = string;
//- /app.ts
import { Shape, Color, Id } from "./types";
function f(s: [[s:Shape]], id: [[i:Id]]) { "$~"; return s.$0area() + Color.[[r:Red]]; }
//? definition -> area
//? definition@s -> Shape
//? definition@i -> Id
//? definition@r -> Red
)");
}

TEST_CASE("typescript: a re-export is gone through") {
  check(R"(
//- /lib/core.ts
export function [[:run]]() {}
//- /lib/index.ts
export { run } from "./core";
//- /app.ts
import { run } from "./lib";
"$~"; $0run();
//? definition -> run
)");
}

TEST_CASE("typescript: this finds the member of its class") {
  check(R"(
//- /app.ts
class A { private [[:size]] = 1; get() { const s = "$~"; return this.$0size; } }
class B { private size = 2; }
//? definition -> size
)");
}

TEST_CASE("go: a function of an imported package and one of the same package") {
  check(R"(
//- /go.mod
module example.org/app
//- /core/core.go
package core
func [[:Run]]() {}
//- /help.go
package main
func [[:help]]() {}
//- /main.go
package main
import "example.org/app/core"
func main() { _ = "$~"; core.$0Run(); [[h:help]]() }
//? definition -> Run
//? definition@h -> help
)");
}

TEST_CASE("go: a method by the receiver's type, a field and a constant") {
  check(R"(
//- /a.go
package a
const [[:limit]] = 3
type Circle struct{ [[:radius]] int }
type Square struct{ side int }
func (c Circle) [[:Area]]() int { _ = "$~"; return c.[[r:radius]] * [[l:limit]] }
func (s Square) Area() int { return s.side }
func f() int { c := Circle{1}; return c.$0Area() }
//? definition -> Area
//? definition@r -> radius
//? definition@l -> limit
)");
}

TEST_CASE("rust: a function of another module, a method and a constant") {
  check(R"(
//- /Cargo.toml
[package]
name = "demo"
//- /src/core.rs
pub const [[:LIMIT]]: u32 = 3;
pub struct [[:Circle]];
impl Circle { pub fn [[:area]](&self) -> u32 { LIMIT } }
pub fn [[:run]]() {}
//- /src/main.rs
mod core;
use crate::core::{run, Circle, LIMIT};
fn main() { let s = "$~"; $0run(); let c: [[c:Circle]] = Circle; c.[[a:area]](); let x = [[l:LIMIT]]; }
//? definition -> run
//? definition@c -> Circle
//? definition@a -> area
//? definition@l -> LIMIT
)");
}

TEST_CASE("rust: let shadows let") {
  check(R"(
//- /src/main.rs
fn main() { let [[one:x]] = 1; let [[two:x]] = "$~"; println!("{}", 1); f($0x); }
//? definition -> two
)");
}

TEST_CASE("java: a class of another package, a method and a field") {
  check(R"(
//- /shapes/Circle.java
package shapes;
public class [[:Circle]] { int [[:radius]]; public int [[:area]]() { return radius; } }
//- /app/Main.java
package app;
import shapes.Circle;
class Main { void run() { String s = "$~"; $0Circle c = null; c.[[a:area]](); int r = c.[[r:radius]]; } }
//? definition -> Circle
//? definition@a -> area
//? definition@r -> radius
)");
}

TEST_CASE("java: an interface's method and a static one") {
  check(R"(
//- /A.java
interface Job { void [[:start]](); }
class Tools { static int [[:twice]](int x) { return 2 * x; } }
class Main { void run(Job job) { String s = "$~"; job.$0start(); Tools.[[t:twice]](1); } }
//? definition -> start
//? definition@t -> twice
)");
}

TEST_CASE("csharp: a class, a property and a method") {
  check(R"(
//- /Circle.cs
namespace Shapes { public class [[:Circle]] { public int [[:Radius]] { get; set; } public int [[:Area]]() => Radius; } }
//- /Main.cs
using Shapes;
class Program { void Run() { var s = "$~"; $0Circle c = null; c.[[a:Area]](); var r = c.[[r:Radius]]; } }
//? definition -> Circle
//? definition@a -> Area
//? definition@r -> Radius
)");
}

TEST_CASE("ruby: a method of the class and a constant, through require_relative") {
  check(R"(
//- /circle.rb
class [[:Circle]]
  PI = 3
  def [[:area]]
    PI
  end
end
//- /app.rb
require_relative "circle"
c = [[k:Circle]].new; "$~"
c.$0area
//? definition -> area
//? definition@k -> Circle
)");
}

TEST_CASE("ruby: a local variable") {
  check(R"(
//- /app.rb
def run
  [[:total]] = "$~"
  puts $0total
end
//? definition -> total
)");
}

TEST_CASE("php: a function, a class and a method through use") {
  check(R"(
//- /src/Circle.php
<?php
namespace App;
class [[:Circle]] { public function [[:area]]() { return 3; } }
//- /index.php
<?php
use App\Circle;
function [[:help]]() {}
$s = "$~"; $c = new [[k:Circle]](); $c->$0area(); [[h:help]]();
//? definition -> area
//? definition@k -> Circle
//? definition@h -> help
)");
}

TEST_CASE("kotlin: a class, a method and a top-level function") {
  check(R"(
//- /shapes.kt
package shapes
class [[:Circle]] { fun [[:area]]() = 3 }
fun [[:help]]() {}
//- /main.kt
import shapes.Circle
import shapes.help
fun main() { val s = "$~"; val c: [[k:Circle]] = Circle(); c.$0area(); [[h:help]]() }
//? definition -> area
//? definition@k -> Circle
//? definition@h -> help
)");
}

TEST_CASE("swift: a struct, its method and a function of another file") {
  check(R"(
//- /Circle.swift
struct [[:Circle]] { func [[:area]]() -> Int { return 3 } }
func [[:help]]() {}
//- /main.swift
let s = "$~"; let c: [[k:Circle]] = Circle(); c.$0area(); [[h:help]]()
//? definition -> area
//? definition@k -> Circle
//? definition@h -> help
)");
}

TEST_CASE("bash: a function of a sourced file and one above") {
  check(R"(
//- /lib.sh
[[:greet]]() { echo hi; }
//- /run.sh
source ./lib.sh
[[:local_one]]() { :; }
echo "$~"; [[g:greet]]; [[l:local_one]]
//? definition@g -> greet
//? definition@l -> local_one
)");
}

TEST_CASE("lua: a local function and a field of a required module") {
  check(R"(
//- /core.lua
local M = {}
function M.[[:run]]() end
return M
//- /app.lua
local core = require("core")
local function [[:help]]() end
local s = "$~"; core.$0run(); [[h:help]]()
//? definition -> run
//? definition@h -> help
)");
}

TEST_CASE("a definition that was typed and not saved is found from another file") {
  check(R"(
//- /core.py
$0x = 1
//- /app.py
from core import fresh
[[use:fresh]]()
//? definition@use -> nothing
//? type "def fresh(): ...\n"
//? ask@use textDocument/definition /0/targetSelectionRange/start -> {"line": 0, "character": 4}
//? close core.py
//? definition@use -> nothing
)");
}
