// Which program a command line calls, which command a project has, and how to run only some tests.
#include <catch2/catch.hpp>

#include "agent/tests/detect.h"
#include "agent/tests/framework.h"
#include "agent/tests/shell_line.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::agent;
using engramd::test::Workspace;

namespace {

std::string words_of(std::string_view line) {
  std::string out;
  for (const ShellCall& call : shell_calls(line)) {
    out += "[";
    for (const LineWord& word : call.words) out += word.text + (word.plain ? "|" : "$|");
    out.back() = ']';
  }
  return out;
}

std::string select(const std::string& command, const std::vector<std::string>& ids) {
  const auto selected = select_command(read_test_command(command), ids);
  return selected ? selected->text : "everything";
}

}  // namespace

TEST_CASE("a shell line is seen as its calls") {
  CHECK(words_of("cd 'my sub' && FOO=1 pytest -q \"a b\" | tee log") ==
        "[cd|my sub][FOO=1|pytest|-q|a b][tee|log]");
  CHECK(words_of("if true; then go test ./...; fi # done") == "[true][go|test|./...][fi]");
  CHECK(words_of("make test >out 2>&1; echo $(date) `x y` $HOME/*.c") ==
        "[make|test][echo|$(date)$|`x y`$|$HOME/*.c$]");
  CHECK(words_of("a \\\n  b 'unclosed") == "[a|b|unclosed$]");
  CHECK(words_of("").empty());
  for (const char* odd : {"((((", "))))", "&&||;;", "'", "\"$(", "`", "$(((", ">>>>", "\\"})
    CHECK(shell_calls(odd).size() < 10);
}

TEST_CASE("a test program is recognised behind what people put in front of it") {
  const std::pair<const char*, Framework> cases[] = {
      {"pytest", Framework::pytest},
      {"python3 -m pytest -q tests", Framework::pytest},
      {"python -W ignore -m pytest", Framework::pytest},
      {"FOO=1 timeout 60 python3.11 -m coverage run -m pytest", Framework::pytest},
      {"poetry run pytest && echo done", Framework::pytest},
      {"uv run --with x pytest", Framework::pytest},
      {".venv/bin/python -m pytest", Framework::pytest},
      {"python3 -m unittest discover -v", Framework::unittest},
      {"python setup.py test", Framework::unittest},
      {"cd sub && go test ./...", Framework::go},
      {"cargo +nightly test --workspace", Framework::cargo},
      {"cargo nextest run", Framework::cargo},
      {"ctest --test-dir build -j4", Framework::ctest},
      {"npx --no-install jest src", Framework::jest},
      {"node_modules/.bin/jest", Framework::jest},
      {"node ./node_modules/jest/bin/jest.js", Framework::jest},
      {"pnpm exec vitest run", Framework::vitest},
      {"node --test test/", Framework::node},
      {"prove -lr t", Framework::tap},
      {"node_modules/.bin/mocha -u tdd --reporter tap test/", Framework::tap},
      {"npx mocha test/", Framework::unknown},
      {"./mvnw -q test", Framework::junit},
      {"echo hello", Framework::unknown},
      {"make test", Framework::unknown},
  };
  for (const auto& [line, framework] : cases) {
    INFO(line);
    CHECK(to_string(read_test_command(line).framework) == to_string(framework));
  }
  CHECK(read_test_command("FOO=1 pytest -q 'a b'").pytest->arguments ==
        std::vector<std::string>{"-q", "a b"});
  CHECK(read_test_command("FOO=1 pytest").pytest->env.size() == 1);
  CHECK_FALSE(read_test_command("pytest | tee log").pytest);
  CHECK_FALSE(read_test_command("pytest *.py").pytest);
  CHECK_FALSE(read_test_command("cd x && pytest").pytest);
}

TEST_CASE("a script of package.json and a Makefile show what is behind them") {
  const Workspace ws(R"(
//- /package.json
{"scripts": {"test": "npm run unit", "unit": "FOO=1 jest --verbose", "lint": "eslint .",
             "both": "vitest run && tsc"}}
//- /Makefile
all:
	cc x.c
test: all
	@FLAG=1 ctest --test-dir build
//- /sub/package.json
{"scripts": {"test": "vitest run"}}
//- /tox.ini
[testenv]
commands = pytest {posargs}
)");
  const TestCommand npm = read_test_command("npm test --silent", ws.root());
  CHECK(npm.framework == Framework::jest);
  CHECK(npm.script == "FOO=1 jest --verbose");
  CHECK(npm.argument_separator == " -- -- ");
  const TestCommand sub = read_test_command("cd sub && pnpm test", ws.root());
  CHECK(sub.framework == Framework::vitest);
  CHECK(sub.argument_separator == " ");
  // Arguments would end up behind tsc.
  const TestCommand both = read_test_command("npm run both", ws.root());
  CHECK(both.framework == Framework::vitest);
  CHECK(both.argument_separator.empty());
  CHECK(read_test_command("npm run lint", ws.root()).framework == Framework::unknown);
  CHECK(read_test_command("make test", ws.root()).framework == Framework::ctest);
  CHECK(read_test_command("tox", ws.root()).framework == Framework::pytest);
}

