"""What is exact from syntax: diagnostics by pull and by push, folds, selections, tokens."""
import copy

from document import Document, functions
from points import point
from wire import CAPABILITIES, Fail, NotAsked

TOKENS = {"requests": {"range": True, "full": {"delta": True}}, "formats": ["relative"],
          "tokenTypes": ["namespace", "class", "parameter", "variable", "property", "function",
                         "method"],
          "tokenModifiers": ["declaration", "readonly"], "overlappingTokenSupport": False,
          "multilineTokenSupport": False}
BROKEN = {"python": "x = f(1\n", "cpp": "int f() {\n  return g(1;\n}\n",
          "typescript": "const x = f(1;\n"}


def client(**text_document):
    """The rich client with some features of documents changed; None takes one away."""
    capabilities = copy.deepcopy(CAPABILITIES)
    for name, value in text_document.items():
        capabilities["textDocument"].pop(name, None)
        if value is not None:
            capabilities["textDocument"][name] = value
    return capabilities


def offered(server, capability):
    if not server.offers(capability):
        raise NotAsked("no %s" % capability)


def pull(server, document, previous=None):
    offered(server, "diagnosticProvider")
    params = dict(document.id)
    identifier = server.about["capabilities"]["diagnosticProvider"].get("identifier")
    if identifier:
        params["identifier"] = identifier
    if previous:
        params["previousResultId"] = previous
    return server.result("textDocument/diagnostic", params)


def pushed(server, document, wanted, seconds=20):
    def fits(message):
        return (message.get("method") == "textDocument/publishDiagnostics"
                and message["params"]["uri"] == document.uri and wanted(message["params"]))
    return server.wait(fits, seconds)


@point("a pulled report comes with an id, and with that id it is unchanged")
def pull_unchanged(server, language):
    document = Document(server, language, BROKEN[language])
    report = pull(server, document)
    if report["kind"] != "full" or not report["items"]:
        raise Fail("the first report is %s" % report)
    if not report.get("resultId"):
        raise NotAsked("no resultId")
    again = pull(server, document, report["resultId"])
    if again["kind"] != "unchanged" or "items" in again:
        raise Fail("the second report is %s" % again)
    document.change({"text": functions(language, ["probe_a"])})
    mended = pull(server, document, report["resultId"])
    if mended["kind"] != "full" or mended["items"]:
        raise Fail("the mended text has %s" % mended)


@point("a client that pulls diagnostics of a document is not pushed the same", start=False)
def not_both(server, language):
    server.start(capabilities=client())
    document = Document(server, language, BROKEN[language])
    items = pull(server, document)["items"]
    messages = {item["message"] for item in items}
    message = pushed(server, document, lambda params: any(
        item["message"] in messages for item in params["diagnostics"]), 2)
    if message:
        raise Fail("pushed as well")


@point("a client that cannot pull is pushed diagnostics with the version, and they end with it",
       start=False)
def push(server, language):
    server.start(capabilities=client(diagnostic=None))
    document = Document(server, language, BROKEN[language])
    first = pushed(server, document, lambda params: params["diagnostics"])
    if not first:
        raise Fail("nothing is pushed")
    if first["params"].get("version", 1) != 1:
        raise Fail("of version %s" % first["params"]["version"])
    before = len(server.received)
    document.change({"text": functions(language, ["probe_a"])})
    if not pushed(server, document, lambda params: not params["diagnostics"]):
        raise Fail("the errors of the text before stay")
    document.change({"text": BROKEN[language]})
    if not server.wait(lambda m: m in server.received[before:] and
                       m.get("method") == "textDocument/publishDiagnostics" and
                       m["params"]["diagnostics"]):
        raise Fail("nothing is pushed after a change")
    before = len(server.received)
    document.close()
    if not server.wait(lambda m: m in server.received[before:] and
                       m.get("method") == "textDocument/publishDiagnostics" and
                       m["params"]["uri"] == document.uri and not m["params"]["diagnostics"]):
        raise Fail("a closed document keeps its errors")


@point("diagnostics lie inside the text")
def inside(server, language):
    document = Document(server, language, BROKEN[language])
    lines = document.text.split("\n")
    for item in pull(server, document)["items"]:
        for end in ("start", "end"):
            place = item["range"][end]
            if place["line"] >= len(lines) or place["character"] > len(lines[place["line"]]):
                raise Fail("%s at %s" % (item["message"], place))


def folds(server, document):
    offered(server, "foldingRangeProvider")
    return server.result("textDocument/foldingRange", document.id) or []


