"""Documents: what the server has must be what the client typed."""
import os
import random
import time

from document import (ENDINGS, Document, comment, declaration, functions, name_range, units)
from points import point
from wire import CAPABILITIES, Fail, NotAsked, uri_of


@point("an open document is its buffer, not the file on disk")
def buffer(server, language):
    document = Document(server, language, functions(language, ["probe_buffer"]),
                        on_disk=functions(language, ["probe_disk"]))
    document.expect(["probe_buffer"])


@point("a closed document is the file on disk again")
def closed(server, language):
    document = Document(server, language, functions(language, ["probe_buffer"]),
                        on_disk=functions(language, ["probe_disk"]))
    document.expect(["probe_buffer"])
    document.close()
    answer = server.request("textDocument/documentSymbol", document.id)
    names = [s["name"].split("(")[0] for s in answer.get("result") or []]
    if "probe_buffer" in names:
        raise Fail("still the buffer")


@point("a change of a range")
def one_change(server, language):
    document = Document(server, language, functions(language, ["probe_a", "probe_b"]))
    at = document.text.index("probe_b")
    document.change(document.edit(at, at + 7, "probe_c"))
    document.expect(["probe_a", "probe_c"])


@point("several changes in one notification apply one after the other")
def many_changes(server, language):
    document = Document(server, language, functions(language, ["probe_a"]))
    changes = [document.edit(0, 0, declaration(language, "probe_0") + "\n")]
    at = document.text.index("probe_a")
    changes.append(document.edit(at, at + 7, "probe_long_name"))
    at = document.text.index("probe_long_name")
    changes.append(document.edit(at + 6, at + 15, "b"))
    document.change(*changes)
    document.expect(["probe_0", "probe_b"])


@point("a change without a range is the whole text")
def whole_text(server, language):
    document = Document(server, language, functions(language, ["probe_a"]))
    document.change({"text": functions(language, ["probe_new"])})
    document.expect(["probe_new"])


@point("a whole text and a range in one notification")
def whole_then_range(server, language):
    document = Document(server, language, functions(language, ["probe_a"]))
    document.text = functions(language, ["probe_b"])
    whole = {"text": document.text}
    at = document.text.index("probe_b")
    document.change(whole, document.edit(at, at + 7, "probe_c"))
    document.expect(["probe_c"])


@point("an insertion at the very end, and the deletion of everything")
def ends(server, language):
    document = Document(server, language, functions(language, ["probe_a"]))
    document.change(document.edit(len(document.text), len(document.text),
                                  declaration(language, "probe_z") + "\n"))
    document.expect(["probe_a", "probe_z"])
    document.change(document.edit(0, len(document.text), ""))
    document.expect([])
    document.change(document.edit(0, 0, functions(language, ["probe_b"])))
    document.expect(["probe_b"])


@point("a character behind the end of its line is the line's end")
def past_line(server, language):
    first = declaration(language, "probe_a")
    document = Document(server, language, first + "\n" + declaration(language, "probe_b") + "\n")
    start = {"line": 0, "character": len(first)}
    document.change({"range": {"start": start, "end": {"line": 0, "character": 9999}},
                     "text": "\n" + declaration(language, "probe_x")})
    document.expect(["probe_a", "probe_x", "probe_b"])


@point("a position behind the end of the text is safe")
def past_end(server, language):
    document = Document(server, language, functions(language, ["probe_a"]))
    server.request("textDocument/definition", dict(document.id, position={"line": 999999, "character": 9}))
    server.request("textDocument/hover", dict(document.id, position={"line": 0, "character": 999999}))
    document.expect(["probe_a"])


@point("a range with its ends exchanged is survived")
def reversed_range(server, language):
    document = Document(server, language, functions(language, ["probe_a"]))
    document.change({"range": {"start": {"line": 1, "character": 3}, "end": {"line": 0, "character": 1}},
                     "text": "x"})
    server.alive(document.uri)


@point("CR LF line ends")
def crlf(server, language):
    document = Document(server, language, functions(language, ["probe_a", "probe_b"], "\r\n"))
    at = document.text.index("probe_b")
    document.change(document.edit(at, at + 7, "probe_c"))
    document.expect(["probe_a", "probe_c"])
    if name_range(document, "probe_c")["start"] != document.position(at):
        raise Fail("the name is told to be at %s" % name_range(document, "probe_c")["start"])


@point("lone CR line ends count as lines")
def cr(server, language):
    # A comment would run on to the next line feed for a compiler; so only blank lines have them.
    text = "\r\r\r\n" + functions(language, ["probe_a", "probe_b"])
    document = Document(server, language, text)
    at = document.text.index("probe_b")
    document.change(document.edit(at, at + 7, "probe_c"))
    document.expect(["probe_a", "probe_c"])


