// Which file an import means, by the layout of the repository and its configuration files.
#include <catch2/catch.hpp>

#include "repoindex/query/project/compile_commands.h"
#include "repoindex/query/project/json_text.h"
#include "tests/repoindex/query_stories.h"

using namespace engramd::repoindex;
using namespace engramd::repoindex::test;

TEST_CASE("cpp: include folders of compile_commands.json decide between headers of one name") {
  check_definition_file(R"(
//- /compile_commands.json
[
  {"directory": "/elsewhere/build", "file": "/elsewhere/app/src/main.cpp",
   "command": "c++ -I../two/include -isystem ../one/include -DNAME=\"a b\" -c ../app/src/main.cpp"},
//- /app/src/main.cpp
#include <lib/a<|>pi.h>
//- /app/src/other.cpp
//- /one/include/lib/api.h
int one();
//- /two/include/lib/api.h
int two();
)",
                        "two/include/lib/api.h");
  // -iquote is for quotes only, and comes first there.
  check_definition_file(R"(
//- /build/compile_commands.json
[{"directory": "/w/build", "file": "../src/deep/main.c",
  "arguments": ["cc", "-I", "/w/inc", "-iquote", "/w/quoted", "-c", "../src/deep/main.c"]}]
//- /src/deep/main.c
#include "con<|>fig.h"
//- /inc/config.h
//- /quoted/config.h
)",
                        "quoted/config.h");
}

TEST_CASE("cpp: a header takes the include folders of the source beside it") {
  check_definition_file(R"(
//- /compile_commands.json
[{"directory": "/w", "file": "src/x/engine.cpp", "command": "c++ -Iright -c src/x/engine.cpp"},
 {"directory": "/w", "file": "src/y/other.cpp", "command": "c++ -Iwrong -c src/y/other.cpp"}]
//- /src/x/engine.cpp
//- /src/y/other.cpp
//- /src/x/engine.h
#include "to<|>ol.h"
//- /right/tool.h
//- /wrong/tool.h
)",
                        "right/tool.h");
}

TEST_CASE("c: a header of the system is not the repository's file of that name") {
  engramd::test::Workspace ws(R"(
//- /util/string.h
int own(void);
//- /util/a.c
#include <str<|>ing.h>
)");
  CHECK(find_definitions(view_of(ws), ws.cursor().path, ws.cursor().offset).empty());
}

TEST_CASE("compile_commands: quoting, a database from another machine, damage") {
  CHECK(command_words(R"(cc -I"a b" '-Dx=\y' c\ d "e\"f")") ==
        std::vector<std::string>{"cc", "-Ia b", "-Dx=\\y", "c d", "e\"f"});
  auto is_file = [](std::string_view path) { return path == "src/a/b.c"; };
  auto read = [&](std::string_view text) { return CompileCommands::read(text, "/here", is_file); };
  CompileCommands other = read(
      R"([{"directory":"/ci/job/build","file":"../src/a/b.c","command":"cc -I../inc -I/usr/x"}])");
  REQUIRE(other.of("src/a/b.c") != nullptr);
  CHECK(other.of("src/a/b.c")->all == std::vector<std::string>{"inc"});
  CHECK(read("").empty());
  CHECK(read("[{\"file\": [[[[").empty());
  CHECK(read("[1, null, {}, {\"file\": 3}").of("x.c") == nullptr);
  // What stands before the fault counts.
  CompileCommands cut =
      read(R"([{"directory":"/here","file":"src/a/b.c","command":"cc -Iinc"},{"d)");
  REQUIRE(cut.of("src/a/c.c") != nullptr);
  CHECK(cut.of("src/a/c.c")->all == std::vector<std::string>{"inc"});
}

TEST_CASE("json text: comments, trailing commas, escapes, and an end to nesting") {
  JsonValue v = read_json(
      "\xEF\xBB\xBF{ // note\n \"a\": [1, \"x\\u0041\\n\", ], /* b */ \"c\": {\"d\": true,},}");
  REQUIRE(v.at("a").items.size() == 2);
  CHECK(v.at("a").items[1].text == "xA\n");
  CHECK(v.at("c").at("d").text == "true");
  CHECK(v.at("missing").kind == JsonValue::Kind::none);
  CHECK(read_json(std::string(100000, '[')).kind == JsonValue::Kind::array);  // and no crash
  CHECK(read_json("{\"a\": \"unfinished").string_at("a") == "unfinished");
}

TEST_CASE("typescript: paths and baseUrl of a tsconfig that extends another") {
  check_definition_file(R"(
//- /tsconfig.base.json
{ "compilerOptions": { "baseUrl": "./code", // one for all
    "paths": { "@lib/*": ["shared/lib/*"], "@lib/special": ["special/main"], }, } }
//- /app/tsconfig.json
{ "extends": "../tsconfig.base" }
//- /app/main.ts
import { x } from "@lib/nu<|>mber";
//- /code/shared/lib/number.ts
export const x = 1;
//- /lib/number.ts
export const x = 2;
)",
                        "code/shared/lib/number.ts");
  check_definition(R"(
//- /jsconfig.json
{"compilerOptions": {"baseUrl": "src"}}
//- /src/pages/home.js
import { run } from "tools/run";
ru<|>n();
//- /src/tools/run/index.js
export function run() {}
//              ^^^ definition
)");
}

