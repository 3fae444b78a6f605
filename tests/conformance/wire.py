"""A language server at the other end of two pipes, and every byte that goes through them.

Unlike a client this one may break the rules: it sends any bytes, in any pieces, and keeps what
comes back just as it came. One thread reads; the points of the probe write and wait.
"""
import itertools
import json
import os
import subprocess
import threading
import time
import urllib.parse

from recorder import Recorder

# What a rich client offers; a point takes away what it is about.
CAPABILITIES = {
    "general": {"positionEncodings": ["utf-16"]},
    "window": {"workDoneProgress": True, "showMessage": {}, "showDocument": {"support": True}},
    "workspace": {"configuration": True, "workspaceFolders": True, "applyEdit": True,
                  "didChangeWatchedFiles": {"dynamicRegistration": True},
                  "symbol": {}, "diagnostics": {"refreshSupport": True}},
    "textDocument": {
        "synchronization": {"didSave": True},
        "documentSymbol": {"hierarchicalDocumentSymbolSupport": True},
        "definition": {"linkSupport": True}, "references": {}, "hover": {},
        "completion": {}, "publishDiagnostics": {"versionSupport": True}, "diagnostic": {}},
}


class Fail(Exception):
    """The server did something else; the text says what."""


class NotAsked(Exception):
    """The server does not offer what the point is about."""


def uri_of(path):
    return "file://" + urllib.parse.quote(path)


def frame(message):
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


class Server:
    def __init__(self, command, folder, patience=20):
        self.folder = folder
        self.patience = patience
        self.ids = itertools.count(1)
        self.received = []  # messages in order
        self.broken = None  # what was wrong with the bytes that came
        self.closed = False
        self.read_slowly = 0  # seconds that the reader waits before each message
        self.changed = threading.Condition()
        self.writing = threading.RLock()  # held while a frame goes out in pieces
        self.late = {}  # method -> seconds that our answer to the server takes
        self.refuse = set()  # methods that we answer with an error
        self.recorder = Recorder()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, cwd=folder)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    # --- receiving

    def _read(self):
        stream = self.process.stdout
        try:
            while self._read_one(stream):
                pass
        except (ValueError, OSError) as error:
            self.broken = self.broken or "unreadable output: %s" % error
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def _read_one(self, stream):
        length = None
        while True:
            line = stream.readline()
            if not line:
                return False
            if not line.endswith(b"\r\n"):
                self.broken = "a header line that does not end in CR LF: %r" % line[:60]
            line = line.strip()
            if not line:
                break
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
            elif name.lower() != b"content-type":
                self.broken = "an unknown header: %r" % line[:60]
        if length is None:
            self.broken = "a message without Content-Length"
            return False
        body = stream.read(length)
        if self.read_slowly:
            time.sleep(self.read_slowly)
        try:
            message = json.loads(body.decode("utf-8"))
        except ValueError as error:
            self.broken = "a body that is no JSON in UTF-8: %s" % error
            return False
        self.recorder.server(message, length)
        with self.changed:
            self.received.append(message)
            self.changed.notify_all()
        if "method" in message and "id" in message:
            self._answer(message)
        return True

    def _answer(self, message):
        def send():
            time.sleep(self.late.get(message["method"], 0))
            answer = {"jsonrpc": "2.0", "id": message["id"]}
            if message["method"] in self.refuse:
                answer["error"] = {"code": -32603, "message": "refused by the probe"}
            elif message["method"] == "workspace/configuration":
                answer["result"] = [None for _ in message["params"].get("items", [])]
            elif message["method"] == "workspace/workspaceFolders":
                answer["result"] = [{"uri": uri_of(self.folder), "name": "probe"}]
            elif message["method"] == "workspace/applyEdit":
                answer["result"] = {"applied": False}
            else:
                answer["result"] = None
            try:
                self.send(answer)
            except Fail:
                pass  # it has ended; whoever waits for it will say so
        if message["method"] in self.late:
            threading.Thread(target=send, daemon=True).start()
        else:
            send()

    def wait(self, wanted, seconds=None):
        """The first message that `wanted` accepts; None when the time is over or the pipe closed."""
        deadline = time.time() + (self.patience if seconds is None else seconds)
        seen = 0
        with self.changed:
            while True:
                for message in self.received[seen:]:
                    if wanted(message):
                        return message
                seen = len(self.received)
                left = deadline - time.time()
                if self.closed or left <= 0:
                    return None
                self.changed.wait(left)

    def answers_to(self, request_id):
        return [m for m in list(self.received)
                if "method" not in m and m.get("id") == request_id
                and type(m.get("id")) is type(request_id)]

    def requests_of_server(self, method=None):
        return [m for m in list(self.received) if "method" in m and "id" in m
                and (method is None or m["method"] == method)]

    # --- sending

    def write(self, data):
        try:
            with self.writing:
                self.recorder.client(data)
                self.process.stdin.write(data)
                self.process.stdin.flush()
        except (BrokenPipeError, OSError, ValueError):
            raise Fail("the server has closed its input")

    def send(self, message):
        self.write(frame(message))

    def notify(self, method, params=None):
        message = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            message["params"] = params
        self.send(message)

    def ask(self, method, params=None, request_id=None):
        """Sends a request and returns its id."""
        request_id = next(self.ids) if request_id is None else request_id
        message = {"jsonrpc": "2.0", "id": request_id, "method": method}
        if params is not None:
            message["params"] = params
        self.send(message)
        return request_id

    def answer(self, request_id, seconds=None):
        found = self.wait(lambda m: "method" not in m and m.get("id") == request_id
                          and type(m.get("id")) is type(request_id), seconds)
        if found is None:
            raise Fail("the server ended" if self.closed else "no answer")
        return found

    def request(self, method, params=None, seconds=None):
        return self.answer(self.ask(method, params), seconds)

    def result(self, method, params=None, seconds=None):
        answer = self.request(method, params, seconds)
        if "error" in answer:
            raise Fail("%s: error %s, %s" % (method, answer["error"].get("code"),
                                             str(answer["error"].get("message"))[:80]))
        return answer.get("result")

    def code(self, method, params=None):
        """The error's code; None for a result."""
        return self.request(method, params).get("error", {}).get("code")

    # --- life

    def initialize_params(self, **changes):
        params = {"processId": os.getpid(), "clientInfo": {"name": "probe"},
                  "rootUri": uri_of(self.folder),
                  "workspaceFolders": [{"uri": uri_of(self.folder), "name": "probe"}],
                  "capabilities": CAPABILITIES}
        params.update(changes)
        return params

    def start(self, **changes):
        self.about = self.result("initialize", self.initialize_params(**changes), 60) or {}
        self.notify("initialized", {})
        return self

    def offers(self, *names):
        node = self.about.get("capabilities", {})
        for name in names:
            node = node.get(name) if isinstance(node, dict) else None
        return node not in (None, False)

    def alive(self, uri=None):
        """Proof of life: an answer to a request that every server has."""
        self.request("textDocument/documentSymbol",
                     {"textDocument": {"uri": uri or uri_of(os.path.join(self.folder, "none.txt"))}})

    def exit_status(self, seconds=None):
        try:
            return self.process.wait(self.patience if seconds is None else seconds)
        except subprocess.TimeoutExpired:
            raise Fail("still running")

    def end(self):
        status = self.process.poll()
        if status is None:
            self.process.kill()
        self.process.wait()
        self.reader.join(5)
        self.recorder.exit(status)
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except (BrokenPipeError, OSError):
                pass
