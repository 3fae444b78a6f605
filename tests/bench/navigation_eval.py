#!/usr/bin/env python3
"""Call hierarchy and rename on real code, beside another server or a compiler.

  navigation_eval.py calls  --root DIR --under PART --ours CMD --peer CMD [--n 60]
      incoming and outgoing calls of random functions: which of ours the peer has too (precision),
      which of the peer's we have (recall)
  navigation_eval.py rename --root DIR --under PART --ours CMD --peer CMD [--n 60]
      the places that a rename edits, in the same way; refusals are counted apart
  navigation_eval.py apply  --root DIR --under PART --ours CMD --check CMD [--n 40]
      renames random definitions one after the other in a copy of DIR, saves the edits, and runs
      CMD (with {} for the copy) before and after: lines of output that are new are shown
  navigation_eval.py speed  --root DIR --under PART --ours CMD [--n 300]
      client-side milliseconds of definition, references, workspace/symbol and the hierarchy

DIR is copied first. The language is given by --language (python) and --extension (.py).
"""
import argparse
import json
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lsp_client  # noqa: E402

FUNCTIONS = (6, 9, 12)
DEFINITIONS = (5, 6, 9, 11, 12, 13, 14, 23)


def files_below(root, part, extension):
    out = []
    for folder, folders, names in os.walk(os.path.join(root, part)):
        folders.sort()
        for name in sorted(names):
            if name.endswith(extension):
                out.append(os.path.relpath(os.path.join(folder, name), root))
    return out


def flat(symbols, around=""):
    for symbol in symbols or []:
        yield around, symbol
        inner = symbol["name"] if not around else around + "." + symbol["name"]
        yield from flat(symbol.get("children"), inner)


def sample(server, files, kinds, n, seed):
    """Definitions: files first, so that long files do not outweigh the others."""
    chooser = random.Random(seed)
    out = []
    for path in chooser.choices(files, k=n * 6):
        if len(out) >= n:
            break
        symbols = [s for _, s in flat(server.symbols(path))
                   if s["kind"] in kinds and not s["name"].startswith("__")]
        if not symbols:
            continue
        start = chooser.choice(symbols)["selectionRange"]["start"]
        place = (path, start["line"], start["character"])
        if place not in out:
            out.append(place)
    return out


def start(command, arguments):
    server = lsp_client.Server(shlex.split(command), arguments.root, arguments.language)
    server.wait_until_quiet(quiet_s=arguments.quiet)
    return server


def item_place(server, item):
    at = item["selectionRange"]["start"]
    path = os.path.realpath(lsp_client.path_of(item["uri"]))
    if not path.startswith(server.root + os.sep):
        return None
    return os.path.relpath(path, server.root), at["line"], at["character"]


def calls(server, place, direction):
    """Incoming: places of calls. Outgoing: places of what is called; of the repository only."""
    server.open(place[0])
    items = server.request("textDocument/prepareCallHierarchy", server.at(*place), 60)
    if not items:
        return set()
    out = set()
    for call in server.request("callHierarchy/" + direction, {"item": items[0]}, 120) or []:
        if direction == "incomingCalls":
            path = item_place(server, call["from"])
            for at in call["fromRanges"] if path else []:
                out.add((path[0], at["start"]["line"]))
        else:
            path = item_place(server, call["to"])
            if path:
                out.add(path[:2])
    return out


def rename(server, place, new_name):
    """Edits as {path: [(range, text)]}, or None for a refusal."""
    server.open(place[0])
    params = dict(server.at(*place), newName=new_name)
    answer = server.request("textDocument/rename", params, 120)
    if not answer:
        return None
    out = {}
    changes = answer.get("changes") or {}
    for change in answer.get("documentChanges") or []:
        if "textDocument" in change:
            changes.setdefault(change["textDocument"]["uri"], []).extend(change["edits"])
    for uri, edits in changes.items():
        path = os.path.relpath(os.path.realpath(lsp_client.path_of(uri)), server.root)
        out[path] = [(e["range"], e["newText"]) for e in edits]
    return out


