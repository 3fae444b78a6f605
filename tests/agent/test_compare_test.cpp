// What a change did to the tests, and which tests to run first after one.
#include <catch2/catch.hpp>

#include "agent/tests/affected.h"
#include "agent/tests/compare.h"
#include "repoindex/index.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::agent;
using engramd::test::Workspace;

namespace {

TestRun run_of(std::initializer_list<std::pair<const char*, TestStatus>> tests, int exit_code) {
  TestRun run;
  run.exit_code = exit_code;
  for (const auto& [id, status] : tests) {
    TestCase test;
    test.id = id;
    test.status = status;
    if (test.red()) test.message = "Traceback\n  File \"x.py\", line 1\nValueError: no " + test.id;
    run.tests.push_back(test);
  }
  run.green = exit_code == 0;
  return run;
}

constexpr auto kPassed = TestStatus::passed;
constexpr auto kFailed = TestStatus::failed;
constexpr auto kSkipped = TestStatus::skipped;

std::string ranked(std::string_view files, const ChangedCode& changed) {
  const Workspace ws(files);
  auto index = repoindex::RepoIndex::open(ws.root(), {});
  REQUIRE(index);
  REQUIRE((*index)->refresh({}, {}));
  const repoindex::View view{(*index)->snapshot(), nullptr};
  std::string out;
  for (const AffectedTest& test : affected_tests(view, changed))
    out += test.file + ": " + test.why + "\n";
  return out;
}

}  // namespace

TEST_CASE("a comparison says what was fixed, what broke and what went away") {
  const TestRun before = run_of({{"a", kFailed},
                                 {"b", kFailed},
                                 {"c", kPassed},
                                 {"d", kPassed},
                                 {"e", kPassed},
                                 {"f", kFailed},
                                 {"g", kSkipped}},
                                1);
  const TestRun after = run_of({{"a", kPassed},
                                {"b", kFailed},
                                {"c", kFailed},
                                {"d", kPassed},
                                {"f", kSkipped},
                                {"g", kSkipped},
                                {"h", kPassed}},
                               1);
  const TestComparison comparison = compare(before, after);
  CHECK(to_text(comparison) ==
        "1 fixed, 1 broken, 2 still red, 1 vanished, 1 new, 1 still green, 1 skipped\n"
        "+ a  (failed -> passed)\n"
        "- c  (passed -> failed)\n"
        "    ValueError: no c\n"
        "! b  (failed -> failed)\n"
        "    ValueError: no b\n"
        "! f  (failed -> skipped)\n"
        "    ValueError: no f\n"
        "? e  (passed -> not listed)\n"
        "* h  (not listed -> passed)\n");
  CHECK(to_text(comparison, 2).find("… and 4 more") != std::string::npos);

  const TestRun red = run_of({{"a", kFailed}, {"c", kPassed}}, 1);
  const TestRun green = run_of({{"a", kPassed}, {"c", kPassed}}, 0);
  CHECK(to_text(compare(red, green)) == "1 fixed, 1 still green\n+ a  (failed -> passed)\n");
  TestRun doubtful = green;
  doubtful.green = false;
  doubtful.contradiction = "the exit status is 1 although no test is red";
  CHECK(compare(red, doubtful).doubt.find("after: the exit status is 1") == 0);
  CHECK(compare(green, green).fixed.empty());  // nothing was red
  CHECK(compare(red, run_of({{"c", kPassed}}, 0)).vanished.size() == 1);
}

TEST_CASE("a Catch2 case inside a ctest entry is fixed when the entry passes") {
  TestRun before = run_of({{"all", kFailed}, {"all::it adds", kFailed}}, 8);
  before.framework = Framework::ctest;
  const TestComparison comparison = compare(before, run_of({{"all", kPassed}}, 0));
  CHECK(comparison.fixed.size() == 2);
  CHECK(comparison.vanished.empty());
}

TEST_CASE("the tests that a change may break come first") {
  CHECK(ranked(R"(
//- /shop/price.py
def total(items): return sum(items)
//- /shop/cart.py
from shop.price import total
def pay(cart): return total(cart)
//- /shop/__init__.py
//- /tests/test_cart.py
from shop.cart import pay
def test_pay(): assert pay([1]) == 1
//- /tests/test_price.py
from shop.price import total
def test_total(): assert total([1]) == 1
//- /tests/test_other.py
def test_other(): pass
)",
               {{"shop/price.py"}, {"total"}}) ==
        "tests/test_price.py: imports shop/price.py\n"
        "tests/test_cart.py: imports shop/cart.py on the way\n");
  CHECK(ranked(R"(
//- /go.mod
module example.com/m
//- /ring/ring.go
package ring
func Put() {}
//- /ring/ring_test.go
package ring
//- /ring/more_test.go
package ring
//- /other/other_test.go
package other
)",
               {{"ring/ring.go"}, {}}) ==
        "ring/ring_test.go: is in the package of ring/ring.go\n"
        "ring/more_test.go: is in the package of ring/ring.go\n");
  CHECK(ranked("//- /src/a.rs\n#[cfg(test)]\nmod tests {}\n//- /tests/b.test.js\n",
               {{"src/a.rs"}, {}}) == "src/a.rs: has tests of its own\n");
  CHECK(ranked("//- /a.py\n//- /tests/test_b.py\n", {{"tests/test_b.py"}, {}}) ==
        "tests/test_b.py: was changed itself\n");
  CHECK(ranked("//- /a.py\n//- /tests/test_b.py\n", {{"a.py"}, {}}).empty());
}
