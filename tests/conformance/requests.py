"""Requests: ids, errors, cancelling, many at once."""
import time

from document import Document, functions
from points import point
from wire import Fail


def one_answer_each(server, ids):
    for request_id in ids:
        server.answer(request_id, 60)
    time.sleep(0.3)
    for request_id in ids:
        n = len(server.answers_to(request_id))
        if n != 1:
            raise Fail("request %s has %d answers" % (request_id, n))


@point("an unknown method is answered with -32601")
def unknown(server, language):
    code = server.code("textDocument/doesNotExist", {})
    if code != -32601:
        raise Fail("code %s" % code)


@point("an unknown $/ request is answered with -32601")
def unknown_dollar(server, language):
    code = server.code("$/doesNotExist", {})
    if code != -32601:
        raise Fail("code %s" % code)


@point("unknown notifications, $/ and others, are ignored without an answer")
def unknown_notifications(server, language):
    before = len(server.received)
    server.notify("$/doesNotExist", {"x": 1})
    server.notify("textDocument/didNothing", {"x": 1})
    server.alive()
    if any("method" not in m and m.get("id") is None for m in server.received[before:]):
        raise Fail("answered")


@point("parameters of a wrong type are answered with -32602")
def wrong_params(server, language):
    for params in ({"textDocument": 7, "position": "x"}, {"textDocument": {"uri": 5}}, [1, 2]):
        code = server.code("textDocument/definition", params)
        if code != -32602:
            raise Fail("code %s for %s" % (code, params))


@point("missing parameters are answered with -32602")
def missing_params(server, language):
    code = server.code("textDocument/definition")
    if code != -32602:
        raise Fail("code %s" % code)


@point("a notification with wrong parameters is survived without an answer")
def wrong_notification(server, language):
    before = len(server.received)
    server.notify("textDocument/didOpen", {"textDocument": 3})
    server.notify("textDocument/didChange", {"contentChanges": "x"})
    server.notify("textDocument/didClose", [])
    server.alive()
    if any("method" not in m and m.get("id") is None for m in server.received[before:]):
        raise Fail("answered")


@point("an id that is a string comes back as a string")
def string_id(server, language):
    server.ask("textDocument/documentSymbol", {"textDocument": {"uri": "file:///none"}}, "7")
    server.answer("7")
    if server.answers_to(7):
        raise Fail("came back as a number")


@point("ids 0, -1 and 2147483647 come back as they are")
def odd_ids(server, language):
    for request_id in (0, -1, 2147483647):
        server.ask("textDocument/documentSymbol", {"textDocument": {"uri": "file:///none"}}, request_id)
        server.answer(request_id)


@point("the same id as a number and as a string are two requests")
def two_kinds_of_id(server, language):
    for request_id in (55, "55"):
        server.ask("textDocument/documentSymbol", {"textDocument": {"uri": "file:///none"}}, request_id)
    one_answer_each(server, [55, "55"])


@point("an id may be used again after its answer")
def id_again(server, language):
    for _ in range(3):
        before = len(server.answers_to(900))
        server.ask("textDocument/documentSymbol", {"textDocument": {"uri": "file:///none"}}, 900)
        if server.wait(lambda m: len(server.answers_to(900)) > before) is None:
            raise Fail("no answer")


@point("300 requests at once are answered once each")
def many(server, language):
    document = Document(server, language, functions(language, ["probe_a"]))
    one_answer_each(server, [server.ask("textDocument/documentSymbol", document.id)
                             for _ in range(300)])


@point("a client that reads slowly gets every answer")
def slow_reader(server, language):
    document = Document(server, language, functions(language, ["probe_%d" % i for i in range(400)]))
    server.read_slowly = 0.01
    one_answer_each(server, [server.ask("textDocument/documentSymbol", document.id)
                             for _ in range(100)])


@point("a cancelled request is answered, with a result or -32800")
def cancel(server, language):
    document = Document(server, language, functions(language, ["probe_%d" % i for i in range(2000)]))
    request_id = server.ask("textDocument/documentSymbol", document.id)
    server.notify("$/cancelRequest", {"id": request_id})
    answer = server.answer(request_id)
    if "error" in answer and answer["error"].get("code") not in (-32800, -32801, -32802):
        raise Fail("answered %s" % answer["error"])


@point("500 requests, each cancelled at once, are answered once each")
def cancel_storm(server, language):
    document = Document(server, language, functions(language, ["probe_a", "probe_b"]))
    ids = []
    for _ in range(500):
        ids.append(server.ask("textDocument/documentSymbol", document.id))
        server.notify("$/cancelRequest", {"id": ids[-1]})
    one_answer_each(server, ids)


