#!/usr/bin/env python3
"""How often `engramd lsp` goes to the same definition as clangd or pyright, and finds the same references.

  resolution_eval.py sample --language cpp|c|python --repo DIR --out SITES.json -- REFERENCE_SERVER...
  resolution_eval.py annotate --sites SITES.json --repo DIR -- clangd...
  resolution_eval.py judge  --sites SITES.json --repo DIR [--failures F.txt] -- SERVER...
  resolution_eval.py judge  --sites SITES.json --repo DIR [--failures F.txt] -- resolve_bench --answer

`sample` walks the repository's files in an order given by the seed, asks the reference server for
the definition of identifiers in them and keeps sites until each class has its quota. Everything
about a site is decided from the reference's answers and the site's own text:

  overloaded  what is meant is a function that shares its name and container with another one in
              the reference's workspace symbols; Python, which has no overloads: a site without a dot
              whose function or class has a namesake somewhere in the repository
  member      written behind . or -> (Python: and defined inside a class)
  local       defined inside a function of the same file
  same-file, cross-file   the rest, by where the definition lies

Left out: names inside comments and strings, include lines, sites that are the definition
themselves, and sites whose definition lies outside the repository or is not known to the
reference. At most 12 sites come from one file in one round, 3 of one class.

`judge` asks another server the same. A definition is right when the first answer is in the same
file and line as one that the reference gave; no answer is wrong. References are compared as sets
of file, line and column over a subset of the sites (the first --references
of each class), with the declarations: pyright without them leaves out the site that was asked at.
Symbols with 1000 or more are left out. With a compile_commands.json in the root only its files and
headers are sampled and compared.

`annotate` (C and C++) asks clangd again what it knows of each site, and changes no site: whether
the place belongs to its syntax tree (textDocument/symbolInfo; without that it answers with any
symbol of the name), whether the file compiles by itself, which headers the units of the database
include and which lines their configuration leaves out. `judge` then also prints the figures over
the sites and references of which the reference had that knowledge (Python: over references in
.py files, for pyright does not read the code in a README). Standard library only.
"""
import argparse
import collections
import io
import json
import keyword
import os
import random
import re
import shlex
import statistics
import subprocess
import sys
import time
import tokenize

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lsp_client import Server, utf16_length  # noqa: E402

class InProcess:
    """resolve_bench --answer DIR, asked like a server: the same index and resolver, no daemon."""

    def __init__(self, command, root):
        self.root = os.path.realpath(root)
        self.process = subprocess.Popen(command + [self.root], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def ask(self, what, path, line, column):
        with open(os.path.join(self.root, path), encoding="utf-8", errors="replace", newline="") as f:
            row = f.read().split("\n")[line]
        column = len(row.encode("utf-16-le")[:2 * column].decode("utf-16-le", "ignore").encode())
        self.process.stdin.write("%s %s %d %d\n" % (what, path, line, column))
        self.process.stdin.flush()
        answers = [a.rsplit(":", 3) for a in self.process.stdout.readline().split()]
        self.confidence = answers[0][3] if what == "def" and answers else None
        return [(a[0], int(a[1]), int(a[2])) for a in answers]

    def definition(self, path, line, column):
        return self.ask("def", path, line, column)

    def references(self, path, line, column, declarations):
        return self.ask("refs" if declarations else "uses", path, line, column)

    def open(self, path):
        pass

    close = symbols = open

    def wait_until_quiet(self, timeout_s):
        pass

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


CLASSES = ("local", "same-file", "cross-file", "member", "overloaded")
EXTENSIONS = {"cpp": (".cc", ".cpp", ".cxx", ".h", ".hpp", ".hh"), "c": (".c", ".h"), "python": (".py",)}
FUNCTION_KINDS = (6, 9, 12)  # of the protocol's SymbolKind: method, constructor, function
CLASS_KINDS = (5, 10, 11, 23)  # class, enum, interface, struct
CPP_TOKEN = re.compile(
    r'//[^\n]*(?:\\\n[^\n]*)*|/\*.*?\*/|R"(?P<d>[^()\\ ]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|'
    r"'(?:\\.|[^'\\\n])*'|^[ \t]*#[ \t]*(?:include|error|pragma|line)[^\n]*|(?P<name>[A-Za-z_]\w*)", re.S | re.M)
CPP_KEYWORDS = set("""alignas alignof and asm auto bool break case catch char class const constexpr const_cast continue
decltype default defined delete do double dynamic_cast else endif enum explicit export extern false float for friend goto
if ifdef ifndef define undef elif inline int long mutable namespace new noexcept not nullptr operator or override final
private protected public register reinterpret_cast return short signed sizeof static static_assert static_cast struct
switch template this thread_local throw true try typedef typeid typename union unsigned using virtual void volatile
wchar_t while""".split())


def cpp_names(text):
    line, line_begin, at = 0, 0, 0
    for match in CPP_TOKEN.finditer(text):
        newlines = text.count("\n", at, match.start())
        if newlines:
            line += newlines
            line_begin = text.rfind("\n", at, match.start()) + 1
        at = match.start()
        name = match.group("name")
        if name is None or name in CPP_KEYWORDS:
            continue
        before = text[max(0, match.start() - 2):match.start()]
        if before.endswith("'") or before.endswith("~"):  # 1'000, and a destructor's name
            continue
        yield (line, utf16_length(text[line_begin:match.start()]), name,
               before.endswith(".") and not before.endswith("..") or before == "->",
               text[match.end():match.end() + 2].lstrip()[:1] == "(")


def python_names(text):
    previous = ""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError, IndentationError):
        return
    for i, token in enumerate(tokens):
        if token.type == tokenize.NAME and not keyword.iskeyword(token.string):
            following = tokens[i + 1].string if i + 1 < len(tokens) else ""
            yield (token.start[0] - 1, utf16_length(token.line[:token.start[1]]) if token.line.count("\n") <= 1
                   else token.start[1], token.string, previous == ".", following == "(")
        previous = token.string


