#!/usr/bin/env python3
"""How long ghost text takes, end to end through LSP, while somebody types in a real repository.

  completion_latency.py ENGRAMD REPO [--model F.gguf] [--memory-only] [--suffix .py] [--language python]
                        [--cursors N] [--keys N] [--seed S]

At N random code lines the end of the line is taken out, and textDocument/inlineCompletion is asked:
a new cursor. Then the line's own characters are typed back one by one, each followed by the same
question: typing on. Answers that only go on with the suggestion on show are counted apart, since
the model is not asked for them. One question at a time, nothing else runs in the server. Prints
percentiles in milliseconds and the server's resident memory.
"""
import argparse
import os
import random
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lsp_client import Server, uri_of, utf16_length  # noqa: E402


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def resident_mb(pid):
    with open("/proc/%d/status" % pid) as status:
        for line in status:
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
    return 0


def files_of(root, suffix):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith(suffix) and 1000 < os.path.getsize(path) < 300_000:
                yield os.path.relpath(path, root)


class Typist:
    def __init__(self, server, path):
        self.server, self.path = server, path
        with open(os.path.join(server.root, path), encoding="utf-8", errors="replace", newline="") as file:
            self.lines = file.read().split("\n")
        self.version = 1
        server.open(path)

    def change(self, line, begin, end, text):
        """Columns count code points; the wire counts UTF-16."""
        old = self.lines[line]
        self.version += 1
        position = lambda column: {"line": line, "character": utf16_length(old[:column])}
        self.server.notify("textDocument/didChange", {
            "textDocument": {"uri": uri_of(os.path.join(self.server.root, self.path)), "version": self.version},
            "contentChanges": [{"range": {"start": position(begin), "end": position(end)}, "text": text}]})
        self.lines[line] = old[:begin] + text + old[end:]

    def ask(self, line, column):
        begin = time.perf_counter()
        answer = self.server.request("textDocument/inlineCompletion", {
            "textDocument": {"uri": uri_of(os.path.join(self.server.root, self.path))},
            "position": {"line": line, "character": utf16_length(self.lines[line][:column])},
            "context": {"triggerKind": 2}}, timeout=30)
        took = (time.perf_counter() - begin) * 1000
        items = (answer or {}).get("items", [])
        return took, items[0]["insertText"] if items else ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("engramd")
    parser.add_argument("repo")
    parser.add_argument("--model")
    parser.add_argument("--memory-only", action="store_true")
    parser.add_argument("--suffix", default=".py")
    parser.add_argument("--language", default="python")
    parser.add_argument("--cursors", type=int, default=150)
    parser.add_argument("--keys", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as home:
        environment = {name: home for name in
                       ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")}
        environment["ENGRAMD_COMPLETE_SOURCES"] = "memory" if arguments.memory_only else "both"
        command = [arguments.engramd, "lsp", "--standalone"]
        if arguments.model:
            command += ["--model", arguments.model]
        server = Server(command, arguments.repo, arguments.language, environment=environment)
        server.wait_until_quiet()
        paths = list(files_of(server.root, arguments.suffix))
        rng.shuffle(paths)
        fresh, asked, along, shown = [], [], [], 0
        n_questions = 0
        for index in range(arguments.cursors):
            typist = Typist(server, paths[index % len(paths)])
            choices = [n for n, line in enumerate(typist.lines) if len(line.strip()) >= 16]
            if not choices:
                continue
            if index == 0:
                # The first question loads weights and waits for the memory's first build.
                first, _ = typist.ask(choices[0], len(typist.lines[choices[0]]))
                time.sleep(8)
            line = rng.choice(choices)
            whole = typist.lines[line].rstrip("\r")
            indent = len(whole) - len(whole.lstrip())
            column = indent + rng.randrange(0, max(1, (len(whole) - indent) // 2))
            typist.change(line, column, len(typist.lines[line]), "")
            time.sleep(0.05)
            took, suggestion = typist.ask(line, column)
            fresh.append(took)
            n_questions += 1
            shown += bool(suggestion)
            for character in whole[column:column + arguments.keys]:
                typist.change(line, column, column, character)
                column += 1
                took, text = typist.ask(line, column)
                n_questions += 1
                shown += bool(text)
                goes_on = bool(suggestion) and suggestion[:1] == character and text == suggestion[1:]
                (along if goes_on else asked).append(took)
                suggestion = text
            server.close(typist.path)
        print("%s, %d files, %s" % (os.path.basename(server.root), len(paths),
                                    "memory only" if arguments.memory_only else "memory and network"))
        print("| question | n | p50 ms | p95 ms | max ms |\n|---|---|---|---|---|")
        for name, times in (("new cursor", fresh), ("typing on", asked), ("along the suggestion", along)):
            print("| %s | %d | %.1f | %.1f | %.1f |" %
                  (name, len(times), percentile(times, 0.5), percentile(times, 0.95), max(times, default=0)))
        print("first question %.0f ms; shown at %.0f %% of %d questions; resident %.0f MB" %
              (first, 100 * shown / max(1, n_questions), n_questions, resident_mb(server.process.pid)))
        server.stop()


if __name__ == "__main__":
    main()
