// Imports that name packages, namespaces and modules: C#, Kotlin, Scala, PHP, Elixir, Swift.
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

TEST_CASE("csharp: a using leads to the namespace, whatever the folders are called") {
  check_certain(R"(
//- /src/Things/Order.cs
namespace Shop.Orders;
public class Order {}
//           ^^^^^ definition
//- /src/Other/Order.cs
namespace Shop.Drafts
{
    public class Order {}
}
//- /app/Main.cs
using System;
using Shop.Orders;
namespace App {
  class Main { Or<|>der order; }
}
)");
  check_certain(R"(
//- /a/Order.cs
namespace Shop { namespace Orders { public class Order {} } }
//                                               ^^^^^ definition
//- /b/Order.cs
namespace Drafts { public class Order {} }
//- /app/Main.cs
using Bill = Shop.Orders.Order;
class Main { Bi<|>ll order; }
)");
}

TEST_CASE("csharp: a namespace sees itself and those around it without a using") {
  check_certain(R"(
//- /a/Base.cs
namespace Shop;
public class Base {}
//           ^^^^ definition
//- /z/Base.cs
namespace Other;
public class Base {}
//- /b/Order.cs
namespace Shop.Orders.Deep;
public class Order : Ba<|>se {}
)");
  check_certain(R"(
//- /a/Tools.cs
namespace Shop.Util;
public static class Tools { public static int Twice(int n) => 2 * n; }
//                                            ^^^^^ definition
//- /a/Other.cs
namespace Shop.Other;
public static class Others { public static int Twice(int n) => n; }
//- /b/Main.cs
using static Shop.Util.Tools;
namespace App;
class Main { int F() { return Twi<|>ce(1); } }
)");
}

TEST_CASE("csharp: global usings of the project hold in every file of it") {
  check_certain(R"(
//- /app/App.csproj
<Project><ItemGroup><Using Include="Shop.Util" /></ItemGroup></Project>
//- /app/GlobalUsings.cs
global using Shop.Orders;
//- /lib/Order.cs
namespace Shop.Orders { public class Order {} }
//                                   ^^^^^ definition
//- /lib/Draft.cs
namespace Shop.Drafts { public class Order {} }
//- /app/deep/Main.cs
namespace App;
class Main { Ord<|>er order; }
)");
  check_certain(R"(
//- /app/App.csproj
<Project><ItemGroup><Using Include="Shop.Util" /></ItemGroup></Project>
//- /lib/Tool.cs
namespace Shop.Util { public class Tool {} }
//                                 ^^^^ definition
//- /lib/Other.cs
namespace Shop.Other { public class Tool {} }
//- /app/Main.cs
class Main { To<|>ol tool; }
)");
}

TEST_CASE("csharp: a name written in full, and the parts of a using") {
  check_certain(R"(
//- /lib/Order.cs
namespace Shop.Orders { public class Order { public static int Count; } }
//                                                             ^^^^^ definition
//- /lib/Draft.cs
namespace Shop.Drafts { public class Order { public static int Count; } }
//- /app/Main.cs
class Main { int n = Shop.Orders.Order.Cou<|>nt; }
)");
  check_certain(R"(
//- /lib/Order.cs
namespace Shop.Orders;
//        ^^^^^^^^^^^ definition
public class Order {}
//- /app/Main.cs
using Shop.Ord<|>ers;
)");
}

TEST_CASE("kotlin: packages that are not folders, functions at the top, renamed and starred") {
  check_certain(R"(
//- /src/commonMain/kotlin/util/Files.kt
package shop.util
fun openAll(n: Int) {}
//  ^^^^^^^ definition
//- /src/jvmMain/kotlin/Other.kt
package shop.other
fun openAll(n: Int) {}
//- /app/Main.kt
package app
import shop.util.openAll
fun main() { open<|>All(1) }
)");
  check_certain(R"(
//- /a.kt
package shop.util
class Price
//    ^^^^^ definition
//- /b.kt
package shop.other
class Price
//- /app/Main.kt
import shop.util.Price as Cost
val c: Co<|>st? = null
)");
  check_certain(R"(
//- /a.kt
package shop.util
class Price
//    ^^^^^ definition
//- /b.kt
package shop.other
class Price
//- /app/Main.kt
package app
import shop.util.*
val c: Pri<|>ce? = null
)");
}

TEST_CASE("kotlin: the own package comes before a starred one, and files of it need no import") {
  check_certain(R"(
//- /x/a.kt
package app
class Price
//    ^^^^^ definition
//- /b.kt
package shop
class Price
//- /y/Main.kt
package app
import shop.*
val c: Pri<|>ce? = null
)");
}

TEST_CASE("kotlin and java see each other's packages") {
  check_certain(R"(
//- /src/main/java/shop/util/Tool.java
package shop.util;
public class Tool {}
//           ^^^^ definition
//- /src/main/java/shop/other/Tool.java
package shop.other;
public class Tool {}
//- /src/main/kotlin/Main.kt
package app
import shop.util.Tool
val t: To<|>ol? = null
)");
  check_certain(R"(
//- /src/main/kotlin/Things.kt
package shop.util
class Tool
//    ^^^^ definition
//- /src/main/kotlin/Others.kt
package shop.other
class Tool
//- /src/main/java/app/Main.java
package app;
import shop.util.Tool;
class Main { To<|>ol tool; }
)");
}

