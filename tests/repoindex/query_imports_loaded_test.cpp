// Imports that run other files, found along a load path: Ruby, Lua, PHP's include.
#include <catch2/catch.hpp>

#include "tests/repoindex/query_stories.h"

using namespace engramd::repoindex;
using namespace engramd::repoindex::test;

namespace {
void check_certain(std::string_view text) {
  INFO(std::string(text));
  CHECK(check_definition(text) == Confidence::certain);
}
}  // namespace

TEST_CASE("ruby: require_relative, and require along lib and the paths of a gemspec") {
  check_definition_file(R"(
//- /lib/shop/order.rb
require_relative "../util/pr<|>ice"
//- /lib/util/price.rb
//- /util/price.rb
)",
                        "lib/util/price.rb");
  check_definition_file(R"(
//- /gem/shop.gemspec
Gem::Specification.new { |s| s.require_paths = ["source", "ext"] }
//- /gem/test/a.rb
require "util/pr<|>ice"
//- /gem/source/util/price.rb
//- /other/lib/util/price.rb
)",
                        "gem/source/util/price.rb");
  check_definition_file(R"(
//- /test/a_test.rb
require "he<|>lper"
//- /test/helper.rb
//- /spec/helper.rb
)",
                        "test/helper.rb");
}

TEST_CASE("ruby: a constant comes from what is required, by its full name") {
  check_certain(R"(
//- /lib/billing/invoice.rb
module Billing
  class Invoice
#       ^^^^^^^ definition
  end
end
//- /lib/other/invoice.rb
module Other
  class Invoice
  end
end
//- /lib/app.rb
require "billing/invoice"
x = Billing::Invo<|>ice.new
)");
  CHECK(check_definition(R"(
//- /lib/billing/invoice.rb
module Billing
  class Invoice
#       ^^^^^^^ definition
  end
end
//- /lib/other/invoice.rb
module Other
  class Invoice
  end
end
//- /lib/billing/run.rb
module Billing
  class Run
    def go
      Invo<|>ice.new
    end
  end
end
)") == Confidence::likely);
  check_definition_file(R"(
//- /lib/billing.rb
module Billing
  autoload :Ledger, "billing/led<|>ger"
end
//- /lib/billing/ledger.rb
)",
                        "lib/billing/ledger.rb");
}

TEST_CASE("lua: require finds files and folders with an init, also below lua/") {
  check_certain(R"(
//- /lua/tool/heap.lua
local M = {}
function M.create(n) end
--         ^^^^^^ definition
return M
//- /lua/other/heap.lua
local M = {}
function M.create(n) end
return M
//- /lua/tool/init.lua
local heap = require("tool.heap")
heap.crea<|>te(1)
)");
  check_definition_file(R"(
//- /src/app/init.lua
//- /tests/a.lua
local app = require "a<|>pp"
)",
                        "src/app/init.lua");
  check_certain(R"(
//- /lua/tool/heap.lua
return { create = function(n) end }
--       ^^^^^^ definition
//- /lua/tool/run.lua
local create = require("tool.heap").create
local heap = require("tool.heap")
heap.crea<|>te(1)
)");
}

TEST_CASE("lua: the variable of a require means the file, or what was taken from it") {
  check_definition_file(R"(
//- /lua/tool/heap.lua
return {}
//- /lua/tool/run.lua
local heap = require("tool.heap")
return he<|>ap
)",
                        "lua/tool/heap.lua");
  check_certain(R"(
//- /lua/tool/heap.lua
local M = {}
function M.create(n) end
--         ^^^^^^ definition
return M
//- /lua/tool/run.lua
local make = require("tool.heap").create
ma<|>ke(1)
)");
}

TEST_CASE("php: include and require, beside the file behind __DIR__") {
  check_definition_file(R"(
//- /src/a/main.php
<?php
require_once __DIR__ . '/../helpers/mo<|>ney.php';
//- /src/helpers/money.php
//- /helpers/money.php
)",
                        "src/helpers/money.php");
  check_certain(R"(
//- /inc/money.php
<?php
function money($x) {}
//       ^^^^^ definition
//- /zzz/other.php
<?php
namespace Z;
function money($x) {}
//- /main.php
<?php
include 'inc/money.php';
mon<|>ey(1);
)");
}
