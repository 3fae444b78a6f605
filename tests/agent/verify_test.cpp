// What a model is told after an edit: linters, diagnostics that are new, the nearest tests.
#include "agent/tests/affected.h"
#include "agent/verify/verifier.h"

#include <catch2/catch.hpp>

#include "agent/tools/tool.h"
#include "agent/verify/lint.h"
#include "agent/verify/shortest_failure.h"
#include "base/text.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::agent;

namespace {

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Diagnostic at(uint32_t line, const std::string& message, Severity severity = Severity::error) {
  return {"a.py", line, 0, severity, message, "checker", ""};
}

// A checker that complains of every "bad".
class BadWords final : public DiagnosticsSource {
 public:
  explicit BadWords(int* n_asked) : n_asked_(n_asked) {}
  std::string name() const override { return "bad words"; }
  Result<std::vector<Diagnostic>> diagnostics(const std::string& path, const std::string& text,
                                              std::chrono::milliseconds,
                                              const CancelToken&) override {
    ++*n_asked_;
    std::vector<Diagnostic> out;
    uint32_t line = 0;
    for (const std::string_view one : split_lines(text)) {
      for (size_t at = one.find("bad"); at != std::string_view::npos; at = one.find("bad", at + 1))
        out.push_back({path, line, 0, Severity::error, "bad word", "words", ""});
      ++line;
    }
    return out;
  }

 private:
  int* n_asked_;
};

constexpr const char* kProject = R"(
//- /shop/__init__.py
//- /shop/price.py
def price(n):
    return n * 3  # bad habit
//- /shop/cart.py
from shop.price import price


def total(items):
    return sum(price(n) for n in items)
//- /tests/__init__.py
//- /tests/test_cart.py
import unittest
from shop.cart import total


class Cart(unittest.TestCase):
    def test_total(self):
        self.assertEqual(total([1, 2]), 9)

    def test_empty(self):
        self.assertEqual(total([]), 0)
//- /tests/test_price.py
import unittest
from shop.price import price


class Price(unittest.TestCase):
    def test_price(self):
        self.assertEqual(price(2), 6)
)";

struct Bench {
  test::Workspace ws{kProject};
  std::unique_ptr<Workbench> bench;
  std::unique_ptr<EditVerifier> verifier;
  CancelToken cancel;
  explicit Bench(VerifyOptions options = {}) {
    WorkbenchOptions bench_options;
    bench_options.tests.command = "python3 -m unittest -v";
    auto opened = Workbench::open(ws.root(), std::move(bench_options));
    if (!opened) FAIL(opened.error().message);
    bench = std::move(*opened);
    verifier = std::make_unique<EditVerifier>(*bench, std::move(options));
  }
  std::string use(const std::string& tool, const std::string& arguments) {
    ToolContext context{*bench, cancel, {}, verifier.get()};
    auto outcome = find_tool(tool)->run(context, Arguments::parse(arguments).value());
    return outcome ? outcome->text : "error: " + outcome.error().message;
  }
};

}  // namespace

TEST_CASE("diagnostics that the base had are not news, wherever they have moved") {
  const std::string base = "a\nb\nc\n", edited = "x\na\nb2\nc\n";
  const auto fresh = new_diagnostics(
      base, {at(0, "old one"), at(1, "of line 2"), at(2, "twice")}, edited,
      {at(0, "new"), at(1, "old one"), at(2, "of line 3"), at(3, "twice"), at(3, "twice")});
  REQUIRE(fresh.size() == 2);
  CHECK(fresh[0].message == "new");
  CHECK(fresh[1].message == "twice");
  CHECK(on_changed_lines(base, edited, {at(0, "x"), at(1, "a"), at(2, "b2")}).size() == 2);
  const std::string text =
      readable({at(5, "later"), at(3, "style", Severity::warning), at(2, "first")}, 1000);
  CHECK(text ==
        "a.py:3: error: first (checker)\na.py:6: error: later (checker)\n"
        "a.py:4: warning: style (checker)\n");
  CHECK(readable(std::vector<Diagnostic>(50, at(1, "x")), 1000) == "a.py:2: error: x (checker)\n");
}

TEST_CASE("linters speak in many tongues") {
  const auto read = [](const std::string& output, const std::string& path) {
    std::string out;
    for (const Diagnostic& one : read_lint_output(output, path, "lint"))
      out += std::to_string(one.line + 1) + " " + std::string(to_string(one.severity)) + " " +
             one.message + (one.code.empty() ? "" : " [" + one.code + "]") + "\n";
    return out;
  };
  CHECK(read("src/a.py:3:5: F821 Undefined name `x`\nsrc/a.py:9:80: E501 Line too long\n"
             "Found 2 errors.\n",
             "src/a.py") == "3 error F821 Undefined name `x`\n9 warning E501 Line too long\n");
  CHECK(read("<stdin>:2:1: undefined name 'y'\n", "a.py") == "2 error undefined name 'y'\n");
  CHECK(read("\n/tree/a.js\n  1:7  error    'x' is not defined  no-undef\n"
             "  2:1  warning  Unexpected console  no-console\n\n2 problems\n",
             "a.js") ==
        "1 error 'x' is not defined [no-undef]\n2 warning Unexpected console [no-console]\n");
  CHECK(read("# pkg\npkg/a.go:7:2: result of Sprintf is not used\nvet: x\n", "pkg/a.go") ==
        "7 warning result of Sprintf is not used\n");
  CHECK(read("src/lib.rs:4:5: warning: unused variable: `z`\nsrc/lib.rs:5:1: error[E0425]: cannot "
             "find value\nsrc/other.rs:1:1: error: x\n",
             "src/lib.rs") == "4 warning unused variable: `z`\n5 error cannot find value\n");
  CHECK(read("/tree/a.cpp:12:3: warning: do not use else after return [readability]\n", "a.cpp") ==
        "12 warning do not use else after return [readability]\n");

  const test::Workspace ws(
      "//- /pyproject.toml\n[tool.ruff]\nline-length = 100\n//- /b/go.mod\nmodule b\n");
  CHECK(linter_for(ws.root(), "python")->name == "ruff");
  CHECK(linter_for(ws.root(), "go") == nullptr);
  CHECK(linter_for(ws.path("b"), "go")->name == "go vet");
}