@point("all three line ends in one text, edited")
def mixed(server, language):
    text = "\r\n\r" + functions(language, ["probe_a"]) + "\r\n" + functions(language, ["probe_b"], "\r\n")
    document = Document(server, language, text)
    for name in ("probe_a", "probe_b"):
        at = document.text.index(name)
        document.change(document.edit(at, at + 7, name + "x"))
    document.expect(["probe_ax", "probe_bx"])


def behind_wide(server, language, encoding):
    """A line with wide characters before a name: columns decide where an edit falls."""
    mark = {"python": 's = "\u00e9\u4e16\U0001F600\U0001F9D1\u200d\U0001F4BB"; %s = 1\n',
            "cpp": 'const char* s = "\u00e9\u4e16\U0001F600\U0001F9D1\u200d\U0001F4BB"; int %s = 1;\n',
            "typescript": 'const s = "\u00e9\u4e16\U0001F600\U0001F9D1\u200d\U0001F4BB"; const %s = 1;\n'}
    document = Document(server, language, mark[language] % "probe_a", encoding=encoding)
    at = document.text.index("probe_a")
    document.change(document.edit(at, at + 7, "probe_b"))
    document.expect(["probe_b"])
    place = name_range(document, "probe_b")
    if place["start"] != document.position(at):
        raise Fail("the name is told to be at %s, it is at %s"
                   % (place["start"], document.position(at)))


@point("columns behind emoji and accents count UTF-16 units")
def utf16(server, language):
    behind_wide(server, language, "utf-16")


def with_encodings(server, encodings):
    capabilities = dict(CAPABILITIES, general={"positionEncodings": encodings})
    server.start(capabilities=capabilities)
    chosen = server.about["capabilities"].get("positionEncoding", "utf-16")
    if chosen not in encodings + ["utf-16"]:
        raise Fail("chose %s, which was not offered" % chosen)
    return chosen


@point("the position encoding is one that the client offered", start=False)
def offered(server, language):
    with_encodings(server, ["utf-32", "utf-16"])


@point("UTF-8 columns, when the client wants them first", start=False)
def utf8(server, language):
    if with_encodings(server, ["utf-8", "utf-16"]) != "utf-8":
        raise Fail("chose utf-16 against the client's wish")
    behind_wide(server, language, "utf-8")


@point("UTF-32 columns, when the client wants them first", start=False)
def utf32(server, language):
    if with_encodings(server, ["utf-32", "utf-16"]) != "utf-32":
        raise Fail("chose utf-16 against the client's wish")
    behind_wide(server, language, "utf-32")


@point("a position inside a surrogate pair is safe")
def inside_pair(server, language):
    document = Document(server, language, comment(language, "\U0001F600") + "\n"
                        + functions(language, ["probe_a"]))
    place = {"line": 0, "character": 3 if language != "python" else 3}
    server.request("textDocument/hover", dict(document.id, position=place))
    document.change({"range": {"start": place, "end": place}, "text": ""})
    document.expect(["probe_a"])


@point("versions may leap")
def version_gap(server, language):
    document = Document(server, language, functions(language, ["probe_a"]))
    document.change({"text": functions(language, ["probe_b"])}, version=1000)
    document.expect(["probe_b"])


@point("changing, saving and closing what is not open is survived")
def not_open(server, language):
    uri = uri_of(os.path.join(server.folder, "never" + ENDINGS[language]))
    server.notify("textDocument/didChange", {"textDocument": {"uri": uri, "version": 3},
                                             "contentChanges": [{"text": "x"}]})
    server.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
    server.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    server.alive(uri)


@point("opening twice is survived")
def open_twice(server, language):
    Document(server, language, functions(language, ["probe_a"]))
    Document(server, language, functions(language, ["probe_b"])).names()


@point("open, close and open again with another text")
def reopen(server, language):
    for name in ("probe_a", "probe_b", "probe_c"):
        document = Document(server, language, functions(language, [name]))
        document.expect([name])
        document.close()


@point("a file that is not there is an empty answer or a clear error, not an internal one")
def missing(server, language):
    uri = uri_of(os.path.join(server.folder, "missing" + ENDINGS[language]))
    answer = server.request("textDocument/documentSymbol", {"textDocument": {"uri": uri}})
    if answer.get("error", {}).get("code") == -32603:
        raise Fail("internal error")


@point("spaces, umlauts and percent signs in a path")
def odd_path(server, language):
    Document(server, language, functions(language, ["probe_a"]),
             name="a b%20c\u00fc#d").expect(["probe_a"])


