// textDocument/documentLink: addresses, imports of files that are there, relative links.
#include <catch2/catch.hpp>

#include "tests/markers/check.h"

using engramd::test::check;

TEST_CASE("links: an address in a comment") {
  check(R"(
//- /a.py
# $~ see [[url:https://example.org/a_(b)]], or not.
//? links -> url
//? links targets -> https://example.org/a_(b)
)");
}

TEST_CASE("links: python modules") {
  check(R"(
//- /pkg/__init__.py
//- /pkg/core.py
x = 1
//- /app.py
import os
s = "$~"
from [[core:pkg.core]] import x$0
//? links -> core
//? links targets -> pkg/core.py
)");
}

TEST_CASE("links: includes of c") {
  check(R"(
//- /lib/list.h
int length(void);
//- /main.c
#include <stdio.h>
#include "[[list:lib/list.h]]"$0
//? links -> list
//? links targets -> lib/list.h
)");
}

TEST_CASE("links: modules of typescript") {
  check(R"(
//- /lib/a.ts
export const a = 1;
//- /app.ts
import { a } from "[[module:./lib/a]]";$0
import fs from "fs";
//? links -> module
)");
}

TEST_CASE("links: modules of javascript by require") {
  check(R"(
//- /lib/a.js
exports.a = 1;
//- /app.js
const { a } = require("[[module:./lib/a]]");$0
//? links targets -> lib/a.js
)");
}

TEST_CASE("links: markdown to files that are there") {
  check(R"(
//- /docs/a.md
$~ [b]([[b:b.md#part]]), [no](none.md), [root]([[root:../README.md]])$0
//- /docs/b.md
b
//- /README.md
a
//? links -> b, root
//? links targets -> docs/b.md, README.md
)");
}

TEST_CASE("links: html to files that are there") {
  check(R"(
//- /index.html
<script src="[[script:app.js]]"></script><img src="none.png">$0
//- /app.js
1;
//? links -> script
)");
}
