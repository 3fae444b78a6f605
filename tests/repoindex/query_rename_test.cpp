// Renaming: the text after it, and what is refused.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

#include "repoindex/rename.h"
#include "tests/repoindex/query_stories.h"

using namespace engramd;
using namespace engramd::repoindex;
using namespace engramd::repoindex::test;
using engramd::test::Workspace;

namespace {

// The files after the certain and likely edits, as one workspace text without marks.
void check_rename(std::string_view before, const std::string& new_name, std::string_view after) {
  Workspace ws(before), wanted(after);
  View view = view_of(ws);
  auto plan = rename(view, ws.cursor().path, ws.cursor().offset, new_name);
  INFO(std::string(before) << "\n" << (plan ? "" : plan.error().message));
  REQUIRE(plan);
  std::map<std::string, std::string> files;
  for (auto edit = plan->edits.rbegin(); edit != plan->edits.rend(); ++edit) {
    if (edit->confidence == Confidence::possible) continue;
    auto [it, added] = files.try_emplace(edit->place.path);
    if (added) it->second = ws.read(edit->place.path);
    it->second.replace(edit->place.range.begin, edit->place.range.size(), edit->new_text);
  }
  for (const std::string& path : view.paths()) {
    INFO(path);
    CHECK((files.count(path) != 0 ? files[path] : ws.read(path)) == wanted.read(path));
  }
}

std::string refusal(std::string_view text, const std::string& new_name = "other") {
  Workspace ws(text);
  View view = view_of(ws);
  auto plan = rename(view, ws.cursor().path, ws.cursor().offset, new_name);
  INFO(std::string(text));
  REQUIRE_FALSE(plan);
  return plan.error().message;
}

}  // namespace

TEST_CASE("rename: a python function with its imports, but no other thing of its name") {
  check_rename(R"(
//- /core.py
__all__ = ["run", "runner"]
def ru<|>n(n): return n
def runner(): return run(1)
class Job:
    def run(self): return run(2)
//- /app.py
from core import run
import core
print(run(1), core.run(2))
def f(run): return run
//- /other.py
from core import run as start
start()
def run(): ...
run()
)",
               "walk", R"(
//- /core.py
__all__ = ["walk", "runner"]
def walk(n): return n
def runner(): return walk(1)
class Job:
    def run(self): return walk(2)
//- /app.py
from core import walk
import core
print(walk(1), core.walk(2))
def f(run): return run
//- /other.py
from core import walk as start
start()
def run(): ...
run()
)");
}

TEST_CASE("rename: python locals, parameters with keyword arguments, and an alias") {
  check_rename(R"(
//- /a.py
def f(count, more=1):
    total = cou<|>nt + more
    return [count for more in range(count)]
count = 3
f(count=count)
//- /b.py
from a import f
f(1, more=2)
f(count=2)
)",
               "n", R"(
//- /a.py
def f(n, more=1):
    total = n + more
    return [n for more in range(n)]
count = 3
f(n=count)
//- /b.py
from a import f
f(1, more=2)
f(n=2)
)");
  check_rename(R"(
//- /core.py
def run(): ...
//- /a.py
from core import run as st<|>art
start()
//- /b.py
from core import run as start
start()
)",
               "begin", R"(
//- /core.py
def run(): ...
//- /a.py
from core import run as begin
begin()
//- /b.py
from core import run as start
start()
)");
}

TEST_CASE("rename: a method with those that override it, in python and java") {
  check_rename(R"(
//- /a.py
class Base:
    def run(self): ...
    def go(self): self.run()
class One(Base):
    def ru<|>n(self): super().run()
class Other:
    def run(self): ...
one = One()
one.run()
other = Other()
other.run()
)",
               "walk", R"(
//- /a.py
class Base:
    def walk(self): ...
    def go(self): self.walk()
class One(Base):
    def walk(self): super().walk()
class Other:
    def run(self): ...
one = One()
one.walk()
other = Other()
other.run()
)");
  check_rename(R"(
//- /Shape.java
interface Shape { double ar<|>ea(); }
//- /Square.java
class Square implements Shape {
  public double area() { return 1; }
  static double of(Shape shape) { return shape.area(); }
}
)",
               "surface", R"(