def ratio(a, b):
    return "%.1f %%" % (100.0 * a / b) if b else "-"


class Score:
    def __init__(self, name):
        self.name, self.both, self.ours, self.peer = name, 0, 0, 0
        self.n, self.exact = 0, 0

    def add(self, ours, peer):
        self.n += 1
        self.both += len(ours & peer)
        self.ours += len(ours)
        self.peer += len(peer)
        self.exact += ours == peer

    def show(self):
        print("%-16s questions %d, same answer %d (%s); places: ours %d, peer %d, both %d: "
              "precision %s, recall %s" % (self.name, self.n, self.exact, ratio(self.exact, self.n),
                                           self.ours, self.peer, self.both,
                                           ratio(self.both, self.ours), ratio(self.both, self.peer)))


def compare_calls(a):
    ours, peer = start(a.ours, a), start(a.peer, a)
    files = files_below(a.root, a.under, a.extension)
    for direction in ("incomingCalls", "outgoingCalls"):
        score = Score(direction)
        for place in sample(ours, files, FUNCTIONS, a.n, a.seed):
            mine, theirs = calls(ours, place, direction), calls(peer, place, direction)
            score.add(mine, theirs)
            if a.verbose and mine != theirs:
                print(direction, place, "only ours", sorted(mine - theirs)[:5], "only peer",
                      sorted(theirs - mine)[:5])
        score.show()
    ours.stop()
    peer.stop()


def compare_renames(a):
    ours, peer = start(a.ours, a), start(a.peer, a)
    score = Score("rename")
    refused = {"ours": 0, "peer": 0}
    for place in sample(ours, files_below(a.root, a.under, a.extension), DEFINITIONS, a.n, a.seed):
        mine, theirs = rename(ours, place, "renamed_thing"), rename(peer, place, "renamed_thing")
        refused["ours"] += mine is None
        refused["peer"] += theirs is None
        if mine is None or theirs is None:
            if a.verbose:
                print("refused", place, "ours" if mine is None else "", "peer" if theirs is None else "")
            continue
        places = [set((path, r["start"]["line"], r["start"]["character"])
                      for path, edits in side.items() for r, _ in edits) for side in (mine, theirs)]
        score.add(*places)
        if a.verbose and places[0] != places[1]:
            print(place, "only ours", sorted(places[0] - places[1])[:5], "only peer",
                  sorted(places[1] - places[0])[:5])
    score.show()
    print("refused: ours %d, peer %d" % (refused["ours"], refused["peer"]))
    ours.stop()
    peer.stop()


def apply_edits(root, edits):
    for path, changes in edits.items():
        with open(os.path.join(root, path), encoding="utf-8", newline="") as f:
            lines = f.read().split("\n")
        key = lambda c: (c[0]["start"]["line"], c[0]["start"]["character"])  # noqa: E731
        for r, text in sorted(changes, key=key, reverse=True):
            line = lines[r["start"]["line"]]
            units = line.encode("utf-16-le")
            begin, end = 2 * r["start"]["character"], 2 * r["end"]["character"]
            lines[r["start"]["line"]] = (units[:begin] + text.encode("utf-16-le")
                                         + units[end:]).decode("utf-16-le")
        with open(os.path.join(root, path), "w", encoding="utf-8", newline="") as f:
            f.write("\n".join(lines))


