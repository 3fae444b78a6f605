// What we read from the outputs and reports of real test programs: see tests/fixtures/testrun.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "agent/tests/framework.h"
#include "agent/tests/output_text.h"
#include "agent/tests/runner.h"
#include "base/file.h"
#include "base/text.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::agent;
using engramd::test::Workspace;
namespace fs = std::filesystem;

namespace {

struct Captured {
  const char* file;
  Framework framework;
  const char* report;  // what the run's folder would hold it as; "": it was printed
  const char* printed = "";
};

constexpr Captured kCaptured[] = {
    {"pytest/verdicts.txt", Framework::pytest, ""},
    {"pytest/quiet.txt", Framework::pytest, ""},
    {"pytest/colour.txt", Framework::pytest, ""},
    {"pytest/collection.txt", Framework::pytest, ""},
    {"pytest/exit.txt", Framework::pytest, ""},
    {"pytest/none.txt", Framework::pytest, ""},
    {"pytest/usage.txt", Framework::pytest, ""},
    {"unittest/verbose.txt", Framework::unittest, ""},
    {"unittest/dots.txt", Framework::unittest, ""},
    {"unittest/none.txt", Framework::unittest, ""},
    {"go/json.txt", Framework::go, ""},
    {"go/json.txt", Framework::go, "go.json"},
    {"go/verbose.txt", Framework::go, ""},
    {"go/plain.txt", Framework::go, ""},
    {"cargo/all.txt", Framework::cargo, ""},
    {"cargo/first.txt", Framework::cargo, ""},
    {"cargo/broken.txt", Framework::cargo, ""},
    {"ctest/failing.txt", Framework::ctest, ""},
    {"ctest/failing.xml", Framework::ctest, "ctest.report", "ctest/failing.txt"},
    {"ctest/quiet.txt", Framework::ctest, ""},
    {"ctest/none.txt", Framework::ctest, ""},
    {"gtest/console.txt", Framework::gtest, ""},
    {"gtest/colour.txt", Framework::gtest, ""},
    {"gtest/report.xml", Framework::gtest, "gtest/report.xml"},
    {"catch2/console.txt", Framework::catch2, ""},
    {"catch2/green.txt", Framework::catch2, ""},
    {"catch2/report.xml", Framework::catch2, "catch2.report"},
    {"node_test/spec.txt", Framework::node, ""},
    {"node_test/tap.txt", Framework::node, ""},
    {"node_test/tap.txt", Framework::tap, ""},
    {"node_test/events.jsonl", Framework::node, "node.jsonl"},
    {"jest/console.txt", Framework::jest, ""},
    {"jest/report.json", Framework::jest, "jest.json"},
    {"jest/none.txt", Framework::jest, ""},
    {"vitest/console.txt", Framework::vitest, ""},
    {"vitest/report.json", Framework::vitest, "vitest.json"},
    {"vitest/none.txt", Framework::vitest, ""},
    {"tap/basic.tap", Framework::tap, ""},
    {"tap/short.tap", Framework::tap, ""},
    {"tap/bail.tap", Framework::tap, ""},
    {"tap/prove.txt", Framework::tap, ""},
    {"junit/pytest.xml", Framework::junit, "report.xml"},
    {"junit/vitest.xml", Framework::junit, ""},
    {"junit/node.xml", Framework::junit, ""},
    {"junit/catch2.xml", Framework::junit, "report.xml"},
};

fs::path folder() {
  return engramd::test::fixtures() / "testrun";
}

std::string text_of(const fs::path& file) {
  const auto text = read_file(file, 1u << 22);
  REQUIRE(text);
  return *text;
}

std::map<std::string, int> exits() {
  std::map<std::string, int> codes;
  for (const std::string_view line : split_lines(text_of(folder() / "exits")))
    if (const size_t space = line.find(' '); space != std::string_view::npos)
      codes[std::string(line.substr(0, space))] =
          std::atoi(std::string(line.substr(space)).c_str());
  return codes;
}

std::string one_line(std::string_view message) {
  message = trim(message);
  return std::string(message.substr(0, std::min<size_t>(message.find('\n'), 100)));
}

std::string describe(const Captured& captured) {
  const FrameworkRow& row = row_of(captured.framework);
  const std::string text = text_of(folder() / captured.file);
  Findings findings;
  if (*captured.report != 0) {
    const Workspace run("//- /empty\n");
    fs::create_directories(run.path(captured.report).parent_path());
    run.write(captured.report, text);
    const std::string printed =
        *captured.printed == 0 ? "" : plain_text(text_of(folder() / captured.printed));
    const std::string tree = "/srv/project/" + fs::path(captured.file).parent_path().string();
    CHECK(row.read_report({run.root(), tree, printed}, findings));
  } else {
    row.read_output(plain_text(text), findings);
  }
  std::string out;
  for (const TestCase& test : findings.cases.list()) {
    std::string status(to_string(test.status));
    status.resize(10, ' ');
    out += status + test.id + "\n";
    if (test.red() && !test.message.empty()) out += "          | " + one_line(test.message) + "\n";
  }
  for (const std::string& id : findings.running) out += "running   " + id + "\n";
  if (findings.complete) out += "complete\n";
  if (findings.no_tests) out += "no tests\n";
  if (!findings.notice.empty()) out += "notice: " + findings.notice + "\n";
  static const std::map<std::string, int> codes = exits();
  if (const auto code = codes.find(captured.file); row.problem != nullptr && code != codes.end())
    if (const std::string problem = row.problem(text, code->second); !problem.empty())
      out += "problem: " + problem + "\n";
  return out;
}

}  // namespace

