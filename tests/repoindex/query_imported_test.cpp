// Files that a file imports, and files that import it, in every language.
#include <catch2/catch.hpp>

#include "repoindex/query/imported.h"
#include "tests/repoindex/query_stories.h"

using namespace engramd::repoindex;
using namespace engramd::repoindex::test;
using engramd::test::Workspace;

namespace {

// What main.* imports, one path a line.
std::string imported_by_main(std::string_view text) {
  Workspace ws(text);
  View view = view_of(ws);
  std::string main, out;
  for (const std::string& path : view.paths()) {
    if (path.find("main.") != std::string::npos) main = path;
  }
  REQUIRE_FALSE(main.empty());
  for (const std::string& file : imported_files(view, main, *view.facts(main))) out += file + "\n";
  return out;
}

// Who imports the file, as path:line.
std::string importers(std::string_view text, const std::string& path) {
  Workspace ws(text);
  std::string out;
  for (const ReferenceHit& hit : importers_of(view_of(ws), path)) {
    CHECK(hit.role == Role::import);
    out += hit.place.path + ":" + std::to_string(hit.place.start.line + 1) + "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("imported files: modules, names in modules, relative ones, and nothing from outside") {
  constexpr std::string_view kPackage = R"(
//- /pkg/__init__.py
//- /pkg/core.py
//- /pkg/sub/__init__.py
//- /pkg/sub/util.py
//- /pkg/sub/main.py
import os.path
from pkg import core, Engine
from . import util
from ..core import run
)";
  CHECK(imported_by_main(kPackage) == "pkg/core.py\npkg/__init__.py\npkg/sub/util.py\n");
  CHECK(imported_by_main(R"(
//- /include/net/http.h
//- /src/main.cpp
#include <vector>
#include "net/http.h"
)") == "include/net/http.h\n");
  CHECK(imported_by_main(R"(
//- /web/main.ts
import { a } from "./lib";
//- /web/lib/index.ts
)") == "web/lib/index.ts\n");
}

TEST_CASE("imported files: of a package those that are called like a name in use") {
  CHECK(imported_by_main(R"(
//- /a/A.cs
namespace Shop; class A {}
//- /a/B.cs
namespace Shop; class B {}
//- /a/C.cs
namespace Shop; class C {}
//- /a/D.cs
namespace Shop; class D {}
//- /a/Order.cs
namespace Shop; class Order {}
//- /app/main.cs
using Shop;
class Main { Order order; }
)") == "a/Order.cs\na/A.cs\na/B.cs\na/C.cs\n");
  CHECK(imported_by_main(R"(
//- /go.mod
module example.com/app
//- /tools/x/x.go
package x
//- /tools/x/y.go
package x
//- /tools/z/z.go
package z
//- /main.go
package main
import "example.com/app/tools/x"
)") == "tools/x/x.go\ntools/x/y.go\n");
}

TEST_CASE("importers: by path, by module, by package") {
  CHECK(importers(R"(
//- /pkg/__init__.py
//- /pkg/core.py
//- /pkg/other.py
from . import core
//- /app.py
import os

from pkg.core import run
//- /test.py
import pkg
)",
                  "pkg/core.py") == "app.py:3\npkg/other.py:1\n");
  CHECK(importers(R"(
//- /a/Order.cs
namespace Shop.Orders { public class Order {} public static class Tools {} }
//- /b/Draft.cs
namespace Shop.Drafts { public class Draft {} }
//- /x.cs
using Shop.Orders;
//- /y.cs
using static Shop.Orders.Tools;
//- /z.cs
using Shop.Drafts;
)",
                  "a/Order.cs") == "x.cs:1\ny.cs:1\n");
  CHECK(importers(R"(
//- /lib/shop/item.ex
defmodule Shop.Item do
end
//- /lib/a.ex
defmodule A do
  alias Shop.{Price, Item}
end
//- /lib/b.ex
defmodule B do
  alias Shop.Price
end
)",
                  "lib/shop/item.ex") == "lib/a.ex:2\n");
  CHECK(importers(R"(
//- /lib/shop/item.rb
//- /lib/shop/a.rb
require_relative "item"
//- /test/b.rb
require "shop/item"
//- /test/c.rb
require "item"
)",
                  "lib/shop/item.rb") == "lib/shop/a.rb:1\ntest/b.rb:1\n");
  CHECK(importers(R"(
//- /a.kt
package shop.util
fun twice(n: Int) = 2 * n
//- /b.kt
import shop.util.twice
//- /c.kt
import shop.util.*
//- /d.kt
import shop.util.thrice
//- /E.java
import shop.util.*;
class E {}
)",
                  "a.kt") == "E.java:1\nb.kt:1\nc.kt:1\n");
}

TEST_CASE("references in the quotes of an import: everybody who imports that file") {
  Workspace ws(R"(
//- /lib/a.ts
export const a = 1;
//- /x.ts
import { a } from "./li<|>b/a";
//- /y/z.ts
import "../lib/a";
)");
  auto hits = find_references(view_of(ws), ws.cursor().path, ws.cursor().offset, false);
  REQUIRE(hits.size() == 2);
  CHECK(hits[0].place.path == "x.ts");
  CHECK(hits[1].place.path == "y/z.ts");
}
