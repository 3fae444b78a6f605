// Features from syntax over a session: diagnostics by pull and by push, token deltas.
#include <catch2/catch.hpp>

#include "tests/daemon/editor.h"

using namespace engramd;
using engramd::test::Editor;
using engramd::test::EditorOptions;
using engramd::test::json;
using engramd::test::Workspace;

namespace {

EditorOptions pulls(json more = json::object()) {
  EditorOptions options;
  options.capabilities = {{"textDocument", {{"diagnostic", json::object()}}}};
  options.capabilities.merge_patch(more);
  return options;
}

json document(const Editor& editor, const std::string& path) {
  return {{"textDocument", {{"uri", editor.uri(path)}}}};
}

// The diagnostics that were last pushed for a document.
json pushed(Editor& editor, const std::string& path, int version) {
  return editor
      .wait_for("textDocument/publishDiagnostics",
                [&](const json& params) {
                  return params.at("uri") == editor.uri(path) &&
                         params.value("version", 0) == version;
                })
      .at("params");
}

}  // namespace

TEST_CASE("diagnostics by pull: unchanged until the errors change") {
  const Workspace ws("//- /a.py\nx = f(1\n");
  Editor editor(ws, pulls());
  CHECK(editor.initialize_result()["capabilities"].contains("diagnosticProvider"));
  editor.open("a.py");
  json params = document(editor, "a.py");
  const json first = editor.ask("textDocument/diagnostic", params);
  REQUIRE(first.at("kind") == "full");
  REQUIRE(first.at("items").size() == 1);
  CHECK(first["items"][0].at("source") == "engramd");
  CHECK(first["items"][0].at("severity") == 1);
  params["previousResultId"] = first.at("resultId");
  const json second = editor.ask("textDocument/diagnostic", params);
  CHECK(second.at("kind") == "unchanged");
  CHECK(second.at("resultId") == first.at("resultId"));
  CHECK(!second.contains("items"));
  editor.edit("a.py", 2, {0, 7, 0, 7}, ")");
  const json third = editor.ask("textDocument/diagnostic", params);
  CHECK(third.at("kind") == "full");
  CHECK(third.at("items").empty());
  CHECK(third.at("resultId") != first.at("resultId"));
}

TEST_CASE("diagnostics by pull: nothing is pushed as well") {
  const Workspace ws("//- /a.py\nx = f(1\n");
  Editor editor(ws, pulls());
  editor.open("a.py");
  editor.edit("a.py", 2, {0, 7, 0, 7}, "2");
  CHECK(editor.ask("textDocument/diagnostic", document(editor, "a.py")).at("items").size() == 1);
  CHECK(editor.received("textDocument/publishDiagnostics").empty());
}

