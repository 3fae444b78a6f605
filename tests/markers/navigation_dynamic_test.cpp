// Navigation in Ruby, PHP, Lua, Bash and Elixir.
#include <catch2/catch.hpp>

#include "tests/markers/check.h"

using engramd::test::check;

TEST_CASE("ruby navigation: classes and methods") {
  check(R"(
//- /shape.rb
class [[shape:Shape]]
  def [[area:area]]; 0; end
end
//- /square.rb
require_relative "shape"
class [[square:Square]] < Shape
  def [[square_area:area]]; 1; end
  def [[twice:twice]]
    s = "$~"; $0[[use:area]] * 2
  end
end
//? supertypes@square -> shape
//? subtypes@shape -> square
//? implementation@area -> square_area
//? implementation@shape -> square
)");
}

TEST_CASE("ruby navigation: locals") {
  check(R"(
//- /a.rb
def first([[p:count]])
  s = "$~"; total = $0[[u:count]] + 1
  [[[u2:count]], total]
end
//? definition -> p
//? rename n -> p, u, u2
//? ask textDocument/rename {"newName": "end"} /error/message contains "keyword"
//? ask textDocument/rename {"newName": "total"} /error/message contains "taken"
)");
}

TEST_CASE("php navigation: interfaces, fields and methods") {
  check(R"(
//- /shape.php
<?php
interface [[shape:Shape]] { function [[area:area]](); }
class [[square:Square]] implements Shape {
  private $[[side:side]] = 1;
  function [[square_area:area]]() { $s = "$~"; return $this->$0[[use:side]]; }
  function [[twice:twice]]() { return $this->[[call:area]]() * 2; }
}
//? definition -> side
//? rename length -> side, use
//? implementation@shape -> square
//? implementation@area -> square_area
//? callers@square_area -> twice
//? supertypes@square -> shape
)");
}

TEST_CASE("lua navigation: modules and locals") {
  check(R"(
//- /core.lua
local M = {}
function M.[[def:run]](n) return n end
return M
//- /app.lua
local core = require("core")
local function [[helper:helper]](x) local s = "$~" return core.$0[[use:run]](x) end
//? definition -> def
//? callers -> helper
)");
}

TEST_CASE("bash navigation: functions of loaded files") {
  check(R"(
//- /lib.sh
[[def:greet]]() { echo "$~"; }
//- /run.sh
. ./lib.sh
[[main:main]]() { $0[[use:greet]]; }
[[call:main]]
//? definition -> def
//? callers -> main
//? callers@main -> run.sh
//? rename hello -> def, use
)");
}

TEST_CASE("elixir navigation: functions of modules") {
  check(R"(
//- /core.ex
defmodule Core do
  def [[def:run]](n), do: n
end
//- /app.ex
defmodule App do
  def [[start:start]](x), do: {"$~", Core.$0[[use:run]](x)}
end
//? definition -> def
//? callers -> start
)");
}
