#!/usr/bin/env python3
"""How long ghost text takes, end to end through LSP, while somebody types in a real repository.

  completion_latency.py ENGRAMD REPO [--model F.gguf] [--memory-only | --no-model] [--suffix .py] [--language python]
                        [--cursors N] [--keys N] [--seed S] [--trace OUT.jsonl]

At N random code lines the end of the line is taken out, and textDocument/inlineCompletion is asked:
a new cursor. Then the line's own characters are typed back one by one, each followed by the same
question: typing on. Answers that only go on with the suggestion on show are counted apart, since
the model is not asked for them. One question at a time, nothing else runs in the server. Prints
percentiles in milliseconds, where the time went (outside: reading the edit, waiting for a turn,
the wire), how much of the prompt was reused, and the server's resident memory.
"""
import argparse
import json
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
    """All of it, and the part that is pages of files (the model's among them)."""
    found = {}
    with open("/proc/%d/status" % pid) as status:
        for line in status:
            name, _, value = line.partition(":")
            if name in ("VmRSS", "RssFile"):
                found[name] = int(value.split()[0]) / 1024
    return found.get("VmRSS", 0), found.get("RssFile", 0)


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


PARTS = ("outside", "learn", "memory", "window", "prompt", "decode")


class Meter:
    """What the server says of the last question, by part: docs/lsp-extensions.md, engramd.status."""

    def __init__(self, server):
        self.server, self.n_asked = server, 0

    def look(self, took):
        """None when the model was not asked for it."""
        status = self.server.request("workspace/executeCommand", {"command": "engramd.status"}) or {}
        said = (status.get("model") or {}).get("completions")
        if not said or said["requests"] == self.n_asked:
            return None
        self.n_asked = said["requests"]
        last = said["last"]
        parts = dict(last["ms"], outside=took - last["ms"]["total"], took=took)
        parts.update((name, last[name]) for name in ("prompt_tokens", "prompt_reused", "generated_tokens"))
        return parts


def print_parts(name, rows):
    """Where the time goes: each part's own percentiles, and its mean among the slowest twentieth."""
    if not rows:
        return
    slowest = sorted(rows, key=lambda row: -row["took"])[:max(1, len(rows) // 20)]
    for part in PARTS:
        times = [row[part] for row in rows]
        print("| %s: %s | %.1f | %.1f | %.1f | %.1f |" %
              (name, part, percentile(times, 0.5), percentile(times, 0.95), max(times),
               sum(row[part] for row in slowest) / len(slowest)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("engramd")
    parser.add_argument("repo")
    parser.add_argument("--model")
    parser.add_argument("--memory-only", action="store_true")
    parser.add_argument("--no-model", action="store_true",
                        help="nothing completes: what the server takes without network and memory")
    parser.add_argument("--suffix", default=".py")
    parser.add_argument("--language", default="python")
    parser.add_argument("--cursors", type=int, default=150)
    parser.add_argument("--keys", type=int, default=8)
    parser.add_argument("--trace", help="every question's parts, one JSON object a line")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as home:
        environment = {name: home for name in
                       ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")}
        environment["ENGRAMD_COMPLETE_SOURCES"] = "memory" if arguments.memory_only else "both"
        command = [arguments.engramd, "lsp", "--standalone"]
        if arguments.no_model:
            command += ["--model", os.path.join(home, "none.gguf")]
        elif arguments.model:
            command += ["--model", arguments.model]
        server = Server(command, arguments.repo, arguments.language, environment=environment)
        server.wait_until_quiet()
        paths = list(files_of(server.root, arguments.suffix))
        rng.shuffle(paths)
        meter = Meter(server)
        rows = {"new cursor": [], "typing on": [], "along the suggestion": []}
        shown = 0
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
                meter.look(first)
            line = rng.choice(choices)
            whole = typist.lines[line].rstrip("\r")
            indent = len(whole) - len(whole.lstrip())
            column = indent + rng.randrange(0, max(1, (len(whole) - indent) // 2))
            typist.change(line, column, len(typist.lines[line]), "")
            time.sleep(0.05)
            took, text = typist.ask(line, column)
            rows["new cursor"].append(dict(meter.look(took) or {"took": took}, lines=len(typist.lines)))
            n_questions += 1
            shown += bool(text)
            for character in whole[column:column + arguments.keys]:
                typist.change(line, column, column, character)
                column += 1
                took, text = typist.ask(line, column)
                n_questions += 1
                shown += bool(text)
                parts = meter.look(took)
                question = "typing on" if parts else "along the suggestion"
                rows[question].append(dict(parts or {"took": took}, lines=len(typist.lines)))
            server.close(typist.path)
        if arguments.trace:
            with open(arguments.trace, "w") as file:
                for name, answers in rows.items():
                    for row in answers:
                        file.write(json.dumps(dict(row, question=name)) + "\n")
        print("%s, %d files, %s" % (os.path.basename(server.root), len(paths),
                                    "no model" if arguments.no_model else
                                    "memory only" if arguments.memory_only else "memory and network"))
        print("| question | n | p50 ms | p95 ms | max ms |\n|---|---|---|---|---|")
        for name, answers in rows.items():
            times = [row["took"] for row in answers]
            print("| %s | %d | %.1f | %.1f | %.1f |" %
                  (name, len(times), percentile(times, 0.5), percentile(times, 0.95), max(times, default=0)))
        print("\n| part of it | p50 ms | p95 ms | max ms | mean of the slowest 5 % |\n|---|---|---|---|---|")
        for name in ("new cursor", "typing on"):
            print_parts(name, [row for row in rows[name] if "total" in row])
        typed = [row for row in rows["typing on"] if row["prompt_tokens"] > 0]
        if typed:
            reused = [row["prompt_reused"] / row["prompt_tokens"] for row in typed]
            print("prompt while typing on: %.1f %% of the tokens reused, at least 90 %% in %.0f %% of %d questions; "
                  "new cursor: %.0f tokens computed" %
                  (100 * sum(row["prompt_reused"] for row in typed) / sum(row["prompt_tokens"] for row in typed),
                   100 * sum(share >= 0.9 for share in reused) / len(reused), len(reused),
                   sum(row["prompt_tokens"] - row["prompt_reused"] for row in rows["new cursor"] if "total" in row) /
                   max(1, len(rows["new cursor"]))))
        print("first question %.0f ms; shown at %.0f %% of %d questions; "
              "resident %.0f MB, %.0f of it pages of files" %
              (first, 100 * shown / max(1, n_questions), n_questions, *resident_mb(server.process.pid)))
        server.stop()


if __name__ == "__main__":
    main()
