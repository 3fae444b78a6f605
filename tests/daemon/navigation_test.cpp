// References in pieces, symbols that are resolved later, hierarchy items that come back, renames as
// each editor can take them.
#include <catch2/catch.hpp>

#include "tests/daemon/editor.h"

using namespace engramd::test;

namespace {

const char* const kProject = R"(
//- /core.py
class Base:
    def ru<|>n(self): ...
class One(Base):
    def run(self): ...
def make(): return One()
//- /app.py
from core import One, make
one = One()
one.run()
make()
def unknown(thing):
    thing.run()
)";

EditorOptions options(const json& capabilities) {
  EditorOptions out;
  out.capabilities = capabilities;
  return out;
}

const json kAnnotations = {
    {"workspace",
     {{"workspaceEdit",
       {{"documentChanges", true}, {"changeAnnotationSupport", json::object()}}}}}};

std::vector<json> edits_of(const json& edit, const std::string& uri) {
  std::vector<json> out;
  for (const json& document : edit["documentChanges"])
    if (document["textDocument"]["uri"] == uri)
      for (const json& one : document["edits"]) out.push_back(one);
  return out;
}

}  // namespace

TEST_CASE("references come in pieces, and the answer is then empty") {
  Workspace workspace(kProject);
  Editor editor(workspace);
  editor.wait_for_index();
  editor.open("core.py");
  json params = editor.at("core.py", 4, 5);
  params["context"] = {{"includeDeclaration", true}};
  const json whole = editor.ask("textDocument/references", params);
  CHECK(whole.size() >= 2);
  params["partialResultToken"] = "pieces";
  params["workDoneToken"] = 7;
  CHECK(editor.ask("textDocument/references", params) == json::array());
  json pieces = json::array();
  std::vector<std::string> kinds;
  for (const json& progress : editor.received("$/progress")) {
    if (progress["params"]["token"] == "pieces") {
      for (const json& location : progress["params"]["value"]) pieces.push_back(location);
    } else if (progress["params"]["token"] == 7) {
      kinds.push_back(progress["params"]["value"]["kind"]);
    }
  }
  CHECK(pieces.size() == whole.size());
  for (const json& location : whole)
    CHECK(std::find(pieces.begin(), pieces.end(), location) != pieces.end());
  CHECK(kinds == std::vector<std::string>{"begin", "end"});
}

TEST_CASE("workspace symbols have their place at once, or later for an editor that resolves them") {
  Workspace workspace(kProject);
  Editor plain(workspace);
  plain.wait_for_index();
  const json at_once = plain.ask("workspace/symbol", {{"query", "make"}});
  REQUIRE(at_once.size() == 1);
  CHECK(at_once[0]["location"]["range"]["start"]["line"] == 4);
  Editor later(
      plain, workspace,
      options({{"workspace",
                {{"symbol", {{"resolveSupport", {{"properties", {"location.range"}}}}}}}}}));
  CHECK(later.initialize_result()["capabilities"]["workspaceSymbolProvider"]["resolveProvider"] ==
        true);
  later.wait_for_index();
  json found = later.ask("workspace/symbol", {{"query", "make"}});
  REQUIRE(found.size() == 1);
  CHECK_FALSE(found[0]["location"].contains("range"));
  // An unsaved edit above it comes between.
  later.open_text("core.py", "import os\n\n" + workspace.read("core.py"));
  const json resolved = later.ask("workspaceSymbol/resolve", found[0]);
  CHECK(resolved["name"] == "make");
  CHECK(resolved["location"]["range"]["start"]["line"] == 6);
  found[0]["data"]["name"] = "gone";
  CHECK(later.ask("workspaceSymbol/resolve", found[0])["location"]["range"]["start"]["line"] == 0);
  found[0]["data"] = {{"name", 1}};
  CHECK(later.end(later.begin("workspaceSymbol/resolve", found[0]))["error"]["code"] == -32602);
  found[0]["data"] = {{"name", "make"}, {"container", ""}, {"kind", 4000}, {"nth", 9}};
  CHECK(later.ask("workspaceSymbol/resolve", found[0])["location"]["range"]["start"]["line"] == 0);
  CHECK(later
            .end(later.begin("workspaceSymbol/resolve",
                             {{"name", "x"},
                              {"kind", 5},
                              {"location", {{"uri", "file:///nowhere/at/all.py"}}},
                              {"data", found[0]["data"]}}))
            .contains("error"));
}

