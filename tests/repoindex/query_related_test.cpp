// Declarations, types and implementations of a name.
#include <algorithm>
#include <catch2/catch.hpp>

#include "repoindex/hierarchy.h"
#include "tests/repoindex/query_stories.h"

using namespace engramd::repoindex;
using namespace engramd::repoindex::test;
using engramd::test::Workspace;

namespace {

using Question = std::vector<SymbolHit> (*)(const View&, const std::string&, size_t);

std::vector<SymbolHit> implementations(const View& view, const std::string& path, size_t offset) {
  return find_implementations(view, path, offset);
}

// The answers at the cursor are exactly the places marked "here", in any order.
void check_exactly(Question ask, std::string_view text) {
  Workspace ws(text);
  View view = view_of(ws);
  std::vector<std::string> wanted, found;
  for (const Marked& m : marks_in(ws, "here")) {
    wanted.push_back(m.path + ":" + std::to_string(m.start.line + 1) + " " + m.text);
  }
  for (const SymbolHit& hit : ask(view, ws.cursor().path, ws.cursor().offset)) {
    std::string name =
        ws.read(hit.place.path).substr(hit.place.range.begin, hit.place.range.size());
    found.push_back(hit.place.path + ":" + std::to_string(hit.place.start.line + 1) + " " + name);
  }
  std::sort(wanted.begin(), wanted.end());
  std::sort(found.begin(), found.end());
  INFO(std::string(text));
  CHECK(found == wanted);
}

}  // namespace

TEST_CASE("declaration: a C function's prototype, from its body and from a call") {
  check_exactly(find_declarations, R"(
//- /list.h
int list_push(int value);
//  ^^^^^^^^^ here
//- /list.c
#include "list.h"
int list_push(int value) { return value; }
//- /main.c
#include "list.h"
int main(void) { return list_pu<|>sh(1); }
)");
  check_exactly(find_declarations, R"(
//- /list.h
int list_push(int value);
//  ^^^^^^^^^ here
//- /list.c
#include "list.h"
int list_pu<|>sh(int value) { return value; }
)");
}

TEST_CASE(
    "declaration: a C++ method in its class, an extern variable, and a static function itself") {
  check_exactly(find_declarations, R"(
//- /shape.h
class Shape {
 public:
  int area() const;
//    ^^^^ here
};
//- /shape.cpp
#include "shape.h"
int Shape::ar<|>ea() const { return 1; }
)");
  check_exactly(find_declarations, R"(
//- /state.h
extern int verbose;
//         ^^^^^^^ here
//- /state.c
#include "state.h"
int verbose = 1;
//- /main.c
#include "state.h"
int main(void) { return verb<|>ose; }
)");
  check_exactly(find_declarations, R"(
//- /main.c
static int helper(void) { return 1; }
//         ^^^^^^ here
int main(void) { return hel<|>per(); }
)");
}

TEST_CASE("declaration: elsewhere the import that brings the name") {
  check_exactly(find_declarations, R"(
//- /core.py
def run(): ...
//- /app.py
from core import run
#                ^^^ here
ru<|>n()
)");
  check_exactly(find_declarations, R"(
//- /core.ts
export function run() {}
//- /app.ts
import { run } from "./core";
//       ^^^ here
ru<|>n();
)");
}

TEST_CASE("declaration: of a method that overrides, what it overrides") {
  check_exactly(find_declarations, R"(
//- /A.java
interface Shape { double area(); }
//                       ^^^^ here
class Square implements Shape {
  public double ar<|>ea() { return 1; }
}
)");
  check_exactly(find_declarations, R"(
//- /shape.ts
interface Shape { area(): number; }
//                ^^^^ here
class Square implements Shape {
  ar<|>ea() { return 1; }
}
)");
}

TEST_CASE("type definition: of a variable, a parameter, a call and a class") {
  check_exactly(find_type_definitions, R"(
//- /a.py
class Row: ...
#     ^^^ here
def show(row: Row):
    print(ro<|>w)
)");
  check_exactly(find_type_definitions, R"(
//- /a.py
class Row: ...
#     ^^^ here
def first() -> Row: ...
fir<|>st()
)");
  check_exactly(find_type_definitions, R"(
//- /a.go
package a
type Row struct{ n int }
//   ^^^ here
func f() {
	row := Row{1}
	_ = r<|>ow
}
)");
  check_exactly(find_type_definitions, R"(
//- /a.cpp
struct Row { int n; };
//     ^^^ here
void f() { Row row; ro<|>w.n = 1; }
)");
  check_exactly(find_type_definitions, R"(
//- /a.ts
class Row {}
//    ^^^ here
const row = new Row();
ro<|>w;
)");
  check_exactly(find_type_definitions, R"(
//- /a.py
def f(n: int):
    print(<|>n)
)");
}

