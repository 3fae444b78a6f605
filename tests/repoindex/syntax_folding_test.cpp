// What folds, as "first-last" lines counted from 1, with the kind when it is not a block.
#include <catch2/catch.hpp>

#include "repoindex/languages/language.h"
#include "repoindex/syntax/folding.h"
#include "tests/repoindex/syntax_stories.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::repoindex;
using engramd::repoindex::test::opened;

namespace {

std::string shown(const std::vector<Fold>& folds) {
  static constexpr const char* kKinds[] = {"", " comment", " imports", " region"};
  std::string out;
  for (const Fold& fold : folds) {
    out += (out.empty() ? "" : ", ") + std::to_string(fold.first_line + 1) + "-" +
           std::to_string(fold.last_line + 1) + kKinds[static_cast<size_t>(fold.kind)];
  }
  return out;
}

std::string folds_of(const std::string& path, std::string_view text, size_t limit = 1000) {
  return shown(folds(opened(path, text).file, limit));
}

}  // namespace

TEST_CASE("folding: bodies of Python end where their last statement ends") {
  CHECK(folds_of("a.py", R"(import os
import sys

def f(a,
      b):
    if a:
        x = 1
    else:
        x = 2
    return x

class A:
    """Doc
    of A."""
    def m(self):
        pass
)") == "1-2 imports, 4-5, 5-10, 6-7, 8-9, 12-16, 13-14, 15-16");
}

TEST_CASE("folding: a closing bracket that begins its line stays visible") {
  CHECK(folds_of("a.c", R"(#include <stdio.h>
#include "a.h"

int f(int a) {
  if (a) {
    g();
  } else {
    h();
  }
  return call(a,
              b);
}
)") == "1-2 imports, 4-11, 5-6, 7-8, 10-11");
}

TEST_CASE("folding: comments of several lines and of several in a row") {
  CHECK(folds_of("a.js", R"(/**
 * One.
 */
// two
// three
// four
function f() {} // no
// five
)") == "1-3 comment, 4-6 comment");
}

TEST_CASE("folding: regions nest, and a region without an end is none") {
  CHECK(folds_of("a.ts", R"(// #region Outer
const a = 1;
// region Inner
const b = 2;
// endregion
// #endregion
// #region open
)") == "1-6 region, 3-5 region");
  CHECK(folds_of("a.py", "# region A\nx = 1\n# endregion\n") == "1-3 region");
  CHECK(folds_of("a.cs", "#region A\nclass X {}\n#endregion\n") == "1-3 region");
  CHECK(folds_of("a.cpp", "#pragma region A\nint x;\n#pragma endregion\n") == "1-3 region");
  CHECK(folds_of("notes.txt", "# region A\nx\n# endregion\n") == "1-3 region");
  CHECK(folds_of("a.py", "region = 1\nx = 2\nendregion = 3\n").empty());
  CHECK(opened("a.py", "# region My part\nx = 1\n# endregion\n").file.tree != nullptr);
  CHECK(folds(opened("a.py", "# region My part\nx = 1\n# endregion\n").file)[0].summary ==
        "My part");
}

TEST_CASE("folding: words that close, in Ruby, Lua and the shell") {
  CHECK(folds_of("a.rb", R"(def f(x)
  if x
    1
  else
    2
  end
end
)") == "1-6, 2-3, 4-5");
  CHECK(folds_of("a.lua", R"(local function f(x)
  if x then
    return 1
  else
    return 2
  end
end
)") == "1-6, 2-3, 4-5");
  CHECK(folds_of("a.sh", R"(if true; then
  echo a
fi
for i in 1 2; do
  echo b
done
)") == "1-2, 4-5");
}

TEST_CASE("folding: markup and data") {
  CHECK(folds_of("a.html", "<div>\n  <p>\n    a\n  </p>\n</div>\n") == "1-4, 2-3");
  CHECK(folds_of("a.json", "{\n  \"a\": [\n    1\n  ]\n}\n") == "1-4, 2-3");
  CHECK(folds_of("a.yaml", "a:\n  b: 1\n  c: 2\nd: 3\n") == "1-3");
  CHECK(folds_of("a.toml", "[a]\nx = 1\ny = 2\n[b]\nz = 3\n") == "1-3, 4-5");
  CHECK(folds_of("a.md", "# A\n\ntext\n\n## B\n\nmore\n\n# C\n\nend\n") == "1-7, 5-7, 9-11");
  CHECK(folds_of("a.tsx", "const a = (\n  <div>\n    <b />\n  </div>\n);\n") == "1-4, 2-3");
}

TEST_CASE("folding: with a limit the inner blocks go first") {
  const std::string text =
      "void f() {\n  if (a) {\n    g();\n  }\n}\n// a\n// b\nvoid h() {\n  x();\n}\n";
  CHECK(folds_of("a.c", text) == "1-4, 2-3, 6-7 comment, 8-9");
  CHECK(folds_of("a.c", text, 3) == "1-4, 6-7 comment, 8-9");
}

TEST_CASE("folding: a fold begins once on a line, ends behind its begin, and in the text") {
  for (const Language* language : languages()) {
    const std::string name = language->name + "." + std::string(language->extensions[0]);
    const auto text = read_file(engramd::test::fixtures() / "languages" / name);
    REQUIRE(text);
    const auto file = opened(name, *text).file;
    uint32_t last = UINT32_MAX;
    const auto found = folds(file);
    INFO(name);
    for (const Fold& fold : found) {
      CHECK(fold.first_line != last);
      CHECK(fold.last_line > fold.first_line);
      CHECK(fold.last_line < file.lines->line_count());
      CHECK(fold.exact.begin <= fold.exact.end);
      CHECK(fold.exact.end <= text->size());
      last = fold.first_line;
    }
  }
}