//- /Shape.java
interface Shape { double surface(); }
//- /Square.java
class Square implements Shape {
  public double surface() { return 1; }
  static double of(Shape shape) { return shape.surface(); }
}
)");
}

TEST_CASE("rename: a method is not what __all__ names") {
  check_rename(R"(
//- /a.py
__all__ = ["trace"]
class Row:
    def tra<|>ce(self): ...
trace = Row().trace
)",
               "follow", R"(
//- /a.py
__all__ = ["trace"]
class Row:
    def follow(self): ...
trace = Row().follow
)");
}

TEST_CASE("rename: a property with its setter, and a field") {
  check_rename(R"(
//- /a.py
class Row:
    def __init__(self):
        self.cells = []
    @property
    def wid<|>th(self): return len(self.cells)
    @width.setter
    def width(self, n): self.cells = self.cells[:n]
row = Row()
row.width = row.width + 1
)",
               "size", R"(
//- /a.py
class Row:
    def __init__(self):
        self.cells = []
    @property
    def size(self): return len(self.cells)
    @size.setter
    def size(self, n): self.cells = self.cells[:n]
row = Row()
row.size = row.size + 1
)");
  check_rename(R"(
//- /a.ts
class Row {
  cel<|>ls: string[] = [];
  first() { return this.cells[0]; }
}
const row = new Row();
row.cells.push("a");
)",
               "items", R"(
//- /a.ts
class Row {
  items: string[] = [];
  first() { return this.items[0]; }
}
const row = new Row();
row.items.push("a");
)");
}

TEST_CASE("rename: C functions with prototypes, C++ classes with constructors and destructors") {
  check_rename(R"(
//- /list.h
int list_push(int value);
//- /list.c
#include "list.h"
int list_push(int value) { return value; }
//- /main.c
#include "list.h"
int main(void) { return list_pu<|>sh(1); }
)",
               "list_add", R"(
//- /list.h
int list_add(int value);
//- /list.c
#include "list.h"
int list_add(int value) { return value; }
//- /main.c
#include "list.h"
int main(void) { return list_add(1); }
)");
  check_rename(R"(
//- /row.h
class Ro<|>w {
 public:
  Row();
  explicit Row(int n);
  ~Row();
  Row* next;
};
//- /row.cpp
#include "row.h"
Row::Row() {}
Row::Row(int n) {}
Row::~Row() { delete next; }
//- /main.cpp
#include "row.h"
int main() { Row row(1); Row* other = new Row(); }
)",
               "Line", R"(
//- /row.h
class Line {
 public:
  Line();
  explicit Line(int n);
  ~Line();
  Line* next;
};
//- /row.cpp
#include "row.h"
Line::Line() {}
Line::Line(int n) {}
Line::~Line() { delete next; }
//- /main.cpp
#include "row.h"
int main() { Line row(1); Line* other = new Line(); }
)");
  check_rename(R"(
//- /shape.h
struct Shape { virtual int area() = 0; };
//- /square.h
#include "shape.h"
struct Square : Shape { int area() override; };
//- /square.cpp
#include "square.h"
int Square::ar<|>ea() { return 4; }
int twice(Shape& shape) { return shape.area() * 2; }
)",
               "surface", R"(
//- /shape.h
struct Shape { virtual int surface() = 0; };
//- /square.h
#include "shape.h"
struct Square : Shape { int surface() override; };
//- /square.cpp
#include "square.h"
int Square::surface() { return 4; }
int twice(Shape& shape) { return shape.surface() * 2; }
)");
}

TEST_CASE("rename: javascript's shorthand properties keep the property or the variable") {
  check_rename(R"(
//- /a.js
const si<|>ze = 1;
const box = { size, color: 2 };
const { color } = box;
export { size };
//- /b.js
import { size } from "./a";
console.log({ size });
)",
               "width", R"(
//- /a.js
const width = 1;
const box = { size: width, color: 2 };
const { color } = box;
export { width };
//- /b.js
import { width } from "./a";
console.log({ size: width });
)");
}

