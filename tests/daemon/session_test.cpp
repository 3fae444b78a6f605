// Whole sessions: an editor's messages in, the session's messages out, over a real index.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <thread>

#include "lsp/uri.h"
#include "tests/daemon/editor.h"

using namespace engramd;
using namespace engramd::test;
using Places = std::vector<std::string>;

namespace {

// "path:line:character" of a Location or LocationLink, counted as the wire counts.
std::string place_of(const Workspace& workspace, const json& location) {
  const bool link = location.contains("targetUri");
  const auto path = lsp::path_of_uri(location[link ? "targetUri" : "uri"].get<std::string>());
  REQUIRE(path);
  const json& start = location[link ? "targetSelectionRange" : "range"]["start"];
  return path->lexically_relative(workspace.root()).string() + ":" + start["line"].dump() + ":" +
         start["character"].dump();
}

Places places_of(const Workspace& workspace, const json& locations) {
  Places places;
  for (const json& location : locations) places.push_back(place_of(workspace, location));
  std::sort(places.begin(), places.end());
  return places;
}

// Definition and references at <|>, in one encoding.
void check_navigation(const char* text, const std::string& encoding, const Places& definition,
                      const Places& references) {
  CAPTURE(encoding);
  const Workspace workspace(text);
  EditorOptions options;
  options.encodings = {encoding};
  Editor editor(workspace, options);
  CHECK(editor.initialize_result()["capabilities"]["positionEncoding"] == encoding);
  CHECK(places_of(workspace, editor.ask("textDocument/definition", editor.at_cursor())) ==
        definition);
  json params = editor.at_cursor();
  params["context"] = {{"includeDeclaration", true}};
  CHECK(places_of(workspace, editor.ask("textDocument/references", params)) == references);
}

constexpr const char* kEmoji = R"(
//- /core.py
"""😀"""; α = 1; pi = 3; 😀 = 0
x = "😀é"; run = 2
def helper(): return "😀" + str(run)
//- /app.py
from core import helper
y = "é😀😀"; helpe<|>r(); helper()
)";

