// textDocument/signatureHelp and textDocument/inlayHint in each language.
#include <catch2/catch.hpp>

#include "tests/markers/check.h"

using engramd::test::check;

TEST_CASE("python: signature, with the parameter that is being written") {
  check(R"w(
//- /a.py
def make(width, height=1, *rest, deep=None): ...
make("$~", $0
//? signature -> "def make(width, [height=1], *rest, deep=None)"
)w");
  check(R"w(
//- /a.py
def make(width, height=1, *rest, deep=None): ...
make(1, 2, 3, 4, 5, $0)
//? signature -> "def make(width, height=1, [*rest], deep=None)"
)w");
  check(R"w(
//- /a.py
def make(width, height=1, *rest, deep=None): ...
make(deep=$0)
//? signature -> "def make(width, height=1, *rest, [deep=None])"
)w");
  check(R"w(
//- /a.py
def outer(a, b): ...
def inner(c): ...
outer(inner(1), $0)
//? signature -> "def outer(a, [b])"
)w");
  check(R"w(
//- /a.py
def outer(a, b): ...
def inner(c): ...
outer(1, inner($0))
//? signature -> "def inner([c])"
)w");
  check(R"w(
//- /a.py
class Basket:
    def __init__(self, items, name): ...
Basket([1, 2], $0)
//? signature -> "def __init__(self, items, [name])"
)w");
  check(R"w(
//- /a.py
class Basket:
    def add(self, item, n=1): ...
def f(b: Basket):
    b.add("a, (b", $0
//? signature -> "def add(self, item, [n=1])"
)w");
}

TEST_CASE("python: no signature where none is called") {
  check(R"w(
//- /a.py
def make(width$0): ...
//? signature -> ""
)w");
  check(R"w(
//- /a.py
def make(width): ...
make(1)$0
//? signature -> ""
)w");
  check(R"w(
//- /a.py
def make(width): ...
if ($0
//? signature -> ""
)w");
}

TEST_CASE("c, cpp: signatures, overloads listed, the fitting first") {
  check(R"w(
//- /a.c
static int add(int first, const char *second) { return 0; }
int f(void) { return add(1, $0); }
//? signature -> "static int add(int first, [const char *second])"
)w");
  check(R"w(
//- /a.cpp
int area(int side);
int area(int width, int height);
int f() { return area(1, $0); }
//? signature -> "int area(int width, [int height])"
//? signature all contains "int area(int side)"
)w");
  check(R"w(
//- /a.cpp
struct Basket { Basket(int size, bool full); };
void f() { auto b = new Basket(1, $0); }
//? signature contains "[bool full]"
)w");
}

TEST_CASE("typescript, go, rust, java, csharp, kotlin, php, ruby: signatures") {
  check(R"w(
//- /a.ts
export function make(width: number, height?: number): void {}
make(1, { a: [$0
//? signature -> "export function make(width: number, [height?: number]): void"
)w");
  check(R"w(
//- /a.ts
export function make(width: number, done: () => void): void {}
make(1, () => { $0 });
//? signature -> ""
)w");
  check(R"w(
//- /a.go
package a
func Make(width int, height int) int { return 1 }
func use() { Make(1, $0) }
//? signature -> "func Make(width int, [height int]) int"
)w");
  check(R"w(
//- /src/main.rs
struct Basket;
impl Basket { fn add(&self, item: u8, n: u8) {} }
fn f(b: Basket) { b.add(1, $0); }
//? signature -> "fn add(&self, item: u8, [n: u8])"
)w");
  check(R"w(
//- /A.java
class Basket { void add(String item, int n) {} }
class Use { void f(Basket b) { b.add("$~", $0); } }
//? signature -> "void add(String item, [int n])"
)w");
  check(R"w(
//- /A.cs
class Basket { public void Add(string item, int n) {} }
class Use { void F(Basket b) { b.Add(n: $0); } }
//? signature -> "public void Add(string item, [int n])"
)w");
  check(R"w(
//- /a.kt
fun make(width: Int, height: Int) {}
fun use() { make(height = $0) }
//? signature -> "fun make(width: Int, [height: Int])"
)w");
  check(R"w(
//- /a.php
<?php
function make(int $width, int $height = 1) {}
make(1, $0);
//? signature -> "function make(int $width, [int $height = 1])"
)w");
  check(R"w(
//- /a.rb
def make(width, height = 1)
  width
end
make(1, $0)
//? signature -> "def make(width, [height = 1])"
)w");
}

TEST_CASE("signature: for a client that takes no offsets") {
  check(R"w(
//? client plain
//- /a.py
def make(width, height=1): ...
make(1, $0
//? signature -> "def make(width, [height=1])"
//? ask textDocument/signatureHelp /signatures/0/parameters/1/label -> "height=1"
)w");
}

TEST_CASE("hints: names of parameters, where they say something") {
  check(R"w(
//- /a.py
def make(width, height): ...
x = "$~"; make(1, 2)
//? hints -> width=1, height=2
)w");
  check(R"w(
//- /a.py
def make(width, height): ...
width = 1
make(width, other.height)
make(height=1, width=2)
make(*all)
//? hints -> nothing
)w");
  check(R"w(
//- /a.py
class Basket:
    def __init__(self, items): self.items = items
    def set_name(self, name): ...
    def move(self, x, y): ...
b = Basket([])
b.set_name("a")
b.move(1, 2)
//? hints -> items=[]
)w");
  check(R"w(
//- /a.c
void make(int width, const char *name) {}
void f(void) { make(1, "a"); }
//? hints -> width:1, name:"a"
)w");
  check(R"w(
//- /a.cpp
struct Basket { void add(int count, bool now); };
void f(Basket& b) { b.add(1, true); }
//? hints -> count:1, now:true
)w");
  check(R"w(
//- /a.ts
function make(width: number, ...rest: number[]) {}
make(1, 2, 3);
//? hints -> width:1
)w");
  check(R"w(
//- /a.go
package a
func Make(width, height int) {}
func use() { Make(1, 2) }
//? hints -> width:1, height:2
)w");
  check(R"w(
//- /src/main.rs
fn make(width: u8, height: u8) {}
fn f() { make(1, 2); }
//? hints -> width:1, height:2
)w");
  check(R"w(
//- /A.java
class Basket { void add(String item, int count) { add("a", 1); } }
//? hints -> item:"a", count:1
)w");
  check(R"w(
//- /a.kt
fun make(width: Int, height: Int) {}
fun use() { make(1, 2) }
//? hints -> width=1, height=2
)w");
}

TEST_CASE("hints: a tooltip when it is asked for") {
  check(R"w(
//- /a.py
def make(width, height):
    """Makes it."""
make(1, 2)$0
//? ask inlayHint/resolve {"position": {"line": 2, "character": 5}, "label": "width="} /tooltip -> null
//? ask textDocument/inlayHint {"range": {"start": {"line": 0, "character": 0}, "end": {"line": 2, "character": 0}}} -> []
)w");
}