TEST_CASE("implementation: of an interface, all that derive from it") {
  check_exactly(implementations, R"(
//- /Shape.java
interface Sha<|>pe { double area(); }
//- /Square.java
class Square implements Shape { public double area() { return 1; } }
//    ^^^^^^ here
//- /Big.java
class Big extends Square {}
//    ^^^ here
class Other {}
)");
  check_exactly(implementations, R"(
//- /base.py
class Base: ...
//- /a.py
from base import Base as B
import base
class One(B): ...
#     ^^^ here
class Two(base.Base): ...
#     ^^^ here
class Three(Two): ...
#     ^^^^^ here
//- /b.py
class Base: ...
class Four(Base): ...
//- /c.py
from base import Bas<|>e
)");
}

TEST_CASE("implementation: of a method, what overrides it") {
  check_exactly(implementations, R"(
//- /a.py
class Base:
    def ru<|>n(self): ...
class One(Base):
    def run(self): ...
#       ^^^ here
class Two(One):
    def run(self): ...
#       ^^^ here
class Other:
    def run(self): ...
)");
  check_exactly(implementations, R"(
//- /shape.h
struct Shape { virtual int ar<|>ea() = 0; };
//- /square.h
#include "shape.h"
struct Square : Shape { int area() override; };
//- /square.cpp
#include "square.h"
int Square::area() { return 4; }
//          ^^^^ here
)");
  check_exactly(implementations, R"(
//- /a.cs
interface IShape { double Ar<|>ea(); }
class Square : IShape { public double Area() { return 1; } }
//                                    ^^^^ here
)");
  check_exactly(implementations, R"(
//- /a.kt
interface Shape {
    fun ar<|>ea(): Int
}

class Square : Shape {
    override fun area() = 1
//               ^^^^ here
}
)");
  check_exactly(implementations, R"(
//- /a.php
<?php
interface Shape { function ar<|>ea(); }
class Square implements Shape { function area() { return 1; } }
//                                       ^^^^ here
)");
}

TEST_CASE("implementation: rust impl blocks") {
  check_exactly(implementations, R"(
//- /src/lib.rs
pub mod shape;
pub mod square;
//- /src/shape.rs
pub trait Shape { fn ar<|>ea(&self) -> f64; }
//- /src/square.rs
use crate::shape::Shape;
pub struct Square<T> { side: T }
impl<T: Clone> Shape for Square<T> {
    fn area(&self) -> f64 { 1.0 }
//     ^^^^ here
}
impl<T> Square<T> {
    fn area(&self) -> f64 { 2.0 }
}
)");
  check_exactly(implementations, R"(
//- /src/lib.rs
pub trait Sha<|>pe { fn area(&self) -> f64; }
pub struct Square;
//         ^^^^^^ here
impl Shape for Square { fn area(&self) -> f64 { 1.0 } }
pub struct Round;
//         ^^^^^ here
impl crate::Shape for Round { fn area(&self) -> f64 { 1.0 } }
pub struct Other;
impl Other { fn area(&self) -> f64 { 1.0 } }
)");
}

TEST_CASE("implementation: go types that have an interface's methods") {
  check_exactly(implementations, R"(
//- /go.mod
module example.com/shop
//- /shape/shape.go
package shape
type Named interface { Name() string }
type Sha<|>pe interface {
	Named
	Area(scale int) float64
}
//- /square/square.go
package square
type Square struct{ side float64 }
//   ^^^^^^ here
func (s *Square) Area(scale int) float64 { return s.side }
//- /square/name.go
package square
func (s *Square) Name() string { return "square" }
//- /other/other.go
package other
type Nameless struct{}
func (n Nameless) Area(scale int) float64 { return 0 }
type Wrong struct{}
func (w Wrong) Area() float64 { return 0 }
func (w Wrong) Name() string { return "" }
)");
  check_exactly(implementations, R"(
//- /a.go
package a
type Shape interface { Ar<|>ea() float64 }
type Celsius float64
func (c Celsius) Area() float64 { return 0 }
//               ^^^^ here
)");
}

TEST_CASE("implementation: of a C prototype its body, of a plain function itself") {
  check_exactly(implementations, R"(
//- /list.h
int list_pu<|>sh(int value);
//- /list.c
#include "list.h"
int list_push(int value) { return value; }
//  ^^^^^^^^^ here
)");
  check_exactly(implementations, R"(
//- /a.js
function run() {}
//       ^^^ here
ru<|>n();
)");
}