def checked(command, root):
    done = subprocess.run(command.replace("{}", shlex.quote(root)), shell=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return [line for line in done.stdout.splitlines() if line.strip()]


def apply(a):
    """One rename after the other, each by a server that sees the result of those before."""
    before = checked(a.check, a.root)
    server = start(a.ours, a)
    files = files_below(a.root, a.under, a.extension)
    done, refused, n_places = [], 0, 0
    for i, place in enumerate(sample(server, files, DEFINITIONS, a.n, a.seed)):
        # Earlier renames moved columns: the place is found again by its line.
        for path in list(server.opened):
            server.close(path)
        symbols = [s for _, s in flat(server.symbols(place[0])) if s["kind"] in DEFINITIONS
                   and s["selectionRange"]["start"]["line"] == place[1]]
        if not symbols:
            continue
        at = symbols[0]["selectionRange"]["start"]
        new_name = symbols[0]["name"].rstrip("?!=") + "_r%d" % i
        edits = rename(server, (place[0], at["line"], at["character"]), new_name)
        if edits is None:
            refused += 1
            continue
        apply_edits(a.root, edits)
        changed = [{"uri": lsp_client.uri_of(os.path.join(server.root, p)), "type": 2} for p in edits]
        server.notify("workspace/didChangeWatchedFiles", {"changes": changed})
        for path in list(server.opened):
            server.close(path)
        time.sleep(a.settle)
        n_places += sum(len(e) for e in edits.values())
        done.append((place, new_name, len(edits)))
    server.stop()
    after = checked(a.check, a.root)
    known = set(before)
    new = [line for line in after if line not in known]
    print("renamed %d definitions in %d places, %d refused; new lines of the check: %d (before: %d "
          "lines)" % (len(done), n_places, refused, len(new), len(before)))
    for line in new[:a.show]:
        print("   ", line)


def speed(a):
    server = start(a.ours, a)
    files = files_below(a.root, a.under, a.extension)
    places = sample(server, files, DEFINITIONS, a.n, a.seed)
    questions = {
        "definition": lambda p: server.definition(*p),
        "references": lambda p: server.references(*p),
        "workspace/symbol": lambda p: server.request("workspace/symbol", {"query": word(a.root, p)}),
        "implementation": lambda p: server.request("textDocument/implementation", server.at(*p)),
        "incomingCalls": lambda p: calls(server, p, "incomingCalls"),
        "prepareRename": lambda p: server.request("textDocument/prepareRename", server.at(*p)),
        "rename": lambda p: server.request("textDocument/rename",
                                           dict(server.at(*p), newName="renamed_thing")),
    }
    for name, ask in questions.items():
        times = []
        for place in places:
            begin = time.perf_counter()
            ask(place)
            times.append((time.perf_counter() - begin) * 1000)
        times.sort()
        print("%-18s n %d  p50 %.2f ms  p90 %.2f ms  p99 %.2f ms  max %.2f ms" % (
            name, len(times), times[len(times) // 2], times[len(times) * 9 // 10],
            times[len(times) * 99 // 100], times[-1]))
    server.stop()


def word(root, place):
    with open(os.path.join(root, place[0]), encoding="utf-8", errors="replace") as f:
        line = f.read().split("\n")[place[1]][place[2]:]
    n = 0
    while n < len(line) and (line[n].isalnum() or line[n] == "_"):
        n += 1
    return line[:n]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("calls", "rename", "apply", "speed"))
    parser.add_argument("--root", required=True)
    parser.add_argument("--under", default="")
    parser.add_argument("--ours", required=True)
    parser.add_argument("--peer", default="")
    parser.add_argument("--check", default="")
    parser.add_argument("--language", default="python")
    parser.add_argument("--extension", default=".py")
    parser.add_argument("--n", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--quiet", type=float, default=4)
    parser.add_argument("--settle", type=float, default=0.3)
    parser.add_argument("--show", type=int, default=20)
    parser.add_argument("--verbose", action="store_true")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(os.path.realpath(folder), os.path.basename(os.path.realpath(a.root)))
        shutil.copytree(a.root, copy, symlinks=True)
        a.root = copy
        {"calls": compare_calls, "rename": compare_renames, "apply": apply, "speed": speed}[a.what](a)


if __name__ == "__main__":
    main()
