// Code actions and the review of what is proposed. The model's words are the test's: what is tested
// is what becomes of them.
#include <catch2/catch.hpp>
#include <mutex>

#include "agent/edit/unified_diff.h"
#include "tests/daemon/editor.h"

using namespace engramd;
using namespace engramd::test;

namespace {

const char kCode[] = R"(//- /shop.py
class Shop:
    def price(self, item):
        raise NotImplementedError

    def name(self):
        """Its name."""
        return "shop"
//- /test_shop.py
from shop import Shop

def test_price():
    assert Shop().price(1) == 1
)";

const json kAllSupport = {
    {"textDocument",
     {{"codeAction",
       {{"codeActionLiteralSupport", {{"codeActionKind", {{"valueSet", json::array()}}}}},
        {"dataSupport", true},
        {"resolveSupport", {{"properties", {"edit"}}}},
        {"tagSupport", {{"valueSet", {1}}}}}}}},
    {"window", {{"showDocument", {{"support", true}}}}},
    {"workspace",
     {{"applyEdit", true},
      {"textDocumentContent", json::object()},
      {"workspaceEdit",
       {{"documentChanges", true},
        {"resourceOperations", {"create"}},
        {"changeAnnotationSupport", json::object()}}}}}};

struct Model {
  std::string answer = "```python\ndef price(self, item):\n    return item\n```";
  std::vector<std::string> instructions;
};

EditorOptions options_with(Model& model, const json& capabilities = kAllSupport) {
  EditorOptions options;
  options.capabilities = capabilities;
  options.ports.ask = [&model](const daemon::AskQuery& query,
                               const CancelToken&) -> Result<std::string> {
    model.instructions.push_back(query.instruction);
    return model.answer;
  };
  options.ports.fix = [](const daemon::FixQuery&, const CancelToken&) -> Result<daemon::FixReport> {
    daemon::FixReport report;
    report.fixed = true;
    report.files = {{"shop.py", "1\n2\n3\n4\n5\n6\n7\n", "one\n2\n3\n4\n5\n6\nseven\n"},
                    {"new.py", std::nullopt, "x = 1\n"}};
    return report;
  };
  return options;
}

json actions_at(Editor& editor, const std::string& path, int line, int character,
                const json& only = nullptr) {
  json params = editor.at(path, line, character);
  params["range"] = {{"start", params["position"]}, {"end", params["position"]}};
  params["context"] = {{"diagnostics", json::array()}};
  if (!only.is_null()) params["context"]["only"] = only;
  params.erase("position");
  return editor.ask("textDocument/codeAction", params);
}

const json* with_title(const json& actions, const std::string& title) {
  for (const json& action : actions)
    if (action["title"] == title) return &action;
  return nullptr;
}

}  // namespace

TEST_CASE(
    "actions fit the place, are tagged, and ask nothing of the model before they are chosen") {
  const Workspace workspace(kCode);
  Model model;
  Editor editor(workspace, options_with(model));
  const json stub = actions_at(editor, "shop.py", 1, 10);
  REQUIRE(with_title(stub, "Implement price") != nullptr);
  CHECK((*with_title(stub, "Implement price"))["tags"] == json::array({1}));
  CHECK(with_title(stub, "Document price") != nullptr);
  CHECK(with_title(stub, "Explain price") != nullptr);
  const json written = actions_at(editor, "shop.py", 6, 10);
  CHECK(with_title(written, "Implement name") == nullptr);
  CHECK(with_title(written, "Document name") == nullptr);
  const json test = actions_at(editor, "test_shop.py", 3, 6);
  REQUIRE(with_title(test, "Fix the failing test test_price") != nullptr);
  CHECK((*with_title(test, "Fix the failing test test_price"))["command"]["command"] ==
        "engramd.fix");
  CHECK(actions_at(editor, "test_shop.py", 0, 0).empty());
  CHECK(actions_at(editor, "shop.py", 1, 10, {"refactor"}).size() == 2);
  CHECK(actions_at(editor, "shop.py", 1, 10, {"quickfix"}).empty());
  CHECK(model.instructions.empty());
}

