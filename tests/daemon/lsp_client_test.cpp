// The client for the user's language servers, against a small server of our own in Python and
// against a real one where it is installed.
#include <catch2/catch.hpp>

#include "agent/tools/workbench.h"
#include "base/process.h"
#include "daemon/lsp_client/sandboxed_server.h"
#include "tests/support/workspace.h"

using namespace engramd;
using namespace std::chrono_literals;

namespace {

// Says "undefined: X" of every word NOPE_X. How it speaks is its argument.
constexpr const char* kServer = R"py(
import json, re, sys, time
how = sys.argv[1]
waiting = []
def read():
    return waiting.pop(0) if waiting else next_message()
def next_message():
    size = 0
    while True:
        line = sys.stdin.buffer.readline()
        if not line: sys.exit(0)
        if line in (b"\r\n", b"\n"): break
        name, value = line.split(b":")
        if name.lower() == b"content-length": size = int(value)
    return json.loads(sys.stdin.buffer.read(size))
def send(message):
    body = json.dumps(dict(message, jsonrpc="2.0")).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    sys.stdout.buffer.flush()
def items(text):
    out = []
    for i, line in enumerate(text.split("\n")):
        for word in re.finditer(r"NOPE_\w+", line):
            at = lambda c: {"line": i, "character": c}
            out.append({"range": {"start": at(word.start()), "end": at(word.end())},
                        "severity": 1, "message": "undefined: " + word.group(), "code": 7})
    return out
texts = {}
last = {}
def publish(uri, version, text):
    if how == "lazy" and last.get(uri) == items(text): return  # nothing new, nothing said
    last[uri] = items(text)
    params = {"uri": uri, "diagnostics": items(text)}
    if how not in ("unversioned", "lazy"): params["version"] = version
    if how == "unversioned":  # syntax first, the rest later
        send({"method": "textDocument/publishDiagnostics", "params": {"uri": uri, "diagnostics": []}})
        time.sleep(0.1)
    send({"method": "textDocument/publishDiagnostics", "params": params})
while True:
    m = read()
    method, params = m.get("method"), m.get("params") or {}
    if method == "initialize":
        assert params["rootUri"].startswith("file:///")
        if how == "silent": time.sleep(60)
        if how == "garbage":
            sys.stdout.write("this is no header\r\n\r\n"); sys.stdout.flush(); time.sleep(60)
        capabilities = {"textDocumentSync": 1}
        if how == "pull": capabilities["diagnosticProvider"] = {"interFileDependencies": True}
        send({"id": m["id"], "result": {"capabilities": capabilities}})
    elif method in ("textDocument/didOpen", "textDocument/didChange"):
        doc = params["textDocument"]
        text = doc["text"] if "text" in doc else params["contentChanges"][-1]["text"]
        texts[doc["uri"]] = text
        if "CRASH" in text: sys.exit(1)
        if "HANG" in text: time.sleep(60)
        # A request of the server must be answered before it goes on.
        send({"id": "q1", "method": "workspace/configuration", "params": {"items": [{"section": "x"}]}})
        while True:
            answer = next_message()
            if answer.get("id") == "q1":
                assert answer["result"] == [None]
                break
            waiting.append(answer)
        # Late news of an older version must not be taken for the answer.
        if how == "push" and doc["version"] > 1:
            publish(doc["uri"], doc["version"] - 1, "NOPE_old")
        if how != "pull": publish(doc["uri"], doc["version"], text)
    elif method == "textDocument/diagnostic":
        if how == "pull" and "RETRY" not in texts:
            texts["RETRY"] = True
            send({"id": m["id"], "error": {"code": -32802, "message": "again"}})
            continue
        send({"id": m["id"], "result": {"kind": "full", "items": items(texts[params["textDocument"]["uri"]])}})
    elif method == "shutdown":
        send({"id": m["id"], "result": None})
    elif method == "exit":
        sys.exit(0)
)py";

