#include <catch2/catch.hpp>
#include <random>

#include "repoindex/languages/language.h"
#include "repoindex/syntax/tokens.h"
#include "tests/repoindex/query_stories.h"
#include "tests/repoindex/syntax_stories.h"

using namespace engramd;
using namespace engramd::repoindex;
using engramd::repoindex::test::opened;

namespace {

constexpr const char* kTypes[] = {"namespace", "class",     "enum",     "interface", "struct",
                                  "type",      "parameter", "variable", "property",  "enumMember",
                                  "function",  "method",    "macro"};
constexpr const char* kModifiers[] = {"declaration", "definition", "readonly",  "static",
                                      "abstract",    "async",      "deprecated"};

std::string shown(const SyntaxFile& file, const Token& token) {
  std::string out = kTypes[static_cast<size_t>(token.type)];
  for (size_t i = 0; i < std::size(kModifiers); ++i)
    if ((token.modifiers >> i & 1) != 0) out += std::string(".") + kModifiers[i];
  return out + " " + file.text->substr(token.begin, token.end - token.begin);
}

std::vector<std::string> tokens_of(const std::string& path, std::string_view text) {
  const auto open = opened(path, text);
  std::vector<std::string> out;
  for (const Token& token : semantic_tokens(open.view, open.file))
    out.push_back(shown(open.file, token));
  return out;
}
using Shown = std::vector<std::string>;

}  // namespace

TEST_CASE("tokens: Python names by what they are") {
  CHECK(tokens_of("a.py", R"(LIMIT = 3
class A:
    def go(self, step):
        self.x = step + LIMIT
        return helper(self.x)
def helper(n):
    total = n
    return total
A().go(1)
)") == Shown{"variable.declaration.definition.readonly LIMIT", "class.declaration.definition A",
             "method.declaration.definition go", "parameter.declaration self",
             "parameter.declaration step", "parameter self", "property.declaration.definition x",
             "parameter step", "variable.readonly LIMIT", "function helper", "parameter self",
             "property x", "function.declaration.definition helper", "parameter.declaration n",
             "variable.declaration total", "parameter n", "variable total", "class A",
             "method go"});
}

TEST_CASE("tokens: TypeScript's const, readonly, static, async and enum") {
  const Shown found = tokens_of("a.ts", R"(enum Color { Red }
interface Shape { readonly name: string }
class Box implements Shape {
  static count = 0;
  readonly name = "box";
  async load(id: number) { const twice = id * 2; return twice; }
}
const pick = Color.Red;
)");
  const auto has = [&](const std::string& item) {
    INFO(item);
    CHECK(std::find(found.begin(), found.end(), item) != found.end());
  };
  has("enum.declaration.definition Color");
  has("enumMember.declaration.definition.readonly Red");
  has("enumMember.readonly Red");
  has("interface.declaration.definition Shape");
  has("interface Shape");
  has("property.declaration.definition.readonly name");
  has("property.declaration.definition.static count");
  has("method.declaration.definition.async load");
  has("parameter.declaration id");
  has("variable.declaration.readonly twice");
  has("variable.readonly twice");
  has("variable.declaration.definition.readonly pick");
}

TEST_CASE("tokens: C's structs, macros, parameters and prototypes") {
  const Shown found = tokens_of("a.c", R"(#define SIZE 4
struct point { int x; };
static int add(int a, int b);
int twice(const struct point *p) { return p->x * SIZE + add(1, 2); }
)");
  const auto has = [&](const std::string& item) {
    INFO(item);
    CHECK(std::find(found.begin(), found.end(), item) != found.end());
  };
  has("macro.declaration.definition SIZE");
  has("macro SIZE");
  has("struct.declaration.definition point");
  has("struct point");
  has("property.declaration.definition x");
  has("function.declaration.static add");
  has("parameter.declaration a");
  has("function.static add");
  has("parameter.declaration p");
  has("parameter p");
}

TEST_CASE("tokens: an imported name is what the repository defines under it") {
  const engramd::test::Workspace ws(R"(
//- /core.py
class Engine: ...
def run(): ...
//- /app.py
from core import Engine, run
import core
Engine()
run()
)");
  const View view = repoindex::test::view_of(ws);
  const auto file = syntax_file(view, "app.py", WithTree::no);
  REQUIRE(file);
  Shown found;
  for (const Token& token : semantic_tokens(view, *file)) found.push_back(shown(*file, token));
  CHECK(found == Shown{"namespace core", "class Engine", "function run", "namespace core",
                       "class Engine", "function run"});
}

TEST_CASE("tokens: a range gives the tokens of the whole that touch it") {
  const std::string text = "a = 1\nb = a\nc = b\n";
  const auto open = opened("a.py", text);
  const auto all = semantic_tokens(open.view, open.file);
  const auto some = semantic_tokens(open.view, open.file, ByteRange{6, 12});
  REQUIRE(all.size() == 5);
  REQUIRE(some.size() == 2);
  CHECK(some[0].begin == 6);
  CHECK(some[1].begin == 10);
}

TEST_CASE("property: tokens are in order, apart, on one line and inside the text") {
  for (const Language* language : languages()) {
    const std::string name = language->name + "." + std::string(language->extensions[0]);
    const auto text = read_file(engramd::test::fixtures() / "languages" / name);
    REQUIRE(text);
    INFO(name);
    const auto open = opened(name, *text);
    uint32_t end = 0;
    for (const Token& token : semantic_tokens(open.view, open.file)) {
      REQUIRE(token.begin >= end);
      REQUIRE(token.end > token.begin);
      REQUIRE(token.end <= text->size());
      REQUIRE(text->substr(token.begin, token.end - token.begin).find('\n') == std::string::npos);
      end = token.end;
    }
  }
}