TEST_CASE("a chosen action is resolved into an edit of the definition, behind an annotation") {
  const Workspace workspace(kCode);
  Model model;
  Editor editor(workspace, options_with(model));
  editor.open("shop.py");
  const json action = *with_title(actions_at(editor, "shop.py", 1, 10), "Implement price");
  CHECK_FALSE(action.contains("edit"));
  const json resolved = editor.ask("codeAction/resolve", action);
  CHECK(resolved["title"] == action["title"]);
  const json& change = resolved["edit"]["documentChanges"][0];
  CHECK(change["textDocument"]["version"] == 1);
  REQUIRE(change["edits"].size() == 1);
  CHECK(change["edits"][0]["newText"] == "        return item\n");
  CHECK(change["edits"][0]["range"]["start"] == json{{"line", 2}, {"character", 0}});
  const std::string id = change["edits"][0]["annotationId"];
  CHECK(resolved["edit"]["changeAnnotations"][id]["needsConfirmation"] == true);
  CHECK(model.instructions.size() == 1);

  model.answer = "```python\ndef price(self, item:\n```";
  const json refused = editor.end(editor.begin("codeAction/resolve", action));
  CHECK(refused["error"]["code"] == -32803);
  model.answer = "I would rather not.\n\n```\n\n```";
  CHECK(editor.end(editor.begin("codeAction/resolve", action)).contains("error"));
}

TEST_CASE("a client of old gets commands, and an edit without annotations") {
  const Workspace workspace(kCode);
  Model model;
  Editor editor(workspace, options_with(model, {{"workspace", {{"applyEdit", true}}}}));
  const json actions = actions_at(editor, "shop.py", 1, 10);
  const json* implement = with_title(actions, "Implement price");
  REQUIRE(implement != nullptr);
  CHECK((*implement)["command"] == "engramd.rewrite");
  json applied;
  std::mutex mutex;
  editor.responder = [&](const json& request) -> json {
    if (request["method"] != "workspace/applyEdit") return nullptr;
    std::lock_guard lock(mutex);
    applied = request["params"]["edit"];
    return {{"applied", true}};
  };
  const json done =
      editor.ask("workspace/executeCommand",
                 {{"command", "engramd.rewrite"}, {"arguments", (*implement)["arguments"]}});
  CHECK(done["applied"] == true);
  std::lock_guard lock(mutex);
  CHECK(applied["changes"][editor.uri("shop.py")][0]["newText"] == "        return item\n");
}

TEST_CASE("a longer definition has a lens to ask about it, where a model talks") {
  const Workspace workspace("//- /a.py\ndef short(): pass\ndef long():\n" + [] {
    std::string body;
    for (int i = 0; i < 10; ++i) body += "    x = 1\n";
    return body;
  }());
  const auto asks = [&](Editor& editor) {
    std::vector<int> lines;
    for (const json& lens :
         editor.ask("textDocument/codeLens", {{"textDocument", {{"uri", editor.uri("a.py")}}}}))
      if (lens.contains("command") && lens["command"]["title"] == "ask")
        lines.push_back(lens["command"]["arguments"][0]["line"]);
    return lines;
  };
  Model model;
  Editor with_model(workspace, options_with(model));
  CHECK(asks(with_model) == std::vector<int>{1});
  Editor without(workspace);
  CHECK(asks(without).empty());
}

TEST_CASE("an explanation is shown as a document of its own") {
  const Workspace workspace(kCode);
  Model model;
  model.answer = "It **prices**.";
  Editor editor(workspace, options_with(model));
  CHECK(editor.initialize_result()["capabilities"]["workspace"]["textDocumentContent"]["schemes"]
            .size() == 2);
  const json explain = *with_title(actions_at(editor, "shop.py", 1, 10), "Explain price");
  const json said =
      editor.ask("workspace/executeCommand",
                 {{"command", "engramd.explain"}, {"arguments", explain["command"]["arguments"]}});
  CHECK(said["text"] == "It **prices**.");
  const json shown = editor.wait_for("window/showDocument")["params"];
  CHECK(shown["uri"] == said["uri"]);
  CHECK(editor.ask("workspace/textDocumentContent", {{"uri", shown["uri"]}})["text"] ==
        "It **prices**.");
  CHECK(editor.end(editor.begin("workspace/textDocumentContent",
                                {{"uri", "engramd-answer:/99/x.md"}}))["error"]["code"] == -32803);
}