struct Place {
  test::Workspace ws{"//- /a.py\nx = 1\n"};
  std::unique_ptr<agent::Workbench> bench;
  const agent::Sandbox* sandbox = nullptr;
  CancelSource cancel;
  Place() {
    ws.write("server.py", kServer);
    auto opened = agent::Workbench::open(ws.root(), {});
    REQUIRE(opened);
    bench = std::move(*opened);
    if (auto made = bench->sandbox()) sandbox = *made;
  }
  std::unique_ptr<agent::DiagnosticsSource> server(const std::string& how) {
    auto made = daemon::start_language_server(
        "test-server", "python", {"/usr/bin/python3", sandbox->tree_path() + "/server.py", how}, "",
        *sandbox, cancel.token());
    REQUIRE(made);
    return std::move(*made);
  }
};

std::string said(const Result<std::vector<agent::Diagnostic>>& found) {
  return found ? agent::readable(*found, 10000) : "error: " + found.error().message;
}

}  // namespace

TEST_CASE("a language server's diagnostics are had, pushed or pulled") {
  Place place;
  if (place.sandbox == nullptr) {
    WARN("no sandbox here");
    return;
  }
  for (const char* how : {"push", "pull", "unversioned", "lazy"}) {
    INFO(how);
    const auto server = place.server(how);
    CHECK(said(server->diagnostics("a.py", "x = NOPE_a\n", 20s, {})) ==
          "a.py:1: error: undefined: NOPE_a (test-server 7)\n");
    CHECK(said(server->diagnostics("a.py", "x = 1\n", 20s, {})).empty());
    CHECK(said(server->diagnostics("a.py", "x = 2\n", 20s, {})).empty());
    CHECK(said(server->diagnostics("b/\xC3\xA4 b.py", "\nNOPE_b\n", 20s, {})) ==
          "b/\xC3\xA4 b.py:2: error: undefined: NOPE_b (test-server 7)\n");
  }
}

TEST_CASE("a language server that hangs, dies or talks nonsense costs its own answer only") {
  Place place;
  if (place.sandbox == nullptr) {
    WARN("no sandbox here");
    return;
  }
  {
    const auto server = place.server("push");
    REQUIRE(server->diagnostics("a.py", "x = 1\n", 20s, {}));
    const auto slow = server->diagnostics("a.py", "HANG\n", 300ms, {});
    REQUIRE_FALSE(slow);
    CHECK(slow.error().code == ErrorCode::exhausted);
    CHECK(said(slow) == "error: test-server: no answer in time");
  }  // and it is killed here, though it sleeps
  {
    const auto server = place.server("push");
    const auto dead = server->diagnostics("a.py", "CRASH\n", 20s, {});
    REQUIRE_FALSE(dead);
    CHECK(dead.error().code == ErrorCode::unavailable);
  }
  CHECK(said(place.server("silent")->diagnostics("a.py", "", 300ms, {})) ==
        "error: test-server: no answer in time");
  CHECK(said(place.server("garbage")->diagnostics("a.py", "", 20s, {})).find("error: ") == 0);
  const auto server = place.server("push");
  place.cancel.cancel();
  CHECK_FALSE(server->diagnostics("a.py", "x = 1\n", 20s, {}));
}

TEST_CASE("clangd, where it is installed, finds what an edit broke") {
  if (find_program("clangd").empty()) {
    WARN("skipped: clangd is not installed");
    return;
  }
  Place place;
  if (place.sandbox == nullptr) {
    WARN("no sandbox here");
    return;
  }
  auto server = daemon::language_server_factory()("cpp", *place.sandbox, {});
  REQUIRE(server);
  CHECK(said((*server)->diagnostics("a.cpp", "int f() { return 1; }\n", 60s, {})).empty());
  const std::string found =
      said((*server)->diagnostics("a.cpp", "int f() { return nope; }\n", 60s, {}));
  CHECK(found.find("a.cpp:1: error: Use of undeclared identifier 'nope'") == 0);
}
