"""Points about single features: what holds of any answer, whatever a server knows."""
import random

from document import Document, functions
from points import point
from wire import Fail, NotAsked


def asked_for(server, *names):
    if not server.offers(*names):
        raise NotAsked("no " + names[0])


def ordered(a, b):
    return (a["line"], a["character"]) <= (b["line"], b["character"])


def n_lines(document):
    return document.text.count("\n") + 1


def no_internal_error(answer, what):
    if answer.get("error", {}).get("code") == -32603:
        raise Fail("%s: %s" % (what, str(answer["error"].get("message"))[:60]))


@point("folds lie in the document and end behind their start, also after an edit")
def folds(server, language):
    asked_for(server, "foldingRangeProvider")
    document = Document(server, language, functions(language, ["probe_%d" % i for i in range(20)]))
    document.change(document.edit(0, document.text.index("probe_10") - 4, ""))
    for fold in server.result("textDocument/foldingRange", document.id) or []:
        if not 0 <= fold["startLine"] <= fold["endLine"] < n_lines(document):
            raise Fail("lines %d to %d of %d" % (fold["startLine"], fold["endLine"], n_lines(document)))


@point("1,000 selection ranges: one for each position, each inside its parent")
def selections(server, language):
    asked_for(server, "selectionRangeProvider")
    document = Document(server, language, functions(language, ["probe_%d" % i for i in range(50)]))
    chance = random.Random(3)
    positions = [document.position(chance.randrange(len(document.text))) for _ in range(1000)]
    found = server.result("textDocument/selectionRange", dict(document.id, positions=positions), 60)
    if len(found or []) != len(positions):
        raise Fail("%d answers" % len(found or []))
    for node, at in zip(found, positions):
        if not (ordered(node["range"]["start"], at) and ordered(at, node["range"]["end"])):
            raise Fail("%s does not hold %s" % (node["range"], at))
        while node.get("parent"):
            outer, inner = node["parent"]["range"], node["range"]
            if not (ordered(outer["start"], inner["start"]) and ordered(inner["end"], outer["end"])):
                raise Fail("a parent is smaller than its child")
            node = node["parent"]


@point("pulled diagnostics are full or unchanged, and unchanged only for a known id")
def pulled(server, language):
    asked_for(server, "diagnosticProvider")
    document = Document(server, language, functions(language, ["probe_a"]))
    first = server.result("textDocument/diagnostic", document.id, 60)
    if first["kind"] != "full":
        raise Fail("the first is %s" % first["kind"])
    strange = server.result("textDocument/diagnostic", dict(document.id, previousResultId="strange"), 60)
    if strange["kind"] != "full":
        raise Fail("%s for an id that nobody gave" % strange["kind"])
    document.change(document.edit(0, 0, "((("))
    after = server.result("textDocument/diagnostic",
                          dict(document.id, previousResultId=first.get("resultId") or "none"), 60)
    if after["kind"] != "full" or after["items"] == first["items"]:
        raise Fail("the broken text has nothing new to say")


@point("a rename's edits do not overlap, and the outline has the new name after them")
def rename(server, language):
    asked_for(server, "renameProvider")
    document = Document(server, language, functions(language, ["probe_a", "probe_b"]))
    at = document.position(document.text.index("probe_a") + 2)
    edit = server.result("textDocument/rename", dict(document.id, position=at, newName="probe_renamed"), 60)
    if not edit:
        raise Fail("no edit")
    edits = [e for change in edit.get("documentChanges") or [] for e in change.get("edits", [])]
    edits += [e for some in (edit.get("changes") or {}).values() for e in some]
    edits.sort(key=lambda e: (e["range"]["start"]["line"], e["range"]["start"]["character"]))
    for one, two in zip(edits, edits[1:]):
        if not ordered(one["range"]["end"], two["range"]["start"]):
            raise Fail("edits overlap")
    document.change(*[{"range": e["range"], "text": e["newText"]} for e in reversed(edits)])
    document.expect(["probe_renamed", "probe_b"])


