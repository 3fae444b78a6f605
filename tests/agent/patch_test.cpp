// Patches as models write them: the apply_patch envelope and unified diffs with wrong numbers.
#include <catch2/catch.hpp>
#include <map>

#include "agent/edit/line_diff.h"
#include "agent/edit/patch_apply.h"
#include "agent/edit/path_class.h"
#include "agent/edit/symbol_edit.h"
#include "repoindex/index.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::agent;

namespace {

const std::map<std::string, std::string> kFiles = {
    {"a.py",
     "import os\n\n\nclass Box:\n    def size(self):\n        return self.w * self.w\n\n"
     "    def name(self):\n        return 1\n\n\nclass Ball:\n    def name(self):\n        return "
     "1\n"},
    {"crlf.txt", "one\r\ntwo\r\nthree\r\n"},
    {"gone.txt", "x\n"},
};

// What the patch makes of kFiles: "path: text" for each, "path: gone", or the error.
std::string patched(const std::string& patch) {
  const auto read = [](const std::string& path) -> std::optional<std::string> {
    const auto found = kFiles.find(path);
    return found == kFiles.end() ? std::nullopt : std::optional(found->second);
  };
  const auto changes = changes_of_patch(patch, read);
  if (!changes) return "error: " + changes.error().message;
  std::string out;
  for (const FileChange& change : *changes)
    out += change.path + ": " + change.after.value_or("gone\n");
  return out;
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the apply_patch envelope changes, adds, moves and deletes files") {
  const std::string a = kFiles.at("a.py");
  CHECK(patched(
            "*** Begin Patch\n*** Update File: a.py\n@@ def size(self):\n"
            "-        return self.w * self.w\n+        return self.w * self.h\n*** End Patch\n") ==
        "a.py: " + with(a, "self.w * self.w", "self.w * self.h"));
  // Which of two equal methods: the class is the anchor. Fences and a missing end are forgiven.
  CHECK(patched("```\n*** Begin Patch\n*** Update File: a.py\n@@ class Ball:\n@@ def name(self):\n"
                "-        return 1\n+        return 2\n```\n") ==
        "a.py: " + a.substr(0, a.size() - 2) + "2\n");
  CHECK(holds(patched("*** Begin Patch\n*** Update File: a.py\n@@\n-        return 1\n"
                      "+        return 2\n*** End Patch"),
              "lines 9, 14"));
  CHECK(patched("*** Begin Patch\n*** Add File: b.py\n+x = 1\n+\n*** Delete File: gone.txt\n"
                "*** Update File: crlf.txt\n*** Move to: moved.txt\n@@\n one\n-two\n+2\n"
                "*** End Patch") ==
        "b.py: x = 1\n\ngone.txt: gone\ncrlf.txt: gone\nmoved.txt: one\r\n2\r\nthree\r\n");
  CHECK(patched("*** Update File: crlf.txt\n@@\n three\n+four\n*** End of File\n") ==
        "crlf.txt: one\r\ntwo\r\nthree\r\nfour\r\n");
}

TEST_CASE("a unified diff is placed by its lines, whatever its numbers say") {
  const std::string a = kFiles.at("a.py");
  const std::string expected = "a.py: " + with(a, "self.w * self.w", "self.w * self.h");
  CHECK(patched("--- a/a.py\n+++ b/a.py\n@@ -500,9 +12,1 @@ class Box:\n     def size(self):\n"
                "-        return self.w * self.w\n+        return self.w * self.h\n\n     def "
                "name(self):\n") == expected);
  // Blanks lost, and an outer context line that is wrong.
  CHECK(patched("diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@\n class Bax:\n"
                " def size(self):\n-    return self.w * self.w\n+    return self.w * self.h\n") ==
        expected);
  // The right number decides between equal places, and only a right one.
  const std::string twice =
      "--- a/a.py\n+++ b/a.py\n@@ -N,2 +N,2 @@\n     def name(self):\n"
      "-        return 1\n+        return 2\n";
  CHECK(patched(with(twice, "-N", "-13")) == "a.py: " + a.substr(0, a.size() - 2) + "2\n");
  CHECK(holds(patched(with(twice, "-N", "-1")), "several times"));
  CHECK(patched("--- /dev/null\n+++ b/new/c.py\n@@ -0,0 +1,7 @@\n+c = 1\n") == "new/c.py: c = 1\n");
  CHECK(patched("--- a/gone.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n") == "gone.txt: gone\n");
  // Hunks in any order.
  CHECK(patched("--- a/crlf.txt\n+++ b/crlf.txt\n@@\n-three\n+3\n@@\n-one\n+1\n") ==
        "crlf.txt: 1\r\ntwo\r\n3\r\n");
}

TEST_CASE("a patch that does not fit is refused as a whole, with what is there") {
  const std::string wrong = patched(
      "--- a/a.py\n+++ b/a.py\n@@\n-    def size(self, x):\n-        return self.w * x\n+    "
      "pass\n");
  CHECK(holds(wrong, "error: a.py: its lines are not there"));
  CHECK(holds(wrong, "5:     def size(self):\n6:         return self.w * self.w"));
  CHECK(holds(patched("*** Begin Patch\n*** Update File: a.py\n@@\n-import os\n+import sys\n@@\n"
                      "-nowhere\n+x\n*** End Patch"),
              "hunk 2 of a.py"));
  CHECK(holds(patched("*** Begin Patch\n*** Update File: no.py\n@@\n-a\n+b\n*** End Patch"),
              "which does not exist"));
  CHECK(holds(patched("*** Begin Patch\n*** Add File: a.py\n+x\n*** End Patch"), "there already"));
  CHECK(holds(patched("*** Begin Patch\n*** Update File: a.py\n import os\n*** End Patch"),
              "changes nothing"));
  CHECK(holds(patched("please change a.py"), "expected a patch"));
  CHECK(holds(patched("*** Begin Patch\n*** Frobnicate: a\n*** Update File: a.py\n"), "line 2"));
}

TEST_CASE("no text that calls itself a patch does harm") {
  const char* kParts[] = {"*** Begin Patch\n",
                          "*** Update File: a.py\n",
                          "*** Add File: b\n",
                          "*** Delete File: gone.txt\n",
                          "*** Move to: c\n",
                          "*** End of File\n",
                          "*** End Patch\n",
                          "@@\n",
                          "@@ -1,3 +1,4 @@\n",
                          "@@ class Box:\n",
                          "--- a/a.py\n",
                          "+++ b/a.py\n",
                          "--- /dev/null\n",
                          " import os\n",
                          "-import os\n",
                          "+x\n",
                          "\n",
                          "\\ No newline at end of file\n",
                          "```\n",
                          "@@ -99999999999999999999 @@\n",
                          "-        return 1\n",
                          "\xFF\x00\n",
                          "diff --git a b\n"};
  uint32_t seed = 7;
  const auto next = [&](uint32_t n) { return (seed = seed * 1664525u + 1013904223u) / 65536u % n; };
  size_t n_applied = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string patch;
    for (uint32_t n = 1 + next(14); n > 0; --n) patch += kParts[next(std::size(kParts))];
    n_applied += patched(patch).starts_with("error: ") ? 0 : 1;
  }
  CHECK(n_applied > 50);
}

