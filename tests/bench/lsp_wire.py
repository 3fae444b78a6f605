"""The wire side of lsp_bench: one request at a time, timed from the write to the last byte of its answer.

No threads and no queue: what a measurement adds is one write(2), read(2) until the frame is whole
and a look for its length. The answer is parsed after the clock has stopped. What the server asks
back is answered with the least that keeps it going. Standard library only.
"""
import json
import os
import select
import subprocess
import time
import urllib.parse

CAPABILITIES = {
    "general": {"positionEncodings": ["utf-16"]},
    "window": {"workDoneProgress": True},
    "workspace": {"configuration": True, "workspaceFolders": True,
                  "didChangeWatchedFiles": {"dynamicRegistration": True},
                  "symbol": {"symbolKind": {"valueSet": list(range(1, 27))}}},
    "textDocument": {
        "definition": {"linkSupport": False}, "references": {},
        "hover": {"contentFormat": ["markdown", "plaintext"]}, "publishDiagnostics": {},
        "documentSymbol": {"hierarchicalDocumentSymbolSupport": True,
                           "symbolKind": {"valueSet": list(range(1, 27))}},
        "semanticTokens": {
            "requests": {"full": {"delta": True}, "range": True}, "formats": ["relative"],
            "tokenTypes": ["namespace", "type", "class", "enum", "interface", "struct", "typeParameter",
                           "parameter", "variable", "property", "enumMember", "event", "function",
                           "method", "macro", "keyword", "modifier", "comment", "string", "number",
                           "regexp", "operator", "decorator"],
            "tokenModifiers": ["declaration", "definition", "readonly", "static", "deprecated",
                               "abstract", "async", "modification", "documentation", "defaultLibrary"]}},
}


def uri_of(path):
    return "file://" + urllib.parse.quote(path)


def frame(message):
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


class Ended(Exception):
    """The server closed its output."""