@point("cancelling what was never asked, or is over, is ignored")
def cancel_nothing(server, language):
    request_id = server.ask("textDocument/documentSymbol", {"textDocument": {"uri": "file:///none"}})
    server.answer(request_id)
    for unknown_id in (request_id, 987654, "no", -3):
        server.notify("$/cancelRequest", {"id": unknown_id})
    server.alive()
    if len(server.answers_to(request_id)) != 1:
        raise Fail("answered again")


@point("an answer to nothing is ignored")
def stray_answer(server, language):
    server.send({"jsonrpc": "2.0", "id": 424242, "result": {"x": 1}})
    server.send({"jsonrpc": "2.0", "id": "what", "error": {"code": 1, "message": "x"}})
    server.send({"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "x"}})
    server.alive()


@point("an answer has a result or an error, never both, and says jsonrpc 2.0")
def shape(server, language):
    document = Document(server, language, functions(language, ["probe_a"]))
    position = dict(document.id, position={"line": 0, "character": 5})
    for method, params in (("textDocument/documentSymbol", document.id),
                           ("textDocument/definition", position), ("textDocument/hover", position),
                           ("textDocument/doesNotExist", {})):
        server.request(method, params)
    for message in list(server.received):
        if message.get("jsonrpc") != "2.0":
            raise Fail("no jsonrpc 2.0: %s" % str(message)[:80])
        if "method" not in message and ("result" in message) == ("error" in message):
            raise Fail("both or neither: %s" % str(message)[:80])
        extra = set(message) - {"jsonrpc", "id", "method", "params", "result", "error"}
        if extra:
            raise Fail("unknown member %s" % extra)


@point("progress that the client asks for begins before it ends, and ends")
def progress(server, language):
    document = Document(server, language, functions(language, ["probe_a"]))
    request_id = server.ask("textDocument/documentSymbol",
                            dict(document.id, workDoneToken="mine", partialResultToken="parts"))
    server.answer(request_id)
    time.sleep(0.3)
    kinds = [m["params"]["value"].get("kind") for m in server.received
             if m.get("method") == "$/progress" and m["params"].get("token") == "mine"]
    if kinds and (kinds[0] != "begin" or kinds[-1] != "end"):
        raise Fail("progress was %s" % kinds)


@point("every advertised provider answers its request")
def advertised(server, language):
    document = Document(server, language, functions(language, ["probe_a", "probe_b"]))
    position = dict(document.id, position={"line": 0, "character": 5})
    whole = dict(document.id, range={"start": {"line": 0, "character": 0},
                                     "end": {"line": 3, "character": 0}})
    params = {
        "hoverProvider": ("textDocument/hover", position),
        "definitionProvider": ("textDocument/definition", position),
        "declarationProvider": ("textDocument/declaration", position),
        "typeDefinitionProvider": ("textDocument/typeDefinition", position),
        "implementationProvider": ("textDocument/implementation", position),
        "referencesProvider": ("textDocument/references",
                               dict(position, context={"includeDeclaration": True})),
        "documentHighlightProvider": ("textDocument/documentHighlight", position),
        "documentSymbolProvider": ("textDocument/documentSymbol", document.id),
        "workspaceSymbolProvider": ("workspace/symbol", {"query": "probe"}),
        "completionProvider": ("textDocument/completion", position),
        "signatureHelpProvider": ("textDocument/signatureHelp", position),
        "codeActionProvider": ("textDocument/codeAction", dict(whole, context={"diagnostics": []})),
        "codeLensProvider": ("textDocument/codeLens", document.id),
        "documentLinkProvider": ("textDocument/documentLink", document.id),
        "foldingRangeProvider": ("textDocument/foldingRange", document.id),
        "selectionRangeProvider": ("textDocument/selectionRange",
                                   dict(document.id, positions=[position["position"]])),
        "inlayHintProvider": ("textDocument/inlayHint", whole),
        "renameProvider": ("textDocument/rename", dict(position, newName="probe_c")),
        "linkedEditingRangeProvider": ("textDocument/linkedEditingRange", position),
        "callHierarchyProvider": ("textDocument/prepareCallHierarchy", position),
        "typeHierarchyProvider": ("textDocument/prepareTypeHierarchy", position),
        "diagnosticProvider": ("textDocument/diagnostic", document.id),
        "inlineCompletionProvider": ("textDocument/inlineCompletion",
                                     dict(position, context={"triggerKind": 2})),
        "documentFormattingProvider": ("textDocument/formatting", dict(
            document.id, options={"tabSize": 4, "insertSpaces": True})),
    }
    wrong = []
    for capability, (method, value) in params.items():
        if server.offers(capability) and server.code(method, value) in (-32601, -32602, -32603):
            wrong.append(method)
    if server.offers("semanticTokensProvider", "full"):
        if server.code("textDocument/semanticTokens/full", document.id) in (-32601, -32602, -32603):
            wrong.append("textDocument/semanticTokens/full")
    if wrong:
        raise Fail("refused: %s" % ", ".join(wrong))
