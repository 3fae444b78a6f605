// Navigation in Python: from names to what they belong to, hierarchies, renames.
#include <catch2/catch.hpp>

#include "tests/markers/check.h"

using engramd::test::check;

TEST_CASE("python navigation: a function and its import") {
  check(R"(
//- /core.py
"$~"; pi = 3
def [[def:run]](): ...
//- /app.py
from core import [[import:run]]
y = "$~"; $0[[use:run]]()
//? definition -> def
//? declaration -> import
//? implementation -> def
//? references -> def, import, use
//? uses -> import, use
//? rename walk -> def, import, use
//? hover contains "def run"
)");
}

TEST_CASE("python navigation: through a package that passes a name on") {
  check(R"(
//- /pkg/__init__.py
from .core import [[passed:run]]
//- /pkg/core.py
"$~"
def [[def:run]](): ...
//- /app.py
from pkg import [[import:run]]
$0[[use:run]]()
//? definition -> def
//? references -> def, passed, import, use
//? rename walk -> def, passed, import, use
)");
}

TEST_CASE("python navigation: an alias is renamed in its file only") {
  check(R"(
//- /core.py
def [[def:run]](): ...
//- /a.py
from core import run as [[alias:start]]
s = "$~"; $0[[use:start]]()
//- /b.py
from core import run as start
start()
//? definition -> def
//? rename begin -> alias, use
)");
}

TEST_CASE("python navigation: a method, its overrides and its calls") {
  check(R"(
//- /a.py
class Base:
    "$~"
    def $0[[base:run]](self): ...
    def [[go:go]](self): self.[[call:run]]()
class One(Base):
    def [[one:run]](self): super().[[super:run]]()
class Two(One):
    def [[two:run]](self): ...
class Other:
    def run(self): ...
//? implementation -> one, two
//? declaration@one -> base
//? uses -> call, super
//? callers -> go, one
//? calls-of -> call, super
//? rename walk -> base, call, one, super, two
)");
}

TEST_CASE("python navigation: classes up and down") {
  check(R"(
//- /base.py
class [[base:Base]]: ...
//- /a.py
import base
from base import Base as B
"$~"; x = 1
class $0[[mid:Mid]](B, ValueError): ...
class [[other:Other]](base.Base): ...
class [[leaf:Leaf]](Mid): ...
//? supertypes -> base
//? subtypes -> leaf
//? subtypes@base -> mid, other
//? implementation@base -> mid, other, leaf
)");
}

TEST_CASE("python navigation: the class of a value") {
  check(R"(
//- /a.py
class [[row:Row]]:
    def [[show:show]](self): ...
def make() -> Row: ...
one = Row()
two = make()
three: Row = None
s = "$~"; $0one.[[a:show]](); [[v2:two]].[[b:show]](); [[v3:three]].[[c:show]]()
//? type-definition -> row
//? type-definition@v2 -> row
//? type-definition@v3 -> row
//? uses@show -> a, b, c
)");
}

TEST_CASE("python navigation: what a function calls") {
  check(R"(
//- /a.py
class [[row:Row]]:
    def [[show:show]](self): ...
def [[helper:helper]](): ...
def $0run():
    row = [[c1:Row]]()
    "$~"; row.[[c2:show]](); [[c3:helper]](); [[c4:helper]]()
    print(1)
//? called -> row, show, helper
//? calls-in -> c1, c2, c3, c4
)");
}

TEST_CASE("python navigation: callers at the top of a file and in a class") {
  check(R"(
//- /core.py
def $0run(): ...
//- /app.py
from core import run
"$~"; [[a:run]]()
class [[app:App]]:
    n = [[b:run]]()
    def [[start:start]](self):
        return [[[c:run]]() for i in range(3)]
//? callers -> app.py, app, start
//? calls-of -> a, b, c
)");
}

TEST_CASE("python navigation: locals and parameters are renamed where they are seen") {
  check(R"(
//- /a.py
def f([[p:count]], more=1):
    "$~"; total = $0[[u1:count]] + more
    return [[[u2:count]] for more in range([[u3:count]])]
count = 3
f([[k:count]]=count)
//- /b.py
from a import f
f([[k2:count]]=2)
//? definition -> p
//? rename n -> p, u1, u2, u3, k, k2
//? references -> p, u1, u2, u3, k, k2
)");
}

TEST_CASE("python navigation: what cannot be renamed") {
  check(R"(
//- /a.py
import os
[[kw:def]] run(): ...
x = "[[str:text $~]]"
[[lib:os]].getcwd()
def walk(): ...
$0run()
//? ask@kw textDocument/prepareRename /error/message contains "'def' is a keyword of python"
//? ask@str textDocument/prepareRename /error/message contains "no name here"
//? ask@lib textDocument/prepareRename /error/message contains "not known in this repository"
//? ask textDocument/rename {"newName": "walk"} /error/message contains "taken already: a.py:5"
//? ask textDocument/rename {"newName": "class"} /error/message contains "keyword"
//? ask textDocument/rename {"newName": "a b"} /error/message contains "no name in python"
//? ask textDocument/prepareRename /placeholder -> "run"
)");
}

TEST_CASE("python navigation: an edit before it moves the answers along") {
  check(R"(
//- /a.py
[[top:#]]
def [[def:run]](): ...
"$~"; $0[[use:run]]()
//? definition -> def
//? type "more = 'ü'; "
//? definition@use -> def
//? references@use -> def, use
//? rename@use walk -> def, use
)");
}

TEST_CASE("python navigation: symbols of the workspace") {
  check(R"(
//- /a.py
"$~"
class [[row:RowReader]]:
    def [[read:read_rows]](self): ...
//- /b.py
def [[run:run_reader]](): ...
//? search RowReader -> row
//? search rowread -> row
//? search read_rows names -> method read_rows
//? search reader has row, run
//? search nothing_like_it -> nothing
)");
}

TEST_CASE("python navigation: two modules with functions of one name are kept apart") {
  check(R"(
//- /one.py
def [[one:run]](): ...
//- /two.py
def [[two:run]](): ...
//- /app.py
import one, two
from two import run as [[r:run2]]
"$~"; one.$0[[a:run]](); two.[[b:run]]()
//? definition -> one
//? definition@b -> two
//? uses -> a
//? rename walk -> one, a
)");
}
