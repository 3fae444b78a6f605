"""An open document as the probe believes it to be, and the three languages it can be in."""
import os

from wire import Fail, NotAsked, uri_of

# In each: a function, a blank line, a second function. TEXT[language](names) makes a file with one
# function a name, so that the outline tells which text the server has.
ENDINGS = {"python": ".py", "cpp": ".cpp", "typescript": ".ts"}


def functions(language, names, eol="\n"):
    lines = []
    for name in names:
        if language == "python":
            lines += ["def %s(value):" % name, "    return value", ""]
        elif language == "cpp":
            lines += ["int %s(int value) {" % name, "  return value;", "}", ""]
        else:
            lines += ["function %s(value: number) {" % name, "  return value;", "}", ""]
    return eol.join(lines)


def declaration(language, name):
    """One line that defines `name`."""
    return {"python": "%s = 1", "cpp": "int %s = 1;", "typescript": "const %s = 1;"}[language] % name


def comment(language, text):
    return ("# " if language == "python" else "// ") + text


def units(text, encoding="utf-16"):
    """Length in the code units of an encoding."""
    size = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    return len(text.encode(encoding.replace("utf-16", "utf-16-le").replace("utf-32", "utf-32-le"))) \
        // size


class Document:
    def __init__(self, server, language, text, name="probe", on_disk=None, encoding="utf-16"):
        self.server, self.language, self.text = server, language, text
        self.encoding = encoding
        self.path = os.path.join(server.folder, name + ENDINGS[language])
        self.uri = uri_of(self.path)
        self.version = 1
        if on_disk is not None:
            with open(self.path, "w", newline="", encoding="utf-8") as out:
                out.write(on_disk)
        server.notify("textDocument/didOpen", {"textDocument": {
            "uri": self.uri, "languageId": language, "version": 1, "text": text}})

    @property
    def id(self):
        return {"textDocument": {"uri": self.uri}}

    def change(self, *changes, version=None):
        """changes: as in the protocol."""
        self.version = self.version + 1 if version is None else version
        self.server.notify("textDocument/didChange", {
            "textDocument": {"uri": self.uri, "version": self.version},
            "contentChanges": list(changes)})

    def position(self, offset):
        before = self.text[:offset]
        lines = before.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return {"line": len(lines) - 1, "character": units(lines[-1], self.encoding)}

    def edit(self, begin, end, text):
        """A change of characters begin to end of the text; the model follows."""
        change = {"range": {"start": self.position(begin), "end": self.position(end)}, "text": text}
        self.text = self.text[:begin] + text + self.text[end:]
        return change

    def close(self):
        self.server.notify("textDocument/didClose", self.id)

    def symbols(self, seconds=None):
        if not self.server.offers("documentSymbolProvider"):
            raise NotAsked("no documentSymbol")
        return self.server.result("textDocument/documentSymbol", self.id, seconds) or []

    def names(self, seconds=None):
        """Names of the outline's top level, in order."""
        found = self.symbols(seconds)
        return [s["name"].split("(")[0] for s in found if not s.get("containerName")]

    def expect(self, names, seconds=None):
        found = [n for n in self.names(seconds) if n in set(names) or n.startswith("probe_")]
        if found != list(names):
            raise Fail("the outline has %s, expected %s" % (found[:6], list(names)[:6]))


def name_range(document, name):
    """The range of a top-level symbol's name as the server tells it."""
    for symbol in document.symbols():
        if symbol["name"].split("(")[0] == name:
            return symbol.get("selectionRange") or symbol["location"]["range"]
    raise Fail("no symbol %s" % name)
