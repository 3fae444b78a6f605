#include "lsp/json_rpc.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "lsp/json_writer.h"
#include "lsp/protocol/documents.h"
#include "lsp/protocol/life_cycle.h"
#include "lsp/uri.h"

using namespace engramd;
using namespace engramd::lsp;
using nlohmann::json;

namespace {

BadMessage bad(const std::string& text) {
  auto message = read_message(text);
  REQUIRE_FALSE(message);
  return message.error();
}

std::string nested(size_t depth) {
  return R"({"jsonrpc":"2.0","id":7,"method":"x","params":)" + std::string(depth, '[') +
         std::string(depth, ']') + "}";
}

template <class Params>
std::string refusal(const char* text) {
  Params params;
  const Status ok = read(json::parse(text), params);
  return ok ? "" : ok.error().message;
}

}  // namespace

TEST_CASE("requests, notifications and responses are told apart") {
  auto request = read_message(R"({"jsonrpc":"2.0","id":"a\"b","method":"m","params":{"k":1}})");
  REQUIRE(request);
  CHECK(request->kind == MessageKind::request);
  CHECK(id_text(request->id) == R"("a\"b")");
  CHECK((*request->params)["k"] == 1);
  auto notification = read_message(R"({"jsonrpc":"2.0","method":"m"})");
  REQUIRE(notification);
  CHECK(notification->kind == MessageKind::notification);
  CHECK(notification->params->is_null());
  auto response = read_message(R"({"jsonrpc":"2.0","id":-3,"result":null})");
  REQUIRE(response);
  CHECK(response->kind == MessageKind::response);
  CHECK(id_text(response->id) == "-3");
  CHECK(response->result->is_null());
  auto error = read_message(R"({"jsonrpc":"2.0","id":3,"error":{"code":-32800,"message":"no"}})");
  REQUIRE(error);
  CHECK(error->error_message == "no");
  CHECK(error->error_code == -32800);
}

TEST_CASE("what is no message gets the right code, and the id when it can be read") {
  CHECK(bad("{").code == RpcError::parse_error);
  CHECK_FALSE(bad("{").id);
  CHECK(bad("[]").code == RpcError::invalid_request);
  CHECK(bad("42").code == RpcError::invalid_request);
  CHECK(bad(R"({"id":1,"method":"m"})").code == RpcError::invalid_request);
  const BadMessage no_method = bad(R"({"jsonrpc":"2.0","id":9,"method":3})");
  CHECK(no_method.code == RpcError::invalid_request);
  CHECK(no_method.answer);
  CHECK(id_text(no_method.id) == "9");
  CHECK(bad(R"({"jsonrpc":"2.0","id":1.5,"method":"m"})").code == RpcError::invalid_request);
  CHECK(bad(R"({"jsonrpc":"2.0","id":1,"method":"m","params":3})").code ==
        RpcError::invalid_request);
  // Answering a broken response would start a quarrel about an id that is not the client's.
  CHECK_FALSE(bad(R"({"jsonrpc":"2.0","id":1,"result":1,"error":{}})").answer);
  // What is cut off is no JSON, so it has no id: section 5 of JSON-RPC.
  CHECK(id_text(bad(R"({"jsonrpc":"2.0","id":12,"method":"m","params":{)").id) == "null");
}

TEST_CASE("deep nesting is refused before a parser recurses") {
  CHECK(read_message(nested(400)));
  for (const size_t depth : {600u, 10000u, 2000000u}) {
    const BadMessage refused = bad(nested(depth));
    CHECK(refused.code == RpcError::parse_error);
    CHECK(id_text(refused.id) == "7");
    CHECK(refused.answer);
  }
  // Brackets inside strings do not count.
  CHECK(read_message(R"({"jsonrpc":"2.0","method":"m","params":{"t":")" + std::string(10000, '[') +
                     "\"}}"));
}