TEST_CASE("a hierarchy item is about its symbol after the file was edited, whatever comes back") {
  Workspace workspace(kProject);
  EditorOptions options;
  options.capabilities = {{"textDocument", {{"typeHierarchy", json::object()}}}};
  Editor editor(workspace, options);
  editor.wait_for_index();
  editor.open("core.py");
  const json items = editor.ask("textDocument/prepareTypeHierarchy", editor.at("core.py", 0, 7));
  REQUIRE(items.size() == 1);
  json item = items[0];
  CHECK(item["name"] == "Base");
  editor.edit("core.py", 2, {0, 0, 0, 0}, "class Before: ...\n\n");
  const json below = editor.ask("typeHierarchy/subtypes", {{"item", item}});
  REQUIRE(below.size() == 1);
  CHECK(below[0]["name"] == "One");
  CHECK(below[0]["selectionRange"]["start"]["line"] == 4);
  // Without our data the position has to do; it is at another class now.
  json bare = item;
  bare.erase("data");
  CHECK(editor.ask("typeHierarchy/subtypes", {{"item", bare}}).is_null());
  for (const json& data :
       {json("text"), json(1), json::array({1, 2}), json{{"name", 1}}, json{{"name", "Base"}},
        json{{"name", "Base"}, {"container", ""}, {"kind", -1}, {"nth", 0}},
        json{{"name", "Base"}, {"container", ""}, {"kind", 1e300}, {"nth", 0}},
        json{{"name", std::string(100000, 'x')}, {"container", ""}, {"kind", 3}, {"nth", 0}}}) {
    item["data"] = data;
    CHECK(editor.ask("typeHierarchy/supertypes", {{"item", item}}).is_null());
  }
  item["data"] = {{"name", "Base"}, {"container", ""}, {"kind", 3}, {"nth", 4000000000u}};
  item["uri"] = "file:///nowhere/at/all.py";
  CHECK(editor.ask("typeHierarchy/subtypes", {{"item", item}}).is_null());
  item.erase("selectionRange");
  CHECK(editor.end(editor.broken().begin("typeHierarchy/subtypes",
                                         {{"item", item}}))["error"]["code"] == -32602);
}

TEST_CASE("rename: plain in this file, confirmed in others and where it is only possible") {
  Workspace workspace(kProject);
  Editor editor(workspace, options(kAnnotations));
  editor.wait_for_index();
  editor.open_text("core.py", workspace.read("core.py"), 5);
  json params = editor.at_cursor();
  params["newName"] = "walk";
  const json edit = editor.ask("textDocument/rename", params);
  const auto own = edits_of(edit, editor.uri("core.py"));
  REQUIRE(own.size() == 2);
  for (const json& one : own) CHECK_FALSE(one.contains("annotationId"));
  const auto others = edits_of(edit, editor.uri("app.py"));
  REQUIRE(others.size() == 2);
  CHECK(others[0]["annotationId"] == "other-files");
  CHECK(others[1]["annotationId"] == "possible");
  CHECK(edit["changeAnnotations"].size() == 2);
  CHECK(edit["changeAnnotations"]["other-files"]["needsConfirmation"] == true);
  CHECK(edit["changeAnnotations"]["possible"]["needsConfirmation"] == true);
  CHECK(edit["documentChanges"][0]["textDocument"]["version"] == 5);
  CHECK(edit["documentChanges"][1]["textDocument"]["version"].is_null());
}

TEST_CASE("rename: an editor without annotations gets what is sure, and is told of the rest") {
  Workspace workspace(kProject);
  Editor editor(workspace);
  editor.wait_for_index();
  editor.open("core.py");
  CHECK(editor.initialize_result()["capabilities"]["renameProvider"] == true);
  json params = editor.at_cursor();
  params["newName"] = "walk";
  const json edit = editor.ask("textDocument/rename", params);
  REQUIRE(edit.contains("changes"));
  CHECK_FALSE(edit.contains("documentChanges"));
  CHECK_FALSE(edit.contains("changeAnnotations"));
  CHECK(edit["changes"][editor.uri("core.py")].size() == 2);
  CHECK(edit["changes"][editor.uri("app.py")].size() == 1);
  const json message = editor.wait_for("window/showMessage");
  CHECK_THAT(message["params"]["message"].get<std::string>(), Catch::Contains("1 place"));
}

TEST_CASE("prepareRename gives the range and the name, or says why not") {
  Workspace workspace(kProject);
  Editor editor(workspace, options({{"textDocument", {{"rename", {{"prepareSupport", true}}}}}}));
  editor.wait_for_index();
  editor.open("core.py");
  CHECK(editor.initialize_result()["capabilities"]["renameProvider"]["prepareProvider"] == true);
  const json ready = editor.ask("textDocument/prepareRename", editor.at_cursor());
  CHECK(ready["placeholder"] == "run");
  CHECK(ready["range"]["start"] == json{{"line", 1}, {"character", 8}});
  CHECK(ready["range"]["end"] == json{{"line", 1}, {"character", 11}});
  const json refused =
      editor.end(editor.begin("textDocument/prepareRename", editor.at("core.py", 0, 2)));
  CHECK(refused["error"]["code"] == -32803);
  CHECK(refused["error"]["message"] == "'class' is a keyword of python");
  json params = editor.at_cursor();
  params["newName"] = "no name";
  CHECK(editor.end(editor.begin("textDocument/rename", params))["error"]["code"] == -32803);
}