TEST_CASE("what is common of two texts reads well and costs little") {
  const std::string before = "a\nb\nc\nd\n", after = "a\nc\nx\nd\n";
  const auto pairs = common_lines(whole_lines(before), whole_lines(after));
  CHECK(pairs == std::vector<std::pair<size_t, size_t>>{{0, 0}, {2, 1}, {3, 3}});
  CHECK(quoted_changes(before, after, 10) == "\n1: a\n2: c\n3: x\n4: d");
  // Two far changes in a long text, and two texts with nothing in common.
  std::string many, other, changed;
  for (int i = 0; i < 20000; ++i) {
    many += std::to_string(i) + "\n";
    other += "x" + std::to_string(i % 7) + "\n";
    changed += (i == 3 || i == 19000 ? "changed" : std::to_string(i)) + "\n";
  }
  CHECK(common_lines(whole_lines(many), whole_lines(changed)).size() == 19998);
  CHECK(common_lines(whole_lines(many), whole_lines(other)).empty());
}

TEST_CASE("a path tells what kind of file it is") {
  using enum PathClass;
  struct Case {
    const char* path;
    PathClass expected;
  };
  const Case cases[] = {
      {"src/core.py", source},
      {"setup.py", source},
      {"contest.py", source},
      {"src/attest/core.py", source},
      {"latest.go", source},
      {"pyproject.toml", source},
      {"package.json", source},
      {"src/protest.java", test},  // a known wrong answer: "…test.java" is how tests are called
      {"tests/test_core.py", test},
      {"pkg/core_test.go", test},
      {"src/a.test.ts", test},
      {"spec/models/a_spec.rb", test},
      {"conftest.py", test},
      {"pkg/sitecustomize.py", test},
      {"pytest.ini", test},
      {"jest.config.ts", test},
      {".github/workflows/ci.yml", ci},
      {".gitlab-ci.yml", ci},
      {"Jenkinsfile", ci},
      {"package-lock.json", lock},
      {"Cargo.lock", lock},
      {"sub/go.sum", lock},
      {".git/hooks/pre-commit", hook},
      {".husky/pre-push", hook},
      {".gitattributes", hook},
      {"AGENTS.md", agent},
      {"docs/CLAUDE.md", agent},
      {".cursor/rules/a.mdc", agent},
      {".engramd.toml", agent},
      {"node_modules/a/index.js", installed},
      {"third_party/zlib/inflate.c", vendored},
      {"api/v1/types.pb.go", generated},
      {"static/app.min.js", generated},
  };
  for (const Case& one : cases) {
    INFO(one.path);
    CHECK(to_string(classify_path(one.path)) == to_string(one.expected));
  }
}