TEST_CASE("text that is not valid unicode is repaired rather than refused") {
  auto message =
      read_message("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{\"t\":\"a\xff\xfe b\"}}");
  REQUIRE(message);
  CHECK((*message->params)["t"] == "a\xef\xbf\xbd\xef\xbf\xbd b");
  auto lone = read_message(
      R"({"jsonrpc":"2.0","method":"m","params":{"t":"x\ud83dy\ude00\\ud83d\ud83d\ude00"}})");
  REQUIRE(lone);
  CHECK((*lone->params)["t"] == "x\xef\xbf\xbdy\xef\xbf\xbd\\ud83d\xf0\x9f\x98\x80");
}

TEST_CASE("an outline sees ids and methods of the outermost object only") {
  const auto outline = outline_message(
      R"({"params":{"id":1,"method":"inner","t":"\"id\":5"},"id":"x","method":"outer"})");
  CHECK(id_text(outline.id) == "\"x\"");
  CHECK(outline.method == "outer");
  CHECK_FALSE(outline_message(R"({"result":{"method":"m"},"id":4})").has_method);
  CHECK(id_text(outline_message(R"({"id": 4 })").id) == "4");
  CHECK_FALSE(outline_message(R"(["id",4])").id);
  CHECK_FALSE(outline_message("\"id\":4").id);
  outline_message("{\"id\":\"");
  outline_message("{\"id\":\"\\");
}

TEST_CASE("the writer's text always parses back to what was meant") {
  std::string every_byte;
  for (int c = 0; c < 128; ++c) every_byte += static_cast<char>(c);
  CHECK(json::parse(json_string(every_byte)) == json(every_byte));
  CHECK(json::parse(json_string("caf\xc3\xa9 \xf0\x9f\x98\x80")) ==
        json("caf\xc3\xa9 \xf0\x9f\x98\x80"));
  CHECK(json::parse(json_string("\xc3(")) == json("\xef\xbf\xbd("));
  JsonWriter writer;
  writer.begin_object().key("a").begin_array().number(1).boolean(false).null().end_array();
  writer.field("b", "x").key("c").begin_object().end_object().field("d", true).end_object();
  CHECK(json::parse(writer.text()) ==
        json::parse(R"({"a":[1,false,null],"b":"x","c":{},"d":true})"));
}

