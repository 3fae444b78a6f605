// Living beside other servers: what is left to them, in one editor and in another.
#include <catch2/catch.hpp>
#include <thread>

#include "daemon/session/coexistence.h"
#include "lsp/uri.h"
#include "tests/daemon/editor.h"

using namespace engramd;
using namespace engramd::test;

namespace {

const char kTwoLanguages[] = R"(//- /a.c
int helper(void) { return 1; }
int main(void) { return <|>helper(); }
//- /b.py
def helper(): ...
helper()
)";

void configure(Editor& editor, const json& settings) {
  editor.notify("workspace/didChangeConfiguration", {{"settings", {{"engramd", settings}}}});
}

void report(Editor& editor, const std::string& path, const json& servers) {
  editor.notify("engramd/siblings", {{"uri", editor.uri(path)}, {"servers", servers}});
}

size_t n_definitions(Editor& editor, const json& at) {
  return editor.ask("textDocument/definition", at).size();
}

}  // namespace

TEST_CASE("auto leaves a document to the servers that its editor reports, method by method") {
  const Workspace workspace(kTwoLanguages);
  Editor editor(workspace);
  editor.open("a.c");
  editor.open("b.py");
  const json in_c = editor.at_cursor(), in_python = editor.at("b.py", 1, 2);
  CHECK(n_definitions(editor, in_c) == 1);

  report(editor, "a.c",
         {{{"name", "clangd"}, {"methods", {"textDocument/definition", "workspace/symbol"}}}});
  CHECK(n_definitions(editor, in_c) == 0);
  CHECK_FALSE(editor.ask("textDocument/hover", in_c).is_null());  // the sibling has no hover
  CHECK(n_definitions(editor, in_python) == 1);
  json symbols = editor.ask("workspace/symbol", {{"query", "helper"}});
  REQUIRE(symbols.size() == 1);
  CHECK(symbols[0]["location"]["uri"] == editor.uri("b.py"));

  report(editor, "a.c", {{{"name", "clangd"}}});  // no list: all of navigation
  CHECK(editor.ask("textDocument/hover", in_c).is_null());
  CHECK(
      editor.ask("textDocument/documentSymbol", {{"textDocument", in_c["textDocument"]}}).empty());

  report(editor, "a.c", json::array());  // it has gone
  CHECK(n_definitions(editor, in_c) == 1);
  CHECK(editor.ask("workspace/symbol", {{"query", "helper"}}).size() == 2);
}

TEST_CASE("a report ends with its document") {
  const Workspace workspace(kTwoLanguages);
  Editor editor(workspace);
  editor.open("a.c");
  report(editor, "a.c", {{{"name", "clangd"}}});
  CHECK(n_definitions(editor, editor.at_cursor()) == 0);
  editor.notify("textDocument/didClose", {{"textDocument", {{"uri", editor.uri("a.c")}}}});
  CHECK(n_definitions(editor, editor.at_cursor()) == 1);
}

TEST_CASE("always and off are the user's word, by language or for all") {
  const Workspace workspace(kTwoLanguages);
  Editor editor(workspace);
  editor.open("a.c");
  report(editor, "a.c", {{{"name", "clangd"}}});
  const json in_c = editor.at_cursor(), in_python = editor.at("b.py", 1, 2);
  configure(editor, {{"navigation", "always"}});
  CHECK(n_definitions(editor, in_c) == 1);
  configure(editor, {{"navigation", {{"*", "off"}, {"python", "auto"}}}});
  CHECK(n_definitions(editor, in_c) == 0);
  CHECK(n_definitions(editor, in_python) == 1);
  CHECK(editor.ask("workspace/symbol", {{"query", "helper"}}).size() == 1);
}

