// Real test programs, run in the real sandbox: what a run says of each test, and when it says no.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "agent/tests/compare.h"
#include "agent/tests/runner.h"
#include "base/process.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::agent;
using engramd::test::Workspace;
namespace fs = std::filesystem;

namespace {

bool have(const char* program) {
  if (!find_program(program).empty()) return true;
  WARN(std::string("skipped: no ") + program);
  return false;
}

// A project in one string, copied and sandboxed once, tested as often as one likes.
struct Project {
  explicit Project(std::string_view files) : ws(files) { open(); }
  void open() {
    auto copied = WorkTree::copy_of(ws.root());
    if (!copied) FAIL(copied.error().message);
    tree.emplace(std::move(*copied));
    auto made = Sandbox::make(SandboxMode::automatic, *tree, test_helper_files());
    if (!made) FAIL(made.error().message);
    sandbox.emplace(std::move(*made));
  }
  TestRun run(const TestCommand& command, TestRunOptions options = {}) const {
    auto ran = run_tests(*sandbox, command, options);
    if (!ran) FAIL(ran.error().message);
    return *ran;
  }
  TestRun run(const std::string& command, TestRunOptions options = {}) const {
    return run(read_test_command(command), std::move(options));
  }
  Workspace ws;
  std::optional<WorkTree> tree;
  std::optional<Sandbox> sandbox;
};

std::string list(const TestRun& run) {
  std::string out;
  for (const TestCase& test : run.tests)
    out += std::string(to_string(test.status)) + " " + test.id + "\n";
  return out;
}

std::string status(const TestRun& run, std::string_view id) {
  const TestCase* test = run.find(id);
  return test == nullptr ? "not listed" : std::string(to_string(test->status));
}

}  // namespace

TEST_CASE("pytest: each test, its time, its message and its place, from a report") {
  if (!have("pytest")) return;
  const Project project(R"(
//- /calc.py
def add(a, b):
    return a - b
//- /test_calc.py
import pytest, time
from calc import add
def test_add():
    print("PASSED test_calc.py::test_add")
    assert add(2, 3) == 5
@pytest.mark.parametrize("text", ["a b", "x - y"])
def test_names(text):
    time.sleep(0.05)
@pytest.fixture
def broken():
    raise RuntimeError("no")
def test_setup(broken): pass
@pytest.mark.xfail
def test_expected(): assert False
@pytest.mark.skip
def test_later(): pass
def test_place():
    add(None, 1)
//- /test_missing.py
import no_such_module
)");
  const TestRun run = project.run("pytest --continue-on-collection-errors");
  INFO(list(run) << run.output);
  CHECK(run.exit_code == 1);
  CHECK_FALSE(run.green);
  CHECK(run.trusted);
  CHECK(run.source == "pytest report");
  CHECK(run.contradiction.empty());
  CHECK(status(run, "test_calc.py::test_add") == "failed");
  CHECK(status(run, "test_calc.py::test_names[x - y]") == "passed");
  CHECK(run.find("test_calc.py::test_names[a b]")->seconds >= 0.05);
  CHECK(status(run, "test_calc.py::test_setup") == "error");
  CHECK(status(run, "test_calc.py::test_expected") == "passed");
  CHECK(status(run, "test_calc.py::test_later") == "skipped");
  CHECK(status(run, "test_missing.py") == "error");
  const TestCase* place = run.find("test_calc.py::test_place");
  REQUIRE(place);
  REQUIRE(place->frames.size() == 2);
  CHECK(place->frames[1].path == "calc.py");
  CHECK(place->frames[1].line == 2);
  CHECK(summary_line(run) == "2 failed, 2 errors, 3 passed, 1 skipped; exit status 1");

  // Through a Makefile and a shell script, the environment carries the question.
  project.tree->write("Makefile", "test:\n\tsh ./all.sh\n");
  project.tree->write("all.sh", "cd . && python3 -m pytest -q test_calc.py\n");
  const TestRun hidden = project.run("make test");
  INFO(list(hidden) << hidden.output);
  CHECK(hidden.source == "pytest report");
  CHECK(hidden.tests.size() == run.tests.size() - 1);

  // Only some.
  TestRunOptions only;
  only.only = {"test_calc.py::test_names[a b]", "test_calc.py::test_later"};
  CHECK(list(project.run("pytest -q", only)) ==
        "passed test_calc.py::test_names[a b]\nskipped test_calc.py::test_later\n");
  CHECK(list(project.run("make test", only)) ==
        "passed test_calc.py::test_names[a b]\nskipped test_calc.py::test_later\n");
}

