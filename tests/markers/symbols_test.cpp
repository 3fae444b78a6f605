// textDocument/documentSymbol and workspace/symbol: the outline of a file and names by their parts.
#include <catch2/catch.hpp>

#include "tests/markers/check.h"

using engramd::test::check;

TEST_CASE("python: the outline") {
  check(R"(
//- /a.py
LIMIT = "$~"
class Shape:
    sides = 0
    def __init__(self): self.size = 1
    def area(self):
        local = 1
        def inner(): ...
        return local
async def free(): ...
//? symbols -> constant LIMIT, class Shape{field sides, constructor __init__, field size, method area{function inner}}, function free
)");
}

TEST_CASE("c: the outline") {
  check(R"(
//- /a.c
#define LIMIT 10
typedef struct node { int value; struct node *next; } node_t;
enum color { RED, GREEN };
static const char *name = "$~";
int add(int x, int y) { int z = x + y; return z; }
//? symbols -> constant LIMIT, struct node{field value, field next}, type node_t, enum color{enum-member RED, enum-member GREEN}, variable name, function add
)");
}

TEST_CASE("cpp: the outline") {
  check(R"(
//- /a.cpp
namespace geo {
const char* s = "$~";
class Shape { public: Shape(); virtual int area() const; int size_; };
template <class T> T twice(T x) { return x + x; }
}
//? symbols -> namespace geo{variable s, class Shape{constructor Shape, method area, field size_}, function twice}
)");
}

TEST_CASE("javascript: the outline") {
  check(R"(
//- /a.js
const limit = "$~";
class Shape { constructor() {} area() {} static make() {} }
function free() {}
const arrow = (x) => x;
//? symbols -> variable limit, class Shape{constructor constructor, method area, method make}, function free, function arrow
)");
}

TEST_CASE("typescript: the outline") {
  check(R"(
//- /a.ts
interface Shape { sides: number; area(): number }
enum Color { Red, Green }
type Id = string;
class Box { private size = "$~"; get(): string { return this.size; } }
//? symbols -> interface Shape{field sides, method area}, enum Color{enum-member Red, enum-member Green}, type Id, class Box{field size, method get}
)");
}

TEST_CASE("go: the outline") {
  check(R"(
//- /a.go
package a
const Limit = "$~"
type Shape interface{ Area() int }
type Circle struct{ Radius int }
func (c Circle) Area() int { return c.Radius }
func Free() {}
//? symbols -> constant Limit, interface Shape{method Area}, struct Circle{field Radius}, method Area, function Free
)");
}

TEST_CASE("rust: the outline") {
  check(R"(
//- /src/main.rs
const LIMIT: &str = "$~";
struct Circle { radius: u32 }
enum Color { Red, Green }
trait Shape { fn area(&self) -> u32; }
impl Circle { fn new() -> Self { Circle { radius: 1 } } }
mod inner { pub fn free() {} }
//? symbols has constant LIMIT, struct Circle{field radius}, enum Color{enum-member Red, enum-member Green}, interface Shape{method area}, module inner{function free}
)");
}

TEST_CASE("java: the outline") {
  check(R"(
//- /A.java
class A { static final String S = "$~"; int size; A() {} int area() { return 1; } enum Color { RED } interface Job { void start(); } }
//? symbols -> class A{field S, field size, constructor A, method area, enum Color{enum-member RED}, interface Job{method start}}
)");
}

TEST_CASE("csharp: the outline") {
  check(R"(
//- /A.cs
namespace N { class A { string s = "$~"; public int Size { get; set; } int Area() { return 1; } struct P { int x; } } }
//? symbols -> namespace N{class A{field s, property Size, method Area, struct P{field x}}}
)");
}

TEST_CASE("ruby: the outline") {
  check(R"(
//- /a.rb
module Geo
  LIMIT = "$~"
  class Shape
    attr_reader :size
    def area
    end
    def self.make
    end
  end
end
//? symbols -> module Geo{constant LIMIT, class Shape{property size, method area, method make}}
)");
}

TEST_CASE("php: the outline") {
  check(R"(
//- /a.php
<?php
const LIMIT = "$~";
interface Job { public function start(); }
class Shape { private $size = 1; public function area() {} }
function free() {}
//? symbols -> constant LIMIT, interface Job{method start}, class Shape{field size, method area}, function free
)");
}

TEST_CASE("kotlin: the outline") {
  check(R"(
//- /a.kt
const val LIMIT = "$~"
class Shape(val sides: Int) {
  val size = 1
  fun area() = 2
}
interface Job {
  fun start()
}
fun free() {}
//? symbols -> constant LIMIT, class Shape{field sides, field size, method area}, interface Job{method start}, function free
)");
}

TEST_CASE("markdown: headings nest") {
  check(R"(
//- /a.md
# One $~
## Two
text
## Three
# Four
//? client plain
//? symbols lacks string text
//? symbols has string Two, string Three, string Four
)");
}

TEST_CASE("json, toml and yaml: keys") {
  check(R"(
//- /a.json
{"name": "$~", "deep": {"key": 1}}
//- /b.toml
[table]
key = "$~"
//- /c.yaml
top:
  key: "$~"
//? symbols@a.json -> key name, key deep{key key}
//? symbols@b.toml -> key table{key key}
//? symbols@c.yaml -> key top{key key}
)");
}

TEST_CASE("a file with errors still has an outline") {
  check(R"(
//- /a.py
def good(): ...
class Half(
def after(): "$~"
//? symbols has function good
)");
}

TEST_CASE("an empty file has an empty outline") {
  check(R"(
//- /a.py
//? symbols -> nothing
)");
}

TEST_CASE("a flat list for a client that takes no tree") {
  check(R"(
//- /a.py
class A:
    def f(self): "$~"
//? client plain
//? symbols -> class A, method f
//? ask textDocument/documentSymbol /1/containerName -> "A"
)");
}

TEST_CASE("search finds a name by itself, its beginning and its humps") {
  check(R"(
//- /a.py
"$~"
class [[:HttpServer]]: ...
def [[:parse_header]](): ...
//? search HttpServer first HttpServer
//? search parse_h first parse_header
//? search HS has HttpServer
//? search zzz -> nothing
)");
}

TEST_CASE("search says what kind it found, in many languages at once") {
  check(R"(
//- /a.py
def widget_py(): ...
//- /b.go
package b
func WidgetGo() {}
//- /c.rs
struct WidgetRs;
//- /d.java
class WidgetJava {}
//- /e.ts
interface WidgetTs {}
//- /f.rb
module WidgetRb
end
//? search widget names -> function widget_py, function WidgetGo, struct WidgetRs, class WidgetJava, interface WidgetTs, module WidgetRb
)");
}

TEST_CASE("search sees what was typed and not saved, and forgets it when it is closed") {
  check(R"(
//- /a.py
$0x = 1
//? search brand_new -> nothing
//? type "def brand_new(): ...\n"
//? search brand_new names -> function brand_new
//? close
//? search brand_new -> nothing
)");
}