TEST_CASE("rename: go, rust, ruby, php and c#") {
  check_rename(R"(
//- /go.mod
module example.com/shop
//- /core/core.go
package core
type Runner interface { Run(n int) int }
type App struct{}
func (a App) Ru<|>n(n int) int { return n }
//- /main.go
package main
import "example.com/shop/core"
func main() {
	app := core.App{}
	app.Run(1)
}
)",
               "Walk", R"(
//- /go.mod
module example.com/shop
//- /core/core.go
package core
type Runner interface { Walk(n int) int }
type App struct{}
func (a App) Walk(n int) int { return n }
//- /main.go
package main
import "example.com/shop/core"
func main() {
	app := core.App{}
	app.Walk(1)
}
)");
  check_rename(R"(
//- /src/lib.rs
pub trait Shape { fn ar<|>ea(&self) -> u32; }
pub struct Square { side: u32 }
impl Shape for Square { fn area(&self) -> u32 { self.side } }
pub fn twice(square: Square) -> u32 { square.area() * 2 }
)",
               "surface", R"(
//- /src/lib.rs
pub trait Shape { fn surface(&self) -> u32; }
pub struct Square { side: u32 }
impl Shape for Square { fn surface(&self) -> u32 { self.side } }
pub fn twice(square: Square) -> u32 { square.surface() * 2 }
)");
  check_rename(R"(
//- /a.rb
class Row
  def first(count)
    @seen = cou<|>nt
    [count, count + 1]
  end
end
)",
               "n", R"(
//- /a.rb
class Row
  def first(n)
    @seen = n
    [n, n + 1]
  end
end
)");
  check_rename(R"(
//- /a.php
<?php
class Row {
  private $cel<|>ls = [];
  function first() { return $this->cells[0]; }
}
)",
               "items", R"(
//- /a.php
<?php
class Row {
  private $items = [];
  function first() { return $this->items[0]; }
}
)");
  check_rename(R"(
//- /a.cs
class Row { public Row(int n) {} public static Row Make() { return new Ro<|>w(1); } }
)",
               "Line", R"(
//- /a.cs
class Line { public Line(int n) {} public static Line Make() { return new Line(1); } }
)");
}

TEST_CASE("rename: what is only possible is said to be so") {
  Workspace ws(R"(
//- /a.py
class Row:
    def sho<|>w(self): ...
def unknown(thing):
    thing.show()
)");
  auto plan = rename(view_of(ws), ws.cursor().path, ws.cursor().offset, "paint");
  REQUIRE(plan);
  REQUIRE(plan->edits.size() == 2);
  CHECK(plan->edits[0].confidence == Confidence::certain);
  CHECK(plan->edits[1].confidence == Confidence::possible);
  CHECK_FALSE(plan->may_override_foreign);
}

TEST_CASE("rename: a method that may override one from outside the repository says so") {
  Workspace ws(R"(
//- /a.py
import unittest
class Row(unittest.TestCase):
    def set<|>Up(self): ...
)");
  auto plan = rename(view_of(ws), ws.cursor().path, ws.cursor().offset, "prepare");
  REQUIRE(plan);
  CHECK(plan->may_override_foreign);
}

TEST_CASE("rename refuses keywords, strings, comments, and names of others") {
  using Catch::Contains;
  CHECK_THAT(refusal("//- /a.py\nde<|>f f(): ...\n"), Contains("'def' is a keyword of python"));
  CHECK_THAT(refusal("//- /a.py\nx = 'so<|>me'\n"), Contains("no name here"));
  CHECK_THAT(refusal("//- /a.py\n# so<|>me\n"), Contains("no name here"));
  CHECK_THAT(refusal("//- /a.py\npri<|>nt(1)\n"), Contains("not known in this repository"));
  CHECK_THAT(refusal("//- /a.py\nimport os\no<|>s.path\n"), Contains("not known"));
  CHECK_THAT(refusal("//- /b.py\nx = 1\n//- /a.py\nimport b\n<|>b.x\n"),
             Contains("is the file b.py"));
  CHECK_THAT(refusal("//- /a.json\n{\"na<|>me\": 1}\n"), Contains("json"));
  CHECK_THAT(refusal("//- /a.py\nclass A:\n    def __in<|>it__(self): ...\n"),
             Contains("constructor"));
  CHECK_THAT(refusal("//- /a.py\ntry:\n    import yaml\nexcept ImportError:\n    ya<|>ml = None\n"),
             Contains("imported from outside"));
  CHECK_THAT(refusal("//- /third_party/x/a.js\nexport function ru<|>n() {}\n"),
             Contains("third-party"));
}

