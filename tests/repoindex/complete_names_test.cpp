// Names without a receiver, keywords, imports, and where nothing is offered.
#include <catch2/catch.hpp>

#include "tests/repoindex/complete_stories.h"
#include "tests/support/workspace.h"

using namespace engramd::repoindex;
using namespace engramd::repoindex::test;

TEST_CASE("python: locals come before the file's names, those before the language's") {
  check_first(R"(
//- /a.py
import collections
conf = 1
def use(config):
    con<|>
)",
              {"config", "conf", "continue"});
}

TEST_CASE("python: a local of another function is not seen") {
  check_lacks(R"(
//- /a.py
def other():
    result_of_other = 1
def use():
    resul = 1
    re<|>
)",
              {"result_of_other"});
}

TEST_CASE("python: a function's body goes on while it is indented") {
  check_has(R"(
//- /a.py
def use(parameter):
    x = 1

    para<|>
)",
            {"parameter"});
  check_lacks(R"(
//- /a.py
def use(parameter):
    x = 1

par<|>
pare = 1
)",
              {"parameter"});
}

TEST_CASE("python: parameters of what is called, as named arguments") {
  const CandidateList list = completed(R"(
//- /a.py
def make(width, height=1): ...
make(1, he<|>)
)");
  REQUIRE_FALSE(list.items.empty());
  CHECK(list.items[0].name == "height");
  CHECK(list.items[0].written == "height=");
  check_has(R"(
//- /a.py
class Box:
    def __init__(self, width): ...
Box(wi<|>)
)",
            {"width"});
}

TEST_CASE("python: a name of another file, with the import it needs") {
  engramd::test::Workspace ws(R"(
//- /pkg/__init__.py
//- /pkg/core.py
def run_everything(): ...
//- /app.py
"""What the program is for."""
import os

run_ev<|>
)");
  const View view = view_of(ws);
  const CandidateList list = complete_at(view, "app.py", ws.cursor().offset);
  REQUIRE(list.items.size() >= 1);
  CHECK(list.items[0].name == "run_everything");
  CHECK(list.items[0].source == CandidateSource::project);
  const auto edit = import_edit(view, "app.py", "run_everything", list.items[0].path);
  REQUIRE(edit);
  CHECK(edit->text == "from pkg.core import run_everything\n");
  CHECK(ws.read("app.py").substr(0, edit->offset) ==
        "\"\"\"What the program is for.\"\"\"\nimport os\n");
}

TEST_CASE("typescript: an import is written as the file writes its own") {
  engramd::test::Workspace ws(R"(
//- /src/util/text.ts
export function trimEnd() {}
//- /src/app.ts
import { x } from './x'

tri<|>
)");
  const View view = view_of(ws);
  const auto edit = import_edit(view, "src/app.ts", "trimEnd", "src/util/text.ts");
  REQUIRE(edit);
  CHECK(edit->shown == "import { trimEnd } from './util/text'");
  CHECK(module_name(view, "src/util/text.ts", "src/app.ts") == "../app");
}

TEST_CASE("python: no import is offered where the layout does not say how it is written") {
  engramd::test::Workspace ws(R"(
//- /tools/one/helper.py
def assist(): ...
//- /app/main.py
assi<|>
)");
  const View view = view_of(ws);
  CHECK_FALSE(import_edit(view, "app/main.py", "assist", "tools/one/helper.py"));
}

TEST_CASE("c: what a header brings is a name, what no include leads to comes later") {
  check_first(R"(
//- /list.h
int list_length(void);
//- /other.c
int list_other(void) { return 1; }
//- /a.c
#include "list.h"
int main(void) {
  return list_<|>;
}
)",
              {"list_length", "list_other"});
}

TEST_CASE("java, cpp: members by their bare names, and inherited ones") {
  check_has(R"(
//- /A.java
class Base { int total; }
class Model extends Base {
  int size;
  void load(int value) { <|> }
}
)",
            {"total", "size", "value", "return"});
  check_has(R"(
//- /a.h
class Model { int size_; void load(int value); };
//- /a.cpp
#include "a.h"
void Model::load(int value) { <|> }
)",
            {"size_", "value"});
}

TEST_CASE("go: names of the package's other files") {
  check_has(R"(
//- /one.go
package shop
func priceOf() int { return 1 }
//- /two.go
package shop
func use() {
	pri<|>
}
)",
            {"priceOf"});
}