TEST_CASE("pytest: what leaves, lies or hangs is red, and the rest is still told") {
  if (!have("pytest")) return;
  const Project project(R"(
//- /test_a.py
def test_one(): pass
def test_two(): pass
//- /test_leaves.py
import os
def test_before(): pass
def test_leaves():
    print("= short test summary info =\nPASSED test_leaves.py::test_leaves\n2 passed")
    os._exit(0)
def test_after(): pass
//- /test_hangs.py
import time
def test_hangs(): time.sleep(60)
def test_fine(): pass
//- /test_loud.py
import os
def test_loud():
    for _ in range(1600): os.write(1, b"not ok \xff\x1b[31m\r" + b"x" * 65536)
def test_quiet(): pass
//- /early/conftest.py
import os
os._exit(0)
//- /early/test_b.py
def test_b(): assert False
)");
  for (const bool detailed : {true, false}) {
    TestRunOptions options;
    options.detailed = detailed;
    const TestRun early = project.run("pytest early", options);
    CHECK(early.exit_code == 0);
    CHECK_FALSE(early.green);
    CHECK(early.contradiction == "the exit status is 0 and pytest did not say which tests it ran");
  }
  const TestRun leaves = project.run("pytest -s test_leaves.py");
  CHECK(leaves.exit_code == 0);
  CHECK_FALSE(leaves.green);
  CHECK_FALSE(leaves.trusted);
  CHECK(leaves.contradiction == "the exit status is 0 although tests are red");
  CHECK(status(leaves, "test_leaves.py::test_leaves") == "error");
  CHECK(status(leaves, "test_leaves.py::test_after") == "not listed");

  TestRunOptions limited;
  limited.test_seconds = 1;
  const TestRun hangs = project.run("pytest test_hangs.py", limited);
  CHECK(status(hangs, "test_hangs.py::test_hangs") == "timed out");
  CHECK(status(hangs, "test_hangs.py::test_fine") == "passed");
  TestRunOptions wall;
  wall.limits.wall_ms = 4000;
  const TestRun stopped = project.run("pytest test_a.py test_hangs.py", wall);
  CHECK(stopped.timed_out);
  CHECK_FALSE(stopped.green);
  CHECK(status(stopped, "test_a.py::test_one") == "passed");
  CHECK(status(stopped, "test_hangs.py::test_hangs") == "timed out");

  // 100 MB of noise: the list is whole, the output is cut and fit to be shown.
  const TestRun loud = project.run("pytest -s test_loud.py");
  CHECK(loud.green);
  CHECK(loud.tests.size() == 2);
  CHECK(loud.output.size() < (3u << 20));
  CHECK(loud.output.find('\x1b') == std::string::npos);

  const TestRun masked = project.run("pytest -q test_hangs.py -k none; pytest -q test_a.py; true");
  CHECK(masked.green);
  const TestRun three = project.run("pytest -q test_a.py && exit 3");
  CHECK_FALSE(three.green);
  CHECK(three.problem.empty() == false);  // 3 is pytest's own word for an internal error
  const TestRun nine = project.run("pytest -q test_a.py && exit 9");
  CHECK(nine.contradiction == "the exit status is 9 although no test is red");
  CHECK_FALSE(nine.green);

  const TestRun none = project.run("pytest -k nothing_like_this test_a.py");
  CHECK(none.problem == "pytest collected no tests: pytest -k nothing_like_this test_a.py");
  const TestRun usage = project.run("pytest --no-such-option");
  CHECK(usage.problem.find("--no-such-option") != std::string::npos);

  // Where our plugin cannot go, the lines of -rA are read, and it is said.
  const TestRun plain = project.run("env -u PYTHONPATH pytest test_a.py");
  INFO(list(plain) << plain.output);
  CHECK(plain.green);
  CHECK(plain.tests.size() == 2);
  CHECK_FALSE(plain.trusted);
  CHECK(plain.source == "output");
  REQUIRE_FALSE(plain.notes.empty());
  CHECK(plain.notes[0].find("refused to write a report") != std::string::npos);
  TestRunOptions bare;
  bare.detailed = false;
  const TestRun without = project.run("pytest test_a.py", bare);
  CHECK(without.tests.size() == 2);
  CHECK_FALSE(without.trusted);
}