TEST_CASE("a patch is reviewed block by block, and readable as a whole") {
  const Workspace workspace("//- /shop.py\n1\n2\n3\n4\n5\n6\n7\n");
  Model model;
  Editor editor(workspace, options_with(model));
  json edit;
  std::mutex mutex;
  editor.responder = [&](const json& request) -> json {
    if (request["method"] != "workspace/applyEdit") return nullptr;
    std::lock_guard lock(mutex);
    edit = request["params"]["edit"];
    return {{"applied", true}};
  };
  const json done =
      editor.ask("workspace/executeCommand",
                 {{"command", "engramd.fix"}, {"arguments", json::array({{{"apply", "review"}}})}});
  CHECK(done["applied"] == true);
  std::lock_guard lock(mutex);
  const json& changes = edit["documentChanges"];
  REQUIRE(changes.size() == 3);  // the text, the creation and the new file's text
  const json& blocks = changes[0]["edits"];
  REQUIRE(blocks.size() == 2);
  CHECK(blocks[0]["newText"] == "one\n");
  CHECK(blocks[1]["newText"] == "seven\n");
  CHECK(blocks[0]["annotationId"] != blocks[1]["annotationId"]);
  CHECK(changes[1]["kind"] == "create");
  CHECK(edit["changeAnnotations"].size() == 3);
  for (const json& annotation : edit["changeAnnotations"])
    CHECK(annotation["needsConfirmation"] == true);

  REQUIRE(done["proposals"].size() == 2);
  CHECK(done["proposals"][0]["uri"] == editor.uri("shop.py"));
  CHECK(editor.ask("workspace/textDocumentContent",
                   {{"uri", done["proposals"][0]["proposedUri"]}})["text"] ==
        "one\n2\n3\n4\n5\n6\nseven\n");
  CHECK(editor.end(editor.broken().begin(
            "workspace/executeCommand",
            {{"command", "engramd.fix"},
             {"arguments", json::array({{{"apply", "maybe"}}})}}))["error"]["code"] == -32602);
}

TEST_CASE("blocks of changed lines turn one text into the other, near ones together") {
  CHECK(agent::changed_blocks("a\nb\nc\nd\n", "A\nb\nc\nD\n").size() == 1);
  CHECK(agent::changed_blocks("a\nb\nc\nd\ne\n", "A\nb\nc\nd\nE\n").size() == 2);
  const auto check = [](std::string before, const std::string& after) {
    const auto edits = agent::changed_blocks(before, after);
    for (auto edit = edits.rbegin(); edit != edits.rend(); ++edit)
      before.replace(edit->range.begin, edit->range.end - edit->range.begin, edit->replacement);
    CHECK(before == after);
  };
  check("a\nb\nc\nd\ne\nf\n", "A\nb\nc\nD\ne\nf\nG\n");
  check("", "x\n");
  check("x", "x\n");
  check("1\n2\n3\n4\n5\n6\n7\n8\n", "0\n1\n2\n4\n5\n6\n6\n7\n8");
  check("same\n", "same\n");
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::string before, after;
    unsigned state = seed * 7919 + 1;
    for (int i = 0; i < 30; ++i) {
      state = state * 1664525 + 1013904223;
      const std::string line = std::string(1, static_cast<char>('a' + (state >> 24) % 4)) + "\n";
      if ((state >> 16) % 5 != 0) before += line;
      if ((state >> 10) % 5 != 0) after += line;
    }
    check(before, after);
  }
}