def files_of(root, language, only):
    out = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), root)
            if name.endswith(EXTENSIONS[language]) and (not only or any(path.startswith(o) for o in only)):
                out.append(path)
    return out


def chain_at(symbols, line, column):
    """The document symbols around a position, outermost first."""
    def contains(r):
        return (r["start"]["line"], r["start"]["character"]) <= (line, column) < \
               (r["end"]["line"], r["end"]["character"])
    out, level = [], symbols
    while True:
        inside = [s for s in level or [] if "range" in s and contains(s["range"])]
        if not inside:
            return out
        out.append(inside[-1])
        level = inside[-1].get("children")


def is_name_of(symbol, line, column):
    start = symbol["selectionRange"]["start"]
    return (start["line"], start["character"]) == (line, column)


class Sampler:
    def __init__(self, server, language, files):
        self.server, self.language = server, language
        self.symbol_cache, self.workspace_cache = {}, {}
        self.defined = collections.defaultdict(list)  # Python: name -> (path, line) of def and class
        for path in files if language == "python" else ():
            with open(os.path.join(server.root, path), encoding="utf-8", errors="replace") as f:
                for number, line in enumerate(f):
                    if match := re.match(r"\s*(?:async\s+)?(?:def|class)\s+(\w+)", line):
                        self.defined[match.group(1)].append((path, number))

    def symbols(self, path):
        if path not in self.symbol_cache:
            self.symbol_cache[path] = self.server.symbols(path)
        return self.symbol_cache[path]

    def workspace(self, name):
        if name not in self.workspace_cache:
            found = self.server.request("workspace/symbol", {"query": name}, 60) or []
            self.workspace_cache[name] = [s for s in found if s["name"] == name or s["name"].endswith("::" + name)]
        return self.workspace_cache[name]

    def is_overloaded(self, name, target):
        if self.language == "python":
            return target[:2] in self.defined[name] and len(self.defined[name]) > 1
        found = {}
        for s in self.workspace(name):
            if s["kind"] in FUNCTION_KINDS:
                place = self.server.places(s["location"])[0]
                if place[0] is not None:
                    found[place[:2]] = s.get("containerName", "")
        return target[:2] in found and sum(c == found[target[:2]] for c in found.values()) > 1

    def class_of(self, path, line, column, name, dotted):
        """(class, answers), or (None, why it is left out)."""
        here = chain_at(self.symbols(path), line, column)
        if here and is_name_of(here[-1], line, column):
            return None, "is a definition"
        answers = self.server.definition(path, line, column)
        if not answers:
            return None, "reference knows nothing"
        if all(a[0] is None for a in answers):
            return None, "outside the repository"
        if (path, line, column) in answers or any(a[0] == path and a[1] == line and a[2] <= column <
                                                  a[2] + len(name) for a in answers):
            return None, "is a definition"
        target = next(a for a in answers if a[0] is not None)
        if (self.language != "python" or not dotted) and self.is_overloaded(name, target):
            return "overloaded", answers
        around = []
        if self.language == "python" or target[0] == path:
            around = [s for s in chain_at(self.symbols(target[0]), target[1], target[2])
                      if not is_name_of(s, target[1], target[2])]
        if dotted and (self.language != "python" or any(s["kind"] in CLASS_KINDS for s in around)):
            return "member", answers
        if target[0] == path and around and any(s["kind"] in FUNCTION_KINDS for s in around):
            return "local", answers
        return ("same-file" if target[0] == path else "cross-file"), answers


