// What imports say after files moved.
#include <catch2/catch.hpp>
#include <map>

#include "repoindex/moved_imports.h"
#include "tests/repoindex/query_stories.h"

using namespace engramd::repoindex;
using namespace engramd::repoindex::test;
using engramd::test::Workspace;

namespace {

// `after` shows the files at their old paths, since edits come before the move.
void check_moved(std::string_view before, const std::vector<FileMove>& moves,
                 std::string_view after) {
  Workspace ws(before), wanted(after);
  View view = view_of(ws);
  std::map<std::string, std::string> files;
  auto edits = imports_after_move(view, moves);
  for (auto edit = edits.rbegin(); edit != edits.rend(); ++edit) {
    auto [it, added] = files.try_emplace(edit->path);
    if (added) it->second = ws.read(edit->path);
    it->second.replace(edit->range.begin, edit->range.size(), edit->new_text);
  }
  INFO(std::string(before));
  for (const std::string& path : view.paths()) {
    INFO(path);
    CHECK((files.count(path) != 0 ? files[path] : ws.read(path)) == wanted.read(path));
  }
}

}  // namespace

TEST_CASE("moved: python modules, by their names and by names in them") {
  check_moved(R"(
//- /pkg/__init__.py
from .core import run
from . import core
//- /pkg/core.py
def run(): ...
//- /pkg/sub/__init__.py
//- /pkg/sub/user.py
from ..core import run
from .. import core
//- /app.py
import pkg.core
import pkg.core as c
from pkg.core import run, runner as r
from pkg import core
pkg.core.run()
core.run()
)",
              {{"pkg/core.py", "pkg/sub/engine.py"}}, R"(
//- /pkg/__init__.py
from .sub.engine import run
from .sub import engine as core
//- /pkg/core.py
def run(): ...
//- /pkg/sub/__init__.py
//- /pkg/sub/user.py
from .engine import run
from . import engine as core
//- /app.py
import pkg.sub.engine
import pkg.sub.engine as c
from pkg.sub.engine import run, runner as r
from pkg.sub import engine as core
pkg.sub.engine.run()
core.run()
)");
}

TEST_CASE("moved: one python module of several in a statement, and a module at the top") {
  check_moved(R"(
//- /pkg/__init__.py
//- /pkg/core.py
//- /pkg/other.py
//- /util.py
//- /new/__init__.py
//- /app.py
from pkg import core, other
def f():
    from pkg import (
        other,
        core as c,
    )
import util
util.x
)",
              {{"pkg/core.py", "new/core.py"}, {"util.py", "new/tools.py"}}, R"(
//- /pkg/__init__.py
//- /pkg/core.py
//- /pkg/other.py
//- /util.py
//- /new/__init__.py
//- /app.py
from new import core
from pkg import other
def f():
    from new import core as c
    from pkg import (
        other,
        )
import new.tools as util
util.x
)");
}

TEST_CASE("moved: a python file's own relative imports, and a whole package") {
  check_moved(R"(
//- /pkg/__init__.py
//- /pkg/core.py
from .util import x
from . import util
from pkg.util import y
//- /pkg/util.py
//- /pkg/sub/__init__.py
)",
              {{"pkg/core.py", "pkg/sub/core.py"}}, R"(
//- /pkg/__init__.py
//- /pkg/core.py
from ..util import x
from .. import util
from pkg.util import y
//- /pkg/util.py
//- /pkg/sub/__init__.py
)");
  check_moved(R"(
//- /old/__init__.py
from .core import run
//- /old/core.py
from old import run
//- /app.py
from old import run, core
from old.core import run as r
import old
)",
              {{"old/__init__.py", "lib/new/__init__.py"}, {"old/core.py", "lib/new/core.py"}}, R"(
//- /old/__init__.py
from .core import run
//- /old/core.py
from lib.new import run
//- /app.py
from lib.new import run, core
from lib.new.core import run as r
import lib.new as old
)");
}

