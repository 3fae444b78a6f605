// Navigation in C and C++: declarations and bodies, overriding, hierarchies, renames.
#include <catch2/catch.hpp>

#include "tests/markers/check.h"

using engramd::test::check;

TEST_CASE("c navigation: a function with prototype and body") {
  check(R"(
//- /list.h
int [[decl:push]](int value);
//- /list.c
#include "list.h"
int [[def:push]](int value) { return value; }
//- /main.c
#include "list.h"
static int [[twice:twice]](void) { return [[c1:push]](1) + [[c2:push]](2); }
int [[main:main]](void) { const char *s = "$~"; return $0[[c3:push]](3); }
//? definition first def
//? declaration -> decl
//? declaration@def -> decl
//? implementation -> def
//? implementation@decl -> def
//? uses -> c1, c2, c3
//? callers -> twice, main
//? callers@decl -> twice, main
//? calls-of -> c1, c2, c3
//? rename add -> decl, def, c1, c2, c3
)");
}

TEST_CASE("c navigation: struct, member and variable") {
  check(R"(
//- /node.h
struct [[node:node]] { int [[value:value]]; struct node *[[next:next]]; };
extern int [[decl:depth]];
//- /node.c
#include "node.h"
int [[def:depth]] = 1;
int sum(struct node *[[n:n]]) { char *s = "$~"; return $0[[u:n]]->[[v:value]] + [[d:depth]]; }
//? definition -> n
//? type-definition -> node
//? definition@v -> value
//? definition@d first def
//? declaration@d -> decl
//? rename@v number -> value, v
//? rename tail -> n, u
)");
}

TEST_CASE("c navigation: macros and static functions of the same name in two files") {
  check(R"(
//- /a.c
#define [[macro:TWICE]](x) ((x) * 2)
static int [[a:helper]](int n) { return [[m:TWICE]](n); }
int one(void) { return $0[[ua:helper]](1); }
//- /b.c
static int [[b:helper]](int n) { return n; }
int two(void) { return [[ub:helper]](1); }
//? definition -> a
//? definition@ub -> b
//? definition@m -> macro
//? uses -> ua
//? rename inner -> a, ua
)");
}

TEST_CASE("c navigation: what cannot be renamed") {
  check(R"(
//- /a.c
#include <stdio.h>
int main(void) { [[lib:printf]]("$~"); [[kw:return]] 0; }
static int $0helper(void) { return 1; }
//? ask@lib textDocument/prepareRename /error/message contains "not known"
//? ask@kw textDocument/prepareRename /error/message contains "keyword"
//? ask textDocument/rename {"newName": "int"} /error/message contains "keyword"
//? ask textDocument/rename {"newName": "main"} /error/message contains "taken"
)");
}

TEST_CASE("cpp navigation: a method declared in its class") {
  check(R"(
//- /shape.h
class [[shape:Shape]] {
 public:
  int [[decl:area]]() const;
};
//- /shape.cpp
#include "shape.h"
int Shape::[[def:area]]() const { return 1; }
//- /main.cpp
#include "shape.h"
int [[twice:twice]](const Shape& [[s:shape]]) { auto t = "$~"; return [[v:shape]].$0[[use:area]]() * 2; }
//? definition first def
//? declaration -> decl
//? type-definition@v -> shape
//? uses -> use
//? callers -> twice
//? rename surface -> decl, def, use
)");
}

TEST_CASE("cpp navigation: virtual methods") {
  check(R"(
//- /shape.h
struct [[shape:Shape]] { virtual int [[base:area]]() = 0; };
//- /square.h
#include "shape.h"
struct [[square:Square]] : Shape { int [[decl:area]]() override; };
struct [[big:Big]] final : Square { int [[big_area:area]]() override { return 9; } };
//- /square.cpp
#include "square.h"
int Square::[[def:area]]() { return 4; }
int twice(Shape& shape) { auto s = "$~"; return shape.$0[[use:area]]() * 2; }
//? implementation -> def, big_area
//? implementation@shape -> square, big
//? subtypes@shape -> square
//? supertypes@big -> square
//? rename surface -> base, decl, big_area, def, use
)");
}

TEST_CASE("cpp navigation: a class with its constructors") {
  check(R"(
//- /row.h
class [[row:Row]] {
 public:
  [[c:Row]]();
  ~[[d:Row]]();
};
//- /row.cpp
#include "row.h"
[[q1:Row]]::[[b1:Row]]() {}
[[q2:Row]]::~[[b2:Row]]() {}
int main() { auto s = "$~"; $0[[u1:Row]] row; auto* p = new [[u2:Row]](); }
//? definition -> row
//? rename Line -> row, c, d, q1, b1, q2, b2, u1, u2
)");
}

TEST_CASE("cpp navigation: namespaces, an alias, and a function of another namespace") {
  check(R"(
//- /geo.h
namespace geo { struct [[point:Point]] { int [[x:x]]; }; int [[len:length]](Point p); }
namespace text { int [[other:length]](const char* s); }
//- /main.cpp
#include "geo.h"
using P = geo::Point;
int main() { P [[v:p]]; auto s = "$~"; return geo::$0[[use:length]](p) + [[w:p]].[[m:x]]; }
//? definition -> len
//? type-definition@w -> point
//? definition@m -> x
//? rename size -> len, use
)");
}