TEST_CASE("outputs of real test programs are read as they were meant") {
  const bool update = std::getenv("UPDATE_GOLDEN") != nullptr;
  for (const Captured& captured : kCaptured) {
    INFO(captured.file << " as " << to_string(captured.framework)
                       << (*captured.report == 0 ? ", printed" : ", report"));
    std::string name = captured.file;
    if (std::string_view(captured.file) == "go/json.txt" && *captured.report != 0)
      name = "go/events";
    if (std::string_view(captured.file) == "node_test/tap.txt" &&
        captured.framework == Framework::tap)
      name = "node_test/as_tap";
    const fs::path golden = folder() / (name + ".expected");
    const std::string found = describe(captured);
    if (update) REQUIRE(write_file_atomic(golden, found));
    CHECK(found == text_of(golden));
  }
}

TEST_CASE(
    "outputs of real test programs keep their meaning with Windows line ends and broken bytes") {
  const std::string text = text_of(folder() / "pytest/verdicts.txt");
  std::string windows;
  for (const char c : text) windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
  const auto plain = parse_test_output(Framework::pytest, text);
  const auto other = parse_test_output(Framework::pytest, windows + "\xff\xfe");
  REQUIRE(plain.size() == other.size());
  for (size_t i = 0; i < plain.size(); ++i) {
    CHECK(plain[i].id == other[i].id);
    CHECK(plain[i].status == other[i].status);
  }
}

TEST_CASE("outputs of real test programs are recognised when nobody says whose they are") {
  const std::pair<const char*, Framework> cases[] = {
      {"pytest/verdicts.txt", Framework::pytest}, {"unittest/verbose.txt", Framework::unittest},
      {"go/verbose.txt", Framework::go},          {"cargo/all.txt", Framework::cargo},
      {"ctest/failing.txt", Framework::ctest},    {"gtest/console.txt", Framework::gtest},
      {"tap/basic.tap", Framework::tap},          {"junit/vitest.xml", Framework::junit},
      {"node_test/spec.txt", Framework::node},
  };
  for (const auto& [file, framework] : cases) {
    INFO(file);
    const std::string text = text_of(folder() / file);
    const auto known = parse_test_output(framework, text);
    const auto guessed = parse_test_output(Framework::unknown, text);
    std::map<std::string, TestStatus> all;
    for (const TestCase& test : guessed) all[test.id] = test.status;
    size_t same = 0;
    for (const TestCase& test : known) same += all.contains(test.id);
    CHECK(same == known.size());
  }
}