def sample(arguments):
    root = os.path.realpath(arguments.repo)
    server = Server(arguments.command, root, arguments.language)
    files = files_of(root, arguments.language, arguments.only)
    units = []
    if os.path.exists(os.path.join(root, "compile_commands.json")):
        with open(os.path.join(root, "compile_commands.json"), encoding="utf-8") as f:
            units = sorted(os.path.relpath(os.path.realpath(os.path.join(e["directory"], e["file"])), root)
                           for e in json.load(f))
        files = [f for f in files if f in units or f.endswith((".h", ".hh", ".hpp"))]
    rng = random.Random(arguments.seed)
    rng.shuffle(files)
    server.open(files[0])
    server.symbols(files[0])
    quiet = server.wait_until_quiet(timeout_s=arguments.index_timeout)
    print("reference ready%s, %d files" % ("" if quiet else " (still indexing)", len(files)), flush=True)
    sampler = Sampler(server, arguments.language, files)
    names, sites, left_out = {}, [], collections.Counter()
    count, begin = collections.Counter(), time.time()
    for round_number in range(arguments.rounds):
        for path in files:
            if all(count[c] >= arguments.quota for c in CLASSES) or time.time() - begin > arguments.time:
                break
            if path not in names:
                with open(os.path.join(root, path), encoding="utf-8", errors="replace", newline="") as f:
                    text = f.read()
                if len(text) > 400000:
                    names[path] = []
                    continue
                names[path] = list((python_names if arguments.language == "python" else cpp_names)(text))
                rng.shuffle(names[path])
            server.open(path)
            in_file, taken = collections.Counter(), 0
            for _ in range(60):
                if not names[path] or taken >= 12:
                    break
                line, column, name, dotted, called = names[path].pop()
                kind, answers = sampler.class_of(path, line, column, name, dotted)
                if kind is None:
                    left_out[answers] += 1
                    continue
                if count[kind] >= arguments.quota or in_file[kind] >= 3:
                    continue
                count[kind] += 1
                in_file[kind] += 1
                taken += 1
                site = {"class": kind, "path": path, "line": line, "column": column, "name": name,
                        "definition": answers}
                if arguments.language != "python":
                    site["declaration"] = server.places(server.request(
                        "textDocument/declaration", server.at(path, line, column)))
                sites.append(site)
            if arguments.language != "python":
                server.close(path)
    for kind in CLASSES:
        chosen, seen = 0, set()
        for site in sites:
            key = tuple(site["definition"][0])
            if site["class"] != kind or chosen >= arguments.references or key in seen:
                continue
            server.open(site["path"])
            found = server.references(site["path"], site["line"], site["column"], True)
            inside = sorted(set(f for f in found if f[0] is not None))
            if 0 < len(inside) < 1000:
                site["references"] = inside
                chosen += 1
                seen.add(key)
            if arguments.language != "python":
                server.close(site["path"])
    server.stop()
    with open(arguments.out, "w", encoding="utf-8") as out:
        json.dump({"language": arguments.language, "seed": arguments.seed, "quota": arguments.quota,
                   "units": units, "sites": sites, "left_out": left_out}, out)
    print("sites: %s; left out: %s" % (dict(count), dict(left_out)))


