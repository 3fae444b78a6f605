// One project of each kind that people have, with what its tool has left in the tree (node_modules,
// a virtual environment, an editable install, a build folder, target/), worked on at its own path.
//
// What must hold for each: the command runs without network and without being told a path, it sees
// an edit of ours, and afterwards the user's folder is byte for byte what it was, .git included.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <sstream>

#include "base/hash.h"
#include "base/process.h"
#include "tests/agent/sandbox_stage.h"

using namespace engramd;
using namespace engramd::agent;
using engramd::test::Stage;
using engramd::test::Workspace;
namespace fs = std::filesystem;

namespace {

// Every entry: kind, mode, size, time and bytes.
std::map<std::string, std::string> fingerprint(const fs::path& root) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    struct stat info {};
    if (::lstat(entry.path().c_str(), &info) != 0) continue;
    std::ostringstream text;
    text << info.st_mode << ' ' << info.st_mtim.tv_sec << '.' << info.st_mtim.tv_nsec << ' '
         << info.st_ino;
    if (entry.is_symlink())
      text << " -> " << fs::read_symlink(entry.path()).string();
    else if (entry.is_regular_file())
      text << ' ' << hash128_hex(read_file(entry.path(), 1u << 30).value_or("unreadable"));
    out[entry.path().lexically_relative(root).string()] = text.str();
  }
  return out;
}

struct Project {
  const char* files;
  std::string build;    // by the user, outside
  std::string command;  // ours, in the sandbox
  const char *edited, *text;
  const char *before, *after;  // what the command prints before and after the edit
};

void check_project(const Project& project) {
  const Workspace ws(project.files);
  ProcessOptions build;
  build.argv = {"/bin/sh", "-ec", project.build};
  build.cwd = ws.root();
  build.merge_stderr = true;
  const auto built = run_process(build);
  REQUIRE(built);
  INFO(built->stdout_text);
  REQUIRE(built->exit_code == 0);
  // A stash, a staged file and an unsaved state of mind.
  ws.write("stashed.txt", "x");
  ws.git({"add", "stashed.txt"});
  ws.git({"stash", "-q"});
  ws.write("staged.txt", "x");
  ws.git({"add", "staged.txt"});
  ws.write("untracked.txt", "x");

  const auto before = fingerprint(ws.root());
  for (const SandboxMode mode : {SandboxMode::bubblewrap}) {
    const Stage stage(ws, mode);
    SandboxLimits limits;
    limits.wall_ms = 240000;
    const auto first = stage.run(project.command, limits);
    INFO(first.stdout_text);
    CHECK(first.stdout_text.find(project.before) != std::string::npos);
    REQUIRE(stage.tree->write(project.edited, project.text));
    const auto second = stage.run(project.command, limits);
    INFO(second.stdout_text);
    CHECK(second.stdout_text.find(project.after) != std::string::npos);
    const TreeChanges changes = stage.tree->changes();
    bool found = false;
    for (const TreeChange& change : changes.files) found |= change.path == project.edited;
    CHECK(found);
  }
  const auto after = fingerprint(ws.root());
  CHECK(before.size() == after.size());
  for (const auto& [path, entry] : before) {
    INFO(path);
    const auto same = after.find(path);
    REQUIRE(same != after.end());
    CHECK(same->second == entry);
  }
}

// An absent program is a skip that the suite counts.
bool can(std::initializer_list<const char*> programs, bool heavy = false) {
  if (!probe_sandbox().usable) {
    WARN("skipped: bubblewrap cannot run here");
    return false;
  }
  for (const char* program : programs)
    if (find_program(program).empty()) {
      WARN(std::string("skipped: no ") + program);
      return false;
    }
  if (heavy && std::getenv("ENGRAMD_FULL") == nullptr) {
    WARN("skipped: ENGRAMD_FULL is not set");
    return false;
  }
  return true;
}

}  // namespace

TEST_CASE("an npm project with node_modules", "[projects]") {
  if (!can({"npm", "node"})) return;
  check_project({R"(#init git
//- /package.json
{"name": "app", "version": "1.0.0", "scripts": {"test": "node check.js"},
 "dependencies": {"wide": "file:vendor/wide"}}
//- /vendor/wide/package.json
{"name": "wide", "version": "1.0.0", "main": "index.js", "bin": {"wide": "index.js"}}
//- /vendor/wide/index.js
module.exports = (s, n) => s.padStart(n, '.');
//- /app.js
module.exports = (x) => require('wide')(x, 5);
//- /check.js
console.log('says ' + require('./app')('ab'), require.resolve('wide').startsWith(__dirname));
//- /.gitignore
node_modules/
)",
                 "npm install --install-links --offline --no-audit --no-fund", "npm test --silent",
                 "app.js", "module.exports = (x) => require('wide')(x, 7);\n", "says ...ab true",
                 "says .....ab true"});
}

