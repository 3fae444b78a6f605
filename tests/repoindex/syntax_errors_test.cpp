// What a person is told of a text that does not parse; and of texts that are right and do not
// parse either: nothing.
#include <catch2/catch.hpp>

#include "repoindex/index.h"
#include "repoindex/languages/language.h"
#include "repoindex/parse/brackets.h"
#include "repoindex/store/record.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::repoindex;

namespace {

// "line:column message", counted from 1.
std::vector<std::string> errors_of(const std::string& path, const std::string& text) {
  const auto facts = extract_facts(path, text);
  const LineIndex lines(text);
  std::vector<std::string> out;
  for (const SyntaxError& error : facts->errors) {
    CHECK(error.begin < error.end);
    CHECK(error.end <= text.size());
    const LineColumn at = lines.position(error.begin);
    out.push_back(std::to_string(at.line + 1) + ":" + std::to_string(at.column + 1) + " " +
                  error.message);
  }
  return out;
}
using Told = std::vector<std::string>;

}  // namespace

TEST_CASE("errors: what is missing is told behind what stands before it") {
  CHECK(errors_of("a.js", "foo(1, 2;\n") == Told{"1:8 missing ')'"});
  CHECK(errors_of("a.c", "int f(void) {\n  return 1\n}\n") == Told{"2:10 missing ';'"});
  CHECK(errors_of("a.java", "class A { int f() { return 1 } }\n") == Told{"1:28 missing ';'"});
}

TEST_CASE("errors: brackets and quotes that do not close") {
  CHECK(errors_of("a.py", "def f(a, b:\n    return a\n") == Told{"1:6 '(' is not closed"});
  CHECK(errors_of("a.py", "x = [1, 2\ny = 3\n") == Told{"1:5 '[' is not closed"});
  CHECK(errors_of("a.json", "{\"a\": [1, 2}\n").size() == 1);
  CHECK(errors_of("a.py", "x = 1)\n") == Told{"1:6 unexpected ')'"});
}

TEST_CASE("errors: the token that does not belong") {
  CHECK(errors_of("a.go", "package a\n\nfunc f() {\n\tx := := 1\n}\n").size() == 1);
  CHECK(errors_of("a.py", "class A extends B:\n    pass\n").size() == 1);
}

TEST_CASE("errors: one of a line, and a bound") {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "x = = 1 = = 2\n";
  const auto told = errors_of("a.py", text);
  CHECK(told.size() <= 50);
  CHECK(!told.empty());
  std::string before;
  for (const std::string& one : told) {
    const std::string line = one.substr(0, one.find(':'));
    CHECK(line != before);
    before = line;
  }
}

TEST_CASE("errors: in C brackets are counted whatever macros do") {
  CHECK(errors_of("a.c", R"(
#define FOREACH(x) for (;;)
void f(void) {
  FOREACH(x) {
    run_with_period(100) {
      g();
    }
  }
  TEST("name") { h(); }
}
EXPORT_SYMBOL(f)
MODULE(a) NAME(b)
)") == Told{});
  CHECK(errors_of("a.c", "void f(void) {\n  if (a) {\n    g();\n}\n\nvoid h(void) {\n}\n") ==
        Told{"2:10 '{' is not closed"});
  CHECK(errors_of("a.c", "void f(void) {\n  g(a;\n}\n") == Told{"2:4 '(' is not closed"});
  CHECK(errors_of("a.c", "void f(void) {\n  g(a));\n}\n") == Told{"2:7 unexpected ')'"});
  CHECK(errors_of("a.c", "char *s = \"abc;\nint x;\n") == Told{"1:11 string is not closed"});
  CHECK(errors_of("a.c", "int x;\n/* never\nint y;\n") == Told{"2:1 comment is not closed"});
  CHECK(errors_of("a.h", "#if A\nint x;\n") == Told{"1:1 #if is not closed"});
}

TEST_CASE("errors: branches of an #if are alternatives") {
  const std::string both = R"(
#ifdef A
int f(int a) {
#else
int f(long a) {
#endif
  return a;
}
)";
  CHECK(bracket_errors(both).empty());
  // Left to the preprocessor: without #else the branch may be what closes.
  CHECK(bracket_errors("#ifdef A\nextern \"C\" {\n#endif\nint x;\n#ifdef A\n}\n#endif\n").empty());
  CHECK(bracket_errors("#if 0\n it's { not code\n#endif\nint x;\n").empty());
  CHECK(bracket_errors("int n = 1'000'000; auto s = R\"x(\" { )x\"; char c = '{';\n").empty());
  CHECK(bracket_errors("#define A(x) { x\nint y;\n").empty());
}

TEST_CASE("errors: nothing of a text whose grammar is not to be trusted") {
  CHECK(errors_of("a.html", "<ul>{% for x in y %}<li class=\"{{ a(\"b\") }}\">{% endfor %}") ==
        Told{});
  CHECK(errors_of("a.sql", "SELECT TOP 3 $$ FROM [x].[y] WITH (NOLOCK) GO\n") == Told{});
  CHECK(errors_of("a.md", "<div>\n\n# A\n\n```py\ndef (\n```\n") == Told{});
  CHECK(errors_of("Makefile", "a: export B = 1\n") == Told{});
  CHECK(errors_of("tsconfig.json", "{\n  // a\n  \"a\": [1, 2,],\n}\n") == Told{});
  CHECK(errors_of("a.cs", "class A {\n#if B\n  void f() {\n#else\n  int f() {\n#endif\n  }\n}\n") ==
        Told{});
  CHECK(errors_of(
            "a.ts",
            "export type * from \"./x\";\ndeclare const a: import(\"./y\").Z<\n  string\n>;\n") ==
        Told{});
}

TEST_CASE("errors: of the script in a page, at its place") {
  CHECK(errors_of("a.html", "<script>\nfunction f( {\n}\n</script>\n").size() == 1);
  CHECK(errors_of("a.html", "<script>\nfunction f() {\n}\n</script>\n") == Told{});
}

TEST_CASE("errors: no corpus that parses has any, and they survive the store") {
  for (const Language* language : languages()) {
    const std::string name = language->name + "." + std::string(language->extensions[0]);
    const auto text = read_file(engramd::test::fixtures() / "languages" / name);
    REQUIRE(text);
    INFO(name);
    const auto facts = extract_facts(name, *text);
    if (!facts->has_errors) CHECK(facts->errors.empty());
    const auto again = decode_facts(encode_facts(*facts));
    REQUIRE(again);
    REQUIRE((*again)->errors.size() == facts->errors.size());
    for (size_t i = 0; i < facts->errors.size(); ++i) {
      CHECK((*again)->errors[i].begin == facts->errors[i].begin);
      CHECK((*again)->errors[i].end == facts->errors[i].end);
      CHECK((*again)->errors[i].message == facts->errors[i].message);
    }
  }
}
