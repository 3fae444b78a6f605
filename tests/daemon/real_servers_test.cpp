// The language servers and linters that people have, each on a small real project, in the sandbox:
// what is not installed here is skipped, and said.
#include <catch2/catch.hpp>

#include "agent/tools/workbench.h"
#include "agent/verify/lint.h"
#include "base/process.h"
#include "daemon/lsp_client/sandboxed_server.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace std::chrono_literals;

namespace {

bool have(const std::string& program) {
  ProcessOptions ask;
  ask.argv = {program, "--version"};
  ask.wall_ms = 20'000;
  if (program == "gopls" || program == "go") ask.argv[1] = "version";
  // A name on PATH is not enough: rustup leaves one for each component that it does not have.
  const auto ran =
      find_program(program).empty() ? Result<ProcessResult>(ProcessResult{}) : run_process(ask);
  if (ran && ran->ok()) return true;
  WARN("skipped: " + program + " is not installed");
  return false;
}

struct Project {
  test::Workspace ws;
  std::unique_ptr<agent::Workbench> bench;
  const agent::Sandbox* sandbox = nullptr;
  explicit Project(std::string_view files) : ws(files) {
    auto opened = agent::Workbench::open(ws.root(), {});
    REQUIRE(opened);
    bench = std::move(*opened);
    if (auto made = bench->sandbox())
      sandbox = *made;
    else
      WARN("skipped: no sandbox here");
  }
};

std::string said(const Result<std::vector<agent::Diagnostic>>& found) {
  return found ? agent::readable(*found, 10000) : "error: " + found.error().message;
}

// A text without a mistake is answered with nothing, a broken one with its mistake, and the first
// one again with nothing: that order finds answers that come late.
void check_server(const std::string& language, std::string_view files, const std::string& path,
                  const std::string& good, const std::string& bad, const std::string& expected) {
  const Project project(files);
  if (project.sandbox == nullptr) return;
  auto server = daemon::language_server_factory()(language, *project.sandbox, {});
  if (!server) FAIL(server.error().message);
  CHECK(said((*server)->diagnostics(path, good, 90s, {})).empty());
  const std::string found = said((*server)->diagnostics(path, bad, 60s, {}));
  INFO(found);
  CHECK(found.find(expected) != std::string::npos);
  CHECK(found.starts_with(path + ":"));
  CHECK(said((*server)->diagnostics(path, good, 60s, {})).empty());
}

void check_linter(const std::string& name, const std::string& language, std::string_view files,
                  const std::string& path, const std::string& expected) {
  const Project project(files);
  if (project.sandbox == nullptr) return;
  const agent::LinterRow* linter = agent::linter_for(project.ws.root(), language);
  REQUIRE(linter != nullptr);
  CHECK(std::string(linter->name) == name);
  const auto text = project.bench->read(path);
  REQUIRE(text);
  const std::string found = said(agent::lint(*linter, *project.sandbox, path, *text, 60'000, {}));
  INFO(found);
  CHECK(found.starts_with(path + ":"));
  CHECK(found.find(expected) != std::string::npos);
}

}  // namespace

TEST_CASE("gopls finds what an edit broke, in another file of the package too") {
  if (!have("gopls") || !have("go")) return;
  check_server(
      "go", R"(
//- /go.mod
module example.com/shop

go 1.19
//- /price/price.go
package price

func Of(n int) int { return n * 3 }
//- /cart/cart.go
package cart

import "example.com/shop/price"

func Total(n int) int { return price.Of(n) }
)",
      "cart/cart.go",
      "package cart\n\nimport \"example.com/shop/price\"\n\nfunc Total(n int) int { return "
      "price.Of(n) }\n",
      "package cart\n\nimport \"example.com/shop/price\"\n\nfunc Total(n int) int { return "
      "price.For(n) }\n",
      "cart/cart.go:5: error: ");
}

TEST_CASE("rust-analyzer finds what an edit broke") {
  if (!have("rust-analyzer") || !have("cargo")) return;
  check_server("rust",
               "//- /Cargo.toml\n[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = "
               "\"2021\"\n//- /src/lib.rs\npub fn price(n: u32) -> u32 {\n    n * 3\n}\n",
               "src/lib.rs", "pub fn price(n: u32) -> u32 {\n    n * 3\n}\n",
               "pub fn price(n: u32) -> u32 {\n    n * 3 +\n}\n", "src/lib.rs:3: error: ");
}

TEST_CASE("clangd reads the project's own flags") {
  if (!have("clangd")) return;
  check_server("cpp", R"(
//- /compile_flags.txt
-std=c++20
-Iinclude
//- /include/price.h
#pragma once
int price(int n);
//- /cart.cpp
)",
               "cart.cpp", "#include \"price.h\"\nint total(int n) { return price(n); }\n",
               "#include \"price.h\"\nint total(int n) { return prize(n); }\n",
               "cart.cpp:2: error: Use of undeclared identifier 'prize'");
}

