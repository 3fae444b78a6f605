// textDocument/semanticTokens: names by what they are.
#include <catch2/catch.hpp>

#include "tests/markers/check.h"

using engramd::test::check;

TEST_CASE("tokens: python") {
  check(R"(
//- /a.py
MAX = 3
s = "$~"; other = MAX
class Box:
    @staticmethod
    def make(size): return Box(size)
    @property
    def wide(self): return self.size
async def load(path): ...
//? tokens has variable.declaration.definition.readonly MAX, variable.readonly MAX
//? tokens has class.declaration.definition Box, method.declaration.definition.static make
//? tokens has parameter.declaration size, parameter size, class Box
//? tokens has property.declaration.definition wide, function.declaration.definition.async load
)");
}

TEST_CASE("tokens: imported names across files") {
  check(R"(
//- /core.py
class Engine: ...
def run(): ...
//- /app.py
import core
from core import Engine, run
s = "$~"; Engine()
run()
core.run()$0
//? tokens has class Engine, function run, namespace core
)");
}

TEST_CASE("tokens: c") {
  check(R"(
//- /a.c
#define LIMIT 4
enum color { RED };
struct point { int x; };
static const int origin = 0;
int move(struct point *p, int by) { int n = by; return p->x + n + LIMIT + RED; }
//? tokens has macro.declaration.definition LIMIT, macro LIMIT, enum.declaration.definition color
//? tokens has enumMember.readonly RED, struct.declaration.definition point, struct point
//? tokens has parameter.declaration p, parameter p, property x, variable.declaration n, variable n
//? tokens has variable.declaration.definition.readonly.static origin
)");
}

TEST_CASE("tokens: cpp") {
  check(R"(
//- /a.cpp
namespace shapes {
class Box {
 public:
  int width() const { return width_; }
 private:
  int width_ = 0;
};
}
int use(const shapes::Box& box) { return box.width(); }
//? tokens has namespace.declaration.definition shapes, class.declaration.definition Box
//? tokens has method.declaration.definition width, property width_, class Box, method width
//? tokens has parameter.declaration box, parameter box
)");
}

TEST_CASE("tokens: typescript") {
  check(R"(
//- /a.ts
interface Shape { readonly name: string }
enum Color { Red }
type Id = number;
abstract class Base implements Shape {
  static count = 0;
  readonly name = "$~";
  abstract area(): number;
  async load(id: Id) { const twice = id; return twice; }
}
//? tokens has interface.declaration.definition Shape, interface Shape, type.declaration.definition Id
//? tokens has property.declaration.definition.static count, property.declaration.definition.readonly name
//? tokens has method.declaration.definition.abstract area, method.declaration.definition.async load
//? tokens has parameter.declaration id, type Id, variable.declaration.readonly twice, variable.readonly twice
)");
}

TEST_CASE("tokens: javascript") {
  check(R"(
//- /a.js
const a = "$~", limit = 3;
let count = limit;
function twice(x) { return x * 2; }
class Box { get wide() { return 1; } }
twice(count); console.log(new Box());
//? tokens has variable.declaration.definition.readonly limit, variable.readonly limit
//? tokens has function twice, parameter x, class Box, method log
//? tokens has property.declaration.definition wide
)");
}

TEST_CASE("tokens: go") {
  check(R"(
//- /a.go
package a

const Limit = 3

type Box struct{ Width int }

func (b *Box) Grow(by int) int { b.Width += by; return b.Width + Limit }
//? tokens has struct.declaration.definition Box, struct Box, method.declaration.definition Grow
//? tokens has parameter.declaration b, parameter by, property Width
)");
}

TEST_CASE("tokens: rust") {
  check(R"(
//- /a.rs
trait Shape { fn area(&self) -> i32; }
struct Square { side: i32 }
impl Shape for Square { fn area(&self) -> i32 { let n = self.side; n * n } }
fn twice(n: i32) -> i32 { n * 2 }
//? tokens has interface.declaration.definition Shape, struct.declaration.definition Square, struct Square
//? tokens has property.declaration.definition side, parameter.declaration n, parameter n
)");
}

TEST_CASE("tokens: java") {
  check(R"(
//- /A.java
class A {
  static final int LIMIT = 3;
  int size;
  int grow(int by) { int n = by; return size + n + LIMIT; }
  @Deprecated void old() {}
}
//? tokens has class.declaration.definition A, property.declaration.definition.readonly.static LIMIT
//? tokens has property size, parameter by, variable n, method.declaration.definition.deprecated old
)");
}

TEST_CASE("tokens: csharp, php, ruby and kotlin") {
  check(R"(
//- /a.cs
class A { static int count; void Go(int by) { count += by; } }
//- /a.php
<?php
function go($by) { return $by; }
//- /a.rb
class A
  def go(by)
    by
  end
end
//- /a.kt
class A { val size = 1
  fun go(by: Int): Int { return size + by } }
//? tokens@a.cs has class.declaration.definition A, property.static count, parameter by
//? tokens@a.php has function.declaration.definition go
//? tokens@a.rb has class.declaration.definition A, parameter by
//? tokens@a.kt has property.declaration.definition.readonly size, parameter by
)");
}

TEST_CASE("tokens: of a range only those of its lines") {
  check(R"(
//- /a.py
a = 1
b = a$0; c = "$~"
d = b
//? tokens range -> variable.declaration.definition b, variable a, variable.declaration.definition c
)");
}

TEST_CASE("tokens: in the words of a client that knows few") {
  check(R"(
//- /a.py
class A:
    def go(self, by): return by
//? client {"textDocument": {"semanticTokens": {"tokenTypes": ["variable", "type", "function"], "tokenModifiers": ["declaration"]}}}
//? tokens -> type.declaration A, function.declaration go, variable.declaration self, variable.declaration by, variable by
)");
}

TEST_CASE("tokens: follow the text as it is typed") {
  check(R"(
//- /a.py
def run(size):
    return $0
//? tokens lacks parameter size
//? type "size\n"
//? tokens has parameter size
)");
}