TEST_CASE("a printed verdict cannot make a red test pass") {
  // In each of these a test prints a line that says that another one passed.
  const auto status = [](Framework framework, const char* file, const std::string& id) {
    for (const TestCase& test : parse_test_output(framework, text_of(folder() / file)))
      if (test.id == id) return to_string(test.status);
    return std::string_view("not listed");
  };
  CHECK(status(Framework::pytest, "pytest/verdicts.txt", "test_shapes.py::test_fails") == "failed");
  CHECK(status(Framework::go, "go/json.txt", "example.com/shapes::TestTable") == "failed");
  CHECK(status(Framework::go, "go/verbose.txt", "example.com/shapes::TestTable") == "failed");
  CHECK(status(Framework::cargo, "cargo/all.txt", "shapes::tests::fails") == "failed");
}

TEST_CASE("hostile outputs are read to their end, within bounds") {
  // Nesting, endless lines, half of everything.
  std::string xml = "<testsuites>";
  for (int i = 0; i < 3000; ++i) xml += "<testsuite name='s'>";
  xml += "<testcase name='deep'/>";
  std::string bomb =
      "<!DOCTYPE a [<!ENTITY b \"xxxxxxxxxx\">]><testsuite tests='9'><testcase name='&b;'/>";
  std::string tap = "1..3\n";
  for (int i = 0; i < 500; ++i) tap += std::string(static_cast<size_t>(i), ' ') + "ok 1 - x\n";
  std::string many;
  for (size_t i = 0; i < Cases::kMaxTests + 100; ++i)
    many += "ok " + std::to_string(i + 1) + " - t" + std::to_string(i) + "\n";
  for (const std::string& text :
       {xml, bomb, tap, many, std::string(1u << 20, '\0'), std::string("\x1b["),
        std::string("\x1b]"), std::string("PASSED "), std::string("not ok"),
        std::string("--- FAIL: "), std::string("test  ... "),
        std::string("running 99999999999999999999 tests\ntest a ... ok")}) {
    for (const Framework framework : all_frameworks()) {
      INFO(to_string(framework));
      CHECK(parse_test_output(framework, text).size() <= Cases::kMaxTests);
    }
  }
  Findings findings;
  CHECK(read_junit_text(bomb, "", findings));
  CHECK(findings.truncated);
}

TEST_CASE("places in the tree are found in messages of every kind") {
  const Workspace ws(R"(
//- /pkg/a.py
x
//- /src/a.js
x
//- /crash/crash_test.go
x
)");
  const std::string root = ws.root().string();
  const auto found = [&](const std::string& text, const std::vector<std::string>& folders = {}) {
    std::string out;
    for (const Frame& frame : find_frames(text, ws.root(), root, folders))
      out += frame.path + ":" + std::to_string(frame.line) + " ";
    return out;
  };
  CHECK(found("  File \"" + root + "/pkg/a.py\", line 3, in f") == "pkg/a.py:3 ");
  CHECK(found("pkg/a.py:7: AssertionError") == "pkg/a.py:7 ");
  CHECK(found("at x (file://" + root + "/src/a.js:4:2)\nat y (" + root + "/src/a.js:9:1)") ==
        "src/a.js:9 src/a.js:4 ");
  CHECK(found("    crash_test.go:8: no").empty());
  CHECK(found("    crash_test.go:8: no", {"example.com/m/crash", "m/crash", "crash"}) ==
        "crash/crash_test.go:8 ");
  CHECK(found("/etc/passwd:1: ../../x.py:2: C:\\a.py:3").empty());
}