TEST_CASE("a command that runs only some tests") {
  CHECK(select("pytest -q -k slow --tb short tests | tee log",
               {"tests/a.py::test_x[a b]", "tests/b.py"}) ==
        "pytest -q --tb short 'tests/a.py::test_x[a b]' 'tests/b.py' | tee log");
  CHECK(select("python3 -m unittest discover -v", {"m.C.test_x"}) ==
        "python3 -m unittest discover -v -k '*m.C.test_x'");
  CHECK(select("python3 -m unittest tests.test_a", {"m.C.test_x"}) ==
        "python3 -m unittest 'm.C.test_x'");
  CHECK(
      select("go test -race -run Old ./... && echo ok", {"m.org/a::TestX/one", "m.org/b::TestY"}) ==
      "go test -race -run '^(TestX|TestY)$' 'm.org/a' 'm.org/b' && echo ok");
  CHECK(select("go test ./...", {"./a"}) == "go test './a'");
  CHECK(select("cargo test --offline old", {"lib_name::tests::adds", "test/outside::works"}) ==
        "cargo test --offline --lib --test 'outside' -- --exact 'tests::adds' 'works'");
  CHECK(select("npx jest src -t old", {"src/a.test.js::outer > it (1)", "src/a.test.js::b"}) ==
        "npx jest --runTestsByPath 'src/a.test.js' -t '^(outer it \\(1\\)|b)$'");
  CHECK(select("npx vitest run src", {"src/a.test.ts::b"}) ==
        "npx vitest run 'src/a.test.ts' -t '^(b)$'");
  CHECK(select("node --test test/", {"test/a.test.mjs::outer > b #2"}) ==
        "node --test '--test-name-pattern=^b$' '--test-name-pattern=^outer b$' 'test/a.test.mjs'");
  CHECK(select("ctest --test-dir b -R old", {"a.b", "all::Suite.Test"}) ==
        "ctest --test-dir b -R '^(a\\.b|all)$'");
  CHECK(select("ctest", {"all::Suite.Test"}) == "GTEST_FILTER='Suite.Test' ctest -R '^(all)$'");
  CHECK(select("prove -v t", {"t/a.t::x"}) == "prove -v 't/a.t'");
  CHECK(select("npx mocha --reporter tap test/a.js", {"Misc halves (two)", "same #2"}) ==
        "npx mocha --reporter tap test/a.js --grep '^(Misc halves \\(two\\)|same)$'");
  CHECK(select("npx mocha test/a.js", {"Misc halves"}) == "everything");
  CHECK(select("cmake --build b && ctest --test-dir b", {"a.b"}) ==
        "cmake --build b && ctest --test-dir b -R '^(a\\.b)$'");
  CHECK(select("./run-tests.sh", {"a"}) == "everything");
  CHECK(select("pytest", {}) == "everything");
  CHECK(select("pytest", {"it's.py::test"}) == "pytest 'it'\\''s.py::test'");
}

TEST_CASE("a project's test command is found, and why is said") {
  const auto detect = [](std::string_view files, const std::vector<std::string>& touched = {}) {
    const Workspace ws(files);
    const auto command = detect_test_command(ws.root(), {touched});
    return command ? command->text + " | " + command->why.substr(0, command->why.find(';')) : "";
  };
  const std::string jest = R"(
//- /package.json
{"scripts": {"test": "jest"}}
)";
  CHECK(detect(jest) == "npm test --silent | the test script of package.json runs jest");
  CHECK(detect(jest + "//- /yarn.lock\n").starts_with("yarn test |"));
  CHECK(detect("//- /package.json\n{\"devDependencies\": {\"vitest\": \"1\"}}\n") ==
        "npx --no-install vitest run | package.json names vitest");
  CHECK(
      detect("//- /package.json\n{\"scripts\": {\"test\": \"echo no test specified && exit 1\"}}\n")
          .empty());
  CHECK(detect("//- /a.test.js\n").starts_with("node --test |"));
  CHECK(detect("//- /go.mod\n//- /a_test.go\n").starts_with("go test ./... |"));
  CHECK(detect("//- /Cargo.toml\n").starts_with("cargo test --offline --no-fail-fast |"));
  CHECK(detect("//- /Makefile\ncheck:\n\ttrue\n").starts_with("make check |"));
  CHECK(detect("//- /CMakeLists.txt\nenable_testing()\n")
            .starts_with("cmake -S . -B build/engramd-tests"));
  CHECK(detect("//- /CMakeLists.txt\nenable_testing()\n//- /build/CMakeCache.txt\n//- "
               "/build/CTestTestfile.cmake\n")
            .starts_with("cmake --build build && ctest --test-dir build"));
  CHECK(detect("//- /pom.xml\n").starts_with("mvn -o -B test |"));
  CHECK(detect("//- /t/a.t\n").starts_with("prove -lrv t |"));
  CHECK(detect("//- /README\nhello\n").empty());

  // Several projects in one tree: the whole one, unless the task is about a part.
  const std::string mono = R"(
//- /package.json
{"workspaces": ["packages/*"], "scripts": {"test": "node --test"}}
//- /packages/a/package.json
{"scripts": {"test": "jest"}}
//- /packages/a/src/x.js
//- /service/go.mod
//- /service/x_test.go
)";
  CHECK(detect(mono).starts_with("npm test --silent |"));
  CHECK(
      detect(mono, {"packages/a/src/x.js"}).starts_with("cd 'packages/a' && npm test --silent |"));
  CHECK(detect(mono, {"service/x.go"}) ==
        "cd 'service' && go test ./... | there is go.mod in service");
  const Workspace ws(mono);
  CHECK(detect_all_tests(ws.root()).size() == 3);
  CHECK(detect_test_command(ws.root())->why.find("not chosen: ") != std::string::npos);
}
