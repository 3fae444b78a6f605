// Who calls whom, which type derives from which, and keys that survive an edit.
#include <algorithm>
#include <catch2/catch.hpp>

#include "repoindex/hierarchy.h"
#include "tests/repoindex/query_stories.h"

using namespace engramd::repoindex;
using namespace engramd::repoindex::test;
using engramd::test::Workspace;

namespace {

// "file:name xN" of each answer, sorted; N calls.
std::vector<std::string> shown(const std::vector<CallHit>& hits) {
  std::vector<std::string> out;
  for (const CallHit& hit : hits) {
    std::string container = hit.symbol.container.empty() ? "" : hit.symbol.container + ".";
    out.push_back(hit.symbol.place.path + ":" + container + hit.symbol.symbol.name + " x" +
                  std::to_string(hit.at.size()));
  }
  std::sort(out.begin(), out.end());
  return out;
}
std::vector<std::string> shown(const std::vector<SymbolHit>& hits) {
  std::vector<std::string> out;
  for (const SymbolHit& hit : hits) out.push_back(hit.place.path + ":" + hit.symbol.name);
  std::sort(out.begin(), out.end());
  return out;
}

struct Story {
  Workspace ws;
  View view;
  explicit Story(std::string_view text) : ws(text), view(view_of(ws)) {}
  SymbolKey callable() const {
    auto hits = callables_at(view, ws.cursor().path, ws.cursor().offset);
    REQUIRE(hits.size() == 1);
    return key_of(view, hits[0]);
  }
  SymbolKey type() const {
    auto hits = types_at(view, ws.cursor().path, ws.cursor().offset);
    REQUIRE(hits.size() == 1);
    return key_of(view, hits[0]);
  }
  std::vector<std::string> incoming() const { return shown(incoming_calls(view, callable())); }
  std::vector<std::string> outgoing() const { return shown(outgoing_calls(view, callable())); }
  std::vector<std::string> above() const { return shown(supertypes(view, type())); }
  std::vector<std::string> below() const { return shown(subtypes(view, type())); }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("calls: python functions, methods, and the top of a file") {
  Story s(R"(
//- /core.py
def run(n): ...
//- /app.py
from core import run
class App:
    def start(self):
        run(1)
        if True:
            run(2)
    def stop(self):
        return [run(i) for i in range(3)]
r<|>un(3)
callback = run
//- /other.py
def run(): ...
run()
)");
  CHECK(s.incoming() == Names{"app.py:App.start x2", "app.py:App.stop x1", "app.py:app.py x1"});
  CHECK(Story(R"(
//- /core.py
def helper(): ...
class Row:
    def __init__(self): ...
    def show(self): ...
def ru<|>n():
    row = Row()
    row.show()
    helper()
    helper()
    print(row)
    def inner():
        unused()
    inner()
def unused(): ...
)")
            .outgoing() == Names{"core.py:Row x1", "core.py:Row.show x1", "core.py:helper x2",
                                 "core.py:run.inner x1"});
}

TEST_CASE("calls: of a constructor are those of its class") {
  CHECK(Story(R"(
//- /a.py
class Row:
    def __in<|>it__(self): ...
class Long(Row):
    def __init__(self):
        super().__init__()
def make():
    return Row()
)")
            .incoming() == Names{"a.py:Long.__init__ x1", "a.py:make x1"});
  CHECK(Story(R"(
//- /Row.java
class Row {
  Ro<|>w(int n) {}
  static Row make() { return new Row(1); }
}
)")
            .incoming() == Names{"Row.java:Row.make x1"});
}

TEST_CASE("calls: C through its prototype, in other files, macros too") {
  Story s(R"(
//- /list.h
int list_push(int value);
#define PUSH(x) list_push(x)
//- /list.c
#include "list.h"
int list_pu<|>sh(int value) { return value; }
//- /main.c
#include "list.h"
static int twice(void) { return list_push(1) + list_push(2); }
int main(void) { return twice() + list_push(3); }
)");
  CHECK(s.incoming() == Names{"list.h:PUSH x1", "main.c:main x1", "main.c:twice x2"});
  CHECK(Story(R"(
//- /list.h
int list_push(int value);
//- /list.c
#include "list.h"
int list_push(int value) { return value; }
//- /main.c
#include "list.h"
int ma<|>in(void) { return list_push(3); }
)")
            .outgoing() == Names{"list.c:list_push x1"});
}

TEST_CASE("calls: javascript, typescript, go, rust and ruby") {
  CHECK(Story(R"(
//- /core.js
export const run = (n) => n;
//- /app.js
import { run } from "./core";
export class App { start() { return run(1); } }
const later = () => ru<|>n(2);
)")
            .incoming() == Names{"app.js:App.start x1", "app.js:later x1"});
  CHECK(Story(R"(
//- /go.mod
module example.com/shop
//- /core/core.go
package core
func Run(n int) int { return n }
//- /main.go
package main
import "example.com/shop/core"
type App struct{}
func (a *App) Start() { core.R<|>un(1) }
)")
            .incoming() == Names{"main.go:App.Start x1"});
  CHECK(Story(R"(
//- /src/lib.rs
pub struct App;
impl App {
    pub fn new() -> App { App }
    pub fn sta<|>rt(&self) -> u32 { helper(self.size()) }
    fn size(&self) -> u32 { 1 }
}
fn helper(n: u32) -> u32 { n }
)")
            .outgoing() == Names{"src/lib.rs:App.size x1", "src/lib.rs:helper x1"});
}

TEST_CASE("types: up and down in several languages") {
  Story python(R"(
//- /base.py
class Base: ...
class Mixin: ...
//- /a.py
from base import Base, Mixin
class Mid<|>dle(Base, Mixin, ValueError): ...
class Leaf(Middle): ...
class Deep(Leaf): ...
)");
  CHECK(python.above() == Names{"base.py:Base", "base.py:Mixin"});
  CHECK(python.below() == Names{"a.py:Leaf"});
  Story cpp(R"(
//- /shape.h
namespace geo { class Shape {}; }
//- /square.h
#include "shape.h"
class Squ<|>are : public geo::Shape {};
class Big final : private Square {};
)");
  CHECK(cpp.above() == Names{"shape.h:Shape"});
  CHECK(cpp.below() == Names{"square.h:Big"});
  Story rust(R"(
//- /src/lib.rs
pub trait Named {}
pub trait Shape: Named {}
pub struct Squ<|>are;
impl Shape for Square {}
impl Named for Square {}
impl std::fmt::Debug for Square {}
)");
  CHECK(rust.above() == Names{"src/lib.rs:Named", "src/lib.rs:Shape"});
  Story go(R"(
//- /a.go
package a
type Shape interface { Area() float64 }
type Base struct{}
func (b Base) Area() float64 { return 0 }
type Squ<|>are struct { Base }
)");
  CHECK(go.above() == Names{"a.go:Base", "a.go:Shape"});
  Story ruby(R"(
//- /a.rb
class Shape; end
class Squ<|>are < Shape; end
class Big < Square; end
)");
  CHECK(ruby.above() == Names{"a.rb:Shape"});
  CHECK(ruby.below() == Names{"a.rb:Big"});
}

TEST_CASE("types: a class that derives from another of its own name is no base of itself") {
  Story s(R"(
//- /lib.py
class Thread: ...
//- /app.py
import lib
class Thr<|>ead(lib.Thread): ...
)");
  CHECK(s.above() == Names{"lib.py:Thread"});
  CHECK(s.below().empty());
}

TEST_CASE("types: of a value, the class it is an instance of") {
  Story s(R"(
//- /a.py
class Row: ...
row = Row()
print(ro<|>w)
)");
  CHECK(s.type().name == "Row");
}

TEST_CASE("a key finds its definition after the file was edited, and nothing when it is gone") {
  Workspace ws(R"(
//- /a.py
class A:
    def run(self): ...
class B:
    def ru<|>n(self): ...
)");
  auto index = index_of(ws);
  View before{index->snapshot(), nullptr};
  auto hits = callables_at(before, "a.py", ws.cursor().offset);
  REQUIRE(hits.size() == 1);
  SymbolKey key = key_of(before, hits[0]);
  CHECK(key.container == "B");
  ws.write("a.py", "import os\n\n\n" + ws.read("a.py"));
  REQUIRE(index->refresh());
  View after{index->snapshot(), nullptr};
  auto found = symbol_of(after, key);
  REQUIRE(found);
  CHECK(found->place.start.line == hits[0].place.start.line + 3);
  ws.write("a.py", "import os\n");
  REQUIRE(index->refresh());
  View gone{index->snapshot(), nullptr};
  CHECK_FALSE(symbol_of(gone, key));
  CHECK(incoming_calls(gone, key).empty());
  CHECK(outgoing_calls(gone, key).empty());
  CHECK(supertypes(gone, key).empty());
}

TEST_CASE("a key of two functions that are called alike tells them apart") {
  Workspace ws(R"(
//- /a.cpp
void run(int n) { one(); }
void ru<|>n(double n) { two(); }
)");
  View view = view_of(ws);
  auto hits = callables_at(view, "a.cpp", ws.cursor().offset);
  REQUIRE_FALSE(hits.empty());
  SymbolKey key = key_of(view, hits[0]);
  CHECK(key.nth == 1);
  CHECK(symbol_of(view, key)->place.start.line == 1);
  key.nth = 4000000000u;  // an editor may send anything
  CHECK(symbol_of(view, key)->place.start.line == 1);
  key.path = "../../etc/passwd";
  CHECK_FALSE(symbol_of(view, key));
}
