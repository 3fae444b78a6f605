"""What the server asks of the client: only what was offered, and it lives with every answer."""
import copy
import time

from document import Document, functions
from points import point
from wire import CAPABILITIES, Fail


def without(*path):
    capabilities = copy.deepcopy(CAPABILITIES)
    node = capabilities
    for name in path[:-1]:
        node = node[name]
    node.pop(path[-1], None)
    return capabilities


def run_a_while(server, language):
    Document(server, language, functions(language, ["probe_a"])).names()
    time.sleep(1)


@point("nothing is registered when the client knows no dynamic registration", start=False)
def no_registration(server, language):
    server.start(capabilities=without("workspace", "didChangeWatchedFiles"))
    run_a_while(server, language)
    if server.requests_of_server("client/registerCapability"):
        raise Fail("registers all the same")


@point("no configuration is asked for when the client has none", start=False)
def no_configuration(server, language):
    server.start(capabilities=without("workspace", "configuration"))
    run_a_while(server, language)
    if server.requests_of_server("workspace/configuration"):
        raise Fail("asks all the same")


@point("no progress is made when the client shows none", start=False)
def no_progress(server, language):
    server.start(capabilities=without("window", "workDoneProgress"))
    run_a_while(server, language)
    if server.requests_of_server("window/workDoneProgress/create"):
        raise Fail("makes it all the same")


@point("a client that refuses every request of the server is lived with", start=False)
def refusing(server, language):
    server.refuse = {"client/registerCapability", "client/unregisterCapability",
                     "workspace/configuration", "window/workDoneProgress/create",
                     "workspace/workspaceFolders", "workspace/applyEdit"}
    server.start()
    run_a_while(server, language)
    server.alive()


@point("a client that answers late holds up nothing", start=False)
def late(server, language):
    for method in ("client/registerCapability", "workspace/configuration",
                   "window/workDoneProgress/create", "client/unregisterCapability"):
        server.late[method] = 8
    server.start()
    begin = time.time()
    Document(server, language, functions(language, ["probe_a"])).names(10)
    if time.time() - begin > 7:
        raise Fail("waited %.1f s" % (time.time() - begin))


@point("a progress is used after the client has agreed, and not after a refusal", start=False)
def progress_tokens(server, language):
    server.refuse = {"window/workDoneProgress/create"}
    server.start()
    run_a_while(server, language)
    made = {m["params"]["token"] for m in server.requests_of_server("window/workDoneProgress/create")}
    used = {m["params"]["token"] for m in server.received if m.get("method") == "$/progress"}
    if made & used:
        raise Fail("used a token that was refused")


@point("shutdown while the server waits for the client is answered", start=False)
def shutdown_while_waiting(server, language):
    for method in ("client/registerCapability", "workspace/configuration",
                   "window/workDoneProgress/create"):
        server.late[method] = 30
    server.start()
    answer = server.request("shutdown", None, 10)
    if "error" in answer:
        raise Fail("answered %s" % answer["error"])


@point("changed settings of any shape are survived")
def settings(server, language):
    for value in ({}, None, {"settings": None}, {"settings": {"x": [1, {"y": None}]}}, {"settings": 3}):
        server.notify("workspace/didChangeConfiguration", value)
    server.alive()


@point("watched files that come, go and never were are survived")
def watched(server, language):
    changes = [{"uri": "file://%s/w%d.py" % (server.folder, i), "type": 1 + i % 3} for i in range(200)]
    server.notify("workspace/didChangeWatchedFiles", {"changes": changes})
    server.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": "x", "type": 9}]})
    server.alive()


@point("registrations and their ends do not cross, however late the client answers", start=False)
def registration_race(server, language):
    for method in ("client/registerCapability", "client/unregisterCapability", "workspace/configuration"):
        server.late[method] = 0.4
    server.start()
    for i in range(12):
        server.notify("workspace/didChangeConfiguration", {"settings": {"round": i}})
        if server.offers("workspace", "workspaceFolders", "supported"):
            entry = {"uri": "file://%s/f%d" % (server.folder, i % 2), "name": "f"}
            change = {"added": [entry], "removed": []} if i % 4 < 2 else {"added": [], "removed": [entry]}
            server.notify("workspace/didChangeWorkspaceFolders", {"event": change})
        time.sleep(0.1)
    time.sleep(1)
    held = set()
    for message in server.requests_of_server():
        for one in (message.get("params") or {}).get("registrations", []):
            if one["id"] in held:
                raise Fail("registers %s twice" % one["id"])
            held.add(one["id"])
        for one in (message.get("params") or {}).get("unregisterations", []):
            if one["id"] not in held:
                raise Fail("unregisters %s, which is not registered" % one["id"])
            held.discard(one["id"])
    server.alive()
