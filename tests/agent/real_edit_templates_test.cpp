// The templates that small real fixes asked for: branches, presence, rows of tables, statements
// that are done twice, and texts that the failing test spells out.
#include <catch2/catch.hpp>

#include "agent/repair/text_changes.h"
#include "tests/agent/template_rows.h"

using namespace engramd;
using namespace engramd::agent;

TEST_CASE("a branch that is missing is put behind a condition") {
  const Row rows[] = {
      {"a.py", "def f(a):\n    n = 0\n    n += 1\n@    if a:\n        g(a)\n    return n\n",
       "def f(a):\n    n = 0\n    n += 1\n    if a:\n        g(a)\n    else:\n        n += 1\n    "
       "return n\n",
       260},
      {"a.c",
       "void f(char *p) {\n  p++;\n  if (p[0] == 'a') {\n    g(p);\n  } else if (p[0] == 'b') {\n"
       "@    h(p);\n  }\n}\n",
       "void f(char *p) {\n  p++;\n  if (p[0] == 'a') {\n    g(p);\n  } else if (p[0] == 'b') {\n"
       "    h(p);\n  } else {\n    p++;\n  }\n}\n",
       160},
  };
  for (const Row& row : rows) check(row);
}

TEST_CASE("what an else holds is done in any case, and a statement only sometimes") {
  const Row rows[] = {
      {"a.py", "def f(a):\n    if a:\n        g(a)\n    else:\n@        h(a)\n    return a\n",
       "def f(a):\n    if a:\n        g(a)\n    h(a)\n    return a\n", 160},
      {"a.js",
       "function f(a) {\n@  if (a) {\n    g(a);\n  } else {\n    h(a);\n    k(a);\n  }\n}\n",
       "function f(a) {\n  if (a) {\n    g(a);\n  }\n  h(a);\n  k(a);\n}\n", 200},
      {"a.go",
       "package a\n\nfunc f(a int) {\n\tif a > 0 {\n\t\tg(a)\n\t} else {\n@\t\th(a)\n\t}\n}\n",
       "package a\n\nfunc f(a int) {\n\tif a > 0 {\n\t\tg(a)\n\t}\n\th(a)\n}\n", 200},
      {"a.js", "function f(a, b) {\n  if (a > 1) k();\n@  g(b);\n}\n",
       "function f(a, b) {\n  if (a > 1) k();\n  if (a > 1) {\n    g(b);\n  }\n}\n", 200},
  };
  for (const Row& row : rows) check(row);
}

TEST_CASE("a condition asks for what its body uses, or for anything at all") {
  const Row rows[] = {
      {"a.go", "package a\n\nfunc f(m *M, r *R) {\n@\tif m.e == bad {\n\t\tm.h = r.h\n\t}\n}\n",
       "package a\n\nfunc f(m *M, r *R) {\n\tif m.e == bad && r.h != nil {\n\t\tm.h = "
       "r.h\n\t}\n}\n",
       120},
      {"a.go", "package a\n\nfunc f(m *M) {\n@\tif m.e == bad {\n\t\tg()\n\t}\n}\n",
       "package a\n\nfunc f(m *M) {\n\tif m.e != nil {\n\t\tg()\n\t}\n}\n", 120},
      {"a.js", "function f(a, b) {\n@  if (a) {\n    b.map(g);\n  }\n}\n",
       "function f(a, b) {\n  if (a && Array.isArray(b)) {\n    b.map(g);\n  }\n}\n", 200},
      {"a.py", "import math\ndef f(a):\n@    n = int(math.log(abs(a)))\n    return n\n",
       "import math\ndef f(a):\n    n = int(math.log(abs(a))) if a != 0 else 0\n    return n\n",
       700},
      {"a.js", "const f = (a) => a.map(\n@  (x) => Number(x));\n",
       "const f = (a) => a.map(\n  (x) => (x != null ? Number(x) : 0));\n", 400},
  };
  for (const Row& row : rows) check(row);
}