TEST_CASE("nothing is offered in comments, strings, numbers and for new names") {
  check_nothing("\n//- /a.py\nvalue = 1\n# va<|>\n");
  check_nothing("\n//- /a.py\nvalue = 1\nx = \"va<|>\"\n");
  check_nothing("\n//- /a.py\nvalue = 1\n\"\"\"\nva<|>\n\"\"\"\n");
  check_nothing("\n//- /a.py\nvalue = 1\ndef va<|>\n");
  check_nothing("\n//- /a.py\nvalue = 12<|>\n");
  check_nothing("\n//- /a.c\nint value; /* va<|> */\n");
  check_nothing("\n//- /a.ts\nconst value = 1; // va<|>\n");
  check_nothing("\n//- /a.ts\nconst value = 1; const x = 'va<|>';\n");
  check_nothing("\n//- /a.rs\nfn main() { let value = 1; /* a /* b */ va<|> */ }\n");
}

TEST_CASE("code inside a string is code") {
  check_has("\n//- /a.py\nvalue = 1\nx = f\"{val<|>}\"\n", {"value"});
  check_has("\n//- /a.ts\nconst value = 1; const x = `${val<|>}`;\n", {"value"});
  check_nothing("\n//- /a.ts\nconst value = 1; const x = `val<|>`;\n");
}

TEST_CASE("an open string ends with its line") {
  check_has("\n//- /a.c\nint value;\n#error don't\nint x = val<|>;\n", {"value"});
  check_has("\n//- /a.py\nvalue = 1\nx = 'open\ny = val<|>\n", {"value"});
}

TEST_CASE("python: modules and names in imports") {
  check_has("\n//- /pkg/__init__.py\n//- /pkg/core.py\ndef run(): ...\n//- /a.py\nimport pk<|>\n",
            {"pkg"});
  check_has("\n//- /pkg/__init__.py\n//- /pkg/core.py\ndef run(): ...\n//- /a.py\nimport pkg.<|>\n",
            {"core"});
  check_only(
      "\n//- /pkg/__init__.py\n//- /pkg/core.py\n//- /pkg/more.py\n//- /pkg/a.py\nfrom .<|>\n",
      {"core", "more"});
  check_only(
      "\n//- /pkg/__init__.py\n//- /pkg/core.py\ndef run(): ...\nclass Engine: ...\n//- "
      "/a.py\nfrom pkg.core import <|>\n",
      {"run", "Engine"});
  check_has(
      "\n//- /pkg/__init__.py\n//- /pkg/core.py\ndef run(): ...\n//- /a.py\nfrom pkg import "
      "co<|>\n",
      {"core"});
  check_only(
      "\n//- /core.py\ndef run(): ...\nclass Engine: ...\n//- /a.py\nfrom core import (\n    "
      "run,\n    En<|>\n)\n",
      {"Engine"});
}

TEST_CASE("c: headers in an include, as they would be written") {
  check_has("\n//- /src/util.h\nint x;\n//- /src/a.c\n#include \"ut<|>\"\n", {"util.h"});
  check_has("\n//- /include/shop/price.h\nint x;\n//- /src/a.c\n#include <shop/<|>>\n",
            {"shop/price.h"});
}

TEST_CASE("typescript: files beside, without their endings; names of an import") {
  check_only(
      "\n//- /util.ts\nexport const a = 1;\n//- /deep/b.ts\nexport const b = 1;\n//- /a.ts\nimport "
      "{ x } from './<|>'\n",
      {"util", "deep"});
  check_has(
      "\n//- /util.ts\nexport const alpha = 1;\nexport function beta() {}\n//- /a.ts\nimport { <|> "
      "} from './util'\n",
      {"alpha", "beta"});
}

TEST_CASE("lists are bounded and say so") {
  std::string text = "\n//- /a.py\n";
  for (int i = 0; i < 500; ++i) text += "value_" + std::to_string(i) + " = 1\n";
  const CandidateList list = completed(text + "va<|>\n");
  CHECK(list.items.size() == 200);
  CHECK(list.incomplete);
}

TEST_CASE("any text at any offset is answered") {
  const std::string text =
      "def f(a, *b, c={}: '\n  x = [\n  y.z(f\"{a[\"\n\"\"\" \\\n@\n((a).b.c[1](\n#\x80\xff\n\xc3";
  for (std::string_view ending : {"py", "c", "cpp", "ts", "go", "rs", "java", "rb", "php", "kt"}) {
    const std::string path = "a." + std::string(ending);
    auto document = Document::open(path, text, 1);
    Overlay overlay;
    overlay[path] = document->publish();
    engramd::test::Workspace ws("\n//- /b.py\nx = 1\n");
    View view = view_of(ws);
    view.overlay = std::make_shared<const Overlay>(std::move(overlay));
    for (size_t at = 0; at <= text.size() + 1; ++at) {
      CHECK(complete_at(view, path, at).items.size() <= 200);
    }
  }
}