// A completion port that answers when it is let go, and sees its token.
struct SlowCompleter {
  std::atomic<int> n_begun{0}, n_cancelled{0};
  std::atomic<bool> go{false};
  daemon::Ports ports() {
    daemon::Ports out;
    out.complete =
        [this](const daemon::CompletionQuery& query,
               const CancelToken& cancel) -> Result<std::vector<daemon::CompletionSuggestion>> {
      ++n_begun;
      while (!go) {
        if (cancel.cancelled()) {
          ++n_cancelled;
          return fail(ErrorCode::cancelled, "cancelled");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      const auto text = query.view.text(query.path);
      return std::vector<daemon::CompletionSuggestion>{
          {"after[" + text->substr(0, query.offset) + "]", {query.offset, query.offset}}};
    };
    return out;
  }
  void wait_begun(int n) {
    while (n_begun < n) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
};

json inline_params(Editor& editor, const std::string& path, int line, int character) {
  json params = editor.at(path, line, character);
  params["context"] = {{"triggerKind", 2}};
  return params;
}

}  // namespace

TEST_CASE("definition and references agree in utf-8, utf-16 and utf-32 with emoji around") {
  check_navigation(kEmoji, "utf-8", {"core.py:2:4"},
                   {"app.py:0:17", "app.py:1:18", "app.py:1:28", "core.py:2:4"});
  check_navigation(kEmoji, "utf-16", {"core.py:2:4"},
                   {"app.py:0:17", "app.py:1:13", "app.py:1:23", "core.py:2:4"});
  check_navigation(kEmoji, "utf-32", {"core.py:2:4"},
                   {"app.py:0:17", "app.py:1:11", "app.py:1:21", "core.py:2:4"});
}

TEST_CASE("hover shows signature and doc as the editor wants it") {
  const Workspace workspace(R"(
//- /a.py
def add(x, y):
    """Adds two numbers."""
    return x + y
ad<|>d(1, 2)
)");
  Editor plain(workspace);
  const json text = plain.ask("textDocument/hover", plain.at_cursor());
  CHECK(text["contents"]["kind"] == "plaintext");
  CHECK_THAT(text["contents"]["value"].get<std::string>(),
             Catch::Contains("def add(x, y)") && Catch::Contains("Adds two numbers.") &&
                 Catch::Contains("a.py:1") && !Catch::Contains("```"));
  CHECK(text["range"] == json({{"start", {{"line", 3}, {"character", 0}}},
                               {"end", {{"line", 3}, {"character", 3}}}}));
  EditorOptions options;
  options.capabilities = {
      {"textDocument", {{"hover", {{"contentFormat", {"markdown", "plaintext"}}}}}}};
  Editor markdown(workspace, options);
  const json rich = markdown.ask("textDocument/hover", markdown.at_cursor());
  CHECK(rich["contents"]["kind"] == "markdown");
  CHECK_THAT(rich["contents"]["value"].get<std::string>(),
             Catch::StartsWith("```python\ndef add(x, y)"));
  CHECK(markdown.ask("textDocument/hover", markdown.at("a.py", 2, 1)).is_null());
}

TEST_CASE("hover says when the index is not complete yet") {
  const Workspace workspace("//- /a.py\ndef <|>run(): pass\n");
  EditorOptions options;
  options.initialize = false;
  Editor editor(workspace, options);
  editor.ask("initialize", {{"processId", nullptr},
                            {"rootUri", lsp::uri_of_path(workspace.root())},
                            {"capabilities", json::object()}});
  editor.open("a.py");
  const auto said = [&] {
    const json hover = editor.ask("textDocument/hover", editor.at_cursor());
    return hover["contents"]["value"].get<std::string>();
  };
  // Nothing is indexed before the editor says that it is ready.
  CHECK_THAT(said(), Catch::Contains("the index is not complete yet"));
  editor.notify("initialized", json::object());
  editor.wait_for_index();
  CHECK_THAT(said(), !Catch::Contains("not complete"));
}

TEST_CASE("the outline is a tree for editors that take trees, flat for the others") {
  const Workspace workspace(R"(
//- /a.py
class Shape:
    def area(self):
        local = 1
        return local
def free(): pass
)");
  const json params_of_a = {{"textDocument", {{"uri", lsp::uri_of_path(workspace.path("a.py"))}}}};
  EditorOptions options;
  options.capabilities = {
      {"textDocument", {{"documentSymbol", {{"hierarchicalDocumentSymbolSupport", true}}}}}};
  Editor tree(workspace, options);
  const json symbols = tree.ask("textDocument/documentSymbol", params_of_a);
  REQUIRE(symbols.size() == 2);
  CHECK(symbols[0]["name"] == "Shape");
  CHECK(symbols[0]["kind"] == 5);
  REQUIRE(symbols[0]["children"].size() == 1);
  CHECK(symbols[0]["children"][0]["name"] == "area");
  CHECK(symbols[0]["children"][0]["kind"] == 6);
  CHECK(symbols[1]["name"] == "free");
  Editor flat(workspace);
  const json list = flat.ask("textDocument/documentSymbol", params_of_a);
  REQUIRE(list.size() == 3);
  CHECK(list[1]["name"] == "area");
  CHECK(list[1]["containerName"] == "Shape");
  CHECK(list[1].contains("location"));
}

TEST_CASE("workspace symbols come from every folder") {
  const Workspace workspace(
      "//- /one/a.py\ndef open_window(): pass\n//- /two/b.py\ndef open_door(): pass\n");
  EditorOptions options;
  options.with_root = false;
  Editor editor(workspace, options);
  const auto folder = [&](const char* name) {
    return json{{"uri", lsp::uri_of_path(workspace.path(name))}, {"name", name}};
  };
  const auto names = [&](const char* query) {
    Places out;
    for (const json& symbol : editor.ask("workspace/symbol", {{"query", query}}))
      out.push_back(symbol["name"]);
    std::sort(out.begin(), out.end());
    return out;
  };
  CHECK(names("open").empty());
  editor.notify(
      "workspace/didChangeWorkspaceFolders",
      {{"event", {{"added", {folder("one"), folder("two")}}, {"removed", json::array()}}}});
  editor.ask("workspace/symbol", {{"query", ""}});  // an answer: the folders are known by now
  editor.wait_for_index();
  CHECK(names("open") == Places{"open_door", "open_window"});
  editor.notify("workspace/didChangeWorkspaceFolders",
                {{"event", {{"added", json::array()}, {"removed", {folder("one")}}}}});
  CHECK(names("open") == Places{"open_door"});
}

TEST_CASE("links are given to editors that take links, locations to the others") {
  const Workspace workspace("//- /a.py\ndef f():\n  pass\nf<|>()\n");
  EditorOptions options;
  options.capabilities = {{"textDocument", {{"definition", {{"linkSupport", true}}}}}};
  Editor links(workspace, options);
  const json link = links.ask("textDocument/definition", links.at_cursor())[0];
  CHECK(link["targetRange"]["end"]["line"] == 1);
  CHECK(link["originSelectionRange"]["start"]["line"] == 2);
  Editor locations(workspace);
  const json location = locations.ask("textDocument/definition", locations.at_cursor())[0];
  CHECK(location["range"] == json({{"start", {{"line", 0}, {"character", 4}}},
                                   {"end", {{"line", 0}, {"character", 5}}}}));
}

TEST_CASE("a question sees every edit before it, and the other editor does not") {
  const Workspace workspace(
      "//- /lib.py\ndef old_name(): pass\n//- /app.py\nfrom lib import old_name\nold_name()\n");
  Editor editor(workspace);
  Editor other(editor, workspace);
  editor.open("lib.py");
  editor.edit("lib.py", 2, {0, 4, 0, 12}, "new_name");
  editor.edit("lib.py", 3, {0, 19, 0, 19}, "\n# é\ndef added(): pass");
  const json params = {{"textDocument", {{"uri", editor.uri("lib.py")}}}};
  json symbols = editor.ask("textDocument/documentSymbol", params);
  REQUIRE(symbols.size() == 2);
  CHECK(symbols[0]["name"] == "new_name");
  CHECK(symbols[1]["location"]["range"]["start"]["line"] == 2);
  CHECK(editor.ask("workspace/symbol", {{"query", "added"}}).size() == 1);
  CHECK(other.ask("workspace/symbol", {{"query", "added"}}).empty());
  CHECK(other.ask("textDocument/documentSymbol", params)[0]["name"] == "old_name");
  // A hundred edits without a pause, then a question.
  for (int i = 0; i < 100; ++i) editor.edit("lib.py", 4 + i, {0, 12, 0, 12}, "x");
  symbols = editor.ask("textDocument/documentSymbol", params);
  CHECK(symbols[0]["name"] == "new_name" + std::string(100, 'x'));
  // Closing without saving: the disk's text counts again.
  editor.notify("textDocument/didClose", params);
  CHECK(editor.ask("textDocument/documentSymbol", params)[0]["name"] == "old_name");
}

TEST_CASE("edits in utf-16 land in the right place beside astral characters and all line ends") {
  const Workspace workspace("//- /a.py\nx = 1\n");
  Editor editor(workspace);
  editor.open_text("a.py", "s = '😀é'; def_me = 1\r\nb = 2\rc = 3\n");
  editor.edit("a.py", 2, {0, 11, 0, 17}, "renamed");              // 😀 is two units
  editor.edit("a.py", 3, {2, 0, 2, 1}, "third");                  // after a lone \r
  editor.broken().edit("a.py", 4, {99, 0, 99, 5}, "last = 4\n");  // past the end: clamped
  editor.broken().edit("a.py", 5, {1, 1, 1, 0}, "bb");            // backwards: taken as it is meant
  Places names;
  for (const json& symbol :
       editor.ask("textDocument/documentSymbol", {{"textDocument", {{"uri", editor.uri("a.py")}}}}))
    names.push_back(symbol["name"].get<std::string>() + ":" +
                    symbol["location"]["range"]["start"]["line"].dump());
  CHECK(names == Places{"s:0", "renamed:0", "bb:1", "third:2", "last:3"});
}

TEST_CASE("files that change on disk are seen after a save or a watched event") {
  const Workspace workspace("//- /a.py\ndef first(): pass\n");
  EditorOptions options;
  options.capabilities = {
      {"workspace", {{"didChangeWatchedFiles", {{"dynamicRegistration", true}}}}}};
  Editor editor(workspace, options);
  const json registration =
      editor.wait_for("client/registerCapability")["params"]["registrations"][0];
  CHECK(registration["method"] == "workspace/didChangeWatchedFiles");
  const auto wait_for_symbol = [&](const char* name, size_t n) {
    for (int i = 0; i < 500; ++i) {
      if (editor.ask("workspace/symbol", {{"query", name}}).size() == n) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  };
  workspace.write("a.py", "def second(): pass\n");
  editor.notify("textDocument/didSave", {{"textDocument", {{"uri", editor.uri("a.py")}}}});
  CHECK(wait_for_symbol("second", 1));
  workspace.write("sub/new.py", "def third(): pass\n");
  editor.notify("workspace/didChangeWatchedFiles",
                {{"changes", {{{"uri", editor.uri("sub/new.py")}, {"type", 1}}}}});
  CHECK(wait_for_symbol("third", 1));
  std::filesystem::remove_all(workspace.path("sub"));
  editor.notify("workspace/didChangeWatchedFiles",
                {{"changes", {{{"uri", editor.uri("sub")}, {"type", 3}}}}});
  CHECK(wait_for_symbol("third", 0));
}

TEST_CASE("a single file without a folder, and a text without a file, are understood") {
  const Workspace workspace(
      "//- /dir/lonely.py\ndef here(): pass\nhere()\n//- /dir/neighbour.py\ndef there(): pass\n");
  EditorOptions options;
  options.with_root = false;
  Editor editor(workspace, options);
  editor.open("dir/lonely.py");
  CHECK(places_of(workspace,
                  editor.ask("textDocument/definition", editor.at("dir/lonely.py", 1, 1))) ==
        Places{"dir/lonely.py:0:4"});
  CHECK(editor.ask("workspace/symbol", {{"query", "there"}}).empty());  // nothing was indexed
  editor.open_text("untitled:Untitled-1", "def scratch(): pass\nscratch()\n");
  const json definition =
      editor.ask("textDocument/definition", editor.at("untitled:Untitled-1", 1, 1));
  REQUIRE(definition.size() == 1);
  CHECK(definition[0]["uri"] == "untitled:Untitled-1");
  CHECK(editor.ask("textDocument/definition", editor.at("dir/neighbour.py", 0, 5)).empty());
}

TEST_CASE("what is not there gives empty answers, what is wrong gives errors") {
  const Workspace workspace("//- /a.py\nx = 1\n");
  Editor editor(workspace);
  CHECK(editor.ask("textDocument/definition", editor.at("missing.py", 0, 0)).empty());
  CHECK(editor.ask("textDocument/hover", editor.at("missing.py", 0, 0)).is_null());
  CHECK(
      editor.ask("textDocument/documentSymbol", {{"textDocument", {{"uri", "file:///nowhere.py"}}}})
          .empty());
  CHECK(editor.ask("textDocument/hover", editor.at("a.py", 100000, 100000)).is_null());
  CHECK(editor.end(editor.broken().begin("textDocument/hover", json::object()))["error"]["code"] ==
        -32602);
  CHECK(editor.end(editor.begin("no/such", json::object()))["error"]["code"] == -32601);
  // Nothing was advertised that is not there, and what is not advertised is not there.
  CHECK_FALSE(editor.initialize_result()["capabilities"].contains("inlineCompletionProvider"));
  CHECK(editor.end(editor.broken().begin("textDocument/inlineCompletion",
                                         inline_params(editor, "a.py", 0, 1)))["error"]["code"] ==
        -32601);
}

TEST_CASE("references come in pieces when the editor asks for them so") {
  std::string text = "//- /a.py\ndef f(): pass\n";
  for (int i = 0; i < 1200; ++i) text += "f()\n";
  const Workspace workspace(text);
  Editor editor(workspace);
  json params = editor.at("a.py", 0, 4);
  params["context"] = {{"includeDeclaration", false}};
  CHECK(editor.ask("textDocument/references", params).size() == 1200);
  params["partialResultToken"] = "pieces";
  CHECK(editor.ask("textDocument/references", params).empty());
  size_t n = 0;
  for (const json& message : editor.received("$/progress"))
    if (message["params"]["token"] == "pieces") n += message["params"]["value"].size();
  CHECK(n == 1200);
}

TEST_CASE("indexing is shown where the editor can show it") {
  const Workspace workspace("//- /a.py\nx = 1\n");
  EditorOptions options;
  options.capabilities = {{"window", {{"workDoneProgress", true}}}};
  Editor editor(workspace, options);
  const json token = editor.wait_for("window/workDoneProgress/create")["params"]["token"];
  editor.wait_for("$/progress", [&](const json& params) {
    return params["token"] == token && params["value"]["kind"] == "begin";
  });
  editor.wait_for("$/progress", [&](const json& params) {
    return params["token"] == token && params["value"]["kind"] == "end";
  });
  Editor silent(workspace);
  CHECK(silent.received("window/workDoneProgress/create").empty());
}

TEST_CASE("two editors of one folder share its index") {
  const Workspace workspace("//- /a.py\nx = 1\n");
  Editor first(workspace);
  Editor second(first, workspace);
  CHECK(first.services().workspaces.states().size() == 1);
  const json status = json::parse(first.services().status_json());
  CHECK(status["attachments"].size() == 2);
  CHECK(status["workspaces"][0]["complete"] == true);
  CHECK(status["workspaces"][0]["files"] == 1);
  CHECK(status["memory"]["resident_bytes"] > 1000000);
  const auto& methods = status["methods"];
  CHECK(std::any_of(methods.begin(), methods.end(), [](const json& row) {
    return row["method"] == "initialize" && row["count"] == 2 && row["p50_ms"] <= row["p99_ms"];
  }));
}

TEST_CASE("a completion sees the text of its moment and is cancelled by what comes after") {
  const Workspace workspace("//- /a.py\nx = 1\n");
  SlowCompleter completer;
  EditorOptions options;
  options.ports = completer.ports();
  Editor editor(workspace, options);
  CHECK(editor.initialize_result()["capabilities"]["inlineCompletionProvider"] == true);
  editor.open("a.py");

  const int cancelled =
      editor.begin("textDocument/inlineCompletion", inline_params(editor, "a.py", 0, 1));
  completer.wait_begun(1);
  editor.notify("$/cancelRequest", {{"id", cancelled}});
  CHECK(editor.end(cancelled)["error"]["code"] == -32800);

  const int outdated =
      editor.begin("textDocument/inlineCompletion", inline_params(editor, "a.py", 0, 1));
  completer.wait_begun(2);
  editor.edit("a.py", 2, {0, 0, 0, 1}, "yy");
  CHECK(editor.end(outdated)["result"]["items"].empty());

  const int superseded =
      editor.begin("textDocument/inlineCompletion", inline_params(editor, "a.py", 0, 2));
  completer.wait_begun(3);
  const int newest =
      editor.begin("textDocument/inlineCompletion", inline_params(editor, "a.py", 0, 2));
  CHECK(editor.end(superseded)["result"]["items"].empty());
  completer.wait_begun(4);
  CHECK(completer.n_cancelled == 3);
  completer.go = true;
  const json items = editor.end(newest)["result"]["items"];
  REQUIRE(items.size() == 1);
  CHECK(items[0]["insertText"] == "after[yy]");
  CHECK(items[0]["range"] == json({{"start", {{"line", 0}, {"character", 2}}},
                                   {"end", {{"line", 0}, {"character", 2}}}}));
}

TEST_CASE("a filled index gives completion a head start, for editors that show it") {
  const Workspace workspace("//- /a.py\nx = 1\n");
  std::promise<std::string> prepared;
  EditorOptions options;
  options.ports.prepare_completion = [&](const repoindex::View& view, const std::string&) {
    prepared.set_value(view.text("a.py").value_or("nothing"));
  };
  options.capabilities = {{"textDocument", {{"inlineCompletion", json::object()}}}};
  const Editor showing(workspace, options);
  CHECK(prepared.get_future().get() == "x = 1\n");

  std::atomic<int> n_prepared{0};
  options.ports.prepare_completion = [&](const repoindex::View&, const std::string&) {
    ++n_prepared;
  };
  options.capabilities = json::object();
  {
    Editor silent(workspace, options);
    silent.wait_for_index();
    silent.ask("shutdown", nullptr);  // on the strand, behind whatever the index's end queued there
  }
  CHECK(n_prepared == 0);
}

TEST_CASE("shutdown, exit and a lost editor end a session") {
  const Workspace workspace("//- /a.py\nx = 1\n");
  SlowCompleter completer;
  EditorOptions options;
  options.ports = completer.ports();
  {
    Editor editor(workspace, options);
    CHECK(editor.ask("shutdown", nullptr).is_null());
    CHECK(editor.end(editor.begin("workspace/symbol", {{"query", ""}}))["error"]["code"] == -32600);
    editor.notify("exit", nullptr);
    CHECK(editor.exit_code() == 0);
  }
  {
    Editor editor(workspace, options);
    editor.notify("exit", nullptr);
    CHECK(editor.exit_code() == 1);
  }
  {
    Editor editor(workspace, options);
    editor.open("a.py");
    editor.begin("textDocument/inlineCompletion", inline_params(editor, "a.py", 0, 1));
    completer.wait_begun(1);
  }  // the connection goes with a request open: its work must notice
  for (int i = 0; i < 1000 && completer.n_cancelled == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK(completer.n_cancelled == 1);
}

TEST_CASE("the fix command reports progress, is cancelled, and offers its patch only when asked") {
  const Workspace workspace("//- /a.py\none\ntwo\nthree\n");
  std::atomic<bool> hang{false};
  EditorOptions options;
  options.capabilities = {
      {"workspace", {{"applyEdit", true}, {"workspaceEdit", {{"documentChanges", true}}}}}};
  options.ports.fix = [&](const daemon::FixQuery& query,
                          const CancelToken& cancel) -> Result<daemon::FixReport> {
    query.progress("running " + query.test_command, 10);
    while (hang && !cancel.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (cancel.cancelled()) return fail(ErrorCode::cancelled, "cancelled");
    daemon::FixReport report;
    report.fixed = true;
    report.patch = "--- a.py";
    report.report_json = R"({"attempts":3})";
    report.files = {{"a.py", "one\ntwo\nthree\n", "one\n2\nthree\n"}};
    return report;
  };
  Editor editor(workspace, options);
  std::vector<json> edits;
  std::mutex mutex;
  editor.responder = [&](const json& request) -> json {
    std::lock_guard lock(mutex);
    if (request["method"] != "workspace/applyEdit") return nullptr;
    edits.push_back(request["params"]);
    return {{"applied", true}};
  };
  const auto fix = [&](json arguments, const char* token = nullptr) {
    json params = {{"command", "engramd.fix"}, {"arguments", {arguments}}};
    if (token != nullptr) params["workDoneToken"] = token;
    return editor.begin("workspace/executeCommand", params);
  };
  const json report = editor.end(fix({{"test", "make check"}}, "t1"))["result"];
  CHECK(report["fixed"] == true);
  CHECK(report["report"]["attempts"] == 3);
  CHECK_FALSE(report.contains("applied"));
  CHECK(edits.empty());
  editor.wait_for("$/progress", [](const json& params) {
    return params["token"] == "t1" && params["value"]["kind"] == "report";
  });
  editor.wait_for("$/progress", [](const json& params) {
    return params["token"] == "t1" && params["value"]["kind"] == "end";
  });

  const json applied = editor.end(fix({{"apply", true}}))["result"];
  CHECK(applied["applied"] == true);
  REQUIRE(edits.size() == 1);
  const json& change = edits[0]["edit"]["documentChanges"][0];
  CHECK(change["textDocument"]["version"].is_null());
  CHECK(change["edits"] == json::array({{{"range",
                                          {{"start", {{"line", 1}, {"character", 0}}},
                                           {"end", {{"line", 2}, {"character", 0}}}}},
                                         {"newText", "2\n"}}}));

  // The user typed meanwhile: nothing is overwritten.
  editor.open_text("a.py", "one\ntwo!\nthree\n");
  const json refused = editor.end(fix({{"apply", true}}))["result"];
  CHECK(refused["applied"] == false);
  CHECK_THAT(refused["failureReason"].get<std::string>(), Catch::Contains("a.py has changed"));
  CHECK(edits.size() == 1);

  hang = true;
  const int by_progress = fix(json::object(), "t2");
  editor.wait_for("$/progress", [](const json& params) {
    return params["token"] == "t2" && params["value"]["kind"] == "report";
  });
  editor.notify("window/workDoneProgress/cancel", {{"token", "t2"}});
  CHECK(editor.end(by_progress)["error"]["code"] == -32800);
  const int by_request = fix(json::object());
  editor.notify("$/cancelRequest", {{"id", by_request}});
  CHECK(editor.end(by_request)["error"]["code"] == -32800);
  editor.broken();
  CHECK(editor.end(fix({{"nonsense", 1}}))["error"]["code"] == -32602);
  CHECK(editor.end(fix({{"repo", "relative/path"}}))["error"]["code"] == -32602);
}

TEST_CASE("commands of no agent are not advertised, status and reindex always are") {
  const Workspace workspace("//- /a.py\nx = 1\n");
  Editor editor(workspace);
  CHECK(editor.initialize_result()["capabilities"]["executeCommandProvider"]["commands"] ==
        json::array({"engramd.reindex", "engramd.status"}));
  CHECK(editor.ask("workspace/executeCommand", {{"command", "engramd.status"}})["version"] ==
        "0.1.0");
  CHECK(editor.ask("workspace/executeCommand", {{"command", "engramd.reindex"}}).is_null());
  editor.wait_for_index();
  CHECK(editor.end(editor.begin("workspace/executeCommand",
                                {{"command", "engramd.fix"}}))["error"]["code"] == -32602);
}
