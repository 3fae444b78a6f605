// textDocument/completion and completionItem/resolve in each language, and for clients that can
// less.
#include <catch2/catch.hpp>

#include "tests/markers/check.h"

using engramd::test::check;

TEST_CASE("python: completion of members, locals, imports") {
  check(R"(
//- /shop.py
class Base:
    def save(self): ...
class Basket(Base):
    def add(self, item): ...
//- /app.py
from shop import Basket
b = Basket(); x = "$~"; b.$0
//? completion -> add, save
)");
  check(R"(
//- /app.py
def total(price, prize):
    x = "$~"; return pri$0
//? completion has price, prize
)");
  check(R"(
//- /app.py
total = 1
x = "$~" # tot$0
//? completion -> nothing
)");
  check(R"(
//- /pkg/__init__.py
//- /pkg/core.py
def run(): ...
//- /app.py
from pkg.core import $0
//? completion -> run
)");
  check(R"(
//- /pkg/__init__.py
//- /pkg/core.py
def run(): ...
//- /app.py
import pkg.$0
//? completion -> core
)");
  check(R"(
//- /app.py
class Basket:
    def __init__(self):
        self.items = []
    def add(self, item):
        self.$0
//? completion has items, add
)");
  check(R"(
//- /app.py
def make(width, height=1): ...
make(he$0
//? completion first height
)");
}

TEST_CASE("python: what is typed further is answered from the text as it is now") {
  check(R"(
//- /app.py
class Basket:
    def add(self): ...
    def remove(self): ...
b = Basket()
$0
//? type "b."
//? completion -> add, remove
//? type "re"
//? completion first remove
//? type "move()\nb"
//? type "."
//? completion -> add, remove
)");
}

TEST_CASE("c: completion of fields, functions of headers, headers") {
  check(R"(
//- /list.h
struct list { int length; char *name; };
int list_free(struct list *l);
//- /main.c
#include "list.h"
int main(void) { struct list *l = 0; puts("$~"); l->$0; return 0; }
//? completion -> length, name
)");
  check(R"(
//- /list.h
int list_free(void *l);
int list_make(void);
//- /main.c
#include "list.h"
int main(void) { return list_$0; }
//? completion has list_free, list_make
)");
  check(R"(
//- /list.h
int x;
//- /main.c
#include "li$0"
//? completion -> list.h
)");
  check(R"(
//- /main.c
enum color { RED_ONE, RED_TWO };
int f(void) { return RED_$0; }
//? completion has RED_ONE, RED_TWO
)");
}

TEST_CASE("cpp: completion of members, of a namespace, of bare members") {
  check(R"(
//- /a.h
namespace shop { int price(); struct Basket { int total(); int size; }; }
//- /a.cpp
#include "a.h"
int f(shop::Basket& b) { const char* x = "$~"; return b.$0; }
//? completion -> size, total
)");
  check(R"(
//- /a.h
namespace shop { int price(); struct Basket { int total(); }; }
//- /a.cpp
#include "a.h"
int f() { return shop::$0; }
//? completion -> Basket, price
)");
  check(R"(
//- /a.cpp
class Basket { int total_count; int f() { return tot$0; } };
//? completion first total_count
)");
}

TEST_CASE("typescript, javascript: completion of members, modules, paths") {
  check(R"(
//- /shop.ts
export class Basket { items = []; add(x: string): void {} }
//- /app.ts
import { Basket } from "./shop";
const b = new Basket(); const x = "$~"; b.$0
//? completion -> add, items
)");
  check(R"(
//- /shop.ts
export class Basket {}
export const total = 1;
//- /app.ts
import { $0 } from "./shop";
//? completion -> Basket, total
)");
  check(R"(
//- /lib/shop.ts
export class Basket {}
//- /app.ts
import { Basket } from "./lib/$0";
//? completion -> shop
)");
  check(R"(
//- /app.js
function total(basket, basics) { return `$~${bas$0}`; }
//? completion first basics, basket
)");
  check(R"(
//- /shop.js
exports.total = function () {};
//- /app.js
const shop = require("./sh$0");
//? completion -> shop
)");
}

TEST_CASE("go, rust, java, csharp: completion of members") {
  check(R"(
//- /go.mod
module example.com/shop
//- /shop.go
package shop
type Basket struct { Items []string }
func (b *Basket) Total() int { return 1 }
func use(b *Basket) { println("$~"); b.$0
}
//? completion -> Items, Total
)");
  check(R"(
//- /src/main.rs
struct Basket { items: u8 }
impl Basket { fn total(&self) -> u8 { self.$0 } }
//? completion -> items, total
)");
  check(R"(
//- /Basket.java
class Basket { int size; int total() { return 1; } }
//- /App.java
class App { int f(Basket b) { String x = "$~"; return b.$0; } }
//? completion -> size, total
)");
  check(R"(
//- /Basket.cs
class Basket { public int Size; public int Total() { return 1; } }
class App { int F(Basket b) { var x = "$~"; return b.$0; } }
//? completion -> Size, Total
)");
}

TEST_CASE("kotlin, php, ruby, swift: completion of members") {
  check(R"(
//- /Basket.kt
class Basket(val size: Int) { fun total(): Int = 1 }
fun use(b: Basket) { val x = "$~"; b.$0 }
//? completion -> size, total
)");
  check(R"(
//- /basket.php
<?php
class Basket { public $size; public function total() { return $this->$0; } }
//? completion has size, total
)");
  check(R"(
//- /basket.rb
class Basket
  def total; end
end
b = Basket.new; x = "$~"; b.$0
//? completion -> total
)");
  check(R"(
//- /Basket.swift
class Basket { var size = 1; func total() -> Int { return 1 } }
func use(b: Basket) { b.$0 }
//? completion -> size, total
)");
}

TEST_CASE("completion: what is written where, for clients that can more and less") {
  check(R"(
//- /app.c
int list_free(int a, int b);
int f(void) { return lis$0t_x; }
//? ask textDocument/completion /items/0/textEditText -> "list_free($1)$0"
//? ask textDocument/completion /items/0/insertTextFormat -> 2
//? ask textDocument/completion /itemDefaults/editRange/insert/end/character -> 24
//? ask textDocument/completion /itemDefaults/editRange/replace/end/character -> 27
)");
  check(R"(
//? client plain
//- /app.c
int list_free(int a, int b);
int f(void) { return lis$0t_x; }
//? ask textDocument/completion /items/0/textEdit/newText -> "list_free"
//? ask textDocument/completion /items/0/textEdit/range/end/character -> 24
//? ask textDocument/completion /items/0/insertTextFormat -> null
//? ask textDocument/completion /items/0/labelDetails -> null
//? ask textDocument/completion /itemDefaults -> null
)");
  // A client of LSP 3.0 knows no kind above 18: a struct is shown as a class.
  check(R"(
//? client plain
//- /app.c
struct basket { int x; };
int f(void) { return bask$0; }
//? ask textDocument/completion /items/0/kind -> 7
)");
  check(R"(
//- /app.c
struct basket { int x; };
int f(void) { return bask$0; }
//? ask textDocument/completion /items/0/kind -> 22
)");
}

TEST_CASE("completion: a character that triggers asks only where it means a member or a path") {
  check(R"(
//- /app.py
value = 1
x = {value: $0
//? ask textDocument/completion {"context": {"triggerKind": 2, "triggerCharacter": ":"}} /items -> []
)");
  check(R"(
//- /app.ts
const value = 1; const x = '$0';
//? ask textDocument/completion {"context": {"triggerKind": 2, "triggerCharacter": "'"}} /items -> []
)");
}

TEST_CASE("completion: an import comes with the item, at once or when it is resolved") {
  check(R"(
//- /pkg/__init__.py
//- /pkg/core.py
def run_everything(): ...
//- /app.py
import os
run_ev$0
//? ask textDocument/completion /items/0/label -> "run_everything"
//? ask textDocument/completion /items/0/labelDetails/description -> "pkg.core"
//? ask textDocument/completion /items/0/additionalTextEdits -> null
//? ask textDocument/completion /items/0/data/import -> true
)");
  check(R"(
//? client {"textDocument": {"completion": {"completionItem": {"resolveSupport": {"properties": []}}}}}
//- /pkg/__init__.py
//- /pkg/core.py
def run_everything(): ...
//- /app.py
import os
run_ev$0
//? ask textDocument/completion /items/0/additionalTextEdits/0/newText -> "from pkg.core import run_everything\n"
//? ask textDocument/completion /items/0/additionalTextEdits/0/range/start/line -> 1
)");
}

TEST_CASE("completion: an item that is not ours is resolved to itself") {
  check(R"(
//- /app.py
x = 1
$0
//? ask completionItem/resolve {"label": "other", "data": 7} /label -> "other"
//? ask completionItem/resolve {"label": "other", "data": 7} /data -> 7
//? ask completionItem/resolve {"label": "other"} /documentation -> null
)");
}