@point("the same file by two spellings of its URI is one document")
def two_spellings(server, language):
    document = Document(server, language, functions(language, ["probe_a"]), name="spelled")
    document.uri = document.uri.replace("spelled", "spell%65d")
    document.expect(["probe_a"])


@point("a URI that is no file is safe")
def no_file(server, language):
    uri = "untitled:Untitled-1"
    server.notify("textDocument/didOpen", {"textDocument": {
        "uri": uri, "languageId": language, "version": 1, "text": functions(language, ["probe_a"])}})
    server.request("textDocument/documentSymbol", {"textDocument": {"uri": uri}})
    server.request("textDocument/documentSymbol", {"textDocument": {"uri": "not a uri"}})
    server.alive()


@point("an empty document")
def empty(server, language):
    document = Document(server, language, "")
    document.expect([])
    server.request("textDocument/hover", dict(document.id, position={"line": 0, "character": 0}))
    document.change(document.edit(0, 0, functions(language, ["probe_a"])))
    document.expect(["probe_a"])


@point("a byte order mark and zero bytes")
def odd_bytes(server, language):
    document = Document(server, language, "\ufeff" + functions(language, ["probe_a"]))
    document.expect(["probe_a"])
    document.change({"text": functions(language, ["probe_b"]) + "\n\0\0\0"})
    server.alive(document.uri)


@point("a document of 64 MB is survived, and the server answers for others")
def huge(server, language):
    line = comment(language, "x" * 98) + "\n"
    Document(server, language, line * (64_000_000 // len(line)), name="huge")
    document = Document(server, language, functions(language, ["probe_a"]), name="small")
    document.expect(["probe_a"], 90)


@point("200 random edits: the outline is that of the text")
def random_edits(server, language):
    rng = random.Random(7)
    document = Document(server, language, functions(language, ["probe_%d" % i for i in range(20)]))
    names = ["probe_%d" % i for i in range(20)]
    for step in range(200):
        kind = rng.randrange(3)
        if kind == 0 or not names:
            index = rng.randrange(len(names) + 1)
            new = "probe_n%d" % step
            if index == len(names):
                at = len(document.text)
            else:
                at = document.text.rindex("\n", 0, document.text.index(names[index] + "(")) + 1 \
                    if "\n" in document.text[:document.text.index(names[index] + "(")] else 0
            document.change(document.edit(at, at, functions(language, [new])))
            names.insert(index, new)
        elif kind == 1:
            index = rng.randrange(len(names))
            at = document.text.index(names[index] + "(")
            new = "probe_r%d" % step
            document.change(document.edit(at, at + len(names[index]), new))
            names[index] = new
        else:
            index = rng.randrange(len(names))
            at = document.text.index(names[index] + "(")
            mark = comment(language, "\U0001F600\u00e9 %d" % step) + "\n"
            begin = document.text.rfind("\n", 0, at) + 1
            document.change(document.edit(begin, begin, mark))
        if step % 20 == 19:
            document.expect(names)


@point("answers are of the text at the time of the request, however fast one types")
def in_order(server, language):
    document = Document(server, language, functions(language, ["probe_a"]))
    asked = []
    for i in range(50):
        name = "probe_%d" % i
        document.change({"text": functions(language, [name])})
        asked.append((name, server.ask("textDocument/documentSymbol", document.id)))
    for name, request_id in asked:
        answer = server.answer(request_id)
        if answer.get("error", {}).get("code") in (-32801, -32800, -32802):
            continue  # it says that the document has moved on, which is right too
        names = [s["name"].split("(")[0] for s in answer.get("result") or []]
        if name not in names:
            raise Fail("asked with %s in the text, answered %s" % (name, names[:3]))


@point("diagnostics are told for the version they were made of")
def versions(server, language):
    broken = {"python": "def (:\n", "cpp": "int f( {\n", "typescript": "function ( {\n"}[language]
    document = Document(server, language, broken)
    if server.offers("diagnosticProvider"):
        report = server.result("textDocument/diagnostic", document.id)
        if not report or report.get("kind") not in ("full", "unchanged"):
            raise Fail("a report of kind %s" % (report or {}).get("kind"))
        return
    told = server.wait(lambda m: m.get("method") == "textDocument/publishDiagnostics"
                       and m["params"]["uri"] == document.uri, 15)
    if told is None:
        raise NotAsked("no diagnostics")
    if told["params"].get("version") not in (None, 1):
        raise Fail("version %s" % told["params"]["version"])
    document.change({"text": functions(language, ["probe_a"])})
    told = server.wait(lambda m: m.get("method") == "textDocument/publishDiagnostics"
                       and m["params"]["uri"] == document.uri
                       and not m["params"]["diagnostics"], 15)
    if told is None:
        raise Fail("they stay when the text is mended")
