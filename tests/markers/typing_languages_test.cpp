// What is seen while typing, in languages beside Python and C: members, parameters, names in scope.
#include <catch2/catch.hpp>

#include "tests/markers/check.h"

using engramd::test::check;

TEST_CASE("go: what is typed") {
  check(R"w(
//- /go.mod
module shop
//- /basket.go
package shop
type Basket struct { Items []string }
func (b *Basket) Add(item string) {}
//- /use.go
package shop
func use(b *Basket) { b.$0 }
//? completion has Items, Add
)w");
  check(R"w(
//- /a.go
package a
func Make(width int, height int) {}
func use() { x := "$~"; _ = x; Make(1, $0) }
//? signature -> "func Make(width int, [height int])"
)w");
  check(R"w(
//- /a.go
package a
func use(price, prize int) int { return pri$0 }
//? completion has price, prize
)w");
}

TEST_CASE("rust: what is typed") {
  check(R"w(
//- /src/lib.rs
pub struct Basket { pub items: Vec<String> }
impl Basket {
    pub fn add(&mut self, item: String) {}
}
fn use_it(b: &mut Basket) { let s = "$~"; b.$0 }
//? completion has items, add
)w");
  check(R"w(
//- /src/lib.rs
fn make(width: u32, height: u32) {}
fn use_it() { make(1, $0) }
//? signature -> "fn make(width: u32, [height: u32])"
)w");
  check(R"w(
//- /src/lib.rs
fn use_it(price: u32, prize: u32) -> u32 { pri$0 }
//? completion has price, prize
)w");
}

TEST_CASE("java: what is typed") {
  check(R"w(
//- /Basket.java
class Basket {
  int size;
  void add(String item) {}
}
//- /Use.java
class Use {
  void run(Basket b) { String s = "$~"; b.$0 }
}
//? completion has size, add
)w");
  check(R"w(
//- /Use.java
class Use {
  int run(int price, int prize) { return pri$0; }
}
//? completion has price, prize
)w");
  check(R"w(
//- /Use.java
class Use {
  void make(int width, int height) {}
  void run() { make($0, 2); }
}
//? signature -> "void make([int width], int height)"
)w");
}

TEST_CASE("csharp: what is typed") {
  check(R"w(
//- /Basket.cs
class Basket {
  public int Size;
  public void Add(string item) {}
}
class Use {
  void Run(Basket b) { var s = "$~"; b.$0 }
}
//? completion has Size, Add
)w");
  check(R"w(
//- /Use.cs
class Use {
  int Run(int price, int prize) { return pri$0; }
}
//? completion has price, prize
)w");
}

TEST_CASE("kotlin: what is typed") {
  check(R"w(
//- /Basket.kt
class Basket {
    val items = listOf<String>()
    fun add(item: String) {}
}
fun use(b: Basket) { val s = "$~"; b.$0 }
//? completion has items, add
)w");
  check(R"w(
//- /a.kt
fun make(width: Int, height: Int) {}
fun use() { make(1, $0) }
//? signature -> "fun make(width: Int, [height: Int])"
)w");
}

TEST_CASE("typescript: what is typed") {
  check(R"w(
//- /basket.ts
export class Basket {
  items: string[] = [];
  add(item: string): void {}
}
//- /use.ts
import { Basket } from "./basket";
const b = new Basket(); const s = "$~"; b.$0
//? completion has items, add
)w");
  check(R"w(
//- /use.ts
interface Shape { area(): number; name: string }
function f(s: Shape) { s.$0 }
//? completion has area, name
)w");
  check(R"w(
//- /use.ts
class A { run(deep: boolean, times: number) {} }
new A().run(true, $0)
//? signature -> "run(deep: boolean, [times: number])"
)w");
}

TEST_CASE("javascript: what is typed") {
  check(R"w(
//- /a.js
function make(width, height) {}
const s = "$~"; make($0)
//? signature -> "function make([width], height)"
)w");
  check(R"w(
//- /a.js
const settings = { price: 1, prize: 2 };
function f(price) { return pri$0 }
//? completion has price
)w");
}

TEST_CASE("php and ruby: what is typed") {
  check(R"w(
//- /basket.php
<?php
class Basket {
  public $items;
  public function add($item) {}
}
function use_it(Basket $b) { $s = "$~"; $b->$0 }
//? completion has add
)w");
  check(R"w(
//- /basket.rb
class Basket
  def add(item); end
  def size; end
end
b = Basket.new
b.$0
//? completion has add, size
)w");
}

TEST_CASE("cpp: what is typed") {
  check(R"w(
//- /basket.h
struct Basket { int size; void add(int count, bool now); };
//- /use.cpp
#include "basket.h"
void f(Basket* b) { const char* s = "$~"; b->$0 }
//? completion has size, add
)w");
  check(R"w(
//- /use.cpp
namespace shop { int open(); int close(); }
int f() { return shop::$0 }
//? completion has open, close
)w");
  check(R"w(
//- /use.cpp
int make(int width, int height = 1);
int x = make(1, $0);
//? signature -> "int make(int width, [int height = 1])"
)w");
}

TEST_CASE("swift, scala and lua: what is typed") {
  check(R"w(
//- /a.swift
class Basket {
    var items: [String] = []
    func add(item: String) {}
}
func use(b: Basket) { b.$0 }
//? completion has items, add
)w");
  check(R"w(
//- /a.scala
class Basket {
  val items = 1
  def add(item: String): Unit = ()
}
object Use { def run(b: Basket) = b.$0 }
//? completion has items, add
)w");
  check(R"w(
//- /a.lua
local function total(price, prize)
  return pri$0
end
//? completion has price, prize
)w");
}