class Wire:
    def __init__(self, command, root, environment=None):
        self.root = os.path.realpath(root)
        self.command = command
        self.next_id = 0
        self.buffer = b""
        self.running = set()  # tokens of work that the server said it does
        self.has_shown_work = False
        self.versions = {}
        self.texts = {}
        self.begun = time.perf_counter()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, cwd=self.root, bufsize=0,
                                        env=dict(os.environ, **(environment or {})))
        self.output = self.process.stdout.fileno()

    # --- messages

    def _next(self, deadline):
        """The next whole frame as (bytes of its body, when it was whole); None at the deadline."""
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end >= 0:
                at = self.buffer.lower().find(b"content-length:")
                length = int(self.buffer[at + 15:self.buffer.index(b"\r\n", at)])
                if len(self.buffer) >= end + 4 + length:
                    body = self.buffer[end + 4:end + 4 + length]
                    self.buffer = self.buffer[end + 4 + length:]
                    return body, time.perf_counter()
            left = deadline - time.perf_counter()
            if left <= 0 or not select.select([self.output], [], [], left)[0]:
                return None
            data = os.read(self.output, 1 << 20)
            if not data:
                raise Ended("%s ended with status %s" % (self.command[0], self.process.wait()))
            self.buffer += data

    def _aside(self, message):
        """What is no answer: the server's requests and notifications."""
        method = message.get("method")
        if method == "$/progress":
            kind = message["params"]["value"].get("kind")
            token = str(message["params"]["token"])
            if kind == "begin":
                self.running.add(token)
                self.has_shown_work = True
            elif kind == "end":
                self.running.discard(token)
        elif method is not None and "id" in message:
            result = None
            if method == "workspace/configuration":
                result = [None for _ in message["params"].get("items", [])]
            elif method == "workspace/workspaceFolders":
                result = [{"uri": uri_of(self.root), "name": "bench"}]
            self._write(frame({"jsonrpc": "2.0", "id": message["id"], "result": result}))

    def _write(self, data):
        view = memoryview(data)
        while view:
            view = view[os.write(self.process.stdin.fileno(), view):]

    def ask(self, method, params=None):
        """Sends a request; returns its id and when it was sent."""
        self.next_id += 1
        message = {"jsonrpc": "2.0", "id": self.next_id, "method": method}
        if params is not None:
            message["params"] = params
        data = frame(message)
        begin = time.perf_counter()
        self._write(data)
        return self.next_id, begin

    def wait(self, request_id, timeout=300):
        """The answer and when it was whole; (None, when) at the time's end."""
        deadline = time.perf_counter() + timeout
        while True:
            found = self._next(deadline)
            if found is None:
                return None, time.perf_counter()
            message = json.loads(found[0])
            if "method" not in message and message.get("id") == request_id:
                return message, found[1]
            self._aside(message)

    def request(self, method, params=None, timeout=300):
        """(result or None, milliseconds)."""
        request_id, begin = self.ask(method, params)
        answer, end = self.wait(request_id, timeout)
        if answer is None:
            self.notify("$/cancelRequest", {"id": request_id})
        return (answer or {}).get("result"), (end - begin) * 1000

    def notify(self, method, params):
        self._write(frame({"jsonrpc": "2.0", "method": method, "params": params}))

    def listen(self, seconds):
        deadline = time.perf_counter() + seconds
        while True:
            found = self._next(deadline)
            if found is None:
                return
            self._aside(json.loads(found[0]))

    # --- life

    def initialize(self):
        """Milliseconds from the request to its answer, and from the start of the process."""
        folder = {"uri": uri_of(self.root), "name": "bench"}
        request_id, begin = self.ask("initialize", {
            "processId": os.getpid(), "rootUri": folder["uri"], "workspaceFolders": [folder],
            "capabilities": CAPABILITIES})
        answer, end = self.wait(request_id)
        self.capabilities = answer["result"]["capabilities"]
        self.notify("initialized", {})
        return (end - begin) * 1000, (end - self.begun) * 1000

    def _cpu_ticks(self):
        with open("/proc/%d/stat" % self.process.pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def until_quiet(self, quiet_s=3, limit_s=300, ends_its_progress=True):
        """Until the server has shown no work for a while. Some never end a progress: idling for 8 s will do."""
        begin = quiet = idle = time.perf_counter()
        ticks = self._cpu_ticks()
        while True:
            self.listen(0.2)
            now = time.perf_counter()
            # One that shows its work is not done before it has begun.
            if self.running or (ends_its_progress and not self.has_shown_work):
                quiet = now
            if self._cpu_ticks() > ticks + 2:
                idle, ticks = now, self._cpu_ticks()
            if now - quiet > quiet_s or now - begin > limit_s or (now - idle > 8 and not ends_its_progress):
                return

    def stop(self):
        try:
            self.request("shutdown", timeout=10)
            self.notify("exit", None)
            self.process.wait(timeout=10)
        except (Ended, OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()

    # --- documents

    def uri(self, path):
        return uri_of(os.path.join(self.root, path))

    def open(self, path, language, text=None):
        if path in self.versions:
            return
        if text is None:
            with open(os.path.join(self.root, path), encoding="utf-8", errors="replace", newline="") as f:
                text = f.read()
        self.versions[path] = 1
        self.texts[path] = text
        self.notify("textDocument/didOpen", {"textDocument": {
            "uri": self.uri(path), "languageId": language, "version": 1, "text": text}})

    def change(self, path, line, begin, end, text):
        """Replaces columns of one line; returns when it was sent. copy_edit() must follow."""
        self.versions[path] += 1
        data = frame({"jsonrpc": "2.0", "method": "textDocument/didChange", "params": {
            "textDocument": {"uri": self.uri(path), "version": self.versions[path]},
            "contentChanges": [{"text": text, "range": {"start": {"line": line, "character": begin},
                                                        "end": {"line": line, "character": end}}}]}})
        self.edit = (path, line, begin, end, text)
        now = time.perf_counter()
        self._write(data)
        return now

    def copy_edit(self):
        """The last change in our own copy of the text, outside the clock."""
        path, line, begin, end, text = self.edit
        lines = self.texts[path].split("\n")
        lines[line] = lines[line][:begin] + text + lines[line][end:]
        self.texts[path] = "\n".join(lines)

    def symbols(self, path):
        return self.request("textDocument/documentSymbol", {"textDocument": {"uri": self.uri(path)}})
