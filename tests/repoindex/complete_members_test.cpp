// What is offered behind a dot.
#include <catch2/catch.hpp>

#include "tests/repoindex/complete_stories.h"

using namespace engramd::repoindex;
using namespace engramd::repoindex::test;

TEST_CASE("python: members of a class, own ones before those of the base") {
  check_only(R"(
//- /a.py
class Base:
    def save(self): ...
class Model(Base):
    name = ""
    def load(self): ...
def use(m: Model):
    m.<|>
)",
             {"name", "load", "save"});
}

TEST_CASE("python: self knows the fields that methods write") {
  check_only(R"(
//- /a.py
class Box:
    def __init__(self, width):
        self.width = width
        self._depth = 1
    def area(self):
        return self.<|>
)",
             {"width", "_depth", "area", "__init__"});
}

TEST_CASE("python: a chain of calls and attributes is followed") {
  check_only(R"(
//- /a.py
class Row:
    def cells(self): ...
class Table:
    def first(self) -> Row: ...
class Book:
    def __init__(self):
        self.table = Table()
def use():
    Book().table.first().<|>
)",
             {"cells"});
}

TEST_CASE("python: a module gives its names, and a package its modules") {
  check_has(R"(
//- /pkg/__init__.py
version = 1
//- /pkg/core.py
def run(): ...
class Engine: ...
//- /app.py
import pkg
pkg.<|>
)",
            {"version", "core"});
  check_only(R"(
//- /pkg/__init__.py
//- /pkg/core.py
def run(): ...
class Engine: ...
//- /app.py
from pkg import core
core.<|>
)",
             {"run", "Engine"});
}

TEST_CASE("python: super() gives what the bases have") {
  check_only(R"(
//- /a.py
class Base:
    def save(self): ...
class Model(Base):
    def store(self):
        super().<|>
)",
             {"save"});
}

TEST_CASE("python: what is typed of the name chooses, by prefix before letters in between") {
  check_first(R"(
//- /a.py
class Store:
    def get_value(self): ...
    def set_value(self): ...
    def reset(self): ...
    def unused(self): ...
def use(s: Store):
    s.se<|>
)",
              {"set_value"});
}

TEST_CASE("python: behind a receiver of no known type comes what was written there before") {
  check_first(R"(
//- /a.py
import numpy as np
a = np.zeros(3)
b = np.zeros(4)
c = np.ones(4)
d = other.thing()
//- /b.py
import numpy as np
np.<|>
)",
              {"zeros", "ones"});
}

TEST_CASE("python: a line that goes on in the next does not take its name for the member") {
  check_only(R"(
//- /a.py
class Door:
    def open(self): ...
    def close(self): ...
def use(b: Door):
    b.<|>
    other = 1
)",
             {"open", "close"});
}

TEST_CASE("c: fields of a struct behind a pointer, a cast, an element and a call") {
  for (std::string_view use : {"p->", "((struct point *)q)->", "all[3].", "make()->"}) {
    INFO(use);
    check_only(R"(
//- /point.h
struct point { int x; int y; void (*draw)(struct point *); };
struct point *make(void);
//- /a.c
#include "point.h"
struct point all[10];
void use(struct point *p, void *q) {
  )" + std::string(use) +
                   "<|>;\n}\n",
               {"x", "y", "draw"});
  }
}

TEST_CASE("c: a designated initializer names fields of what is initialized") {
  check_only(R"(
//- /a.c
struct options { int size; const char *name; };
struct options defaults = {
  .<|>
};
)",
             {"size", "name"});
}

TEST_CASE("cpp: a class, its bases, a namespace") {
  check_only(R"(
//- /a.h
struct Base { void save(); };
class Model : public Base {
 public:
  void load();
  int size_;
};
//- /a.cpp
#include "a.h"
void use(Model& m) { m.<|> }
)",
             {"load", "size_", "save"});
  check_only(R"(
//- /a.h
namespace shop { int price(); class Basket {}; }
//- /a.cpp
#include "a.h"
int f() { return shop::<|>; }
)",
             {"price", "Basket"});
}

TEST_CASE("typescript: members, inherited ones, and a module under a name") {
  check_only(R"(
//- /a.ts
class Base { save() {} }
class Model extends Base { name = ""; load(): void {} }
function use(m: Model) {
  m.<|>
}
)",
             {"name", "load", "save"});
  check_only(R"(
//- /util.ts
export function run() {}
export const size = 1;
//- /a.ts
import * as util from "./util";
util.<|>
)",
             {"run", "size"});
}

TEST_CASE("typescript: an index hands on what other modules have") {
  check_has(R"(
//- /lib/one.ts
export function one() {}
//- /lib/two.ts
export class Two {}
//- /lib/index.ts
export * from "./one";
export { Two } from "./two";
//- /a.ts
import * as lib from "./lib";
lib.<|>
)",
            {"one", "Two"});
}

TEST_CASE("go: methods from every file of the package, and exported names of another") {
  check_only(R"(
//- /go.mod
module example.com/shop
//- /item.go
package shop
type Item struct { Name string }
//- /price.go
package shop
func (i *Item) Price() int { return 1 }
//- /use.go
package shop
func use(i *Item) {
	i.<|>
}
)",
             {"Name", "Price"});
  check_only(R"(
//- /go.mod
module example.com/shop
//- /tax/tax.go
package tax
func Rate() int { return 1 }
func hidden() {}
//- /use.go
package shop
import "example.com/shop/tax"
func use() {
	tax.<|>
}
)",
             {"Rate"});
}

TEST_CASE("rust: fields, methods of an impl, and what a type has") {
  check_only(R"(
//- /src/main.rs
struct Point { x: i32 }
impl Point {
    fn new() -> Self { Point { x: 1 } }
    fn len(&self) -> i32 { self.x }
}
fn main() {
    let p = Point::new();
    p.<|>
}
)",
             {"x", "new", "len"});
}

TEST_CASE("java, csharp, kotlin, php, ruby: members of a written or made type") {
  check_only(R"(
//- /A.java
class Base { void save() {} }
class Model extends Base { int size; void load() {} }
class Use { void f(Model m) { m.<|> } }
)",
             {"size", "load", "save"});
  check_only(R"(
//- /A.cs
class Model { public int Size; public void Load() {} }
class Use { void F() { var m = new Model(); m.<|> } }
)",
             {"Size", "Load"});
  check_only(R"(
//- /a.kt
class Model(val size: Int) { fun load() {} }
fun use(m: Model) {
  m.<|>
}
)",
             {"size", "load"});
  check_has(R"(
//- /a.php
<?php
class Model { public function load() {} public function save() {} }
function f(Model $m) {
  $m-><|>
}
)",
            {"load", "save"});
  check_has(R"(
//- /a.rb
class Model
  def load; end
  def save; end
end
m = Model.new
m.<|>
)",
            {"load", "save"});
}
