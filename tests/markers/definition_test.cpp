// textDocument/definition in each language: through imports, members, shadowing and overloads.
#include <catch2/catch.hpp>

#include "tests/markers/check.h"

using engramd::test::check;

TEST_CASE("python: definition goes through an import") {
  check(R"(
//- /core.py
"$~"; pi = 3
def [[:run]](): ...
//- /app.py
from core import run
y = "$~"; $0run()
//? definition -> run
)");
}

TEST_CASE("python: a local name hides the import") {
  check(R"(
//- /core.py
def run(): ...
//- /app.py
from core import run
def main([[:run]]):
    return $0run()
//? definition -> run
)");
}

TEST_CASE("c: definition of a function declared in a header") {
  check(R"(
//- /list.h
int length(const char *s);
//- /list.c
#include "list.h"
int [[:length]](const char *s) { return s[0] ? 1 : 0; }
//- /main.c
#include "list.h"
int main(void) { return $0length("$~x"); }
//? definition first length
)");
}
