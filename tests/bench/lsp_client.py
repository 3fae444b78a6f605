"""A small LSP client over stdio, for evaluations that put one question to several servers.

One request at a time; what the server asks back is answered with the least that keeps it going.
Standard library only. One thread reads; the caller's thread writes and waits.
"""
import json
import os
import queue
import subprocess
import threading
import time
import urllib.parse


def uri_of(path):
    return "file://" + urllib.parse.quote(path)


def path_of(uri):
    return urllib.parse.unquote(uri[len("file://"):]) if uri.startswith("file://") else uri


def utf16_length(text):
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


class Server:
    def __init__(self, command, root, language_id, environment=None, completion=None):
        self.root = os.path.realpath(root)
        self.language_id = language_id
        self.command = command
        self.next_id = 0
        self.answers = queue.Queue()
        self.opened = set()
        self.busy = {}  # progress tokens that have begun and not ended
        self.seen_progress = False
        self.diagnostics = {}  # uri: what was published last
        env = dict(os.environ)
        env.update(environment or {})
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, env=env, cwd=self.root)
        threading.Thread(target=self._read, daemon=True).start()
        folder = {"uri": uri_of(self.root), "name": os.path.basename(self.root)}
        started = self.request("initialize", {
            "processId": os.getpid(), "rootUri": folder["uri"], "rootPath": self.root,
            "workspaceFolders": [folder],
            "capabilities": {
                "window": {"workDoneProgress": True},
                "workspace": {"configuration": True, "workspaceFolders": True,
                              "symbol": {}},
                "textDocument": {
                    "definition": {"linkSupport": False}, "declaration": {"linkSupport": False},
                    "references": {}, "hover": {}, "publishDiagnostics": {},
                    "completion": completion or {},
                    "semanticTokens": {"requests": {"full": True}, "tokenTypes": [],
                                       "tokenModifiers": [], "formats": ["relative"]},
                    "documentSymbol": {"hierarchicalDocumentSymbolSupport": True}},
            }}, timeout=300)
        self.capabilities = (started or {}).get("capabilities", {})
        self.notify("initialized", {})

    def _read(self):
        stream = self.process.stdout
        while True:
            length = 0
            while True:
                line = stream.readline()
                if not line:
                    self.answers.put(None)
                    return
                line = line.strip()
                if not line:
                    break
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            message = json.loads(stream.read(length))
            if "method" not in message:
                self.answers.put(message)
            elif "id" in message:
                self._answer(message)
            elif message["method"] == "textDocument/publishDiagnostics":
                self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
            elif message["method"] == "$/progress":
                value = message["params"]["value"]
                token = str(message["params"]["token"])
                if value.get("kind") == "begin":
                    self.busy[token] = value.get("title", "")
                    self.seen_progress = True
                elif value.get("kind") == "end":
                    self.busy.pop(token, None)

    def _answer(self, message):
        result = None
        if message["method"] == "workspace/configuration":
            result = [None for _ in message["params"].get("items", [])]
        elif message["method"] == "workspace/workspaceFolders":
            result = [{"uri": uri_of(self.root), "name": os.path.basename(self.root)}]
        self._send({"jsonrpc": "2.0", "id": message["id"], "result": result})

    def _send(self, message):
        body = json.dumps(message).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def notify(self, method, params):
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def request(self, method, params, timeout=120):
        self.next_id += 1
        self._send({"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params})
        deadline = time.time() + timeout
        while True:
            try:
                message = self.answers.get(timeout=max(0.01, deadline - time.time()))
            except queue.Empty:
                self.notify("$/cancelRequest", {"id": self.next_id})
                return None
            if message is None:
                raise RuntimeError("%s ended with status %s" % (self.command[0], self.process.wait()))
            if message.get("id") == self.next_id:
                return message.get("result")

    def wait_until_quiet(self, quiet_s=3, timeout_s=1800):
        """Until no progress has been running for a while (the background index)."""
        begin = quiet_since = time.time()
        while time.time() - begin < timeout_s:
            if self.busy:
                quiet_since = time.time()
            if time.time() - quiet_since > quiet_s:
                return True
            time.sleep(0.2)
        return False

    def open(self, path):
        if path in self.opened:
            return
        self.opened.add(path)
        with open(os.path.join(self.root, path), encoding="utf-8", errors="replace", newline="") as f:
            text = f.read()
        self.notify("textDocument/didOpen", {"textDocument": {
            "uri": uri_of(os.path.join(self.root, path)), "languageId": self.language_id,
            "version": 1, "text": text}})

    def close(self, path):
        if path in self.opened:
            self.opened.discard(path)
            self.notify("textDocument/didClose",
                        {"textDocument": {"uri": uri_of(os.path.join(self.root, path))}})

    def at(self, path, line, column):
        return {"textDocument": {"uri": uri_of(os.path.join(self.root, path))},
                "position": {"line": line, "character": column}}

    def places(self, result):
        """Locations or links as (path below the root or None, line, column), in order."""
        if result is None:
            return []
        out = []
        for item in result if isinstance(result, list) else [result]:
            path = os.path.realpath(path_of(item.get("targetUri") or item["uri"]))
            start = (item.get("targetSelectionRange") or item.get("range"))["start"]
            inside = path.startswith(self.root + os.sep)
            out.append((os.path.relpath(path, self.root) if inside else None,
                        start["line"], start["character"]))
        return out

    def definition(self, path, line, column, timeout=60):
        return self.places(self.request("textDocument/definition", self.at(path, line, column), timeout))

    def references(self, path, line, column, declarations=False, timeout=300):
        params = self.at(path, line, column)
        params["context"] = {"includeDeclaration": declarations}
        return self.places(self.request("textDocument/references", params, timeout))

    def symbols(self, path):
        self.open(path)
        return self.request("textDocument/documentSymbol", {
            "textDocument": {"uri": uri_of(os.path.join(self.root, path))}}) or []

    def stop(self):
        try:
            self.request("shutdown", None, timeout=10)
            self.notify("exit", None)
            self.process.wait(timeout=10)
        except Exception:  # it is only the evaluation's end: whatever is left is ended by id
            self.process.kill()