def included_files(root):
    """The sources of the compile database and the files they include, below the root."""
    files = set()
    with open(os.path.join(root, "compile_commands.json"), encoding="utf-8") as f:
        for entry in json.load(f):
            command = entry["arguments"] if "arguments" in entry else shlex.split(entry["command"])
            if "-o" in command:
                del command[command.index("-o"):command.index("-o") + 2]
            made = subprocess.run(command + ["-MM", "-MT", "x"], cwd=entry["directory"],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            for path in [entry["file"]] + made.stdout.replace("\\\n", " ").split()[1:]:
                path = os.path.realpath(os.path.join(entry["directory"], path))
                if path.startswith(root + os.sep):
                    files.add(os.path.relpath(path, root))
    return sorted(files)


def left_out_lines(server, path):
    """Lines that the preprocessor leaves out: clangd gives each as one token of type comment."""
    legend = server.capabilities["semanticTokensProvider"]["legend"]["tokenTypes"]
    tokens = server.request("textDocument/semanticTokens/full", {
        "textDocument": server.at(path, 0, 0)["textDocument"]}) or {"data": []}
    line, out, data = 0, [], tokens["data"]
    for i in range(0, len(data), 5):
        line += data[i]
        if legend[data[i + 3]] == "comment":
            out.append(line)
    return out


def annotate(arguments):
    with open(arguments.sites, encoding="utf-8") as f:
        data = json.load(f)
    root = os.path.realpath(arguments.repo)
    compiled = {}
    server = Server(arguments.command, root, data["language"])
    files = included_files(root)
    server.open(files[0])
    server.symbols(files[0])
    server.wait_until_quiet(timeout_s=arguments.index_timeout)
    of_file = collections.defaultdict(list)
    for site in data["sites"]:
        site["known"] = False
        of_file[site["path"]].append(site)
    for path in files:
        server.open(path)
        left_out = left_out_lines(server, path)
        for site in of_file[path]:
            found = server.request("textDocument/symbolInfo", server.at(path, site["line"], site["column"]))
            site["known"] = bool(found)
        errors = server.diagnostics.get(server.at(path, 0, 0)["textDocument"]["uri"], [])
        compiled[path] = {"left_out": left_out, "errors": sum(d.get("severity") == 1 for d in errors)}
        server.close(path)
    server.stop()
    data["compiled"] = compiled
    with open(arguments.sites, "w", encoding="utf-8") as out:
        json.dump(data, out)
    print("%d files, %d do not compile by themselves; the reference knows %d of %d sites" % (
        len(compiled), sum(c["errors"] > 0 for c in compiled.values()),
        sum(s["known"] for s in data["sites"]), len(data["sites"])))


class Score:
    """What is counted over some of the sites."""

    def __init__(self):
        self.rows, self.lenient = collections.defaultdict(list), collections.defaultdict(list)
        self.silent, self.totals = collections.Counter(), collections.Counter()
        self.scores = collections.defaultdict(list)

    def definition(self, kind, right, declared, silent):
        self.rows[kind].append(right)
        self.lenient[kind].append(declared)
        self.silent[kind] += silent

    def references(self, kind, want, have):
        hit = len(want & have)
        self.totals.update({"hit": hit, "want": len(want), "have": len(have)})
        f1 = 2 * hit / (len(want) + len(have)) if want or have else 1
        self.scores[kind].append(f1)
        return f1

    def show(self):
        rows, lenient, silent, totals = self.rows, self.lenient, self.silent, self.totals
        print("%-11s %5s %8s %12s %10s" % ("class", "sites", "top-1 %", "or declared", "no answer"))
        for kind in CLASSES:
            n = len(rows[kind])
            if n:
                print("%-11s %5d %8.1f %12.1f %10d" % (kind, n, 100 * sum(rows[kind]) / n,
                                                      100 * sum(lenient[kind]) / n, silent[kind]))
        flat = [r for kind in CLASSES for r in rows[kind]]
        loose = [r for kind in CLASSES for r in lenient[kind]]
        if not flat:
            return
        print("%-11s %5d %8.1f %12.1f %10d" % ("all", len(flat), 100 * sum(flat) / len(flat),
                                              100 * sum(loose) / len(loose), sum(silent.values())))
        if totals["want"]:
            precision, recall = totals["hit"] / max(1, totals["have"]), totals["hit"] / totals["want"]
            every = [s for kind in CLASSES for s in self.scores[kind]]
            print("references: %d symbols, %d wanted; precision %.3f recall %.3f F1 %.3f; mean F1 of a symbol %.3f"
                  % (len(every), totals["want"], precision, recall,
                     2 * precision * recall / max(1e-9, precision + recall), statistics.mean(every)))
            print("  mean F1 by class: " + ", ".join("%s %.3f" % (k, statistics.mean(self.scores[k]))
                                                      for k in CLASSES if self.scores[k]))


def judge(arguments):
    with open(arguments.sites, encoding="utf-8") as f:
        data = json.load(f)
    if "--answer" in arguments.command:
        server = InProcess(arguments.command, arguments.repo)
    else:
        server = Server(arguments.command, arguments.repo, data["language"])
    # A reference server that was given a compile database knows no other source files.
    units = set(data["units"])

    def within(path):
        return not units or path in units or path.endswith((".h", ".hh", ".hpp"))

    def reads(path, line):
        """The reference reads that place: not the Python in a README, nor what is left out."""
        if data["language"] == "python":
            return path.endswith((".py", ".pyi"))
        return path in compiled and line not in compiled[path][0]

    first = data["sites"][0]["path"]
    server.open(first)
    server.symbols(first)
    server.wait_until_quiet(timeout_s=arguments.index_timeout)
    every, known = Score(), Score()
    compiled = {path: (set(c["left_out"]), c["errors"]) for path, c in data.get("compiled", {}).items()}
    sure = collections.defaultdict(list)  # stated confidence: whether the first answer is right
    failures, times = [], []
    for site in sorted(data["sites"], key=lambda s: s["path"]):
        path, line, column, kind = site["path"], site["line"], site["column"], site["class"]
        server.open(path)
        begin = time.time()
        got = server.definition(path, line, column)
        times.append(time.time() - begin)
        wanted = set((d[0], d[1]) for d in site["definition"])
        also = wanted | set((d[0], d[1]) for d in site.get("declaration", []))
        right = bool(got) and got[0][:2] in wanted
        declared = bool(got) and got[0][:2] in also
        knows = site.get("known", False) and compiled[path][1] == 0 and line not in compiled[path][0]
        knows = knows or data["language"] == "python"
        for score in [every] + [known] * knows:
            score.definition(kind, right, declared, not got)
        if getattr(server, "confidence", None):
            sure[server.confidence].append((declared, knows))
        if not right:
            failures.append("%s %s:%d:%d %s wanted %s got %s%s" % (
                kind, path, line + 1, column + 1, site["name"],
                ["%s:%d" % (d[0], d[1] + 1) for d in site["definition"]],
                ["%s:%d" % (g[0], g[1] + 1) for g in got[:3]], " (known)" * knows))
        if "references" in site:
            want = set(tuple(r) for r in site["references"] if within(r[0]))
            have = set(r for r in server.references(path, line, column, True)
                       if r[0] is not None and within(r[0]))
            f1 = every.references(kind, want, have)
            if knows:
                want, have = (set(r for r in some if reads(r[0], r[1])) for some in (want, have))
                f1 = known.references(kind, want, have)
            if f1 < 0.9:
                failures.append("refs %.2f %s:%d:%d %s missing %d %s extra %d %s%s" % (
                    f1, path, line + 1, column + 1, site["name"], len(want - have),
                    ["%s:%d" % (r[0], r[1] + 1) for r in sorted(want - have)[:4]], len(have - want),
                    ["%s:%d" % (r[0], r[1] + 1) for r in sorted(have - want)[:4]], " (known)" * knows))
        if data["language"] != "python":
            server.close(path)
    server.stop()
    every.show()
    if compiled or data["language"] == "python":
        print("-- of which the reference reads the place:")
        known.show()
    for confidence, answers in sorted(sure.items()):
        some = [r for r, knows in answers if knows or not compiled]
        print("stated %-9s %4d answers, %5.1f %% right%s" % (
            confidence, len(answers), 100 * sum(r for r, _ in answers) / len(answers),
            "; where compiled %d, %.1f %%" % (len(some), 100 * sum(some) / max(1, len(some))) if compiled else ""))
    times.sort()
    print("definition round trip: p50 %.1f ms, p99 %.1f ms" % (1e3 * times[len(times) // 2],
                                                              1e3 * times[len(times) * 99 // 100]))
    if arguments.failures:
        with open(arguments.failures, "w", encoding="utf-8") as out:
            out.write("\n".join(failures) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="what", required=True)
    s = commands.add_parser("sample")
    s.add_argument("--language", choices=sorted(EXTENSIONS), required=True)
    s.add_argument("--out", required=True)
    s.add_argument("--seed", type=int, default=20)
    s.add_argument("--quota", type=int, default=60)
    s.add_argument("--references", type=int, default=12, help="symbols of each class")
    s.add_argument("--rounds", type=int, default=4)
    s.add_argument("--time", type=float, default=1200, help="seconds after which no more sites are taken")
    s.add_argument("--only", action="append", help="path prefix; may be given several times")
    a = commands.add_parser("annotate")
    a.add_argument("--sites", required=True)
    j = commands.add_parser("judge")
    j.add_argument("--sites", required=True)
    j.add_argument("--failures")
    for command in (s, a, j):
        command.add_argument("--repo", required=True)
        command.add_argument("--index-timeout", type=float, default=1200)
        command.add_argument("command", nargs="+", metavar="SERVER")
    arguments = parser.parse_args()
    {"sample": sample, "annotate": annotate, "judge": judge}[arguments.what](arguments)


if __name__ == "__main__":
    main()
