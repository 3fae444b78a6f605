#include <catch2/catch.hpp>

#include "tests/repoindex/query_stories.h"

using namespace engramd::repoindex;
using namespace engramd::repoindex::test;

TEST_CASE("python: definition jumps through a re-export") {
  CHECK(check_definition(R"(
//- /pkg/__init__.py
from .core import run
//- /pkg/core.py
def run(): ...
#   ^^^ definition
//- /other.py
def run(): ...
//- /app.py
import pkg
pkg.ru<|>n()
)") == Confidence::certain);
}

TEST_CASE("python: a local hides the module's name") {
  CHECK(check_definition(R"(
//- /a.py
total = 0
def add(values):
    total = sum(values)
#   ^^^^^ definition
    return tot<|>al
)") == Confidence::certain);
}

TEST_CASE("python: self leads to the method of the class, or of its base") {
  CHECK(check_definition(R"(
//- /base.py
class Base:
    def save(self): ...
#       ^^^^ definition
//- /other.py
class Other:
    def save(self): ...
//- /model.py
from base import Base
class Model(Base):
    def store(self):
        self.sa<|>ve()
)") != Confidence::possible);
}

TEST_CASE("python: a written type and a construction say what a variable is") {
  CHECK(check_definition(R"(
//- /a.py
class Reader:
    def close(self): ...
class Writer:
    def close(self): ...
#       ^^^^^ definition
def use(w: Writer):
    w.clo<|>se()
)") == Confidence::likely);
  CHECK(check_definition(R"(
//- /a.py
class Reader:
    def close(self): ...
#       ^^^^^ definition
class Writer:
    def close(self): ...
def make() -> Reader: ...
r = make()
r.clo<|>se()
)") == Confidence::likely);
}

TEST_CASE("python: fields are defined where self writes them first") {
  check_definition(R"(
//- /a.py
class A:
    def __init__(self, size):
        self.size = size
#            ^^^^ definition
    def area(self):
        return self.si<|>ze * 2
)");
}

TEST_CASE("python: an alias, a relative import from the parent, and a submodule") {
  check_definition(R"(
//- /pkg/__init__.py
//- /pkg/util.py
def helper(): ...
#   ^^^^^^ definition
//- /pkg/sub/__init__.py
//- /pkg/sub/mod.py
from ..util import helper as h
<|>h()
)");
  check_definition(R"(
//- /pkg/__init__.py
//- /pkg/core.py
def go(): ...
#   ^^ definition
//- /x/core.py
def go(): ...
//- /app.py
from pkg import core
core.g<|>o()
)");
  check_definition_file(R"(
//- /pkg/__init__.py
//- /pkg/core.py
def go(): ...
//- /app.py
import pkg.co<|>re
)",
                        "pkg/core.py");
}

TEST_CASE("python: with nothing but a name the answer says that it is a guess") {
  CHECK(check_definition(R"(
//- /a.py
class A:
    def unusual_name(self): ...
#       ^^^^^^^^^^^^ definition
//- /b.py
def f(x):
    x.unusual<|>_name()
)") == Confidence::possible);
}

TEST_CASE("c: a call leads past the prototype to the body") {
  check_definition(R"(
//- /util.h
int twice(int x);
//- /util.c
#include "util.h"
int twice(int x) {
//  ^^^^^ definition
  return 2 * x;
}
//- /main.c
#include "util.h"
int main(void) { return twi<|>ce(2); }
)");
}

TEST_CASE("c: struct fields, macros, typedefs and locals") {
  check_definition(R"(
//- /a.c
struct point { int x; int y; };
//                        ^ definition
int f(struct point *p) { return p-><|>y; }
)");
  check_definition(R"(
//- /limits.h
#define MAX_ITEMS 10
//      ^^^^^^^^^ definition
//- /a.c
#include "limits.h"
int items[MAX_<|>ITEMS];
)");
  check_definition(R"(
//- /a.c
typedef unsigned int id_t2;
//                   ^^^^^ definition
static id_<|>t2 next;
)");
  check_definition(R"(
//- /a.c
int count;
void f(void) {
  int count = 1;
//    ^^^^^ definition
  use(cou<|>nt);
}
)");
}

TEST_CASE("cpp: from the declaration in a class to the body, and back") {
  check_definition(R"(
//- /a.h
class Engine {
 public:
  void start();
//     ^^^^^ definition
};
//- /b.h
class Other { void start() {} };
//- /a.cpp
#include "a.h"
void Engine::sta<|>rt() {}
//           ^^^^^ definition
)");
}

TEST_CASE("cpp: a member by the written type, through a pointer, in a base class") {
  CHECK(check_definition(R"(
//- /a.h
struct Base { int size() const { return 1; } };
//                ^^^^ definition
struct Derived : public Base {};
struct Other { int size() const { return 2; } };
//- /a.cpp
#include "a.h"
int f(const Derived* d) { return d->si<|>ze(); }
)") == Confidence::likely);
}

TEST_CASE("cpp: names in namespaces and a method that uses a field without this") {
  check_definition(R"(
//- /a.h
namespace fast { int run(); }
//                   ^^^ definition
namespace slow { int run(); }
//- /a.cpp
#include "a.h"
int main() { return fast::ru<|>n(); }
)");
  check_definition(R"(
//- /a.h
class Box {
  int width_ = 0;
//    ^^^^^^ definition
  int width() const;
};
class Bag { int width_; };
//- /a.cpp
#include "a.h"
int Box::width() const { return wid<|>th_; }
)");
}

TEST_CASE("cpp: an include leads to the file, a class behind an export macro is a class") {
  check_definition_file(R"(
//- /src/deep/a.h
//- /src/b.cpp
#include "dee<|>p/a.h"
)",
                        "src/deep/a.h");
  check_definition(R"(
//- /a.h
class EXPORTED Widget {
//             ^^^^^^ definition
 public:
  int x;
};
//- /a.cpp
#include "a.h"
Wid<|>get* make();
)");
}

TEST_CASE("javascript: named, default, namespace and required imports") {
  check_definition(R"(
//- /lib/util.js
export function parse(text) { return text; }
//              ^^^^^ definition
//- /app.js
import { parse as p } from "./lib/util";
<|>p("x");
)");
  check_definition(R"(
//- /lib/index.js
export default class Store {}
//                   ^^^^^ definition
//- /app.js
import Shop from "./lib";
new Sho<|>p();
)");
  check_definition(R"(
//- /math.js
export const add = (a, b) => a + b;
//           ^^^ definition
//- /app.js
import * as math from "./math.js";
math.ad<|>d(1, 2);
)");
  check_definition(R"(
//- /util.js
function trim(s) { return s; }
//       ^^^^ definition
module.exports = { trim };
//- /app.js
const { trim } = require("./util");
tri<|>m(" x");
)");
}

TEST_CASE("javascript: a re-export, a closure and a method by this") {
  check_definition(R"(
//- /core.js
export function run() {}
//              ^^^ definition
//- /index.js
export * from "./core";
//- /app.js
import { run } from "./index";
ru<|>n();
)");
  check_definition(R"(
//- /a.js
function outer() {
  function helper() {}
//         ^^^^^^ definition
  return () => hel<|>per();
}
function helper() {}
)");
  CHECK(check_definition(R"(
//- /a.js
class A {
  stop() {}
//^^^^ definition
  run() { this.st<|>op(); }
}
class B { stop() {} }
)") == Confidence::certain);
}

TEST_CASE("typescript: interfaces, typed parameters and .js in an import of .ts") {
  CHECK(check_definition(R"(
//- /shape.ts
export interface Shape { area(): number; }
//                       ^^^^ definition
export interface Field { area(): number; }
//- /use.ts
import { Shape } from "./shape.js";
export function f(s: Shape) { return s.ar<|>ea(); }
)") == Confidence::likely);
  check_definition(R"(
//- /types.ts
export type Id = string;
//          ^^ definition
//- /view.tsx
import type { Id } from "./types";
export const View = (props: { id: I<|>d }) => <b>{props.id}</b>;
)");
  check_definition(R"(
//- /a.ts
enum Color { Red, Green }
//                ^^^^^ definition
const c = Color.Gre<|>en;
)");
}

TEST_CASE("go: another package, the same package, methods by receiver") {
  check_definition(R"(
//- /go.mod
module example.com/app

//- /util/text.go
package util
func Trim(s string) string { return s }
//   ^^^^ definition
//- /other/text.go
package other
func Trim(s string) string { return s }
//- /main.go
package main
import "example.com/app/util"
func main() { util.Tr<|>im("x") }
)");
  check_definition(R"(
//- /a.go
package main
func helper() {}
//   ^^^^^^ definition
//- /sub/c.go
package sub
func helper() {}
//- /b.go
package main
func main() { hel<|>per() }
)");
  CHECK(check_definition(R"(
//- /a.go
package main
type File struct{}
func (f *File) Close() error { return nil }
//             ^^^^^ definition
type Conn struct{}
func (c *Conn) Close() error { return nil }
func use(f *File) { f.Clo<|>se() }
)") == Confidence::likely);
}

TEST_CASE("go: construction, fields, constants and aliases of imports") {
  check_definition(R"(
//- /a.go
package main
type Server struct {
    Addr string
//  ^^^^ definition
}
func main() {
	s := &Server{}
	print(s.Add<|>r)
}
)");
  check_definition(R"(
//- /a.go
package main
const (
	Low = 1
    High = 2
//  ^^^^ definition
)
func f() int { return Hi<|>gh }
)");
  check_definition(R"(
//- /go.mod
module m
//- /deep/er/x.go
package er
type T struct{}
//   ^ definition
//- /a.go
package main
import d "m/deep/er"
var v d.<|>T
)");
}

TEST_CASE("rust: modules, use, methods of impl blocks") {
  check_definition(R"(
//- /src/main.rs
mod util;
use crate::util::trim;
fn main() { tri<|>m("x"); }
//- /src/util.rs
pub fn trim(s: &str) -> &str { s }
//     ^^^^ definition
//- /src/other.rs
pub fn trim(s: &str) -> &str { s }
)");
  CHECK(check_definition(R"(
//- /src/lib.rs
struct Door;
impl Door {
    fn new() -> Self { Door }
    fn open(&self) {}
//     ^^^^ definition
}
struct Window;
impl Window { fn open(&self) {} }
fn f() { let d = Door::new(); d.op<|>en(); }
)") == Confidence::likely);
  check_definition(R"(
//- /src/lib.rs
mod a;
pub fn f() { a::ru<|>n() }
//- /src/a/mod.rs
pub fn run() {}
//     ^^^ definition
//- /src/b.rs
pub fn run() {}
)");
}

TEST_CASE("rust: self, super, enum variants and macros") {
  check_definition(R"(
//- /src/lib.rs
pub struct P { x: i32 }
//             ^ definition
pub struct Q { x: i32 }
impl P { fn get(&self) -> i32 { self.<|>x } }
)");
  check_definition(R"(
//- /src/lib.rs
mod a;
pub fn base() {}
//     ^^^^ definition
//- /src/a.rs
use super::base;
fn f() { ba<|>se() }
)");
  check_definition(R"(
//- /src/lib.rs
enum Tone { High, Low }
//                ^^^ definition
fn f() -> Tone { Tone::Lo<|>w }
)");
  check_definition(R"(
//- /src/lib.rs
macro_rules! twice { ($x:expr) => { $x; $x }; }
//           ^^^^^ definition
fn f() { twi<|>ce!(g()); }
)");
}

TEST_CASE("java: an imported class, the same package, fields and inherited methods") {
  check_definition(R"(
//- /src/main/java/org/x/Tool.java
package org.x;
public class Tool { public void run() {} }
//           ^^^^ definition
//- /src/main/java/org/y/Tool.java
package org.y;
public class Tool {}
//- /src/main/java/app/Main.java
package app;
import org.x.Tool;
class Main { To<|>ol t; }
)");
  check_definition(R"(
//- /src/org/x/A.java
package org.x;
class A { int f() { return Helper.va<|>lue(); } }
//- /src/org/x/Helper.java
package org.x;
class Helper { static int value() { return 1; } }
//                        ^^^^^ definition
//- /src/org/z/Other.java
package org.z;
class Other { static int value() { return 1; } }
)");
  CHECK(check_definition(R"(
//- /a/Base.java
package a;
class Base { void stop() {} }
//                ^^^^ definition
//- /a/Child.java
package a;
class Child extends Base { void run() { this.st<|>op(); } }
//- /a/Z.java
package a;
class Z { void stop() {} }
)") != Confidence::possible);
  check_definition(R"(
//- /a/A.java
package a;
class A {
  private int size;
//            ^^^^ definition
  int f(int other) { return si<|>ze; }
}
)");
  check_definition(R"(
//- /a/A.java
package a;
class A {
  int f(int size) {
//          ^^^^ definition
    return si<|>ze;
  }
  int size;
}
)");
  check_definition(R"(
//- /a/Color.java
package a;
enum Color { RED, GREEN }
//                ^^^^^ definition
//- /b/B.java
package b;
import a.Color;
class B { Color c = Color.GRE<|>EN; }
)");
}

TEST_CASE("bash: a function of a sourced file") {
  check_definition(R"(
//- /lib/log.sh
function warn() { echo "$1" >&2; }
#        ^^^^ definition
//- /other.sh
function warn() { :; }
//- /run.sh
. lib/log.sh
war<|>n "no"
)");
}

TEST_CASE("references: locals stay in their function") {
  check_references(R"(
//- /a.py
def f(x):
    y = <|>x + 1
#       ^ reference
    return x * y
#          ^ reference
def g(x):
    return x
)");
}

TEST_CASE("references: what another file's import makes of the name decides") {
  check_references(R"(
//- /a.py
def r<|>un(): ...
//- /b.py
from a import run
#             ^^^ reference
z = run()
#   ^^^ reference
//- /c.py
def run(): ...
z = run()
//- /d.py
import a
z = a.run()
#     ^^^ reference
)");
}

TEST_CASE("references: methods follow the class of their receiver") {
  check_references(R"(
//- /a.go
package main
type A struct{}
func (a *A) Clo<|>se() {}
type B struct{}
func (b *B) Close() {}
func f(a *A, b *B) {
    a.Close()
//    ^^^^^ reference
    b.Close()
}
)");
}