TEST_CASE("diagnostics of the workspace: files that are not open too, in pieces when asked for") {
  const Workspace ws(R"(
//- /bad.py
x = f(1
//- /good.py
x = 1
//- /open.py
x = 1
)");
  Editor editor(ws, pulls());
  editor.wait_for_index();
  editor.open_text("open.py", "y = (\n");
  json answer =
      editor.ask("workspace/diagnostic", {{"previousResultIds", json::array()}}).at("items");
  std::map<std::string, json> by_uri;
  for (const json& item : answer) by_uri[item.at("uri")] = item;
  REQUIRE(by_uri.count(editor.uri("bad.py")) == 1);
  REQUIRE(by_uri.count(editor.uri("open.py")) == 1);
  CHECK(by_uri.count(editor.uri("good.py")) == 0);
  CHECK(by_uri[editor.uri("bad.py")].at("version").is_null());
  CHECK(by_uri[editor.uri("open.py")].at("version") == 1);
  // The next time only what has changed is said in full.
  json ids = json::array();
  for (const auto& [uri, item] : by_uri)
    ids.push_back({{"uri", uri}, {"value", item.at("resultId")}});
  editor.edit("open.py", 2, {0, 5, 0, 5}, ")");
  answer = editor
               .ask("workspace/diagnostic",
                    {{"previousResultIds", ids}, {"partialResultToken", "pieces"}})
               .at("items");
  CHECK(answer.empty());
  std::map<std::string, std::string> kinds;
  for (const json& piece : editor.received("$/progress"))
    for (const json& item : piece.at("params").at("value").at("items"))
      kinds[item.at("uri")] = item.at("kind");
  CHECK(kinds[editor.uri("bad.py")] == "unchanged");
  CHECK(kinds[editor.uri("open.py")] == "full");
}

TEST_CASE("diagnostics by push: after a pause, with the version, and taken back on close") {
  const Workspace ws("//- /a.py\nx = f(1\n");
  EditorOptions options;
  options.capabilities = {{"textDocument", {{"publishDiagnostics", {{"versionSupport", true}}}}}};
  Editor editor(ws, options);
  CHECK(!editor.initialize_result()["capabilities"].contains("diagnosticProvider"));
  editor.open("a.py");
  CHECK(pushed(editor, "a.py", 1).at("diagnostics").size() == 1);
  // Ten keys, one report: of the last.
  for (int version = 2; version < 12; ++version)
    editor.edit("a.py", version, {0, 7, 0, 7}, version == 11 ? ")" : " ");
  CHECK(pushed(editor, "a.py", 11).at("diagnostics").empty());
  for (const json& one : editor.received("textDocument/publishDiagnostics"))
    CHECK((one["params"]["version"] == 1 || one["params"]["version"] == 11));
  editor.edit("a.py", 12, {0, 0, 0, 0}, ")");
  CHECK(pushed(editor, "a.py", 12).at("diagnostics").size() == 1);
  editor.notify("textDocument/didClose", document(editor, "a.py"));
  const json last = editor.wait_for("textDocument/publishDiagnostics", [](const json& params) {
    return !params.contains("version") && params.at("diagnostics").empty();
  });
  CHECK(last.at("params").at("uri") == editor.uri("a.py"));
}

TEST_CASE("diagnostics that are switched off are taken back, and on again said again") {
  const Workspace ws("//- /a.py\nx = f(1\n");
  Editor editor(ws);
  editor.open("a.py");
  editor.wait_for("textDocument/publishDiagnostics",
                  [](const json& params) { return params.at("diagnostics").size() == 1; });
  editor.notify("workspace/didChangeConfiguration",
                {{"settings", {{"engramd", {{"diagnostics", "off"}}}}}});
  editor.wait_for("textDocument/publishDiagnostics",
                  [](const json& params) { return params.at("diagnostics").empty(); });
  editor.notify("workspace/didChangeConfiguration",
                {{"settings", {{"engramd", {{"diagnostics", "on"}}}}}});
  editor.wait_for("textDocument/publishDiagnostics", [n = 0](const json& params) mutable {
    n += params.at("diagnostics").size() == 1 ? 1 : 0;
    return n == 2;
  });
}

namespace {

json token_client() {
  return {{"textDocument",
           {{"semanticTokens",
             {{"requests", {{"range", true}, {"full", {{"delta", true}}}}},
              {"tokenTypes", {"variable", "function", "class", "parameter"}},
              {"tokenModifiers", {"declaration"}},
              {"formats", {"relative"}}}}}}};
}

json edited(json data, const json& edits) {
  std::vector<json> numbers(data.begin(), data.end());
  for (const json& edit : edits) {
    const auto start = numbers.begin() + edit.at("start").get<int>();
    const auto at = numbers.erase(start, start + edit.at("deleteCount").get<int>());
    const json more = edit.value("data", json::array());
    numbers.insert(at, more.begin(), more.end());
  }
  return numbers;
}

}  // namespace

TEST_CASE("semantic tokens: a delta makes of the last answer the full one") {
  std::string text;
  for (int i = 0; i < 50; ++i)
    text += "def f" + std::to_string(i) + "(a):\n    b = a\n    return b\n";
  const Workspace ws("//- /a.py\n" + text);
  EditorOptions options;
  options.capabilities = token_client();
  Editor editor(ws, options);
  editor.open("a.py");
  json params = document(editor, "a.py");
  const json full = editor.ask("textDocument/semanticTokens/full", params);
  json data = full.at("data");
  std::string id = full.at("resultId");
  const std::vector<std::pair<std::array<int, 4>, std::string>> edits = {
      {{0, 0, 0, 0}, "x = 1\n"},
      {{70, 4, 70, 4}, "cc = "},
      {{10, 0, 13, 0}, ""},
      {{20, 0, 20, 0}, "# no name here\n"}};
  int version = 1;
  for (const auto& [range, insert] : edits) {
    editor.edit("a.py", ++version, range, insert);
    params["previousResultId"] = id;
    const json delta = editor.ask("textDocument/semanticTokens/full/delta", params);
    REQUIRE(delta.contains("edits"));
    CHECK(delta["edits"].size() <= 1);
    data = edited(data, delta["edits"]);
    const json again = editor.ask("textDocument/semanticTokens/full", document(editor, "a.py"));
    CHECK(data == again.at("data"));
    id = again.at("resultId");
  }
  // A delta to an answer that nobody remembers is a full one.
  params["previousResultId"] = "long gone";
  CHECK(editor.ask("textDocument/semanticTokens/full/delta", params).at("data") == data);
}

TEST_CASE("semantic tokens: not offered to a client that does not know them") {
  const Workspace ws("//- /a.py\nx = 1\n");
  Editor editor(ws);
  CHECK(!editor.initialize_result()["capabilities"].contains("semanticTokensProvider"));
  CHECK(!editor.initialize_result()["capabilities"].contains("linkedEditingRangeProvider"));
}

TEST_CASE("selection: one answer for each cursor, also past the end") {
  const Workspace ws("//- /a.py\nfoo(bar)\n");
  Editor editor(ws);
  editor.open("a.py");
  json params = document(editor, "a.py");
  params["positions"] = {{{"line", 0}, {"character", 1}},
                         {{"line", 0}, {"character", 5}},
                         {{"line", 99}, {"character", 7}}};
  const json answer = editor.ask("textDocument/selectionRange", params);
  REQUIRE(answer.size() == 3);
  CHECK(answer[0]["range"]["end"]["character"] == 3);
  CHECK(answer[1]["range"]["start"]["character"] == 4);
}