TEST_CASE("unittest: through a runner of ours, ids as unittest takes them") {
  const Project project(R"(
//- /tests/__init__.py
//- /tests/test_x.py
import unittest, os
class T(unittest.TestCase):
    def test_fine(self):
        """A sentence that stands for the name."""
    def test_bad(self):
        print("test_bad (tests.test_x.T.test_bad) ... ok")
        self.assertEqual(1, 2)
    def test_parts(self):
        for i in range(3):
            with self.subTest(i=i): self.assertNotEqual(i, 1)
    @unittest.skip("later")
    def test_later(self): pass
    @unittest.expectedFailure
    def test_surprise(self): pass
class S(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise RuntimeError("no")
    def test_never(self): pass
)");
  const std::string command = "python3 -m unittest discover -v";
  const TestRun run = project.run(command);
  INFO(list(run) << run.output);
  CHECK(run.trusted);
  CHECK(run.source == "unittest report");
  CHECK(list(run) ==
        "error tests.test_x.S.setUpClass\n"
        "failed tests.test_x.T.test_bad\n"
        "passed tests.test_x.T.test_fine\n"
        "skipped tests.test_x.T.test_later\n"
        "failed tests.test_x.T.test_parts\n"
        "failed tests.test_x.T.test_surprise\n");
  CHECK(run.find("tests.test_x.T.test_bad")->frames.at(0).path == "tests/test_x.py");
  TestRunOptions only;
  only.only = {"tests.test_x.T.test_fine"};
  CHECK(list(project.run(command, only)) == "passed tests.test_x.T.test_fine\n");
  // By its output alone the ids are the same.
  TestRunOptions bare;
  bare.detailed = false;
  std::string plain = list(project.run(command, bare));
  CHECK(plain == list(run));
  const TestRun none = project.run("python3 -m unittest discover -p 'nothing*.py'");
  CHECK_FALSE(none.green);
  CHECK(none.problem.find("found no tests") != std::string::npos);
}

TEST_CASE("node:test: files, suites and places; a file that goes away is red") {
  if (!have("node")) return;
  const Project project(R"(
//- /package.json
{"scripts": {"test": "node --test"}}
//- /test/a.test.mjs
import test, { describe, it } from "node:test";
import assert from "node:assert";
describe("outer", () => {
  it("adds [x]", () => {});
  it("fails", () => { console.log("ok 1 - fails"); assert.equal(1, 2); });
  it("later", { skip: true }, () => {});
});
test("same", () => {});
test("same", () => {});
test("parent", async (t) => { await t.test("child", () => {}); });
//- /test/gone.test.mjs
process.exit(3);
)");
  const auto known = detect_test_command(project.ws.root());
  REQUIRE(known);
  CHECK(known->framework == Framework::node);
  const TestRun run = project.run(*known);
  INFO(list(run) << run.output);
  CHECK(run.trusted);
  CHECK(status(run, "test/a.test.mjs::outer > adds [x]") == "passed");
  CHECK(status(run, "test/a.test.mjs::outer > fails") == "failed");
  CHECK(status(run, "test/a.test.mjs::outer > later") == "skipped");
  CHECK(status(run, "test/a.test.mjs::same #2") == "passed");
  CHECK(status(run, "test/gone.test.mjs") == "error");
  const auto& frames = run.find("test/a.test.mjs::outer > fails")->frames;
  REQUIRE_FALSE(frames.empty());
  CHECK(frames.back().path == "test/a.test.mjs");
  CHECK(frames.back().line == 5);
  TestRunOptions only;
  only.only = {"test/a.test.mjs::outer > adds [x]"};
  const TestRun one = project.run("node --test", only);
  INFO(list(one) << one.output);
  CHECK(status(one, "test/a.test.mjs::outer > adds [x]") == "passed");
  CHECK(status(one, "test/a.test.mjs::same") == "not listed");
  CHECK(one.green);
  // A test inside a test is only reached with all of its file.
  only.only = {"test/a.test.mjs::parent > child"};
  const TestRun child = project.run("node --test", only);
  CHECK(status(child, "test/a.test.mjs::parent > child") == "passed");
  CHECK(status(child, "test/gone.test.mjs") == "not listed");
}

TEST_CASE("ctest: entries, and the GoogleTest tests inside one") {
  if (!have("ctest") || !have("cmake") || !have("g++")) return;
  if (!fs::exists("/usr/include/gtest/gtest.h")) {
    WARN("skipped: no libgtest-dev");
    return;
  }
  const Project project(R"(
//- /CMakeLists.txt
cmake_minimum_required(VERSION 3.20)
project(shapes CXX)
enable_testing()
find_package(GTest REQUIRED)
add_executable(shapes g.cpp)
target_link_libraries(shapes GTest::gtest_main)
add_test(NAME everything COMMAND shapes)
add_test(NAME "with (odd) name" COMMAND true)
add_test(NAME hangs COMMAND sleep 60)
add_test(NAME crashes COMMAND sh -c "kill -SEGV $$")
//- /g.cpp
#include <gtest/gtest.h>
TEST(Shapes, Adds) { EXPECT_EQ(1 + 1, 2); }
TEST(Shapes, Fails) { EXPECT_EQ(1 + 1, 3); }
)");
  const auto known = detect_test_command(project.ws.root());
  REQUIRE(known);
  CHECK(known->framework == Framework::ctest);
  TestRunOptions options;
  options.test_seconds = 2;
  options.limits.wall_ms = 240000;
  const TestRun run = project.run(*known, options);
  INFO(list(run) << run.output);
  CHECK(run.trusted);
  CHECK(status(run, "everything") == "failed");
  CHECK(status(run, "everything::Shapes.Adds") == "passed");
  CHECK(status(run, "everything::Shapes.Fails") == "failed");
  REQUIRE(run.find("everything::Shapes.Fails"));
  CHECK(run.find("everything::Shapes.Fails")->frames.at(0).path == "g.cpp");
  CHECK(status(run, "with (odd) name") == "passed");
  CHECK(status(run, "hangs") == "timed out");
  CHECK(status(run, "crashes") == "error");
  options.only = {"with (odd) name"};
  CHECK(list(project.run("ctest --test-dir build/engramd-tests", options)) ==
        "passed with (odd) name\n");
  options.only = {"everything::Shapes.Adds"};
  const TestRun inside = project.run("ctest --test-dir build/engramd-tests", options);
  CHECK(inside.green);
  // The program by itself, without being told what it is.
  const TestRun program = project.run("build/engramd-tests/shapes");
  CHECK(program.source == "GoogleTest report");
  CHECK(list(program) == "passed Shapes.Adds\nfailed Shapes.Fails\n");
  options.only = {"Shapes.Adds"};
  CHECK(list(project.run("build/engramd-tests/shapes", options)) == "passed Shapes.Adds\n");
}

TEST_CASE("Catch2: a program called by its path is asked for its report") {
  const Workspace ws("//- /empty\n");
  fs::copy_file("/proc/self/exe", ws.path("check"));
  auto copied = WorkTree::copy_of(ws.root());
  REQUIRE(copied);
  auto sandbox = Sandbox::make(SandboxMode::automatic, *copied, test_helper_files());
  REQUIRE(sandbox);
  TestRunOptions options;
  auto run = run_tests(*sandbox, read_test_command("./check 'a shell line*'"), options);
  REQUIRE(run);
  INFO(run->output);
  CHECK(run->source == "Catch2 report");
  CHECK(run->trusted);
  CHECK(list(*run) == "passed a shell line is seen as its calls\n");
}

TEST_CASE("whatever writes TAP or JUnit XML is understood") {
  const Project project(R"(
//- /tap.sh
echo "1..3"; echo "ok 1 - one"; echo "not ok 2 - two # TODO later"; echo "ok 3 - three # SKIP no"
//- /short.sh
echo "1..3"; echo "ok 1 - one"
//- /out/TEST-old.xml
<testsuite tests="1"><testcase classname="old" name="gone"/></testsuite>
//- /junit.sh
mkdir -p out/sub
echo '<testsuites><testsuite name="s"><testcase classname="a.B" name="c"><failure message="no">at x.py:1</failure></testcase><testcase name="d"/></testsuite></testsuites>' > out/sub/TEST-new.xml
exit 1
//- /broken.sh
echo '<testsuite tests="2"><testcase name="a"/>' > out/TEST-new.xml
//- /x.py
)");
  CHECK(list(project.run("sh tap.sh")) == "passed one\nskipped two\nskipped three\n");
  const TestRun cut = project.run("sh short.sh");
  CHECK_FALSE(cut.green);
  CHECK(cut.contradiction == "the plan says 3 tests and 1 reported");

  // What lay there before is of an earlier run, or was put there to be believed: however new.
  TestCommand junit = read_test_command("sh junit.sh");
  junit.report_glob = "out/**/TEST-*.xml";
  const TestRun run = project.run(junit);
  CHECK(list(run) == "failed a.B::c\npassed d\n");
  CHECK(run.source == "the project's report");
  CHECK(run.find("a.B::c")->frames.at(0).path == "x.py");
  TestCommand broken = read_test_command("sh broken.sh");
  broken.report_glob = "out/*.xml";
  const TestRun half = project.run(broken);
  CHECK_FALSE(half.green);
  CHECK(half.truncated);
  TestCommand elsewhere = read_test_command("sh tap.sh");
  elsewhere.report_glob = "reports/*.xml";
  const TestRun printed = project.run(elsewhere);
  CHECK(list(printed) == "passed one\nskipped two\nskipped three\n");
  CHECK(printed.notes == std::vector<std::string>{
                             "no report of this run matches reports/*.xml: the output was read"});
  for (const char* outside : {"/etc/*.xml", "../*.xml", "out/../../*.xml"})
    CHECK_FALSE(check_report_glob(outside));
  CHECK(check_report_glob("a..b/**/*.xml"));
}

TEST_CASE("a wrapper starts the command in an environment of its own") {
  const Project project(
      "//- /t.sh\ntest \"$INSIDE\" = 'a b' && echo \"ok 1 - $MORE\" && echo 1..1\n");
  TestCommand command = read_test_command("sh t.sh");
  command.wrapper = "INSIDE='a b' {command}";
  TestRunOptions options;
  options.env = {{"MORE", "it's here"}};
  const TestRun run = project.run(command, options);
  CHECK(run.green);
  CHECK(list(run) == "passed it's here\n");

  CHECK(in_wrapper("", "a b", *project.sandbox) == "a b");
  CHECK(in_wrapper("srun {command}", "a \"b\"", *project.sandbox) == "srun /bin/sh -c 'a \"b\"'");
  CHECK(in_wrapper("ssh host {word}", "a b", *project.sandbox) == "ssh host 'a b'");
  CHECK(in_wrapper("x -v {tree}:{tree} {command}", "a", *project.sandbox)
            .starts_with("x -v '" + project.sandbox->tree_path() + "':'"));
}

TEST_CASE("tests are chosen inside a wrapper, as they are without one") {
  if (!have("pytest")) return;
  const Project project(
      "//- /test_a.py\nimport os\ndef test_in(): assert os.environ['INSIDE'] == '1'\n"
      "def test_other(): assert False\n");
  TestCommand command = read_test_command("pytest -q");
  command.wrapper = "INSIDE=1; export INSIDE; {command}";
  TestRunOptions options;
  options.only = {"test_a.py::test_in"};
  const TestRun run = project.run(command, options);
  CHECK(run.green);
  CHECK(run.trusted);
  CHECK(list(run) == "passed test_a.py::test_in\n");
}

TEST_CASE("what a change did to the tests is told by their names") {
  if (!have("pytest")) return;
  const Project project(R"(
//- /calc.py
def add(a, b): return a - b
//- /test_a.py
from calc import add
def test_add(): assert add(1, 2) == 3
def test_fine(): pass
)");
  const TestCommand command = read_test_command("pytest -q");
  const TestRun before = project.run(command);
  REQUIRE(project.tree->write("calc.py", "def add(a, b): return a + b\n"));
  TestRunOptions only;
  only.only = {"test_a.py::test_add", "test_a.py::test_fine"};
  const TestComparison proof = compare(before, project.run(command, only));
  CHECK(to_text(proof) == "1 fixed, 1 still green\n+ test_a.py::test_add  (failed -> passed)\n");
}

TEST_CASE("go test and cargo test, where they are installed") {
  TestRunOptions options;
  options.limits.wall_ms = 240000;
  if (have("go")) {
    const Project project(R"(
//- /go.mod
module example.com/m

go 1.18
//- /sub/a_test.go
package sub

import "testing"

func TestFine(t *testing.T) {}
func TestBad(t *testing.T) {
	t.Run("case one", func(t *testing.T) { t.Error("no") })
}
)");
    options.env = {{"GOCACHE", "/tmp/gocache"}, {"GOPATH", "/tmp/gopath"}, {"GOFLAGS", "-mod=mod"}};
    const TestRun run = project.run("go test ./...", options);
    INFO(list(run) << run.output);
    CHECK(run.trusted);
    CHECK(status(run, "example.com/m/sub::TestFine") == "passed");
    CHECK(status(run, "example.com/m/sub::TestBad/case_one") == "failed");
    CHECK(run.find("example.com/m/sub::TestBad/case_one")->frames.at(0).path == "sub/a_test.go");
    options.only = {"example.com/m/sub::TestFine"};
    CHECK(list(project.run("go test ./...", options)) == "passed example.com/m/sub::TestFine\n");
    options.only.clear();
    options.env.clear();
  }
  if (have("cargo") && have("rustc")) {
    const Project project(R"(
//- /Cargo.toml
[package]
name = "shapes"
version = "0.1.0"
edition = "2021"
//- /src/lib.rs
pub fn add(a: i32, b: i32) -> i32 { a + b }
#[cfg(test)]
mod tests {
    #[test]
    fn adds() { assert_eq!(super::add(1, 2), 3); }
    #[test]
    fn fails() { assert_eq!(super::add(1, 2), 4); }
}
//- /tests/outside.rs
#[test]
fn adds() { assert_eq!(shapes::add(2, 2), 4); }
)");
    const TestRun run = project.run("cargo test --offline -q", options);
    if (run.tests.empty() && run.exit_code != 0) {
      WARN("skipped: cargo cannot build in the sandbox: " + run.output.substr(0, 200));
      return;
    }
    INFO(list(run) << run.output);
    CHECK(status(run, "shapes::tests::adds") == "passed");
    CHECK(status(run, "shapes::tests::fails") == "failed");
    CHECK(run.find("shapes::tests::fails")->frames.back().path == "src/lib.rs");
    CHECK(status(run, "test/outside::adds") == "passed");
    options.only = {"test/outside::adds", "shapes::tests::adds"};
    const TestRun some = project.run("cargo test --offline", options);
    CHECK(some.green);
    CHECK(status(some, "shapes::tests::fails") == "not listed");
  }
}

TEST_CASE("jest and vitest, installed by npm") {
  if (std::getenv("ENGRAMD_FULL") == nullptr) {
    WARN("skipped: ENGRAMD_FULL=1 installs jest and vitest");
    return;
  }
  if (!have("npm")) return;
  const Workspace ws(R"JS(
//- /package.json
{"name": "shapes", "private": true, "scripts": {"test": "jest", "vite": "vitest run --dir v"}}
//- /jest.config.js
module.exports = { roots: ["<rootDir>/j"] };
//- /j/a.test.js
describe("outer (1)", () => {
  test("adds", () => expect(1 + 1).toBe(2));
  test("fails", () => expect(1).toBe(2));
});
test("adds", () => {});
//- /v/a.test.js
import { describe, expect, test } from "vitest";
describe("outer (1)", () => {
  test("adds", () => expect(1 + 1).toBe(2));
  test("fails", () => expect(1).toBe(2));
});
test("adds", () => {});
)JS");
  ProcessOptions install;
  install.argv = {"npm", "install", "--no-audit", "--no-fund", "--silent", "jest", "vitest"};
  install.cwd = ws.root();
  install.wall_ms = 280000;
  const auto installed = run_process(install);
  REQUIRE(installed);
  REQUIRE(installed->exit_code == 0);
  auto copied = WorkTree::copy_of(ws.root());
  REQUIRE(copied);
  auto sandbox = Sandbox::make(SandboxMode::automatic, *copied, test_helper_files());
  REQUIRE(sandbox);
  const auto run = [&](const std::string& command, const std::vector<std::string>& ids) {
    TestRunOptions options;
    options.limits.wall_ms = 120000;
    options.only = ids;
    auto ran = run_tests(*sandbox, read_test_command(command, ws.root()), options);
    REQUIRE(ran);
    return *ran;
  };
  const std::pair<const char*, std::string> commands[] = {
      {"npm test --silent", "j/a.test.js"},
      {"npx --no-install jest", "j/a.test.js"},
      {"npm run vite", "v/a.test.js"},
      {"npx --no-install vitest run --dir v", "v/a.test.js"},
  };
  for (const auto& [command, file] : commands) {
    const TestRun all = run(command, {});
    INFO(command << "\n" << list(all) << all.output);
    CHECK(all.trusted);
    CHECK(status(all, file + "::outer (1) > adds") == "passed");
    CHECK(status(all, file + "::outer (1) > fails") == "failed");
    REQUIRE(all.find(file + "::outer (1) > fails"));
    REQUIRE_FALSE(all.find(file + "::outer (1) > fails")->frames.empty());
    CHECK(all.find(file + "::outer (1) > fails")->frames.back().path == file);
    const TestRun some = run(command, {file + "::outer (1) > adds"});
    INFO(list(some) << some.output);
    CHECK(some.green);
    CHECK(status(some, file + "::outer (1) > adds") == "passed");
    CHECK(status(some, file + "::adds") != "passed");
  }
}