TEST_CASE("a last look before the result is given") {
  check(
      {"a.c",
       "int f(int a_left, int b_left) {\n  g();\n@  return 1;\n}\nint h(void) {\n  return 0;\n}\n",
       "int f(int a_left, int b_left) {\n  g();\n  if (a_left != b_left) {\n    return 0;\n  }\n  "
       "return 1;\n}\nint h(void) {\n  return 0;\n}\n",
       200});
  check({"a.py",
         "class A:\n    def f(self):\n        g(self.parts)\n        if self.kind:\n            "
         "return "
         "self.name()\n@        if self.mark:\n            return 1\n",
         "class A:\n    def f(self):\n        g(self.parts)\n        if self.kind:\n            "
         "return "
         "self.name()\n        if not self.parts:\n            return self.name()\n        if "
         "self.mark:\n            return 1\n",
         700});
}

TEST_CASE("rows of a table learn from the other rows") {
  const Row rows[] = {
      {"a.py",
       "T = [\n    (A, ONE, 'x'),\n    (A, TWO, 'y'),\n@    (A, ONE, 'z'),\n    (B, TWO, "
       "'u'),\n]\n",
       "T = [\n    (A, ONE, 'x'),\n    (A, TWO, 'y'),\n    (A, TWO, 'z'),\n    (B, TWO, 'u'),\n]\n",
       120},
      {"a.js",
       "const rules = [\n  [ 'a', f ],\n  [ 'b', f ],\n  [ 'c', f ],\n@  [ 'd', f ],\n  [ 'e', f "
       "]\n"
       "];\n",
       "const rules = [\n  [ 'a', f ],\n  [ 'd', f ],\n  [ 'b', f ],\n  [ 'c', f ],\n  [ 'e', f ]\n"
       "];\n",
       200},
  };
  for (const Row& row : rows) check(row);
}

TEST_CASE("statements are repeated and moved") {
  const Row rows[] = {
      {"a.go",
       "package a\n\nfunc f(m *M, r *R) {\n\tif m.h == nil {\n\t\tm.h = "
       "r.h\n\t}\n\tg()\n@\tk()\n}\n",
       "package a\n\nfunc f(m *M, r *R) {\n\tif m.h == nil {\n\t\tm.h = r.h\n\t}\n\tg()\n\tm.h = "
       "r.h\n\tk()\n}\n",
       120},
      {"a.py",
       "def f():\n@    if HERE is None:\n        return\n    try:\n        return g(HERE)\n    "
       "except "
       "NameError:\n        return\n",
       "def f():\n    try:\n        if HERE is None:\n            return\n        return g(HERE)\n "
       "   "
       "except NameError:\n        return\n",
       200},
      // In the branch of a switch, too.
      {"a.c",
       "int f(int a) {\n  switch (a) {\n    case 1:\n@      a = g(a);\n      break;\n  }\n}\n",
       "int f(int a) {\n  switch (a) {\n    case 1:\n      a += g(a);\n      break;\n  }\n}\n", 30},
  };
  for (const Row& row : rows) check(row);
  MutateOptions options;
  add_donors("a.cpp", "void A::h() {\n  Reset(NO_ERROR, 0);\n}\n", options.donors);
  check({"a.cpp", "void A::f(int n) {\n@  g(n);\n}\n",
         "void A::f(int n) {\n  Reset(NO_ERROR, 0);\n  g(n);\n}\n", 200},
        options);
}

TEST_CASE("values are made fit for their place") {
  const Row rows[] = {
      {"a.py", "def f(n):\n@    return f\"{n} bytes\"\n",
       "def f(n):\n    return f\"{int(n)} bytes\"\n", 60},
      {"a.js", "function f(a) {\n@  return a.ms / 1000;\n}\n",
       "function f(a) {\n  return Math.round(a.ms) / 1000;\n}\n", 250},
      {"a.py", "def f(a, b):\n@    return '%d' % (a - b)\n",
       "def f(a, b):\n    return '%d' % max(0, a - b)\n", 250},
      {"a.py", "def f(e):\n@    g(e.args[0] + 'x')\n", "def f(e):\n    g(str(e) + 'x')\n", 700},
      {"a.py", "def f(a):\n@    return g(a.rows, 1)\n", "def f(a):\n    return g(0, 1)\n", 300},
      {"a.py", "def f(a):\n    h(a, deep=True)\n@    return g(a)\n",
       "def f(a):\n    h(a, deep=True)\n    return g(a, deep=True)\n", 400},
  };
  for (const Row& row : rows) check(row);
}

