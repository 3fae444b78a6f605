// textDocument/foldingRange in each language. Lines are counted from 1.
#include <catch2/catch.hpp>

#include "tests/markers/check.h"

using engramd::test::check;

TEST_CASE("folding: python") {
  check(R"(
//- /a.py
import os
import sys

# one $~
# two
def run(a):
    if a:
        return 1
    else:
        return 2
//? client {"textDocument": {"foldingRange": {"lineFoldingOnly": true}}}
//? folding -> 1-2, 4-5, 6-10, 7-8, 9-10
//? folding imports -> 1-2
//? folding comment -> 4-5
)");
}

TEST_CASE("folding: c and its directives") {
  check(R"(
//- /a.c
#include <stdio.h>
#include <stdlib.h>
#ifdef A
int a;
int b;
#endif
int f(int x) {
  switch (x) {
    case 1:
      return 2;
  }
  return 3;
}
//? client {"textDocument": {"foldingRange": {"lineFoldingOnly": true}}}
//? folding -> 1-2, 3-5, 7-12, 8-10, 9-10
)");
}

TEST_CASE("folding: cpp with a region") {
  check(R"(
//- /a.cpp
#pragma region Shapes
class Box {
 public:
  int width() const {
    return 1;
  }
};
#pragma endregion
//? client {"textDocument": {"foldingRange": {"lineFoldingOnly": true}}}
//? folding -> 1-8, 2-6, 4-5
//? folding region -> 1-8
//? ask textDocument/foldingRange {} /0/collapsedText -> "Shapes"
)");
}

TEST_CASE("folding: javascript") {
  check(R"(
//- /a.js
import a from "a";
import b from "b";
/*
 * Doc.
 */
export function run(x) {
  const list = [
    1,
    2,
  ];
  if (x) {
    go();
  } else {
    stop();
  }
}
//? client {"textDocument": {"foldingRange": {"lineFoldingOnly": true}}}
//? folding -> 1-2, 3-5, 6-15, 7-9, 11-12, 13-14
)");
}

TEST_CASE("folding: exact ends for an editor that folds parts of lines") {
  check(R"(
//- /a.ts
const a = f({
  b: 1,
});
//? ask textDocument/foldingRange {} /0/startCharacter -> 12
//? ask textDocument/foldingRange {} /0/endLine -> 2
)");
}

TEST_CASE("folding: tsx elements") {
  check(R"(
//- /a.tsx
const a = () => (
  <div>
    <p>
      {"$~"}
    </p>
  </div>
);
//? client {"textDocument": {"foldingRange": {"lineFoldingOnly": true}}}
//? folding -> 1-6, 2-5, 3-4
)");
}

TEST_CASE("folding: go") {
  check(R"(
//- /a.go
package a

import (
	"fmt"
	"os"
)

func Run(x int) {
	switch x {
	case 1:
		fmt.Println()
	}
}
//? client {"textDocument": {"foldingRange": {"lineFoldingOnly": true}}}
//? folding -> 3-5, 8-12, 9-11, 10-11
//? folding imports -> 3-5
)");
}

TEST_CASE("folding: rust") {
  check(R"(
//- /a.rs
struct A {
    x: i32,
}
impl A {
    fn go(&self) {
        match self.x {
            _ => {}
        }
    }
}
//? client {"textDocument": {"foldingRange": {"lineFoldingOnly": true}}}
//? folding -> 1-2, 4-9, 5-8, 6-7
)");
}

TEST_CASE("folding: java") {
  check(R"(
//- /A.java
import java.util.List;
import java.util.Map;
// #region Parts
class A {
  void go() {
    int x = 1;
  }
}
// #endregion
//? client {"textDocument": {"foldingRange": {"lineFoldingOnly": true}}}
//? folding -> 1-2, 3-9, 4-7, 5-6
)");
}

TEST_CASE("folding: ruby, php, csharp and lua") {
  check(R"(
//- /a.rb
class A
  def go
    1
  end
end
//- /a.php
<?php
function go() {
  return 1;
}
//- /a.cs
class A {
  #region Go
  void Go() {
  }
  #endregion
}
//- /a.lua
function go()
  return 1
end
//? client {"textDocument": {"foldingRange": {"lineFoldingOnly": true}}}
//? folding@a.rb -> 1-4, 2-3
//? folding@a.php -> 2-3
//? folding@a.cs -> 1-5, 2-5
//? folding@a.lua -> 1-2
)");
}

TEST_CASE("folding: a limit keeps the outer blocks") {
  check(R"(
//- /a.js
function f() {
  if (a) {
    g();
  }
}
function h() {
  g();
}
//? client {"textDocument": {"foldingRange": {"lineFoldingOnly": true, "rangeLimit": 2}}}
//? folding -> 1-4, 6-7
)");
}

TEST_CASE("folding: follows the text as it is typed") {
  check(R"(
//- /a.py
def f():
    x = 1$0
//? client {"textDocument": {"foldingRange": {"lineFoldingOnly": true}}}
//? folding -> 1-2
//? type "\n    y = 2\ndef g():\n    pass\n"
//? folding -> 1-3, 4-5
)");
}
