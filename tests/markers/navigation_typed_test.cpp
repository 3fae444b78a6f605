// Navigation in Go, Rust, Java, C#, Kotlin, Swift and Scala.
#include <catch2/catch.hpp>

#include "tests/markers/check.h"

using engramd::test::check;

TEST_CASE("go navigation: interfaces are satisfied by methods") {
  check(R"(
//- /go.mod
module example.com/shop
//- /shape/shape.go
package shape
type [[named:Named]] interface { Name() string }
type [[shape:Shape]] interface {
	Named
	[[area:Area]](scale int) float64
}
//- /square/square.go
package square
type [[square:Square]] struct{ side float64 }
func (s *Square) [[square_area:Area]](scale int) float64 { return s.side }
func (s *Square) Name() string { return "$~" }
//- /other/other.go
package other
type [[tag:Tag]] struct{}
func (t Tag) Name() string { return "" }
//- /main.go
package main
import "example.com/shop/shape"
func use(s shape.$0Shape) { s.[[use:Area]](1) }
//? definition -> shape
//? implementation -> square
//? implementation@area -> square_area
//? supertypes@square -> named, shape
//? supertypes@tag -> named
//? subtypes@shape -> square
)");
}

TEST_CASE("go navigation: functions of packages") {
  check(R"(
//- /go.mod
module example.com/shop
//- /core/core.go
package core
func [[def:Run]](n int) int { return n }
func [[twice:Twice]](n int) int { return [[own:Run]](n) * 2 }
//- /main.go
package main
import "example.com/shop/core"
type App struct{}
func (a *App) [[start:Start]]() { s := "$~"; _ = s; core.$0[[use:Run]](1) }
//? definition -> def
//? uses -> own, use
//? callers -> twice, start
//? rename Walk -> def, own, use
)");
}

TEST_CASE("go navigation: values, fields and methods") {
  check(R"(
//- /a.go
package a
type [[row:Row]] struct { [[n:n]] int }
func (r Row) [[get:Get]]() int { return r.[[rn:n]] }
func [[f:f]]() int {
	s := "$~"; _ = s; [[v:row]] := Row{[[k:n]]: 1}
	return $0[[u:row]].[[c:Get]]() + row.[[m:n]]
}
//? definition -> v
//? type-definition -> row
//? uses@get -> c
//? callers@get -> f
//? ask textDocument/rename {"newName": "func"} /error/message contains "keyword"
)");
}

TEST_CASE("rust navigation: traits and impl blocks") {
  check(R"(
//- /src/lib.rs
pub mod shape;
pub mod square;
//- /src/shape.rs
pub trait [[named:Named]] {}
pub trait [[shape:Shape]]: Named { fn [[area:area]](&self) -> u32; }
//- /src/square.rs
use crate::shape::Shape;
pub struct [[square:Square]] { side: u32 }
impl Shape for Square { fn [[square_area:area]](&self) -> u32 { self.side } }
pub fn [[twice:twice]](x: $0Square) -> u32 { let s = "$~"; x.[[use:area]]() * 2 }
//? definition -> square
//? supertypes -> shape
//? supertypes@shape -> named
//? subtypes@shape -> square
//? implementation@shape -> square
//? implementation@area -> square_area
//? callers@square_area -> twice
//? rename@area surface -> area, square_area, use
)");
}

TEST_CASE("rust navigation: functions and methods") {
  check(R"(
//- /src/lib.rs
mod util;
use util::[[import:helper]];
pub struct App;
impl App {
    pub fn [[start:start]](&self) -> u32 { let s = "$~"; $0[[u1:helper]](self.[[c2:size]]()) }
    fn [[size:size]](&self) -> u32 { 1 }
}
//- /src/util.rs
pub fn [[def:helper]](n: u32) -> u32 { n }
//? definition -> def
//? declaration -> import
//? uses -> import, u1
//? callers -> start
//? called@start -> def, size
//? rename aid -> def, import, u1
)");
}

TEST_CASE("java navigation: interfaces and overriding") {
  check(R"(
//- /Shape.java
interface [[shape:Shape]] { double [[area:area]](); }
//- /Square.java
class [[square:Square]] implements Shape {
  public double [[square_area:area]]() { return 1; }
}
//- /Big.java
class [[big:Big]] extends Square {}
//- /App.java
class App { String s = "$~"; double [[twice:twice]]($0Shape shape) { return shape.[[use:area]]() * 2; } }
//? definition -> shape
//? implementation -> square, big
//? implementation@area -> square_area
//? declaration@square_area -> area
//? supertypes@big -> square
//? subtypes@square -> big
//? callers@area -> twice
//? rename@area surface -> area, square_area, use
)");
}

TEST_CASE("java navigation: constructors, fields and packages") {
  check(R"(
//- /shop/Row.java
package shop;
public class [[row:Row]] {
  private int [[n:n]];
  public [[ctor:Row]](int n) { this.[[tn:n]] = n; }
}
//- /app/App.java
package app;
import shop.[[import:Row]];
class App { String s = "$~"; $0[[t:Row]] [[make:make]]() { return new [[new:Row]](1); } }
//? definition first row
//? callers@ctor -> make
//? rename@n count -> n, tn
)");
}

TEST_CASE("csharp navigation: interfaces and members") {
  check(R"(
//- /Shape.cs
interface [[shape:IShape]] { double [[area:Area]](); }
//- /Square.cs
class [[square:Square]] : IShape { public double [[square_area:Area]]() { return 1; } }
class App { string s = "$~"; double [[twice:Twice]](IShape x) { return x.$0[[use:Area]]() * 2; } }
//? definition -> area
//? implementation -> square_area
//? implementation@shape -> square
//? supertypes@square -> shape
//? callers -> twice
//? rename Surface -> area, square_area, use
)");
}

TEST_CASE("kotlin navigation: classes and calls") {
  check(R"(
//- /shape.kt
interface [[shape:Shape]] {
    fun [[area:area]](): Int
}

class [[square:Square]] : Shape {
    override fun [[square_area:area]]() = 1
}

fun [[twice:twice]](x: Shape): Int {
    val s = "$~"; return x.$0[[use:area]]() * 2
}
//? definition -> area
//? implementation -> square_area
//? implementation@shape -> square
//? supertypes@square -> shape
//? callers -> twice
//? rename surface -> area, square_area, use
)");
}

TEST_CASE("swift navigation: protocols") {
  check(R"(
//- /Sources/shape.swift
protocol [[shape:Shape]] { func [[area:area]]() -> Int }
class [[square:Square]]: Shape { func [[square_area:area]]() -> Int { return 1 } }
func [[twice:twice]](x: Shape) -> Int { let s = "$~"; return x.$0[[use:area]]() * 2 }
//? definition -> area
//? implementation@shape -> square
//? implementation -> square_area
//? supertypes@square -> shape
//? callers -> twice
)");
}

TEST_CASE("scala navigation: traits") {
  check(R"(
//- /shape.scala
trait [[shape:Shape]] { def [[area:area]]: Int }
class [[square:Square]] extends Shape { val s = "$~"; def [[square_area:area]]: Int = 1 }
object Main { def [[twice:twice]](x: $0Shape): Int = x.[[use:area]] * 2 }
//? definition -> shape
//? implementation -> square
//? supertypes@square -> shape
//? implementation@area -> square_area
)");
}