@point("a client that folds whole lines gets folds without columns that matter", start=False)
def line_folds(server, language):
    server.start(capabilities=client(foldingRange={"lineFoldingOnly": True}))
    document = Document(server, language, functions(language, ["probe_a", "probe_b"]))
    found = folds(server, document)
    if not found:
        raise Fail("two functions and no fold")
    n_lines = document.text.count("\n") + 1
    seen = set()
    for fold in found:
        if not 0 <= fold["startLine"] < fold["endLine"] < n_lines:
            raise Fail("a fold %s" % fold)
        if fold["startLine"] in seen:
            raise Fail("two folds begin on line %d" % fold["startLine"])
        seen.add(fold["startLine"])


@point("a limit of folds is kept", start=False)
def fold_limit(server, language):
    server.start(capabilities=client(foldingRange={"lineFoldingOnly": True, "rangeLimit": 3}))
    names = ["probe_%d" % i for i in range(20)]
    found = folds(server, Document(server, language, functions(language, names)))
    if len(found) > 3:
        raise Fail("%d folds" % len(found))


@point("selections: one answer for each position, each inside the next")
def selections(server, language):
    offered(server, "selectionRangeProvider")
    document = Document(server, language, functions(language, ["probe_a", "probe_b"]))
    positions = [document.position(i) for i in range(0, len(document.text), 3)]
    answers = server.result("textDocument/selectionRange",
                            dict(document.id, positions=positions))
    if len(answers) != len(positions):
        raise Fail("%d answers for %d positions" % (len(answers), len(positions)))

    def key(place):
        return place["line"], place["character"]
    for position, step in zip(positions, answers):
        first = step["range"]
        if not key(first["start"]) <= key(position) <= key(first["end"]):
            raise Fail("%s is not in %s" % (position, first))
        while step.get("parent"):
            inner, outer = step["range"], step["parent"]["range"]
            if key(outer["start"]) > key(inner["start"]) or key(outer["end"]) < key(inner["end"]):
                raise Fail("%s is not in %s" % (inner, outer))
            if inner == outer:
                raise Fail("%s twice" % inner)
            step = step["parent"]


def tokens(server, document, method="full", **more):
    offered(server, "semanticTokensProvider")
    if method == "full/delta" and not (isinstance(server.about["capabilities"][
            "semanticTokensProvider"].get("full"), dict) and server.about["capabilities"][
                "semanticTokensProvider"]["full"].get("delta")):
        raise NotAsked("no delta")
    return server.result("textDocument/semanticTokens/" + method, dict(document.id, **more))


@point("tokens are whole, in order, apart, and in words of the legend that the client knows",
       start=False)
def token_order(server, language):
    server.start(capabilities=client(semanticTokens=TOKENS))
    document = Document(server, language, functions(language, ["probe_a", "probe_b"]))
    data = tokens(server, document)["data"]
    legend = server.about["capabilities"]["semanticTokensProvider"]["legend"]
    if set(legend["tokenTypes"]) - set(TOKENS["tokenTypes"]):
        # Allowed, but the client then has no word for them.
        used = {legend["tokenTypes"][t] for t in data[3::5]}
        if used - set(TOKENS["tokenTypes"]):
            raise Fail("types that the client does not know: %s" % used)
    if len(data) % 5 or not data:
        raise Fail("%d numbers" % len(data))
    lines = document.text.split("\n")
    line = character = end = 0
    for i in range(0, len(data), 5):
        if data[i]:
            line, character, end = line + data[i], 0, 0
        character += data[i + 1]
        if character < end or line >= len(lines) or character + data[i + 2] > len(lines[line]):
            raise Fail("a token at %d:%d of length %d" % (line, character, data[i + 2]))
        end = character + data[i + 2]
        if data[i + 3] >= len(legend["tokenTypes"]):
            raise Fail("a type outside the legend")


@point("the edits of a token delta make the full answer", start=False)
def token_delta(server, language):
    server.start(capabilities=client(semanticTokens=TOKENS))
    document = Document(server, language, functions(language, ["probe_a", "probe_b", "probe_c"]))
    first = tokens(server, document)
    if not first.get("resultId"):
        raise NotAsked("no resultId")
    at = document.text.index("probe_b")
    document.change(document.edit(at, at + 7, "probe_longer"))
    delta = tokens(server, document, "full/delta", previousResultId=first["resultId"])
    data = list(first["data"])
    for edit in sorted(delta.get("edits", []), key=lambda e: -e["start"]):
        data[edit["start"]:edit["start"] + edit["deleteCount"]] = edit.get("data", [])
    if "data" in delta:
        data = delta["data"]
    if data != tokens(server, document)["data"]:
        raise Fail("the edits make something else")


@point("a delta to an answer that was never given is a full one", start=False)
def token_delta_unknown(server, language):
    server.start(capabilities=client(semanticTokens=TOKENS))
    document = Document(server, language, functions(language, ["probe_a"]))
    answer = tokens(server, document, "full/delta", previousResultId="never")
    if "data" not in answer:
        raise Fail("edits of nothing: %s" % answer)