TEST_CASE("typescript: packages of a workspace by name, by exports, and from what was built") {
  check_definition(R"(
//- /package.json
{"name": "root", "workspaces": ["packages/*"]}
//- /packages/core/package.json
{"name": "@acme/core", "main": "dist/index.js"}
//- /packages/core/src/index.ts
export { start } from "./start";
//- /packages/core/src/start.ts
export function start() {}
//              ^^^^^ definition
//- /packages/app/package.json
{"name": "@acme/app"}
//- /packages/app/main.ts
import { start } from "@acme/core";
sta<|>rt();
)");
  check_definition(R"(
//- /libs/ui/package.json
{"name": "ui", "exports": {".": "./src/main.ts", "./widgets/*": {"types": "./src/w/*.ts"}}}
//- /libs/ui/src/w/button.ts
export class Button {}
//           ^^^^^^ definition
//- /libs/ui/src/main.ts
//- /app/a.ts
import { Button } from "ui/widgets/button";
new But<|>ton();
)");
  check_definition(R"(
//- /package.json
{"name": "me", "imports": {"#inner/*": "./lib/internal/*.js"}}
//- /lib/internal/x.js
export const secret = 1;
//           ^^^^^^ definition
//- /lib/a.js
import { secret } from "#inner/x";
sec<|>ret;
)");
}

TEST_CASE("python: src layouts, namespace packages, stubs, and no implicit relative import") {
  check_definition(R"(
//- /src/tool/__init__.py
//- /src/tool/core.py
def go(): ...
#   ^^ definition
//- /tests/unit/test_core.py
from tool.core import go
g<|>o()
)");
  check_definition(R"(
//- /plugins/acme/first/run.py
def go(): ...
#   ^^ definition
//- /plugins/main.py
from acme.first import run
run.g<|>o()
)");
  check_definition(R"(
//- /typings/fast.pyi
def go() -> int: ...
#   ^^ definition
//- /app.py
import fast
fast.g<|>o()
)");
  check_definition(R"(
//- /pkg/__init__.py
//- /pkg/sub/__init__.py
//- /pkg/sub/config.py
def load(): ...
//- /pkg/sub/a.py
from config import load
lo<|>ad()
//- /config.py
def load(): ...
#   ^^^^ definition
)");
}

TEST_CASE("python: import a.b binds a, and each part of the path is its own file") {
  check_definition_file(R"(
//- /pkg/__init__.py
//- /pkg/core.py
//- /app.py
from pk<|>g.core import x
)",
                        "pkg/__init__.py");
  check_definition(R"(
//- /pkg/__init__.py
def top(): ...
#   ^^^ definition
//- /pkg/core.py
//- /app.py
import pkg.core
pkg.to<|>p()
)");
  check_definition(R"(
//- /pkg/__init__.py
//- /pkg/deep/__init__.py
//- /pkg/deep/core.py
def go(): ...
#   ^^ definition
//- /app.py
import pkg.deep.core
pkg.deep.core.g<|>o()
)");
}

TEST_CASE("go: nested modules, internal packages, a local replacement, and versions in a path") {
  check_definition(R"(
//- /go.mod
module example.com/app

replace (
	example.com/lib v1.2.0 => ./third/lib // ours
)
//- /third/lib/lib.go
package lib
func Run() {}
//   ^^^ definition
//- /other/lib/lib.go
package lib
func Run() {}
//- /main.go
package main
import "example.com/lib"
func main() { lib.Ru<|>n() }
)");
  check_definition(R"(
//- /go.mod
module example.com/app
//- /tools/go.mod
module example.com/app/tools
//- /tools/internal/x/x.go
package x
func Run() {}
//   ^^^ definition
//- /internal/x/x.go
package x
func Run() {}
//- /tools/main.go
package main
import "example.com/app/tools/internal/x"
func main() { x.Ru<|>n() }
)");
  check_definition(R"(
//- /go.mod
module example.com/yaml/v3
//- /yaml.go
package yaml
func Load() {}
//   ^^^^ definition
//- /cmd/main.go
package main
import "example.com/yaml/v3"
func main() { yaml.Lo<|>ad() }
)");
}

TEST_CASE("rust: workspace members by their Cargo.toml names, renamed and placed anywhere") {
  check_definition(R"(
//- /Cargo.toml
[workspace]
members = ["parts/*"]
//- /parts/a/Cargo.toml
[package]
name = "my-core"
[lib]
path = "source/entry.rs"
//- /parts/a/source/entry.rs
pub mod shape;
//- /parts/a/source/shape.rs
pub fn area() {}
//     ^^^^ definition
//- /parts/b/Cargo.toml
[package]
name = "app"
[dependencies]
geometry = { path = "../a", package = "my-core" }
//- /parts/b/src/main.rs
use geometry::shape::area;
fn main() { ar<|>ea(); }
)");
  check_definition(R"(
//- /Cargo.toml
[package]
name = "tool"
//- /src/lib.rs
pub fn helper() {}
//     ^^^^^^ definition
//- /tests/all.rs
use tool::helper;
fn t() { hel<|>per(); }
)");
}

TEST_CASE("java: static imports and nested classes") {
  check_definition(R"(
//- /src/main/java/org/x/Tool.java
package org.x;
public class Tool { public static int twice(int n) { return 2 * n; } }
//                                    ^^^^^ definition
//- /src/main/java/org/y/Other.java
package org.y;
public class Other { public static int twice(int n) { return n; } }
//- /src/main/java/app/Main.java
package app;
import static org.x.Tool.twice;
class Main { int f() { return twi<|>ce(1); } }
)");
  check_definition(R"(
//- /org/x/Outer.java
package org.x;
public class Outer { public static class Inner {} }
//                                       ^^^^^ definition
//- /app/Main.java
package app;
import org.x.Outer.Inner;
class Main { In<|>ner i; }
)");
}