TEST_CASE("typescript-language-server and pyright find what an edit broke") {
  if (have("typescript-language-server"))
    check_server("typescript", R"(
//- /tsconfig.json
{"compilerOptions": {"strict": true, "noEmit": true}}
//- /price.ts
export function price(n: number): number { return n * 3; }
//- /cart.ts
)",
                 "cart.ts", "import { price } from './price';\nexport const total = price(2);\n",
                 "import { price } from './price';\nexport const total = price('2');\n",
                 "cart.ts:2: error: Argument of type 'string' is not assignable");
  if (have("pyright"))
    check_server("python",
                 "//- /price.py\ndef price(n: int) -> int:\n    return n * 3\n//- /cart.py\n",
                 "cart.py", "from price import price\n\ntotal: int = price(2)\n",
                 "from price import price\n\ntotal: int = prize(2)\n", "\"prize\" is not defined");
}

TEST_CASE("linters, where they are installed, are run as the project has them") {
  if (have("flake8"))
    check_linter(
        "flake8", "python",
        "//- /setup.cfg\n[flake8]\nmax-line-length = 90\n//- /pkg/a.py\nimport os\n\n\ndef "
        "f():\n    return nme\n",
        "pkg/a.py", "error: F821 undefined name 'nme'");
  if (have("pyflakes") || have("pyflakes3"))
    check_linter("pyflakes", "python",
                 "//- /requirements.txt\npyflakes\n//- /pkg/a.py\ndef f():\n    return nme\n",
                 "pkg/a.py", "error: undefined name 'nme'");
  if (have("ruff"))
    check_linter("ruff", "python",
                 "//- /ruff.toml\nline-length = 90\n//- /pkg/a.py\ndef f():\n    return nme\n",
                 "pkg/a.py", "error: F821");
  if (have("eslint"))
    check_linter("eslint", "javascript",
                 "//- /eslint.config.js\nmodule.exports = [{rules: {'no-undef': "
                 "'error'}}];\n//- /.eslintrc.json\n{\"root\": true, \"rules\": {\"no-undef\": "
                 "\"error\"}}\n//- /src/a.js\nexport const f = () => nme;\n",
                 "src/a.js", "'nme' is not defined");
  if (have("go"))
    check_linter("go vet", "go",
                 "//- /go.mod\nmodule m\n\ngo 1.19\n//- /pkg/a.go\npackage pkg\n\nimport "
                 "\"fmt\"\n\nfunc F() { fmt.Printf(\"%d\", \"x\") }\n",
                 "pkg/a.go", "wrong type string");
  if (have("clang-tidy"))
    check_linter("clang-tidy", "cpp",
                 "//- /.clang-tidy\nChecks: '-*,bugprone-*'\n//- "
                 "/compile_flags.txt\n-std=c++20\n//- /src/a.cpp\nint f(int a) {\n  if (a = 2) "
                 "return 1;\n  return sizeof(sizeof(a));\n}\n",
                 "src/a.cpp", "sizeof");
  if (have("shellcheck"))
    check_linter(
        "shellcheck", "bash",
        "//- /.shellcheckrc\nshell=bash\n//- /bin/a.sh\n#!/bin/bash\nfor f in $(ls *.txt); "
        "do\n  rm $f\ndone\n",
        "bin/a.sh", "Double quote");
  if (have("cargo-clippy") && have("cargo"))
    check_linter(
        "cargo clippy", "rust",
        "//- /clippy.toml\n//- /Cargo.toml\n[package]\nname = \"m\"\nversion = "
        "\"0.1.0\"\nedition = \"2021\"\n//- /src/lib.rs\npub fn f(a: &Vec<u8>) -> bool {\n "
        "   a.len() == 0\n}\n",
        "src/lib.rs", "is_empty");
}