TEST_CASE("files that move take their imports along") {
  Workspace workspace(R"(
//- /old/__init__.py
//- /old/core.py
def run(): ...
//- /app.py
from old.core import run
)");
  json can = kAnnotations;
  can["workspace"]["fileOperations"] = {{"willRename", true}};
  Editor editor(workspace, options(can));
  editor.wait_for_index();
  const json offered =
      editor.initialize_result()["capabilities"]["workspace"]["fileOperations"]["willRename"];
  CHECK(offered["filters"].size() == 2);
  const auto move = [&](const std::string& from, const std::string& to) {
    return editor.ask("workspace/willRenameFiles",
                      {{"files", {{{"oldUri", editor.uri(from)}, {"newUri", editor.uri(to)}}}}});
  };
  const json one = move("old/core.py", "old/engine.py");
  CHECK(edits_of(one, editor.uri("app.py")).at(0)["newText"] == "old.engine");
  const json folder = move("old", "lib/new");
  CHECK(edits_of(folder, editor.uri("app.py")).at(0)["newText"] == "lib.new.core");
  CHECK(move("app.py", "main.py").is_null());
  CHECK(editor
            .ask("workspace/willRenameFiles",
                 {{"files", {{{"oldUri", "untitled:1"}, {"newUri", "file:///elsewhere/x.py"}}}}})
            .is_null());
  Editor plain(editor, workspace);
  CHECK_FALSE(plain.initialize_result()["capabilities"]["workspace"].contains("fileOperations"));
}

TEST_CASE("lenses count uses when they are shown, and tests can be run and fixed") {
  Workspace workspace(R"(
//- /core.py
def run(): ...
class Row:
    def show(self): ...
def unused():
    def inner(): ...
//- /test_core.py
from core import run, Row
def test_run(): run()
class TestRow:
    def test_show(self): Row().show()
    def helper(self): ...
)");
  Editor plain(workspace);
  plain.wait_for_index();
  plain.open("core.py");
  const json uri = {{"textDocument", {{"uri", plain.uri("core.py")}}}};
  const json lenses = plain.ask("textDocument/codeLens", uri);
  REQUIRE(lenses.size() == 4);
  CHECK_FALSE(lenses[0].contains("command"));
  CHECK(plain.ask("codeLens/resolve", lenses[0])["command"]["title"] == "2 references");
  CHECK(plain.ask("codeLens/resolve", lenses[0])["command"]["command"] == "");
  CHECK(plain.ask("codeLens/resolve", lenses[2])["command"]["title"] == "1 reference");
  CHECK(plain.ask("codeLens/resolve", lenses[3])["command"]["title"] == "no references");
  json other = lenses[0];
  other["data"]["kind"] = 99;
  CHECK(plain.ask("codeLens/resolve", other)["command"]["title"] == "no references");
  other["data"] = "of another server";
  CHECK(plain.end(plain.begin("codeLens/resolve", other))["error"]["code"] == -32602);

  EditorOptions rich =
      options({{"experimental", {{"commands", {{"commands", {"editor.action.showReferences"}}}}}}});
  rich.ports.fix = [](const engramd::daemon::FixQuery&, const engramd::CancelToken&) {
    return engramd::Result<engramd::daemon::FixReport>(engramd::daemon::FixReport{});
  };
  Editor editor(workspace, rich);
  editor.wait_for_index();
  editor.open("test_core.py");
  editor.open("core.py");
  const json shown = editor.ask("codeLens/resolve", editor.ask("textDocument/codeLens", uri)[0]);
  CHECK(shown["command"]["command"] == "editor.action.showReferences");
  CHECK(shown["command"]["arguments"][2].size() == 2);
  std::vector<std::string> tests;
  for (const json& lens : editor.ask("textDocument/codeLens",
                                     {{"textDocument", {{"uri", editor.uri("test_core.py")}}}}))
    if (lens.contains("command")) tests.push_back(lens["command"]["arguments"][0]["test"]);
  CHECK(tests == std::vector<std::string>{"python3 -m pytest test_core.py::test_run",
                                          "python3 -m pytest test_core.py::TestRow",
                                          "python3 -m pytest test_core.py::TestRow::test_show"});
}