TEST_CASE("a definition is addressed by its name, and keeps its place and indentation") {
  const test::Workspace ws(R"(
//- /a.py
import functools


class A:
    @functools.cache
    def one(self):
        return 1

    def two(self):
        return 2


def one():
    return 11
//- /b.ts
export class Box {
  // How big.
  size(): number {
    return 1;
  }
}

export function make(): Box {
  return new Box();
}
)");
  auto index = repoindex::RepoIndex::open(ws.root(), {.cache_folder = {}, .use_cache = false});
  REQUIRE(index);
  REQUIRE((*index)->refresh());
  const repoindex::View view{(*index)->snapshot(), nullptr, nullptr};
  const auto edit = [&](const std::string& path, const std::string& name, SymbolPlace place,
                        const std::string& text) {
    const auto hit = symbol_named(view, path, name);
    if (!hit) return "error: " + hit.error().message;
    return edit_symbol(ws.read(path), *hit, place, text).value();
  };
  const std::string a = ws.read("a.py"), b = ws.read("b.ts");
  const std::string two = with(a, "        return 2", "        return self.one() * 2");
  // With its indentation, without any, and with that of the first line left out.
  for (const char* text : {"    def two(self):\n        return self.one() * 2\n",
                           "def two(self):\n    return self.one() * 2",
                           "def two(self):\n        return self.one() * 2\n"})
    CHECK(edit("a.py", "A.two", SymbolPlace::replace, text) == two);
  CHECK(
      holds(edit("a.py", "two", SymbolPlace::replace, "def two(self):\n    return 3"), "return 3"));
  // The decorator is replaced when the new text brings one, and kept when it does not.
  const std::string cached =
      edit("a.py", "A.one", SymbolPlace::replace, "@functools.cache\ndef one(self):\n    return 5");
  CHECK(cached == with(a, "return 1\n", "return 5\n"));
  CHECK(edit("a.py", "A.one", SymbolPlace::replace, "def one(self):\n    return 5") == cached);
  CHECK(edit("a.py", "A.one", SymbolPlace::after, "def three(self):\n    return 3") ==
        with(a, "        return 1\n\n",
             "        return 1\n\n    def three(self):\n        return 3\n\n"));
  CHECK(edit("a.py", "A", SymbolPlace::before, "LIMIT = 3") ==
        with(a, "class A", "LIMIT = 3\n\n\nclass A"));
  CHECK(holds(edit("a.py", "one", SymbolPlace::replace, "x"), "def one():\n    return 11") ==
        false);
  CHECK(holds(edit("a.py", "A.three", SymbolPlace::replace, "x"),
              "it defines: A, A.one, A.two, one"));
  CHECK(edit("b.ts", "Box::size", SymbolPlace::replace, "size(): number {\n    return 2;\n  }") ==
        with(b, "return 1", "return 2"));
  CHECK(edit("b.ts", "make", SymbolPlace::replace,
             "export function make(): Box {\n  return null;\n}") == with(b, "new Box()", "null"));
  CHECK(edit("b.ts", "make", SymbolPlace::replace, "function make(): Box {\n  return null;\n}") ==
        with(b, "new Box()", "null"));
}