TEST_CASE("scala: selectors, packages that add up, and an object's members") {
  check_certain(R"(
//- /a.scala
package shop
package util
class Price
//    ^^^^^ definition
//- /b.scala
package shop.other
class Price
//- /Main.scala
package app
import shop.util.{Price => Cost, _}
class Main { val c: Co<|>st = null }
)");
  check_certain(R"(
//- /a.scala
package shop.util
object Tools { def twice(n: Int) = 2 * n }
//                 ^^^^^ definition
//- /b.scala
package shop.other
object Tools { def twice(n: Int) = n }
//- /Main.scala
package app
import shop.util.Tools._
class Main { val c = twi<|>ce(1) }
)");
  check_certain(R"(
//- /a.scala
package shop
class Base
//    ^^^^ definition
//- /b.scala
package other
class Base
//- /Main.scala
package shop
package deep
class Main extends Ba<|>se
)");
}

TEST_CASE("scala: what an object has from a trait is imported through the object") {
  CHECK(check_definition(R"(
//- /a.scala
package shop
trait Api { def read(n: Int) = n }
//              ^^^^ definition
object default extends Api
//- /b.scala
package other
trait Api { def read(n: Int) = n }
//- /Main.scala
package app
import shop.default.{read, write}
class Main { val c = re<|>ad(1) }
)") == Confidence::likely);
}

TEST_CASE("php: use goes through composer.json, namespaces need no use for their own names") {
  check_certain(R"(
//- /composer.json
{"autoload": {"psr-4": {"App\\": "src/"}}}
//- /fixtures/Money.php
<?php
namespace App\Support;
class Money {}
//- /src/Support/Money.php
<?php
namespace App\Support;
class Money {}
//    ^^^^^ definition
//- /src/Billing/Invoice.php
<?php
namespace App\Billing;
use App\Support\Money as Cash;
function f(Ca<|>sh $m) {}
)");
  check_certain(R"(
//- /one/Tax.php
<?php
namespace App\Billing;
class Tax {}
//    ^^^ definition
//- /two/Tax.php
<?php
namespace App\Other;
class Tax {}
//- /src/Invoice.php
<?php
namespace App\Billing;
function f(Ta<|>x $t) {}
)");
}

TEST_CASE("php: functions, names in full, and names relative to a use") {
  check_certain(R"(
//- /a.php
<?php
namespace App\Support;
function format_money($x) {}
//       ^^^^^^^^^^^^ definition
//- /b.php
<?php
namespace App\Other;
function format_money($x) {}
//- /main.php
<?php
use function App\Support\format_money;
format_<|>money(1);
)");
  check_certain(R"(
//- /a.php
<?php
namespace App\Support;
class Money {}
//    ^^^^^ definition
//- /b.php
<?php
namespace App\Other;
class Money {}
//- /main.php
<?php
namespace Main;
$x = new \App\Support\Mon<|>ey();
)");
  check_certain(R"(
//- /a.php
<?php
namespace App\Support;
class Money { public static function zero() {} }
//                                   ^^^^ definition
//- /b.php
<?php
namespace App\Other;
class Money { public static function zero() {} }
//- /main.php
<?php
namespace Main;
use App\Support;
$x = Support\Money::ze<|>ro();
)");
}

TEST_CASE("elixir: aliases, several at once and renamed, lead to the module's file") {
  check_certain(R"(
//- /lib/shop/item.ex
defmodule Shop.Item do
#              ^^^^ definition
  def new(x), do: x
end
//- /lib/other/item.ex
defmodule Other.Item do
  def new(x), do: x
end
//- /lib/app.ex
defmodule App do
  alias Shop.{Item, Price}
  def run(%It<|>em{} = x), do: x
end
)");
  check_certain(R"(
//- /lib/shop/item.ex
defmodule Shop.Item do
  def new(x), do: x
#     ^^^ definition
end
//- /lib/other/item.ex
defmodule Other.Item do
  def new(x), do: x
end
//- /lib/app.ex
defmodule App do
  alias Shop.Item, as: Thing
  def run(x), do: Thing.ne<|>w(x)
end
)");
  check_certain(R"(
//- /lib/shop/item.ex
defmodule Shop.Item do
  def new(x), do: x
#     ^^^ definition
end
//- /lib/other/item.ex
defmodule Other.Item do
  def new(x), do: x
end
//- /lib/app.ex
defmodule App do
  def run(x), do: Shop.Item.ne<|>w(x)
end
)");
  check_certain(R"(
//- /lib/shop/tools.ex
defmodule Shop.Tools do
  def twice(x), do: 2 * x
#     ^^^^^ definition
end
//- /lib/other/tools.ex
defmodule Other.Tools do
  def twice(x), do: x
end
//- /lib/app.ex
defmodule App do
  import Shop.Tools
  def run(x), do: twi<|>ce(x)
end
)");
}

TEST_CASE("swift: a module is the files of its target") {
  check_certain(R"(
//- /Package.swift
let package = Package(name: "Shop", targets: [
  .target(name: "Shop", dependencies: [.target(name: "Util")]),
  .target(name: "Util", path: "Libraries/Util"),
  .testTarget(name: "ShopTests", dependencies: ["Shop"]),
])
//- /Sources/Shop/deep/Price.swift
struct Price {}
//     ^^^^^ definition
//- /Libraries/Util/Price.swift
struct Price {}
//- /Sources/Shop/Order.swift
struct Order { var price: Pri<|>ce }
)");
  check_certain(R"(
//- /Package.swift
let package = Package(name: "Shop", targets: [
  .target(name: "Shop"), // the shop
  .target(name: "Util", path: "Libraries/Util"),
  .testTarget(name: "ShopTests", dependencies: ["Shop"]),
])
//- /Sources/Shop/Price.swift
struct Price {}
//     ^^^^^ definition
//- /Libraries/Util/Price.swift
struct Price {}
//- /Tests/ShopTests/OrderTests.swift
@testable import Shop
func test() { _ = Pri<|>ce() }
)");
}