TEST_CASE("equal lines close by are changed together") {
  check({"a.py",
         "def f(a, b):\n    if a:\n@        n = g(a, 1) + 1\n    else:\n        n = g(a, 1) + 1\n  "
         "  return "
         "n\n",
         "def f(a, b):\n    if a:\n        n = g(b, 1) + 1\n    else:\n        n = g(b, 1) + 1\n   "
         " return "
         "n\n",
         60});
}

TEST_CASE("a script without semicolons stays without them") {
  check({"a.js", "function f(a, b) {\n  k(b)\n@  return a.n\n}\n",
         "function f(a, b) {\n  k(b)\n  if (!a) {\n    return null\n  }\n  return a.n\n}\n", 120});
}

TEST_CASE("texts that were expected and texts that came say where they differ") {
  const auto changes = text_changes("assert 'sparse.coo_matrix((1' == 'sparse.coo_array((1'\n");
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].one == "matrix");
  CHECK(changes[0].other == "array");
  CHECK(changed_texts("x.coo_matrix", changes[0]) == std::vector<std::string>{"x.coo_array"});
  CHECK(changed_texts("nothing alike", changes[0]).empty());
  // A difference of one character needs the text around it.
  const auto space = text_changes("Expected: \"un'ora fa\"\nReceived: \"un' ora fa\"\n");
  REQUIRE(space.size() == 1);
  CHECK(changed_texts("un' ora", space[0]) == std::vector<std::string>{"un'ora"});
  CHECK(changed_texts("a b", space[0]).empty());
  CHECK(text_changes("- one two\n+ one ten two\n").size() == 1);
  CHECK(text_changes("it's 'alpha' and 'omega'\n").empty());
  CHECK(text_changes(std::string(100000, '\'')).size() <= 16);
}

TEST_CASE("literals become what the test spells out") {
  MutateOptions options;
  options.hints = read_hints("assert lerch() == 'HurwitzLerchPhi[1]'\nE  - HurwitzLerchPhi[1]\n");
  check({"a.py", "T = {\n@    'lerch': 'LerchPhi',\n}\n",
         "T = {\n    'lerch': 'HurwitzLerchPhi',\n}\n", 20},
        options);
  options.hints = read_hints("Expected: \"3 days ago\"\nReceived: \"3 day ago\"\n");
  check({"a.js", "const T = {\n@  d: '%d day ago',\n};\n", "const T = {\n  d: '%d days ago',\n};\n",
         20},
        options);
  options.hints = read_hints("f('a~b') is null, with 'hsl' it is not\n");
  check({"a.js", "function f(a) {\n@  return /^[a-z]+$/.test(a);\n}\n",
         "function f(a) {\n  return /^[a-z~]+$/.test(a);\n}\n", 60},
        options);
  check({"a.js", "function f(a) {\n@  return /^(rgb|hex)/.test(a);\n}\n",
         "function f(a) {\n  return /^(rgb|hex|hsl)/.test(a);\n}\n", 60},
        options);
  check({"a.js", "function f(a) {\n@  return a === 'rgb';\n}\n",
         "function f(a) {\n  return (a === 'rgb' || a === 'hsl');\n}\n", 60},
        options);
  // Both pieces of one text, a class that takes any character, a text in brackets.
  check({"a.py", "def f(a, b):\n@    return ('one {a} '\n            'two {b}')\n",
         "def f(a, b):\n    return (f'one {a} '\n            f'two {b}')\n", 12});
  check({"a.go", "package a\n\nfunc f() string {\n@\treturn g(\"[^?&]*\")\n}\n",
         "package a\n\nfunc f() string {\n\treturn g(\".*\")\n}\n", 120});
  check({"a.js", "const f = (n) => {\n@  return `${n}x`;\n};\n",
         "const f = (n) => {\n  return `[${n}x]`;\n};\n", 200});
}