TEST_CASE("of many failures the shortest useful one is told") {
  TestRun run;
  const auto test = [](const char* id, TestStatus status, const std::string& message,
                       std::vector<Frame> frames) {
    TestCase one;
    one.id = id;
    one.status = status;
    one.message = message;
    one.frames = std::move(frames);
    return one;
  };
  run.tests = {
      test("long", TestStatus::failed, std::string(3000, 'x'), {{"a.py", 1}}),
      test("hung", TestStatus::timed_out, "", {}),
      test("short", TestStatus::failed, "E   assert 1 == 2", {{"test_a.py", 3}, {"a.py", 9}}),
      test("silent", TestStatus::error, "", {}), test("fine", TestStatus::passed, "", {})};
  CHECK(shortest_failure(run) == "short fails at test_a.py:3 > a.py:9\nE   assert 1 == 2\n");
  run.tests.erase(run.tests.begin() + 2);
  CHECK(shortest_failure(run, 500).size() < 600);
  run.tests.clear();
  run.output = "building\nmain.c:3:1: error: expected ';'\nmake: *** [all] Error 1\n";
  CHECK(shortest_failure(run).find("main.c:3:1: error") == 0);
  run.green = true;
  CHECK(shortest_failure(run).empty());
}

static std::vector<std::string> files_for(const repoindex::View& view,
                                          const std::vector<std::string>& changed, size_t limit) {
  AffectedOptions options;
  options.max_files = limit;
  std::vector<std::string> files;
  for (const AffectedTest& test : affected_tests(view, {changed, {}}, options))
    files.push_back(test.file);
  return files;
}

TEST_CASE("the nearest tests are those that are called so or import the file") {
  Bench b;
  const auto view = b.bench->view();
  REQUIRE(view);
  CHECK(files_for(*view, {"shop/price.py"}, 5) ==
        std::vector<std::string>{"tests/test_price.py", "tests/test_cart.py"});
  CHECK(files_for(*view, {"shop/cart.py"}, 5) == std::vector<std::string>{"tests/test_cart.py"});
  CHECK(files_for(*view, {"tests/test_cart.py"}, 5) ==
        std::vector<std::string>{"tests/test_cart.py"});
}

TEST_CASE("an edit is answered with what it broke") {
  int n_asked = 0;
  VerifyOptions options;
  options.diagnostics_source =
      [&](const std::string& language, const Sandbox&,
          const CancelToken&) -> Result<std::unique_ptr<DiagnosticsSource>> {
    if (language != "python") return fail(ErrorCode::not_found, "none");
    return std::unique_ptr<DiagnosticsSource>(std::make_unique<BadWords>(&n_asked));
  };
  Bench b(options);
  if (!b.bench->sandbox()) {
    WARN("no sandbox here");
    return;
  }
  // A bad word that is new: told, and the tests are not run for it.
  const std::string worse = b.use(
      "replace_text", R"({"path": "shop/price.py", "search": "n * 3", "replace": "n * 3 + bad"})");
  CHECK(holds(worse, "new since the edit:\nshop/price.py:2: error: bad word (words)"));
  CHECK_FALSE(holds(worse, "nearest tests"));
  CHECK(n_asked == 2);  // the base, and the edit
  // Back to three, but for a comment that was there before: no news, and the tests pass.
  const std::string fine = b.use(
      "replace_text", R"({"path": "shop/price.py", "search": "n * 3 + bad", "replace": "3 * n"})");
  INFO(fine);
  CHECK_FALSE(holds(fine, "new since the edit"));
  CHECK(holds(fine, "nearest tests: 3 pass (tests/test_price.py, tests/test_cart.py)"));
  const std::string red =
      b.use("replace_text", R"({"path": "shop/price.py", "search": "3 * n", "replace": "4 * n"})");
  INFO(red);
  CHECK(holds(red, "1 pass, 2 red"));
  CHECK(holds(red, "AssertionError: "));
  VerifyOptions off = options;
  off.diagnostics = off.tests = off.lint = false;
  EditVerifier quiet(*b.bench, off);
  CHECK(quiet.after_edit({"shop/price.py"}, {}).text.empty());
}