TEST_CASE("moved: javascript and typescript specifiers keep their way of writing") {
  // Wrong: import() as an expression is no import of the facts, and stays as it is.
  check_moved(R"(
//- /src/util.ts
import { y } from "./deep/other";
export const x = y;
//- /src/deep/other.ts
export const y = 1;
//- /src/a.ts
import { x } from "./util";
export { x } from './util.js';
const later = import("./util");
//- /src/deep/b.js
const { x } = require("../util");
import z from "react";
//- /src/index.ts
export * from "./util";
)",
              {{"src/util.ts", "src/lib/helpers.ts"}}, R"(
//- /src/util.ts
import { y } from "../deep/other";
export const x = y;
//- /src/deep/other.ts
export const y = 1;
//- /src/a.ts
import { x } from "./lib/helpers";
export { x } from './lib/helpers.js';
const later = import("./util");
//- /src/deep/b.js
const { x } = require("../lib/helpers");
import z from "react";
//- /src/index.ts
export * from "./lib/helpers";
)");
  check_moved(R"(
//- /tsconfig.json
{"compilerOptions": {"baseUrl": ".", "paths": {"@app/*": ["src/*"]}}}
//- /src/widgets/index.ts
export const w = 1;
//- /src/a.ts
import { w } from "./widgets";
import { w as v } from "@app/widgets";
)",
              {{"src/widgets/index.ts", "src/parts/index.ts"}}, R"(
//- /tsconfig.json
{"compilerOptions": {"baseUrl": ".", "paths": {"@app/*": ["src/*"]}}}
//- /src/widgets/index.ts
export const w = 1;
//- /src/a.ts
import { w } from "./parts";
import { w as v } from "@app/parts";
)");
}

TEST_CASE("moved: C and C++ includes, beside the file and below an include folder") {
  check_moved(
      R"(
//- /include/list/list.h
#include "node.h"
//- /include/list/node.h
//- /src/list.c
#include <list/list.h>
#include "local.h"
#include <stdio.h>
//- /src/local.h
#include "list/list.h"
)",
      {{"include/list/list.h", "include/core/vector.h"}, {"src/local.h", "src/inner/local.h"}},
      R"(
//- /include/list/list.h
#include "../list/node.h"
//- /include/list/node.h
//- /src/list.c
#include <core/vector.h>
#include "inner/local.h"
#include <stdio.h>
//- /src/local.h
#include "core/vector.h"
)");
}

TEST_CASE("moved: what ruby, php and shell scripts load by a relative path") {
  check_moved(R"(
//- /lib/clock.rb
//- /lib/app.rb
require_relative "clock"
require_relative "./clock"
//- /web/a.php
<?php
require './b.php';
//- /web/b.php
<?php
//- /bin/run.sh
. ./lib.sh
//- /bin/lib.sh
x=1
)",
              {{"lib/clock.rb", "lib/time/clock.rb"},
               {"web/b.php", "inc/b.php"},
               {"bin/lib.sh", "share/lib.sh"}},
              R"(
//- /lib/clock.rb
//- /lib/app.rb
require_relative "time/clock"
require_relative "./time/clock"
//- /web/a.php
<?php
require '../inc/b.php';
//- /web/b.php
<?php
//- /bin/run.sh
. ../share/lib.sh
//- /bin/lib.sh
x=1
)");
}

TEST_CASE("moved: nothing for files that are not there, that nobody imports, or that stay") {
  Workspace ws(R"(
//- /a.py
import b
//- /b.py
//- /c.py
)");
  View view = view_of(ws);
  CHECK(imports_after_move(view, {{"c.py", "d.py"}}).empty());
  CHECK(imports_after_move(view, {{"b.py", "b.py"}}).empty());
  CHECK(imports_after_move(view, {{"../x.py", "y.py"}, {"", ""}, {"nowhere.py", "b.py"}}).empty());
  CHECK(imports_after_move(view, {}).empty());
}
