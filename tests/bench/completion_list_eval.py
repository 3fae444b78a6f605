#!/usr/bin/env python3
"""Completion lists of several servers, asked the same questions in the same run.

  complete_eval FOLDER LANGUAGE N SEED --sites sites.tsv       # chooses the places (see its header)
  completion_list_eval.py FOLDER LANGUAGE sites.tsv --server NAME=COMMAND ... [--cut-line] [--limit N]

At each place the file is opened as complete_eval leaves it: the name gone behind a dot, or cut to two
letters; then textDocument/completion is asked. Items are sorted as an editor sorts them: those that
begin with what is typed first, then by sortText. A hit is the hidden name among the labels. Latency
is wall time of the request over stdio, the edit before it not included.
"""
import argparse
import os
import shlex
import time

from lsp_client import Server, uri_of, utf16_length

LANGUAGE_IDS = {"python": "python", "c": "c", "cpp": "cpp", "typescript": "typescript"}
CAPABILITIES = {"completionItem": {"snippetSupport": False, "labelDetailsSupport": True,
                                   "insertReplaceSupport": True,
                                   "resolveSupport": {"properties": ["additionalTextEdits"]}},
                "completionItemKind": {"valueSet": list(range(1, 26))}, "contextSupport": True}


def sites_of(file, limit):
    by_kind = {"dot": [], "name": []}
    for line in open(file, encoding="utf-8"):
        kind, path, offset, name, rank, known = line.rstrip("\n").split("\t")
        by_kind[kind].append((kind, path, int(offset), name, known == "1"))
    return by_kind["dot"][:limit] + by_kind["name"][:limit]


def text_at(root, site, cut):
    kind, path, offset, name, _ = site
    with open(os.path.join(root, path), "rb") as f:
        text = f.read()
    kept = 0 if kind == "dot" else 2
    end = offset + len(name.encode())
    if cut:
        end = text.find(b"\n", offset)
        end = len(text) if end < 0 else end
    before = text[:offset + kept]
    return before.decode("utf-8", "replace"), text[end:].decode("utf-8", "replace"), name[:kept]


def label_of(item):
    # clangd writes " name(int x)" and bullets in front of what needs an include.
    label = (item.get("filterText") or item["label"]).strip().lstrip("\u2022 ")
    for stop in "(<":
        label = label.split(stop)[0]
    return label.strip().rstrip("?!")


def rank_of(answer, typed, name):
    items = (answer.get("items") if isinstance(answer, dict) else answer) or []
    def order(item):
        label = label_of(item)
        fits = 0 if label.startswith(typed) else 1 if label.lower().startswith(typed.lower()) else 2
        return (fits, item.get("sortText") or item["label"], item["label"])
    seen = []
    for item in sorted(items, key=order):
        label = label_of(item)
        if label not in seen:
            seen.append(label)
        if label == name:
            return len(seen), len(items)
    return 0, len(items)


class Tally:
    def __init__(self):
        self.n = self.top1 = self.top5 = self.top10 = self.listed = 0

    def add(self, rank):
        self.n += 1
        self.top1 += rank == 1
        self.top5 += 1 <= rank <= 5
        self.top10 += 1 <= rank <= 10
        self.listed += rank >= 1

    def row(self):
        if self.n == 0:
            return "| - " * 5 + "|"
        return "| %d | %s |" % (self.n, " | ".join("%.1f %%" % (100 * x / self.n) for x in
                                                   (self.top1, self.top5, self.top10, self.listed)))


def wait_for_diagnostics(server, uri, patience_s=20):
    if getattr(server, "publishes_nothing", False):
        return
    end = time.time() + patience_s
    while time.time() < end:
        if uri in server.diagnostics:
            return
        time.sleep(0.01)
    server.publishes_nothing = not server.diagnostics


def ask(server, root, sites, cut):
    dot, known, name = Tally(), Tally(), Tally()
    times = []
    for i, site in enumerate(sites):
        before, after, typed = text_at(root, site, cut)
        uri = uri_of(os.path.join(server.root, site[1]))
        server.diagnostics.pop(uri, None)
        server.notify("textDocument/didOpen", {"textDocument": {
            "uri": uri, "languageId": server.language_id, "version": i + 1, "text": before + after}})
        line = before.count("\n")
        column = utf16_length(before[before.rfind("\n") + 1:])
        context = {"triggerKind": 2, "triggerCharacter": before[-1:]} if site[0] == "dot" else {
            "triggerKind": 1}
        if before[-1:] not in ".>:":
            context = {"triggerKind": 1}
        params = {"textDocument": {"uri": uri}, "position": {"line": line, "character": column},
                  "context": context}
        # An editor has had the file open for a while: clangd, without its preamble, lists words.
        wait_for_diagnostics(server, uri)
        server.request("textDocument/completion", params, timeout=60)
        start = time.time()
        answer = server.request("textDocument/completion", params, timeout=60)
        times.append(time.time() - start)
        rank, _ = rank_of(answer or [], typed, site[3])
        if site[0] == "dot":
            dot.add(rank)
            if site[4]:
                known.add(rank)
        else:
            name.add(rank)
        server.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    times.sort()
    return dot, known, name, times


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("language", choices=sorted(LANGUAGE_IDS))
    parser.add_argument("sites")
    parser.add_argument("--server", action="append", required=True, metavar="NAME=COMMAND")
    parser.add_argument("--cut-line", action="store_true")
    parser.add_argument("--limit", type=int, default=1000, help="places of each kind")
    args = parser.parse_args()
    sites = sites_of(args.sites, args.limit)
    print("| server | places | | 1st | in 5 | in 10 | listed | p50 | p99 |")
    print("|---|---|---|---|---|---|---|---|---|")
    for entry in args.server:
        name, command = entry.split("=", 1)
        server = Server(shlex.split(command), args.folder, LANGUAGE_IDS[args.language],
                        completion=CAPABILITIES)
        server.wait_until_quiet(timeout_s=600)
        dot, known, plain, times = ask(server, args.folder, sites, args.cut_line)
        server.stop()
        latency = " %.1f ms | %.1f ms |" % (1e3 * times[len(times) // 2],
                                            1e3 * times[len(times) * 99 // 100])
        for what, tally in (("behind a dot", dot), ("  of a type engramd knows", known),
                            ("two letters", plain)):
            print("| %s | %s %s%s" % (name, what, tally.row(), latency), flush=True)


if __name__ == "__main__":
    main()