TEST_CASE("a virtual environment, and in it an editable install of the project", "[projects]") {
  if (!can({"/usr/bin/python3"})) return;
  ProcessOptions has;
  has.argv = {"/usr/bin/python3", "-c", "import setuptools, venv, ensurepip, wheel"};
  if (const auto ran = run_process(has); !ran || !ran->ok()) {
    WARN("skipped: no python3-venv or no python3-setuptools");
    return;
  }
  check_project({R"(#init git
//- /pyproject.toml
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "shapes"
version = "1.0"
[project.scripts]
shapes = "shapes.main:main"
[tool.setuptools]
package-dir = {"" = "src"}
packages = ["shapes"]
//- /src/shapes/__init__.py
//- /src/shapes/main.py
def main():
    print("area", 3 * 4, __file__)
//- /.gitignore
.venv/
*.egg-info/
)",
                 "/usr/bin/python3 -m venv --system-site-packages .venv && .venv/bin/pip install "
                 "--quiet --no-build-isolation --no-deps --no-index -e .",
                 "cd / && $OLDPWD/.venv/bin/shapes", "src/shapes/main.py",
                 "def main():\n    print('area', 5 * 4, __file__)\n", "area 12 /", "area 20 /"});
}

TEST_CASE("a CMake build folder, made outside and continued inside", "[projects]") {
  if (!can({"cmake", "g++", "ctest"})) return;
  check_project({R"(#init git
//- /CMakeLists.txt
cmake_minimum_required(VERSION 3.16)
project(ring CXX)
enable_testing()
add_library(ring ring.cpp)
add_executable(check check.cpp)
target_link_libraries(check ring)
add_test(NAME check COMMAND check)
//- /ring.cpp
int next(int i) { return (i + 1) % 8; }
//- /check.cpp
int next(int);
int main() { return next(7) == 0 ? 0 : 1; }
//- /.gitignore
build/
)",
                 "cmake -S . -B build -DCMAKE_BUILD_TYPE=Debug && cmake --build build",
                 "cmake --build build && ctest --test-dir build", "ring.cpp",
                 "int next(int i) { return (i + 1) % 9; }\n", "100% tests passed",
                 "0% tests passed"});
}

TEST_CASE("a cargo project with its target folder", "[projects]") {
  // Rust's compiler of a toolchain that lies in the home folder.
  const char* home = std::getenv("HOME");
  const std::string cargo = home == nullptr ? "" : std::string(home) + "/.cargo/bin/cargo";
  const std::string program = fs::exists(cargo) ? cargo : find_program("cargo").string();
  if (program.empty()) {
    WARN("skipped: no cargo");
    return;
  }
  if (!can({}, true)) return;
  check_project({R"(#init git
//- /Cargo.toml
[workspace]
members = ["app", "dep"]
//- /app/Cargo.toml
[package]
name = "app"
version = "0.1.0"
edition = "2021"
[dependencies]
dep = { path = "../dep" }
//- /app/src/lib.rs
pub fn twice(x: i32) -> i32 { dep::plus(x, x) }
#[test]
fn doubles() { assert_eq!(twice(4), 8); }
//- /dep/Cargo.toml
[package]
name = "dep"
version = "0.1.0"
edition = "2021"
//- /dep/src/lib.rs
pub fn plus(a: i32, b: i32) -> i32 { a + b }
//- /.gitignore
target/
)",
                 program + " test --offline --no-run", program + " test --offline",
                 "dep/src/lib.rs", "pub fn plus(a: i32, b: i32) -> i32 { a - b }\n",
                 "test doubles ... ok", "test doubles ... FAILED"});
}

TEST_CASE("a go module", "[projects]") {
  if (!can({"go"}, true)) return;
  check_project({R"(#init git
//- /go.mod
module example.org/sum

go 1.18
//- /sum.go
package sum

func Sum(a, b int) int { return a + b }
//- /sum_test.go
package sum

import "testing"

func TestSum(t *testing.T) {
	if Sum(2, 3) != 5 {
		t.Fatal("wrong")
	}
}
)",
                 "go vet ./... && go test ./...", "go test -v ./...", "sum.go",
                 "package sum\n\nfunc Sum(a, b int) int { return a - b }\n", "--- PASS: TestSum",
                 "--- FAIL: TestSum"});
}
