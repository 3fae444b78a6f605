#include "agent/tools/tool.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "agent/tools/nearest.h"
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
  test::Workspace ws;
  std::unique_ptr<Workbench> bench;
  CancelToken cancel;
  CommandGate command_gate;
  explicit Bench(const char* project = kProject, WorkbenchOptions options = {}) : ws(project) {
    auto opened = Workbench::open(ws.root(), std::move(options));
    if (!opened) FAIL(opened.error().message);
    bench = std::move(*opened);
  }
  // What a model would read.
  std::string use(const std::string& tool, const std::string& arguments) {
    const Tool* found = find_tool(tool);
    REQUIRE(found != nullptr);
    auto parsed = Arguments::parse(arguments);
    if (!parsed) return "error: " + parsed.error().message;
    ToolContext context{*bench, cancel, command_gate};
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
  CHECK(holds(b.use("open", R"({"path": "main.py", "first_line": 30})"), "has 3 lines"));
  CHECK(holds(b.use("open", R"({"path": "nowhere.py"})"), "error: there is no nowhere.py"));
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
      "replaced Square.area in geometry/area.py\ngeometry/area.py now reads\n"
      "5:     def area(self):\n6:         return self.side ** 2\n7: \n");
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
  CHECK(holds(b.use("create_file", R"({"path": "geometry/area.py", "text": "def f(:\n"})"),
              "would no longer parse"));
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

TEST_CASE("arguments are read as models write them, and paths too") {
  Bench b;
  const std::string root = b.ws.root().string();
  for (const std::string& path : {std::string("./geometry/area.py"), root + "/geometry/area.py",
                                  std::string("`geometry/area.py`")})
    CHECK(holds(b.use("open", R"({"file_path": ")" + path + R"("})"), "1\tclass Square"));
  CHECK(b.use("open", R"({"path": "geometry/area.py:6", "last_line": "6"})").find("6\t") == 0);
  CHECK(b.use("open", R"({"path": "geometry/area.py", "lines": "5-6"})") ==
        "5\t    def area(self):\n6\t        return self.side * 2\n"
        "(lines 5 to 6 of 10; go on with first_line 7)\n");
  CHECK(b.use("open", R"({"path": "geometry/area.py", "view_range": [5, 6]})") ==
        b.use("open", R"({"path": "geometry/area.py#L5-L6"})"));
  CHECK(holds(b.use("open", R"({"path": "geometry/area.py", "first_line": "ten"})"),
              R"("first_line" must be a whole number, found "ten")"));
  CHECK(holds(b.use("open", R"({"path": "geometri/area.py"})"), "did you mean geometry/area.py?"));
  CHECK(holds(b.use("open", R"({"path": "geometry"})"), "is a folder; list_files"));
  CHECK(holds(b.use("open", R"({"path": "/etc/passwd"})"), "outside of the repository"));
  CHECK(holds(b.use("definition", R"({"name": "total_aera"})"), "did you mean total_area?"));
  CHECK(holds(b.use("search", R"({"pattern": "SIDE \\*", "regex": "true"})"), "in another case"));
  CHECK(b.use("search", R"({"text": "class .quare"})") == "no line holds that text");
  CHECK(holds(b.use("search", R"({"text": "class .+e:"})"), "say regex: true"));
  CHECK(b.use("search", R"({"text": "Square", "path": "tests"})") ==
        "tests/test_area.py:1: from geometry.area import Square\n");
  CHECK(holds(b.use("search", R"({"text": "sum(", "context": 1})"),
              "geometry/area.py-9- def total_area(shapes):\ngeometry/area.py:10:"));
  CHECK(b.use("list_files", "{}") == "geometry/  (1 file)\ntests/  (1 file)\nmain.py\n");
  CHECK(b.use("list_files", R"({"path": "**/test_*.py"})") == "tests/test_area.py\n");
  CHECK(holds(b.use("callers", R"({"name": "area"})"), "geometry/area.py:10\tin total_area"));
  // Raw line ends inside a string, twice wrapped, and edits as a list.
  CHECK(holds(b.use("replace_text",
                    "{\"arguments\": {\"path\": \"main.py\", \"edits\": [{\"old_string\": "
                    "\"Square(2)\", \"new_string\": \"Square(\n    5)\"}]}}"),
              "4:     5)"));
  CHECK(meant_tool("grep", {"locate", "search"}) == "search");
  CHECK(meant_tool("grep", {"locate"}).empty());  // search is not offered
  CHECK(meant_tool("run_test", {"open", "run_tests"}) == "run_tests");
  CHECK(nearest_paths("src/util.py", {"lib/util.py", "src/utils.py", "src/x.py"}, 3) ==
        std::vector<std::string>{"lib/util.py", "src/utils.py"});
}

TEST_CASE("answers stay within their budget and say how to get the rest") {
  std::string project = "//- /big.py\n";
  for (int i = 0; i < 3000; ++i)
    project += "value_" + std::to_string(i) + " = " + std::to_string(i) + "\n";
  project += "//- /long.js\nx = '" + std::string(5000, 'y') + "'\n";
  project += "//- /key.py\npassword = \"hX9zQ2vL8mN4pR7tW3kJ\"\nname = 1\n";
  Bench b(project.c_str());
  for (const char* call : {R"({"text": "value_"})"}) {
    const std::string hits = b.use("search", call);
    CHECK(hits.size() < 9000);
    CHECK(holds(hits, "narrow it with path"));
  }
  const std::string opened = b.use("open", R"({"path": "big.py", "last_line": 3000})");
  CHECK(opened.size() < 9000);
  CHECK(holds(opened, "of 3000; go on with first_line "));
  CHECK(holds(b.use("open", R"({"path": "long.js"})"), "more bytes)"));
  CHECK(holds(b.use("outline", R"({"path": "big.py"})"), "more left out"));
  CHECK(holds(b.use("open", R"({"path": "key.py"})"),
              "1\t(hidden: looks like a secret)\n2\tname = 1"));
  // The same question has the same answer.
  CHECK(b.use("search", R"({"text": "value_1"})") == b.use("search", R"({"text": "value_1"})"));
}

TEST_CASE("patches, deleted and renamed files, and the way back") {
  Bench b;
  CHECK(holds(
      b.use(
          "apply_patch",
          R"({"patch": "*** Begin Patch\n*** Update File: ./main.py\n@@\n-print(total_area([Square(2), Square(3)]))\n+print(1)\n*** Add File: new.py\n+x = 1\n*** End Patch"})"),
      "changed main.py created new.py"));
  CHECK(holds(b.use("apply_patch", R"({"patch": "--- a/mian.py\n+++ b/mian.py\n@@\n-a\n+b\n"})"),
              "did you mean main.py?"));
  CHECK(b.use("rename_file", R"({"path": "geometry/area.py", "to": "geometry/shapes.py"})")
            .find("renamed geometry/area.py to geometry/shapes.py") == 0);
  CHECK(holds(b.use("definition", R"({"name": "Square"})"), "geometry/shapes.py:1"));
  CHECK_FALSE(holds(b.use("search", R"({"text": "class Square"})"), "area.py"));
  CHECK(holds(b.use("delete_file", R"({"path": "main.py"})"), "deleted"));
  CHECK(holds(b.use("open", R"({"path": "main.py"})"), "there is no main.py"));
  CHECK(b.bench->removed() == std::set<std::string>{"geometry/area.py", "main.py"});
  CHECK(holds(b.bench->diff(), "deleted file mode 100644\n--- a/main.py"));
  CHECK(holds(b.use("undo_edit", "{}"), "  main.py\n2 earlier edits stay"));
  CHECK(holds(b.use("open", R"({"path": "main.py"})"), "print(1)"));
  CHECK(holds(b.use("undo_edit", "{}"), "  geometry/area.py\n  geometry/shapes.py\n"));
  CHECK(holds(b.use("definition", R"({"name": "Square"})"), "geometry/area.py:1"));
  CHECK(holds(b.use("undo_edit", "{}"), "no edit is left"));
  CHECK(b.bench->diff().empty());
  CHECK(holds(b.use("undo_edit", "{}"), "there is no edit to take back"));
}

TEST_CASE("a file that changed behind the model's back is not edited, and its new lines are told") {
  Bench b;
  b.use("open", R"({"path": "main.py"})");
  // Somebody else writes the copy: a formatter that a command ran, say.
  const std::string text = b.bench->read("main.py").value();
  { std::ofstream(b.bench->tree() / "main.py") << "import os\n" << text; }
  const std::string call =
      R"j({"path": "main.py", "search": "Square(3)", "replace": "Square(4)"})j";
  const std::string refused = b.use("replace_text", call);
  CHECK(holds(refused, "main.py has changed since it was opened, nothing was edited"));
  CHECK(holds(refused, "1: import os"));
  const std::string edited = b.use("replace_text", call);
  INFO(edited);
  CHECK(holds(edited, "Square(4)"));
  // The user's own file: an untouched one is taken over, a touched one is told of once.
  b.use("open", R"({"path": "geometry/area.py"})");
  b.ws.write("geometry/area.py", "class Square: pass\n");
  const std::string theirs =
      b.use("replace_text", R"({"path": "geometry/area.py", "search": "* 2", "replace": "** 2"})");
  CHECK(holds(theirs, "geometry/area.py has changed since "));
  CHECK(holds(theirs, "1: class Square: pass"));
  b.ws.write("main.py", "print(2)\n");
  CHECK(holds(b.use("replace_text",
                    R"j({"path": "main.py", "search": "Square(4)", "replace": "Square(5)"})j"),
              "note: the user has changed main.py"));
}

TEST_CASE(
    "files that are not for editing are refused with the reason, and consent opens the door") {
  std::string project =
      std::string(kProject) +
      "//- /gen.py\n# Generated by a program. DO NOT EDIT.\nx = 1\n//- /bin.dat\nx\n"
      "//- /readonly.py\nx = 1\n//- /big.txt\n" +
      std::string((1u << 20) + 10, 'x') + "\n";
  Bench b(project.c_str());
  b.ws.write("bin.dat", std::string("a\0b", 3));
  std::filesystem::permissions(b.ws.path("readonly.py"), std::filesystem::perms::owner_read);
  Bench c(project.c_str());
  const auto edit = [](Bench& bench, const std::string& path, const std::string& search) {
    return bench.use("replace_text", R"({"path": ")" + path + R"(", "search": ")" + search +
                                         R"(", "replace": "y = 2"})");
  };
  CHECK(holds(edit(b, "gen.py", "x = 1"), "says in its first lines that a program writes it"));
  CHECK(holds(edit(b, "readonly.py", "x = 1"), "is read-only"));
  CHECK(holds(edit(b, "big.txt", "xx"), "error: "));
  CHECK(
      holds(b.use("create_file", R"({"path": "x/../../y.py", "text": ""})"), "not a path inside"));
  CHECK(holds(b.use("create_file", R"({"path": ".github/workflows/x.yml", "text": "a: 1"})"),
              "is a CI definition"));
  int asked = 0;
  WorkbenchOptions options;
  options.consent = [&](const FileChange& change, PathClass what) {
    ++asked;
    return change.path == "tests/test_area.py" && what == PathClass::test;
  };
  options.edit_gate = [](const FileChange& change) -> Status {
    return change.path == "main.py" ? fail(ErrorCode::invalid_input, "main.py is off limits")
                                    : Status{};
  };
  Bench d(kProject, options);
  CHECK(holds(edit(d, "tests/test_area.py", "from geometry.area import Square"), "y = 2"));
  CHECK(asked == 1);
  CHECK(holds(edit(d, "main.py", "from geometry.area import Square, total_area"), "off limits"));
  CHECK(d.bench->changed().size() == 1);
}

TEST_CASE("a command runs in the sandbox, through its gate, and what it changed is known") {
  Bench b("#init git\n//- /.gitignore\n*.log\n//- /a.py\nx = 1\n//- /tests/test_a.py\nimport a\n");
  if (auto place = b.bench->sandbox(); !place) {
    WARN("no sandbox here: " << place.error().message);
    return;
  }
  const std::string ran = b.use(
      "run_command",
      R"j({"command": "echo hello; sed -i 's/1/2/' a.py; echo y > new.txt; echo l > x.log; echo z > tests/test_a.py; exit 3"})j");
  CHECK(holds(ran, "exit status 3\nhello\n"));
  CHECK(holds(ran, "it changed: a.py, new.txt"));
  CHECK(holds(ran, "taken back, since changing them needs consent: tests/test_a.py"));
  CHECK(holds(ran, "x.log: ignored by git"));
  CHECK(holds(b.bench->diff(), "-x = 1\n+x = 2"));
  CHECK(b.bench->read("tests/test_a.py").value() == "import a\n");
  CHECK(b.ws.read("a.py") == "x = 1\n");
  CHECK(holds(b.use("search", R"({"text": "x = 2"})"), "a.py:1"));
  CHECK(holds(b.use("undo_edit", "{}"), "a.py\n  new.txt"));
  CHECK(b.bench->diff().empty());
  const std::string loud = b.use("run_command", R"({"command": "seq 100000", "seconds": 20})");
  CHECK(loud.size() < 7000);
  CHECK(holds(loud, "bytes left out"));
  CHECK(holds(b.use("run_command", R"({"command": "sleep 20", "seconds": "1"})"),
              "ended after 1 seconds"));
  b.command_gate = [](const std::string& command) -> Status {
    return fail(ErrorCode::invalid_input, "not allowed: " + command);
  };
  CHECK(b.use("run_command", R"({"command": "ls"})") == "error: not allowed: ls");
  // What git knows, and nothing beyond HEAD.
  CHECK(holds(b.use("git_history", R"({"path": "a.py"})"), "say commit to see one"));
  CHECK(holds(b.use("git_history", R"({"path": "a.py", "lines": "1-1"})"), "1-1\t"));
  CHECK(holds(b.use("git_history", R"({"commit": "HEAD"})"), "+x = 1"));
  CHECK(holds(b.use("git_history", R"({"text": "x = 1"})"), "say commit"));
  CHECK(holds(b.use("git_history", R"({"commit": "--all"})"), "is no commit"));
  b.ws.git({"checkout", "-q", "-b", "future"});
  b.ws.write("a.py", "x = 9\n");
  b.ws.git({"commit", "-qam", "the fix"});
  const std::string future = b.ws.git({"rev-parse", "HEAD"}).substr(0, 12);
  b.ws.git({"checkout", "-q", "-"});
  CHECK(
      holds(b.use("git_history", R"({"commit": ")" + future + R"("})"), "in the history of HEAD"));
}

TEST_CASE("unsaved texts stand for the files, and only edits of them are the diff") {
  WorkbenchOptions options;
  options.unsaved = {{"main.py", "from geometry.area import Square\n\nx = 1\n"}};
  Bench b(kProject, options);
  CHECK(holds(b.use("open", R"({"path": "main.py"})"), "3\tx = 1"));
  CHECK(b.bench->diff().empty());
  b.use("replace_text", R"({"path": "main.py", "search": "x = 1", "replace": "x = 2"})");
  CHECK(holds(b.bench->diff(), " from geometry.area import Square\n \n-x = 1\n+x = 2\n"));
  CHECK(holds(b.use("search", R"({"text": "x = 2"})"), "main.py:3"));
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
