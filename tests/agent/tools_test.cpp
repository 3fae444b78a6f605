#include "agent/tools/tool.h"

#include <catch2/catch.hpp>

#include "base/text.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace engramd::agent;

namespace {

constexpr const char* kProject = R"(
//- /geometry/area.py
class Square:
    def __init__(self, side):
        self.side = side

    def area(self):
        return self.side * 2


def total_area(shapes):
    return sum(shape.area() for shape in shapes)
//- /main.py
from geometry.area import Square, total_area

print(total_area([Square(2), Square(3)]))
//- /tests/test_area.py
from geometry.area import Square
)";

struct Bench {
  test::Workspace ws{kProject};
  std::unique_ptr<Workbench> bench;
  CancelToken cancel;
  Bench() {
    auto opened = Workbench::open(ws.root(), {});
    if (!opened) FAIL(opened.error().message);
    bench = std::move(*opened);
  }
  // What a model would read.
  std::string use(const std::string& tool, const std::string& arguments) {
    const Tool* found = find_tool(tool);
    REQUIRE(found != nullptr);
    auto parsed = Arguments::parse(arguments);
    if (!parsed) return "error: " + parsed.error().message;
    ToolContext context{*bench, cancel};
    auto outcome = found->run(context, *parsed);
    return outcome ? outcome->text : "error: " + outcome.error().message;
  }
};

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("every tool has a schema that is an object and a name of its own") {
  for (const Tool& tool : all_tools()) {
    CHECK(find_tool(tool.description.name) == &tool);
    CHECK(holds(tool.description.parameters_json, R"("type":"object")"));
  }
}

TEST_CASE("the reading tools answer from the index") {
  Bench b;
  CHECK(holds(b.use("locate", R"({"text": "the area of a Square is wrong"})"), "geometry/area.py"));
  CHECK(holds(b.use("search", R"({"text": "side * 2"})"), "geometry/area.py:6"));
  CHECK(b.use("search", R"({"text": "not anywhere"})") == "no line holds that text");
  CHECK(holds(b.use("open", R"({"path": "main.py", "first_line": 3})"), "3\tprint"));
  CHECK(holds(b.use("open", R"({"path": "main.py", "first_line": 30})"), "has 4 lines"));
  CHECK(holds(b.use("open", R"({"path": "nowhere.py"})"), "error: "));
  CHECK(holds(b.use("outline", R"({"path": "geometry/area.py"})"), "Square.area"));
  CHECK(holds(b.use("definition", R"({"name": "total_area"})"), "geometry/area.py:9"));
  CHECK(holds(b.use("references", R"({"name": "total_area"})"), "main.py:3"));
}

TEST_CASE("the editing tools change the copy, never the user's tree, and the index follows") {
  Bench b;
  const std::string before = b.ws.read("geometry/area.py");
  CHECK(
      b.use(
          "replace_symbol",
          R"({"path": "geometry/area.py", "symbol": "Square.area", "text": "def area(self):\n        return self.side ** 2\n"})") ==
      "replaced Square.area in geometry/area.py");
  CHECK(
      holds(b.use("open", R"({"path": "geometry/area.py"})"), "6\t        return self.side ** 2"));
  CHECK(holds(
      b.use("create_file", R"({"path": "geometry/circle.py", "text": "def circle(): ...\n"})"),
      "created"));
  CHECK(holds(b.use("definition", R"({"name": "circle"})"), "geometry/circle.py:1"));
  CHECK(b.ws.read("geometry/area.py") == before);
  CHECK(holds(b.bench->diff(), "-        return self.side * 2\n+        return self.side ** 2\n"));
  CHECK(holds(b.bench->diff(), "--- /dev/null"));
  CHECK(b.bench->changed().size() == 2);
}

TEST_CASE("an edit that is taken back leaves no diff") {
  Bench b;
  b.use("replace_text", R"j({"path": "main.py", "search": "Square(3)", "replace": "Square(4)"})j");
  CHECK(b.bench->changed().size() == 1);
  b.use("replace_text", R"j({"path": "main.py", "search": "Square(4)", "replace": "Square(3)"})j");
  CHECK(b.bench->changed().empty());
  CHECK(b.bench->diff().empty());
}

TEST_CASE("edits that must not be are refused with the reason") {
  Bench b;
  CHECK(holds(
      b.use("replace_symbol", R"({"path": "geometry/area.py", "symbol": "Circle", "text": "x"})"),
      "it defines: Square"));
  CHECK(
      holds(b.use("replace_text", R"j({"path": "main.py", "search": "Circle(2)", "replace": ""})j"),
            "error: "));
  CHECK(holds(b.use("create_file", R"({"path": "main.py", "text": ""})"), "exists"));
  CHECK(holds(b.use("create_file", R"({"path": "../escaped.py", "text": ""})"), "error: "));
  CHECK(holds(b.use("create_file", R"({"path": ".git/hooks/pre-commit", "text": ""})"), "error: "));
  CHECK(holds(b.use("replace_text",
                    R"({"path": "tests/test_area.py", "search": "Square", "replace": "Circle"})"),
              "needs consent"));
  CHECK(
      holds(b.use("replace_text", R"({"path": "main.py"})"), R"("search" (a string) is missing)"));
  CHECK(holds(b.use("open", "[1, 2]"), "not a JSON object"));
  CHECK(b.bench->changed().empty());
}

TEST_CASE("long answers keep their head and their tail at character borders") {
  const std::string text =
      "first\n" + std::string(100, 'x') + "\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC" + "last";
  for (size_t cap = 10; cap < 60; ++cap) {
    const std::string cut = capped(text, cap);
    CHECK(utf8_valid(cut));
    CHECK(cut.find("bytes left out") != std::string::npos);
  }
  CHECK(capped("short", 10) == "short");
}