TEST_CASE("rename refuses a new name that is none, or is taken") {
  using Catch::Contains;
  CHECK_THAT(refusal("//- /a.py\ndef ru<|>n(): ...\n", "class"), Contains("keyword"));
  CHECK_THAT(refusal("//- /a.py\ndef ru<|>n(): ...\n", "a b"), Contains("no name in python"));
  CHECK_THAT(refusal("//- /a.py\ndef ru<|>n(): ...\n", "1a"), Contains("no name in python"));
  CHECK_THAT(refusal("//- /a.py\ndef ru<|>n(): ...\n", ""), Contains("no name in python"));
  CHECK_THAT(refusal("//- /a.py\ndef ru<|>n(): ...\ndef walk(): ...\n", "walk"),
             Contains("taken already: a.py:2"));
  CHECK_THAT(refusal("//- /a.py\ndef f(a, b):\n    return <|>a + b\n", "b"), Contains("taken"));
  CHECK_THAT(refusal("//- /a.py\nimport os\ndef f(a):\n    return os.path(<|>a)\n", "os"),
             Contains("already"));
  CHECK_THAT(
      refusal("//- /a.py\nclass A:\n    def ru<|>n(self): ...\n    def go(self): ...\n", "go"),
      Contains("taken"));
  CHECK_THAT(
      refusal("//- /a.py\ndef ru<|>n(): ...\n//- /b.py\nfrom a import run\ndef go(): ...\n", "go"),
      Contains("taken already: b.py:2"));
  CHECK_THAT(refusal("//- /a.py\ndef ru<|>n(): ...\ndef f(go):\n    return run()\n", "go"),
             Contains("taken"));
}

TEST_CASE("rename: the words that languages keep, and what may be in a name") {
  for (const char* language :
       {"python", "c", "cpp", "javascript", "typescript", "go", "rust", "java", "csharp", "ruby",
        "php", "kotlin", "scala", "swift", "lua"}) {
    INFO(language);
    CHECK(is_keyword(language, "if"));
    CHECK_FALSE(is_keyword(language, "iff"));
    CHECK_FALSE(is_keyword(language, "if else"));
    CHECK(check_identifier(language, "größe_2"));
    CHECK_FALSE(check_identifier(language, "2größe"));
    CHECK_FALSE(check_identifier(language, "a-b"));
    CHECK_FALSE(check_identifier(language, "a\xff"));
    CHECK_FALSE(check_identifier(language, "return"));
  }
  CHECK(check_identifier("javascript", "$x"));
  CHECK_FALSE(check_identifier("python", "$x"));
  CHECK(check_identifier("ruby", "@x", "@"));
  CHECK_FALSE(check_identifier("ruby", "x", "@"));
  CHECK(check_identifier("ruby", "empty?"));
  CHECK_FALSE(check_identifier("python", "empty?"));
  CHECK_FALSE(check_identifier("json", "x"));
}

TEST_CASE("references: asked from a use, those in the file of the definition are found too") {
  Workspace ws(R"(
//- /core.py
def run(): ...
run()
//- /other.py
def run(): ...
run()
//- /star.py
from core import *
run()
//- /app.py
import core
from core import run
ru<|>n()
core.run()
)");
  std::vector<std::string> found;
  for (const ReferenceHit& hit :
       find_references(view_of(ws), ws.cursor().path, ws.cursor().offset, true)) {
    found.push_back(hit.place.path + ":" + std::to_string(hit.place.start.line + 1));
  }
  CHECK(found == std::vector<std::string>{"app.py:2", "app.py:3", "app.py:4", "core.py:1",
                                          "core.py:2", "star.py:2"});
}