TEST_CASE("an editor without a plugin is told which languages have a server") {
  const Workspace workspace(kTwoLanguages);
  Editor editor(workspace);
  configure(editor, {{"serversFor", {"c"}}});
  CHECK(n_definitions(editor, editor.at_cursor()) == 0);
  CHECK(n_definitions(editor, editor.at("b.py", 1, 2)) == 1);
  configure(editor, {{"serversFor", json::array()}});
  CHECK(n_definitions(editor, editor.at_cursor()) == 1);
}

TEST_CASE("names of languages are those that editors use") {
  daemon::Coexistence coexistence;
  lsp::EditorSettings settings;
  settings.servers_for = {"shellscript"};
  coexistence.configure(settings);
  CHECK(coexistence.leaves("file:///a.sh", "bash", "textDocument/hover"));
  CHECK_FALSE(coexistence.leaves("file:///a.py", "python", "textDocument/hover"));
}

TEST_CASE("settings are asked for where the editor can be asked, and a wrong one is said") {
  const Workspace workspace(kTwoLanguages);
  EditorOptions options;
  options.capabilities = {
      {"workspace",
       {{"configuration", true}, {"didChangeConfiguration", {{"dynamicRegistration", true}}}}}};
  Editor editor(workspace, options);
  const json asked = editor.wait_for("workspace/configuration")["params"];
  CHECK(asked["items"][0]["section"] == "engramd");
  CHECK(editor.wait_for("client/registerCapability")["params"]["registrations"][0]["method"] ==
        "workspace/didChangeConfiguration");
  editor.responder = [](const json& request) {
    if (request["method"] != "workspace/configuration") return json();
    return json::array({{{"navigation", "off"}}});
  };
  editor.notify("workspace/didChangeConfiguration", {{"settings", nullptr}});
  for (int i = 0; i < 500 && n_definitions(editor, editor.at_cursor()) > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(n_definitions(editor, editor.at_cursor()) == 0);

  editor.responder = [](const json& request) {
    if (request["method"] != "workspace/configuration") return json();
    return json::array({{{"navigation", "sometimes"}}});
  };
  editor.notify("workspace/didChangeConfiguration", {{"settings", nullptr}});
  const json shown = editor.wait_for("window/showMessage")["params"];
  CHECK(shown["message"].get<std::string>().find("navigation") != std::string::npos);
}

TEST_CASE("watching ends with the last folder and begins again with the next") {
  const Workspace workspace(kTwoLanguages);
  EditorOptions options;
  options.capabilities = {
      {"workspace", {{"didChangeWatchedFiles", {{"dynamicRegistration", true}}}}}};
  Editor editor(workspace, options);
  const std::string first =
      editor.wait_for("client/registerCapability")["params"]["registrations"][0]["id"];
  const json folder{{"uri", lsp::uri_of_path(workspace.root())}, {"name", "all"}};
  const auto change = [&](const json& added, const json& removed) {
    editor.notify("workspace/didChangeWorkspaceFolders",
                  {{"event", {{"added", added}, {"removed", removed}}}});
  };
  change(json::array(), json::array({folder}));
  CHECK(editor.wait_for("client/unregisterCapability")["params"]["unregisterations"][0]["id"] ==
        first);
  change(json::array({folder}), json::array());
  editor.wait_for("client/registerCapability",
                  [&](const json& params) { return params["registrations"][0]["id"] != first; });
}

TEST_CASE("a trace says what was answered, until it is turned off") {
  const Workspace workspace(kTwoLanguages);
  Editor editor(workspace);
  editor.notify("$/setTrace", {{"value", "messages"}});
  editor.ask("textDocument/hover", editor.at_cursor());
  const std::string said = editor.wait_for("$/logTrace")["params"]["message"];
  CHECK(said.find("textDocument/hover answered in ") == 0);
  editor.notify("$/setTrace", {{"value", "off"}});
  editor.ask("textDocument/definition", editor.at_cursor());
  editor.ask("textDocument/definition", editor.at_cursor());
  CHECK(editor.received("$/logTrace").size() == 1);
}