TEST_CASE("params that do not fit name the member") {
  CHECK(refusal<DocumentPosition>(
            R"({"textDocument":{"uri":"file:///a"},"position":{"line":1,"character":2}})") == "");
  CHECK(refusal<DocumentPosition>(R"({"textDocument":{"uri":"file:///a"}})") ==
        "position is missing, expected an object");
  CHECK(refusal<DocumentPosition>(
            R"({"textDocument":{"uri":3},"position":{"line":1,"character":2}})") ==
        "uri is number, expected a string");
  CHECK(refusal<DocumentPosition>(
            R"({"textDocument":{"uri":"x"},"position":{"line":-1,"character":2}})") ==
        "line is negative, expected 0 or more");
  CHECK(refusal<DocumentPosition>(
            R"({"textDocument":{"uri":"x"},"position":{"line":1.5,"character":2}})") ==
        "line is number, expected an integer");
  CHECK(refusal<DocumentPosition>("[]") == "params is array, expected an object");
  CHECK(refusal<DidChangeParams>(
            R"({"textDocument":{"uri":"x","version":1},"contentChanges":[{"range":{}}]})") ==
        "start is missing, expected an object");
}

TEST_CASE("a position to the end of the world is clamped, not wrapped") {
  DocumentPosition params;
  REQUIRE(read(
      json::parse(
          R"({"textDocument":{"uri":"x"},"position":{"line":4294967295,"character":18446744073709551615}})"),
      params));
  CHECK(params.position.line == 0x7FFFFFFF);
  CHECK(params.position.character == 0x7FFFFFFF);
}

TEST_CASE("what a client can is asked by the specification's paths") {
  const ClientCapabilities client(json::parse(R"({"a":{"b":true,"c":false,"d":{},"n":null,
      "list":["x","y"],"kinds":[1,2],"formats":["plaintext","markdown"]}})"));
  CHECK(client.flag("a.b"));
  CHECK_FALSE(client.flag("a.c"));
  CHECK_FALSE(client.flag("a.d"));  // there, but not true
  CHECK(client.has("a.d"));
  CHECK_FALSE(client.has("a.n"));
  CHECK_FALSE(client.has("a.c"));
  CHECK_FALSE(client.has("a.b.c"));
  CHECK_FALSE(client.has("x.y.z"));
  CHECK(client.lists("a.list", "y"));
  CHECK_FALSE(client.lists("a.list", "z"));
  CHECK(client.lists("a.kinds", 2));
  CHECK_FALSE(client.lists("a.b", "x"));
  CHECK(client.strings("a.formats") == std::vector<std::string>{"plaintext", "markdown"});
  CHECK_FALSE(client.prefers_markdown("a.formats"));
  CHECK_FALSE(ClientCapabilities().has("a"));
}

TEST_CASE("capabilities inside one another are written once each") {
  InitializeResult result;
  result.capabilities = {{"workspace.fileOperations.willRename", "{}"},
                         {"workspace.fileOperations.didRename", "{}"},
                         {"workspaceSymbolProvider", "true"},
                         {"hoverProvider", "true"}};
  const json written = json::parse(write(result));
  const json& can = written["capabilities"];
  CHECK(can["workspace"]["fileOperations"].size() == 2);
  CHECK(can["workspace"]["workspaceFolders"]["supported"] == true);
  CHECK(can["workspaceSymbolProvider"] == true);
  CHECK(can["hoverProvider"] == true);
}

TEST_CASE("roots come from folders, rootUri or rootPath, in that order") {
  const auto folders = [](const char* text) {
    InitializeParams params;
    REQUIRE(read(json::parse(text), params));
    std::vector<std::string> uris;
    for (const auto& folder : params.folders) uris.push_back(folder.uri);
    return uris;
  };
  using Uris = std::vector<std::string>;
  CHECK(
      folders(
          R"({"capabilities":{},"rootUri":"file:///b","workspaceFolders":[{"uri":"file:///a","name":"a"}]})") ==
      Uris{"file:///a"});
  CHECK(
      folders(
          R"({"capabilities":{},"rootUri":"file:///b","rootPath":"/c","workspaceFolders":null})") ==
      Uris{"file:///b"});
  CHECK(folders(R"({"capabilities":{},"rootPath":"/c d"})") == Uris{"file:///c%20d"});
  CHECK(folders(R"({"capabilities":{},"rootUri":null})").empty());
}

TEST_CASE("the encoding is utf-8 when offered, else utf-16, else utf-32") {
  CHECK(chosen_encoding({}) == PositionEncoding::utf16);
  CHECK(chosen_encoding({"utf-16"}) == PositionEncoding::utf16);
  // The list is in the client's order of preference.
  CHECK(chosen_encoding({"utf-32", "utf-16"}) == PositionEncoding::utf32);
  CHECK(chosen_encoding({"utf-16", "utf-8"}) == PositionEncoding::utf16);
  CHECK(chosen_encoding({"klingon", "utf-8", "utf-16"}) == PositionEncoding::utf8);
  CHECK(chosen_encoding({"utf-32"}) == PositionEncoding::utf32);
  CHECK(chosen_encoding({"klingon"}) == PositionEncoding::utf16);
}

TEST_CASE("paths survive the way through a uri") {
  for (const char* path :
       {"/a/b.py", "/with space/%41.c", "/caf\xc3\xa9/\xf0\x9f\x98\x80", "/a#b?c", "/"})
    CHECK(path_of_uri(uri_of_path(path)).value() == path);
  CHECK(path_of_uri("file:///a/../b//c/").value() == "/b/c");
  CHECK(path_of_uri("file://localhost/a").value() == "/a");
  CHECK(uri_of_path("/a b") == "file:///a%20b");
  for (const char* uri : {"", "untitled:Untitled-1", "file://server/share", "file:///a%2",
                          "file:///a%zz", "file:///a%00b"})
    CHECK_FALSE(path_of_uri(uri));
}