@point("a rename to what is no name, or of nothing, is refused")
def rename_refused(server, language):
    asked_for(server, "renameProvider")
    document = Document(server, language, functions(language, ["probe_a"]) + "\n\n")
    name = dict(document.id, position=document.position(document.text.index("probe_a")))
    nothing = dict(document.id, position=document.position(len(document.text)))
    for params in (dict(name, newName=""), dict(name, newName="1 2"), dict(nothing, newName="probe_x")):
        answer = server.request("textDocument/rename", params, 60)
        no_internal_error(answer, "rename")
        result = answer.get("result")
        if result and (result.get("changes") or result.get("documentChanges")):
            raise Fail("edits for %r" % params["newName"])


@point("items of a hierarchy that were made up, or went out of date, are survived")
def stale_items(server, language):
    asked_for(server, "callHierarchyProvider")
    document = Document(server, language, functions(language, ["probe_a", "probe_b"]))
    at = document.position(document.text.index("probe_a"))
    items = server.result("textDocument/prepareCallHierarchy", dict(document.id, position=at), 60) or []
    document.change({"text": ""})
    document.text = ""
    far = {"start": {"line": 9999, "character": 0}, "end": {"line": 9999, "character": 3}}
    made_up = {"name": "nobody", "kind": 12, "uri": "file:///nowhere/at.all", "range": far,
               "selectionRange": far, "data": {"x": [None]}}
    for item in items[:1] + [made_up, dict(made_up, uri=document.uri)]:
        for method in ("callHierarchy/incomingCalls", "callHierarchy/outgoingCalls"):
            no_internal_error(server.request(method, {"item": item}, 60), method)
    server.alive(document.uri)


@point("a completion's item comes back from resolve as the same item")
def resolve(server, language):
    asked_for(server, "completionProvider", "resolveProvider")
    document = Document(server, language, functions(language, ["probe_a", "probe_b"]) + "\nprobe_")
    at = document.position(len(document.text))
    found = server.result("textDocument/completion", dict(document.id, position=at), 60)
    items = found if isinstance(found, list) else (found or {}).get("items", [])
    if not items:
        raise Fail("nothing to complete")
    for item in items[:5]:
        resolved = server.result("completionItem/resolve", item, 60)
        if resolved.get("label") != item["label"]:
            raise Fail("%s became %s" % (item["label"], resolved.get("label")))


@point("positions and ranges as far out as numbers go are safe for every method")
def far_out(server, language):
    document = Document(server, language, functions(language, ["probe_a"]))
    end = {"line": 2147483647, "character": 2147483647}
    whole = {"start": {"line": 0, "character": 0}, "end": end}
    at = dict(document.id, position=end)
    for capability, method, params in (
            ("hoverProvider", "textDocument/hover", at),
            ("definitionProvider", "textDocument/definition", at),
            ("referencesProvider", "textDocument/references", dict(at, context={"includeDeclaration": True})),
            ("documentHighlightProvider", "textDocument/documentHighlight", at),
            ("completionProvider", "textDocument/completion", at),
            ("signatureHelpProvider", "textDocument/signatureHelp", at),
            ("linkedEditingRangeProvider", "textDocument/linkedEditingRange", at),
            ("selectionRangeProvider", "textDocument/selectionRange", dict(document.id, positions=[end])),
            ("inlayHintProvider", "textDocument/inlayHint", dict(document.id, range=whole)),
            ("codeActionProvider", "textDocument/codeAction",
             dict(document.id, range=whole, context={"diagnostics": []})),
            ("callHierarchyProvider", "textDocument/prepareCallHierarchy", at)):
        if server.offers(capability):
            no_internal_error(server.request(method, params, 60), method)
    document.expect(["probe_a"])


@point("edits that meet and swallow each other in one notification")
def swallowing_edits(server, language):
    document = Document(server, language, functions(language, ["probe_a", "probe_b", "probe_c"]))
    begin = document.text.index("probe_b")
    changes = [document.edit(begin, begin + 7, "probe_first")]
    changes.append(document.edit(begin + 5, begin + 12, "_second("))  # reaches behind the first
    at = document.text.index("\n", begin)
    changes.append(document.edit(at, at, ""))                        # nothing at all
    head = document.text.index("probe_c") - len(document.text[:document.text.index("probe_c")].split("\n")[-1])
    changes.append(document.edit(head, len(document.text), ""))
    changes.append(document.edit(len(document.text), len(document.text),
                                 "\n" + functions(language, ["probe_d"])))
    document.change(*changes)
    document.expect(["probe_a", "probe_second", "probe_d"])
