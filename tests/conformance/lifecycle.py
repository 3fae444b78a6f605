"""From the first request to the last, and what comes at the wrong time."""
import os
import subprocess
import time

from document import Document, functions
from points import point
from wire import CAPABILITIES, Fail, NotAsked, frame, uri_of


@point("initialize tells capabilities, and who it is")
def about(server, language):
    if not isinstance(server.about.get("capabilities"), dict):
        raise Fail("no capabilities")
    if not server.about.get("serverInfo", {}).get("name"):
        raise Fail("no serverInfo")


@point("a request before initialize is answered with -32002", start=False)
def too_early(server, language):
    code = server.code("textDocument/documentSymbol", {"textDocument": {"uri": "file:///x"}})
    if code != -32002:
        raise Fail("code %s" % code)


@point("a notification before initialize is dropped without an answer", start=False)
def early_notification(server, language):
    server.notify("textDocument/didOpen", {"textDocument": {
        "uri": "file:///x.py", "languageId": "python", "version": 1, "text": ""}})
    server.start()
    if any("method" not in m and m.get("id") is None for m in server.received):
        raise Fail("it was answered")


@point("exit before initialize ends the server", start=False)
def early_exit(server, language):
    server.notify("exit")
    server.exit_status()


@point("a second initialize is an error")
def second_initialize(server, language):
    if server.code("initialize", server.initialize_params()) is None:
        raise Fail("accepted")


@point("shutdown is answered with null")
def shutdown(server, language):
    answer = server.request("shutdown")
    if "result" not in answer or answer["result"] is not None:
        raise Fail("answered %s" % answer)


@point("a request after shutdown is answered with -32600")
def after_shutdown(server, language):
    server.request("shutdown")
    code = server.code("textDocument/documentSymbol", {"textDocument": {"uri": "file:///x"}})
    if code != -32600:
        raise Fail("code %s" % code)


@point("a second shutdown is an error")
def second_shutdown(server, language):
    server.request("shutdown")
    if server.code("shutdown") is None:
        raise Fail("accepted")


@point("exit after shutdown: status 0")
def clean_exit(server, language):
    server.request("shutdown")
    server.notify("exit")
    status = server.exit_status()
    if status != 0:
        raise Fail("status %d" % status)


@point("exit without shutdown: status 1")
def rude_exit(server, language):
    server.notify("exit")
    status = server.exit_status()
    if status != 1:
        raise Fail("status %d" % status)


@point("exit while requests are running ends it in time")
def busy_exit(server, language):
    document = Document(server, language, functions(language, ["probe_%d" % i for i in range(3000)]))
    for _ in range(50):
        server.ask("textDocument/documentSymbol", document.id)
    server.notify("exit")
    server.exit_status(10)


@point("the end of the parent process ends the server", start=False)
def parent_ends(server, language):
    parent = subprocess.Popen(["sleep", "600"])
    try:
        server.start(processId=parent.pid)
    finally:
        parent.kill()
        parent.wait()
    server.exit_status(30)


@point("a parent process that is gone already does not break initialize", start=False)
def parent_gone(server, language):
    parent = subprocess.Popen(["true"])
    parent.wait()
    server.ask("initialize", server.initialize_params(processId=parent.pid), 1)
    if server.wait(lambda m: m.get("id") == 1, 30) is None and not server.closed:
        raise Fail("neither answered nor ended")


@point("processId null is fine", start=False)
def no_parent(server, language):
    server.start(processId=None)
    server.alive()


@point("no folder at all is fine", start=False)
def no_folder(server, language):
    server.start(rootUri=None, workspaceFolders=None)
    Document(server, language, functions(language, ["probe_a"])).expect(["probe_a"])


@point("a folder that does not exist is fine", start=False)
def missing_folder(server, language):
    missing = uri_of(os.path.join(server.folder, "not", "there"))
    server.start(rootUri=missing, workspaceFolders=[{"uri": missing, "name": "x"}])
    server.alive()


@point("a client without any capability gets answers, and is asked nothing it did not offer",
       start=False)
def poor_client(server, language):
    server.start(capabilities={})
    Document(server, language, functions(language, ["probe_a"])).names()
    time.sleep(1)
    asked = {m["method"] for m in server.requests_of_server()}
    # showMessageRequest needs no capability.
    if asked - {"window/showMessageRequest"}:
        raise Fail("asked for %s" % ", ".join(sorted(asked)))


@point("unknown capabilities and fields of the client are ignored", start=False)
def newer_client(server, language):
    capabilities = dict(CAPABILITIES, fromTheFuture={"x": [1]})
    server.start(capabilities=capabilities, alsoNew=3)
    server.alive()


@point("requests are answered between the answer to initialize and initialized", start=False)
def before_initialized(server, language):
    server.result("initialize", server.initialize_params(), 60)
    server.about = {}
    server.alive()


@point("trace can be set to any value, and switched off")
def trace(server, language):
    for value in ("verbose", "messages", "off"):
        server.notify("$/setTrace", {"value": value})
    server.alive()
    if any(m.get("method") == "$/logTrace" for m in server.received[-1:]):
        raise Fail("traces though it is off")


@point("folders come and go in quick succession")
def folders(server, language):
    if not server.offers("workspace", "workspaceFolders", "supported"):
        raise NotAsked("no workspace folders")
    for i in range(20):
        folder = os.path.join(server.folder, "f%d" % (i % 3))
        os.makedirs(folder, exist_ok=True)
        entry = {"uri": uri_of(folder), "name": "f"}
        change = {"added": [entry], "removed": []} if i % 2 == 0 else {"added": [], "removed": [entry]}
        server.notify("workspace/didChangeWorkspaceFolders", {"event": change})
    server.alive()


@point("questions, their cancels, and shutdown in one write: an answer each, then exit with status 0")
def all_at_once(server, language):
    document = Document(server, language, functions(language, ["probe_%d" % i for i in range(300)]))
    data = b""
    for i in range(40):
        data += frame({"jsonrpc": "2.0", "id": 5000 + i, "method": "textDocument/documentSymbol",
                       "params": document.id})
        data += frame({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 5000 + i}})
    data += frame({"jsonrpc": "2.0", "id": 6000, "method": "shutdown"})
    server.write(data)
    server.answer(6000)  # before exit, which ends what is still open
    for i in range(40):
        server.answer(5000 + i)
        if len(server.answers_to(5000 + i)) != 1:
            raise Fail("request %d has %d answers" % (i, len(server.answers_to(5000 + i))))
    server.notify("exit")
    if server.exit_status() != 0:
        raise Fail("status %d" % server.exit_status())
